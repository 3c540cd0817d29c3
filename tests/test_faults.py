"""Bad inputs, numbered as in the list of faults: each with a real file on disk, and the message that it gets.

11 files that are not what they say   12 cut off   13 encodings   14 headers, notes, totals   15 columns   16 units
17 keys   18 numbers as text   19 impossible figures   23 hostile names   24 file names and links   25 bombs
26 formulas on the way out   27 what is personal   28 scores of a few

The others are of a refresh, a release or a verdict:
1, 2 kills: test_refresh (killed_halfway), test_release (killed_while_*), test_accounting (killed_run)   3 a full disk: test_release,
test_hostile_settings   4 a flipped byte: test_release, test_refresh (damaged_*)   5 two refreshes: test_refresh   6 readers: test_release,
test_refresh   7 days without a service: test_definitions   8, 9, 10 the same, restated, withdrawn: test_refresh   20 mergers and codes:
test_completeness, test_soak   21 nothing to compare: test_arithmetic, test_lawful   22 exact thresholds: test_standard, test_arithmetic
29 an analyst's SQL: test_release, test_bi   30 a public address: test_refresh
"""

import csv
import gc
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from conftest import (
    ROOT,
    Grid,
    environment,
    grid,
    junheng,
    read,
    reasons,
    schools,
    value,
    write_csv,
    write_regions,
    write_schools,
    write_workbook,
)

from dagster_project.extracts.regions import RegionsError, read_regions
from dagster_project.extracts.text import text_rows
from dagster_project.gates import suites
from dagster_project.release.read import connect, current_release
from dagster_project.warehouse import tables

FACT = {"单位类型": "县", "单位代码": "371502", "事实编号": "new_heads", "值": "1"}
CLASS = {"学校标识码": "3715020001", "学段": "小学", "年级": 1, "班号": "1", "班级学生数": 40}
TEACHER = {"教师编号": "T1", "学校标识码": "3715020001", "学段": "小学"}
ENCRYPTED = ROOT / "tests" / "files" / "encrypted.xlsx"  # a real one, password: secret


def put(raw: Path, name: str, content: bytes | str) -> Path:
    """A file of demo/2023 with these bytes; text is UTF-8."""
    path = raw / "demo" / "2023" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_csv(rows: Grid) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def workbook_bytes(folder: Path, suffix: str, sheets: Mapping[str, Grid]) -> bytes:
    return write_workbook(folder / f"made{suffix}", sheets).read_bytes()


def files(con: duckdb.DuckDBPyConnection, columns: str) -> list[tuple]:
    """Columns of source_file; of every file the account holds."""
    assert con.execute(
        "select count(*) from raw.source_file where rows_in <> rows_loaded + rows_quarantined + rows_skipped"
    ).fetchone() == (0,)
    return con.execute(f"select {columns} from raw.source_file order by source_file, sheet").fetchall()


def names(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in con.execute("select school_name from raw.schools order by school_id").fetchall()]


def texts(con: duckdb.DuckDBPyConnection) -> str:
    """Every value of every table that a file holds, whatever the storage makes of it."""
    columns = con.execute(
        "select database_name, schema_name, table_name, column_name from duckdb_columns()"
        " where not internal and database_name <> 'temp'"
    ).fetchall()
    assert columns
    found = []
    for *table, column in columns:
        place = ".".join(f'"{part}"' for part in table)
        found += con.execute(f'select "{column}"::varchar from {place} where "{column}" is not null').fetchall()
    return "\n".join(row[0] for row in found)


# 11: truncated, renamed, HTML, empty, password-protected


def broken_files(folder: Path) -> Iterator[tuple[str, bytes, str]]:
    """Name, content and message of each file that is not what it says."""
    table = grid(schools())
    text = as_csv(table).encode()
    xlsx = workbook_bytes(folder, ".xlsx", {"学校": table})
    xls = workbook_bytes(folder, ".xls", {"学校": table})
    html = "<html><meta charset='gbk'><table><tr><td>学校标识码</td></tr></table></html>".encode("gbk")
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w") as archive:
        archive.writestr("readme.txt", "not a workbook")
    filepass = bytes.fromhex("2f00 3600 0100 0100 0100") + bytes(48)  # Excel 97's record of an encrypted workbook
    bof = xls.index(bytes.fromhex("0908 1000 0006 0500")) + 20
    locked = xls[:bof] + filepass + xls[bof + len(filepass) :]

    yield "schools_截断.xlsx", xlsx[: len(xlsx) // 2], "工作簿不完整，可能中途截断"
    yield "schools_只有开头.xlsx", xlsx[:30], "工作簿不完整，可能中途截断"
    yield "schools_截断.xls", xls[: len(xls) // 2], "不是能打开的 Excel 工作簿"
    yield "schools_csv.xlsx", text, "扩展名是 .xlsx，内容却不是 Excel 工作簿：请用 Excel 打开后另存为 .xlsx"
    yield "schools_csv.xls", text, "扩展名是 .xls，内容却不是 Excel 工作簿"
    yield "schools_xlsx.xls", xlsx, "扩展名是 .xls，内容却是 .xlsx 工作簿：请改正扩展名"
    yield "schools_xls.xlsx", xls, "扩展名是 .xlsx，内容却是 .xls 工作簿：请改正扩展名"
    yield "schools_xlsx.csv", xlsx, "扩展名是 .csv，内容却是 Excel 工作簿：请改正扩展名"
    yield "schools_xls.txt", xls, "扩展名是 .txt，内容却是 Excel 工作簿：请改正扩展名"
    yield "schools_网页.xls", html, "扩展名是 .xls，内容却是网页"
    yield "schools_网页.xlsx", b"\xef\xbb\xbf\r\n<HTML>", "扩展名是 .xlsx，内容却是网页"
    yield "schools_zip.xlsx", pack.getvalue(), "不是能打开的 Excel 工作簿"
    yield "schools_图片.csv", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\xff\xdb", "第 1 行既不是 UTF-8 也不是 GB18030"
    yield "schools_空.csv", b"", "文件是空的：请重新导出"
    yield "schools_空.xlsx", b"", "文件是空的"
    yield "schools_空.xls", b"", "文件是空的"
    yield "schools_只有BOM.csv", b"\xef\xbb\xbf", "找不到表头"
    yield "schools_空白.csv", b" \n\t\n \n", "找不到表头"
    yield "schools_空表.xlsx", workbook_bytes(folder, ".xlsx", {"a": [], "b": []}), "工作簿里一格也没有填"
    yield "schools_空表.xls", workbook_bytes(folder, ".xls", {"a": []}), "工作簿里一格也没有填"
    yield "schools_密码.xlsx", ENCRYPTED.read_bytes(), "工作簿有打开密码：请去掉密码后重新放入"
    yield "schools_密码.xls", locked, "工作簿有打开密码"
    yield "schools.pdf", b"%PDF", "不支持 .pdf 文件：请另存为 .csv、.tsv、.txt、.xlsx、.xls 之一"
    yield "schools", text, "不支持 没有扩展名的 文件"
    yield "名单.csv", text, "文件名看不出是哪种报表：请以 schools（学校）"
    yield "schools_无表头.csv", b"1,2\n3,4\n", "找不到表头：请检查前十行中是否有列名"


def test_11_a_file_that_is_not_what_it_says_is_put_aside_whole_and_the_others_load(
    con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path
) -> None:
    expected = {
        f"demo/2023/{name}": message for name, content, message in broken_files(tmp_path) if put(raw, name, content)
    }
    write_schools(raw)
    write_csv(raw / "demo/2023/facts.csv", [FACT])
    assert read(con, raw).loaded == 7
    said = dict(files(con, "source_file, reason"))
    assert said.keys() == expected.keys() | {"demo/2023/schools.csv", "demo/2023/facts.csv"}
    assert {name: said[name] for name, message in expected.items() if message not in said[name]} == {}
    assert {row[0] for row in files(con, "sha256 is not null")} == {True}
    assert len(tables.refused_files(con)) == len(expected)
    assert len(reasons(con)) == len(expected)


# 12: a text file that was cut off


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_12_wherever_a_text_file_is_cut_nothing_is_read_wrong(
    con: duckdb.DuckDBPyConnection, raw: Path, encoding: str
) -> None:
    """Cut at each of the last bytes: the cut row is put aside, or the file; no name becomes another."""
    rows = [
        {"图书册数": 9000 + i, "学校标识码": f"371502000{i}", "县级行政区划代码": "371502", "办学类型": "小学", "小学在校生数": 400, "学校名称": f"第{i}㐂小学"}
        for i in range(1, 4)
    ]  # fmt: skip
    whole = as_csv(grid(rows)).encode(encoding)
    seen = set()
    for end in range(len(whole) - 24, len(whole)):
        put(raw, "schools.csv", whole[:end])
        account = read(con, raw)
        assert account.rows_in == account.loaded + account.quarantined + account.skipped
        assert {name for name in names(con) if not "第3㐂小学".startswith(name)} <= {"第1㐂小学", "第2㐂小学"}
        seen |= {"file" if "可能中途截断" in line else "row" for line in reasons(con)}
    assert seen == {"file", "row"}


def test_12_a_csv_cut_in_a_row_or_a_quoted_cell_or_a_character(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    text = as_csv(grid(schools()))
    put(raw, "schools.csv", text[: text.index("第6小学") + 4])
    put(raw, "facts.csv", as_csv([["单位类型", "单位代码", "事实编号", "值"], ["县", "371502", '说"明', "1"]])[:-5])
    put(raw, "classes.csv", "学校标识码,学段,年级,班号,班级学生数\n3715020001,小学,1,一班".encode()[:-1])
    account = read(con, raw)
    assert (account.rows_in, account.loaded, account.quarantined) == (6, 5, 1)
    assert sorted(reasons(con)) == [
        "demo/2023/classes.csv：第 2 行既不是 UTF-8 也不是 GB18030（GBK），可能中途截断："
        "请在 Excel 中打开核对，另存为“CSV UTF-8（逗号分隔）”",
        "demo/2023/facts.csv：第 2 行起读不通（unexpected end of data）：请检查引号是否成对，或重新导出",
        "demo/2023/schools.csv 第 7 行：本行有 2 格，表头有 17 格：请补齐或删去多余的格",
    ]


def test_12_a_row_that_is_too_long_spoils_no_other(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """The header says how many cells a row has; blank ones beyond do not count."""
    header, *rows = as_csv(grid(schools())).splitlines()
    rows[1] += ",多一格"
    rows[2] += ",,"
    rows[3] = rows[3].rpartition(",")[0]
    put(raw, "schools.csv", "\n".join([header, *rows]))
    assert read(con, raw).loaded == 4
    assert [line.partition("csv ")[2] for line in reasons(con)] == [
        "第 3 行：本行有 18 格，表头有 17 格：请补齐或删去多余的格",
        "第 5 行：本行有 16 格，表头有 17 格：请补齐或删去多余的格",
    ]


# 13: encodings

RARE = "㐂𠮷小学"


@pytest.mark.parametrize(
    ("encoding", "mark", "name"),
    [
        ("utf-8", b"", RARE),
        ("utf-8", b"\xef\xbb\xbf", RARE),
        ("gb18030", b"", RARE),
        ("gbk", b"", "镕镕小学"),
        ("gb2312", b"", "第一小学"),
        ("utf-16-le", b"\xff\xfe", RARE),
        ("utf-16-be", b"\xfe\xff", RARE),
    ],
)
@pytest.mark.parametrize(("delimiter", "newline"), [(",", "\n"), ("\t", "\r\n"), (";", "\n")])
def test_13_every_encoding_is_read_right(
    con: duckdb.DuckDBPyConnection, raw: Path, encoding: str, mark: bytes, name: str, delimiter: str, newline: str
) -> None:
    rows = schools()
    rows[0]["学校名称"] = name
    text = newline.join(delimiter.join(map(str, row)) for row in grid(rows))
    put(raw, "schools.csv", mark + text.encode(encoding))
    assert read(con, raw).loaded == 6
    assert names(con) == [name, *(f"第{i}小学" for i in range(2, 7))]


def mixed_files() -> Iterator[tuple[str, bytes, str]]:
    """Text in two encodings, or in none that is known."""
    text = as_csv(grid(schools()))
    lines = text.splitlines(keepends=True)

    def mixed(inner: str, outer: str, where: int) -> bytes:
        return b"".join(line.encode(inner if i == where else outer) for i, line in enumerate(lines))

    yield "utf8_in_gbk", mixed("utf-8", "gbk", 3), "编码混杂"
    yield "utf8_header_over_gbk", mixed("utf-8", "gbk", 0), "编码混杂"
    yield "gbk_in_utf8", mixed("gbk", "utf-8", 3), "编码混杂：有的行是 UTF-8，有的行是 GB18030（GBK）"
    yield "utf8_cell_in_gbk", text.encode("gbk").replace("第3小学".encode("gbk"), "第3小学堂".encode()), "编码混杂"
    taken = (
        text.encode("gbk") + "3715020009,实验小学,371502,小学".encode() + b",1" * 13 + b"\n"
    )  # pairs of bytes that GBK has
    yield "utf8_row_that_gbk_takes", taken, "编码混杂：第 8 行是 UTF-8，别处不是"
    yield "broken_utf8", text.encode().replace("第3".encode(), b"\xff3"), "第 4 行既不是 UTF-8 也不是 GB18030"
    yield "utf16_without_mark", text.encode("utf-16-le"), "既不是 UTF-8 也不是 GB18030"
    yield "utf16_odd", text.encode("utf-16")[:-1], "开头标明是 UTF-16-LE，内容却不是"
    yield "utf32", text.encode("utf-32"), "含有 NUL 字符，不是文本文件"
    yield "nul", text.replace("第3", "第\0").encode(), "含有 NUL 字符"


def test_13_text_in_two_encodings_is_put_aside_and_no_mark_of_damage_is_stored(
    con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path
) -> None:
    expected = {
        f"demo/2023/schools_{name}.csv": (put(raw, f"schools_{name}.csv", data), message)[1]
        for name, data, message in mixed_files()
    }
    damaged = schools()
    damaged[1]["学校名称"] = "第\ufffd小学"
    damaged[2]["小学在校生数"] = "4\ufffd0"
    table = [[*row, cell] for row, cell in zip(grid(damaged), ["校\ufffd长", *"123456"], strict=True)]
    put(raw, "schools_丢字\ufffd.csv", as_csv(table))
    for suffix, good, bad in ((".xlsx", "townships", "villages"), (".xls", "master_heads", "ethics_reviews")):
        facts = [FACT | {"事实编号": good}, FACT | {"事实编号": bad, "值": "\ufffd"}]
        write_workbook(raw / f"demo/2023/facts{suffix}", {"\ufffd表": grid(facts)})
    account = read(con, raw)
    said = dict(files(con, "source_file, reason"))
    assert {name: said[name] for name, message in expected.items() if message not in said[name]} == {}
    assert (account.loaded, account.quarantined) == (4 + 2, 2 + 2)
    lost = "schools_丢字□.csv 第 4 行：“小学在校生数”里有转换时丢失的字符（显示为 □）：请从原系统重新导出"
    assert lost in "\n".join(reasons(con))
    assert ("校□长",) in files(con, "unknown_columns")
    assert "第□小学" in texts(con) and "\ufffd" not in texts(con)


def test_13_a_damaged_regions_file_is_refused(raw: Path) -> None:
    write_regions(raw, "regions:\n  - {id: demo, name_zh: 东\ufffd府}\n")
    with pytest.raises(RegionsError, match="第 2 行有转换时丢失的字符"):
        read_regions(raw)


# 14: merged headers, titles, notes, totals

PLAIN = [
    "学校标识码",
    "学校名称",
    "县级行政区划代码",
    "办学类型",
    "小学在校生数",
    "小学班级数",
    "初中在校生数",
    "教学仪器设备资产值",
]
HEADERS = {
    "merged": [
        ["学校标识码", "学校名称", "县级行政区划代码", "办学类型", "小学", "", "初中", "教学仪器设备资产值"],
        ["", "", "", "", "在校生数", "班级数", "在校生数", ""],
    ],
    "title above": [["2023 学年学校基本情况统计表", *[""] * 7], [""] * 8, PLAIN],
    "two rows, the name below": [
        ["基本信息", "", "", "", "小学阶段", "", "初中阶段", "资产"],
        ["学校标识码", "学校名称", "县级行政区划代码", "办学类型", "小学在校生数", "小学班级数", "初中在校生数", "教学仪器设备资产值"],
    ],
    "three rows with units": [
        ["学校标识码", "学校名称", "县级行政区划代码", "办学类型", "小学", "", "初中", "教学仪器设备资产值"],
        ["", "", "", "", "在校生数", "班级数", "在校生数", ""],
        ["", "", "", "", "人", "个", "人", "万元"],
    ],
    "title, line of the unit, two rows": [
        ["学校情况", *[""] * 7],
        ["填报单位：东昌府区", "", "", "", "", "", "", "单位：万元"],
        ["学校标识码", "学校名称", "县级行政区划代码", "办学类型", "小学", "", "初中", "教学仪器设备资产值"],
        ["", "", "", "", "在校生数", "班级数", "在校生数", ""],
    ],
}  # fmt: skip
SIX = [[f"371502000{i}", f"第{i}小学", "371502", "九年一贯制学校", 100 * i, i, 10 * i, 1.5] for i in range(1, 7)]


def put_table(raw: Path, suffix: str, rows: Grid) -> None:
    if suffix == ".csv":
        put(raw, "schools.csv", as_csv(rows))
    else:
        write_workbook(raw / "demo" / "2023" / f"schools{suffix}", {"学校": rows})


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".xls"])
@pytest.mark.parametrize("layout", HEADERS)
def test_14_headers_of_several_rows_below_titles(
    con: duckdb.DuckDBPyConnection, raw: Path, layout: str, suffix: str
) -> None:
    put_table(raw, suffix, [*HEADERS[layout], *SIX])
    account = read(con, raw)
    assert (account.rows_in, account.loaded) == (6, 6), reasons(con)
    query = """select school_id, school_name, county_code, '九年一贯制学校', primary_pupils, primary_classes,
        junior_pupils, equipment_value_wan_yuan from raw.schools order by school_id"""
    assert con.execute(query).fetchall() == [tuple(row) for row in SIX]
    assert con.execute("select min(row_number) from raw.schools").fetchone() == (len(HEADERS[layout]) + 1,)


def test_14_cells_merged_in_excel(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """As openpyxl merges them: the value is in the first cell of a merged one, both down and across."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [["学校情况"], *HEADERS["merged"], *SIX]:
        sheet.append([cell if cell != "" else None for cell in row])
    for merged in ("A1:H1", "A2:A3", "B2:B3", "C2:C3", "D2:D3", "E2:F2", "H2:H3"):
        sheet.merge_cells(merged)
    (raw / "demo/2023").mkdir(parents=True)
    book.save(raw / "demo/2023/schools.xlsx")
    assert read(con, raw).loaded == 6, reasons(con)
    assert value(con, "primary_classes", "3715020003") == 3


NOTES = [
    ["注：本表由学校填报", *[""] * 7],
    ["说明1：在校生含借读", *[""] * 7],
    ["填表人：王某", "", "", "负责人：李某", "", "", "", "填报日期：2023-09-30"],
]


def total(name: str, rows: Grid, at: int = 0) -> list[Any]:
    """A total row with its name in a column."""
    line: list[Any] = [""] * 8
    for column in (4, 5, 6, 7):
        line[column] = sum(row[column] for row in rows)
    line[at] = name
    return line


@pytest.mark.parametrize(
    ("rows", "skipped"),
    [
        ([total("合计", SIX), *SIX], 1),
        ([*SIX, total("合 计", SIX)], 1),
        ([*SIX, total("总计：", SIX, at=1)], 1),
        ([*SIX[:2], total("柳园街道小计", SIX[:2]), *SIX[2:], total("新区小计", SIX[2:]), total("全区合计", SIX)], 3),
        ([total("柳园街道小计", SIX[:2]), *SIX[:2], total("新区小计", SIX[2:]), *SIX[2:]], 2),
        ([*SIX, total("合计", SIX), *NOTES], 4),
        ([*SIX[:3], PLAIN, *SIX[3:], [""] * 8, *NOTES], 5),
    ],
)
def test_14_totals_and_notes_are_skipped_and_totals_that_add_up_get_no_remark(
    con: duckdb.DuckDBPyConnection, raw: Path, rows: Grid, skipped: int
) -> None:
    put(raw, "schools.csv", as_csv([PLAIN, *rows]))
    account = read(con, raw)
    assert (account.rows_in, account.loaded, account.skipped) == (len(rows), 6, skipped), reasons(con)
    assert files(con, "remarks") == [(None,)]


def test_14_a_total_that_is_no_sum_is_remarked_with_both_figures(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    wrong, part = total("合计", SIX), total("柳园街道小计", SIX[:2])
    wrong[4], wrong[7], part[6] = "2,000", 9.5, 31
    put(raw, "schools.csv", as_csv([PLAIN, *SIX[:2], part, *SIX[2:], wrong]))
    assert read(con, raw).loaded == 6
    assert files(con, "remarks") == [
        (
            "第 4 行合计的“初中在校生数”为 31，各行之和为 30；第 9 行合计的“小学在校生数”为 2000，各行之和为 2100；"
            "第 9 行合计的“教学仪器设备资产值”为 9.5，各行之和为 9",
        )
    ]


# 15: columns


@pytest.mark.parametrize(
    "renamed",
    [
        {"学校标识码": "学校(机构)标识码", "小学在校生数": "小学学生数", "办学类型": "学校类别"},
        {"学校标识码": "学校（机构）标识码", "学校名称": "校 名", "运动场地面积": "*体育运动场地面积"},
        {"学校标识码": "SCHOOL_ID", "学校名称": "School_Name", "小学在校生数": "primary_pupils"},
    ],
)
def test_15_aliases_in_any_order(con: duckdb.DuckDBPyConnection, raw: Path, renamed: dict[str, str]) -> None:
    rows = [{renamed.get(k, k): v for k, v in reversed(row.items())} for row in schools()]
    write_csv(raw / "demo/2023/schools.csv", rows)
    assert read(con, raw).loaded == 6
    assert (value(con, "school_name"), value(con, "primary_pupils")) == ("第1小学", 437)
    assert files(con, "unknown_columns") == [(None,)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_15_a_regions_own_headers(con: duckdb.DuckDBPyConnection, raw: Path, encoding: str) -> None:
    write_regions(raw, "regions:\n  - {id: demo}\n")
    aliases = "标准列名,本地列名\n学校标识码,单位统一编号\n小学在校生数,㐂小学生总人数\n\n"
    (raw / "demo").mkdir()
    (raw / "demo" / "aliases.csv").write_bytes(aliases.encode(encoding))
    renamed = {"学校标识码": "单位统一编号", "小学在校生数": "㐂小学生总人数"}
    write_csv(raw / "demo/2023/schools.csv", [{renamed.get(k, k): v for k, v in row.items()} for row in schools()])
    write_csv(raw / "demo/2023/classes.csv", [{renamed.get(k, k): v for k, v in CLASS.items()}])
    assert read(con, raw, read_regions(raw)["demo"]).loaded == 7, reasons(con)
    assert value(con, "primary_pupils") == 437


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("学校标示码,单位编号", "aliases.csv 第 2 行：没有标准列名“学校标示码”，最接近的是“学校标识码”"),
        ("学校标识码,", "每行写标准列名、本地列名两格"),
        ("学校标识码,校名", "“校名”已经是“学校名称”的列名，不能再当作“学校标识码”"),
    ],
)
def test_15_a_wrong_alias_is_named(raw: Path, line: str, message: str) -> None:
    write_regions(raw, "regions:\n  - {id: demo}\n")
    (raw / "demo").mkdir()
    (raw / "demo" / "aliases.csv").write_bytes(f"标准列名,本地列名\n{line}\n".encode("gb18030"))
    assert message in (read_regions(raw)["demo"].problem or "")


def test_15_columns_that_nobody_knows_are_reported(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """A second column of the same meaning is one of them: what stands first is read."""
    rows = [row | {"备注": "", "校长": "", "小学学生数": 1, "教学仪器设备资产值(亿元)": 2} for row in schools()]
    write_csv(raw / "demo/2023/schools.csv", rows)
    read(con, raw)
    assert files(con, "unknown_columns") == [("备注、校长、小学学生数、教学仪器设备资产值(亿元)",)]
    assert value(con, "primary_pupils") == 437


def test_15_a_missing_required_column_names_the_nearest_header(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    rows = [{("学校标示号" if k == "学校标识码" else k): v for k, v in row.items()} for row in schools()]
    write_csv(raw / "demo/2023/schools.csv", rows)
    account = read(con, raw)
    assert (account.rows_in, account.quarantined, len(tables.refused_files(con))) == (6, 6, 1)
    assert reasons(con) == [
        "demo/2023/schools.csv：缺少必填列“学校标识码”（school_id），最接近的是“学校标示号”：请改正表头后重新放入"
    ]


# 16: units


@pytest.mark.parametrize(
    ("header", "above", "stored"),
    [
        ("教学仪器设备资产值（元）", [], 260.5),
        ("教学仪器设备值(元)", [], 260.5),
        ("教学仪器设备资产值 ( 元 )", [], 260.5),
        ("equipment_value_wan_yuan（元）", [], 260.5),
        ("教学仪器设备资产值(千元)", [], 260500),
        ("教学仪器设备资产值(万元)", [], 2605000),
        ("教学仪器设备资产值", [], 2605000),
        ("教学仪器设备资产值", ["单位：元"], 260.5),
        ("教学仪器设备资产值", ["（金额单位：元、平方米）"], 260.5),
        ("教学仪器设备资产值（万元）", ["单位：元"], 2605000),
    ],
)
def test_16_a_stated_unit_is_honoured(
    con: duckdb.DuckDBPyConnection, raw: Path, header: str, above: list[str], stored: float
) -> None:
    rows = [{(header if k == "教学仪器设备资产值" else k): v for k, v in row.items()} for row in schools()]
    rows[0][header] = "2,605,000"
    put(raw, "schools.csv", as_csv([*([cell] for cell in above), *grid(rows)]))
    assert read(con, raw).loaded == 6, reasons(con)
    assert value(con, "equipment_value_wan_yuan") == stored
    assert value(con, "teaching_area_m2") == 3100


def test_16_a_unit_in_the_row_below_and_of_areas(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    rows = grid(schools())
    units = {"教学仪器设备资产值": "元", "运动场地面积": "万平方米", "教学及辅助用房面积": "㎡"}
    put(raw, "schools.csv", as_csv([rows[0], [units.get(name, "") for name in rows[0]], *rows[1:]]))
    assert read(con, raw).loaded == 6, reasons(con)
    assert value(con, "equipment_value_wan_yuan") == pytest.approx(0.01205)
    assert (value(con, "sports_ground_area_m2"), value(con, "teaching_area_m2")) == (50_000_000, 3100)


# 17: keys


def test_17_alike_rows_are_skipped_and_contradicting_ones_all_rejected(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    """Within a file, over files, over sheets; each says where the others stand and how it is mended."""
    write_schools(raw, {}, {"学校标识码": "3715020001"}, {"小学在校生数": "x"})
    write_workbook(
        raw / "demo/2023/schools_more.xlsx",
        {"一": grid([schools(1)[0] | {"图书册数": 1}]), "二": grid([schools(4)[3] | {"图书册数": " 9004 "}])},
    )
    write_csv(raw / "demo/2023/teachers.csv", [TEACHER | {"学校标识码": "3715020004"}] * 2)
    room = CLASS | {"学校标识码": "3715020004"}
    write_csv(raw / "demo/2023/classes.csv", [room, room | {"班号": "2"}, room | {"班级学生数": 41}])
    money = {"单位代码": "371502", "经费项目": "公用经费", "金额": 1, "口径": "决算"}
    write_csv(raw / "demo/2023/funding.csv", [money, money | {"金额": "1.0"}])
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (3 + 1 + 1 + 1, 4 + 2, 1 + 1 + 1)
    mend = "是同一所学校就只留对的一行，是两所学校就改正学校标识码"
    theirs = "工作表“一” 第 2 行“第1小学”"
    assert [line.removeprefix("demo/2023/") for line in reasons(con)] == [
        "classes.csv 第 2 行：学校标识码、学段、年级、班号相同的有两行：第 2 行、第 4 行："
        "是同一个班级就只留对的一行，是两个班级就改正其中一行",
        "classes.csv 第 4 行：学校标识码、学段、年级、班号相同的有两行：第 2 行、第 4 行："
        "是同一个班级就只留对的一行，是两个班级就改正其中一行",
        f"schools.csv 第 2 行：学校标识码 3715020001 有 3 行：第 2 行“第1小学”、第 3 行“第2小学”、demo/2023/schools_more.xlsx {theirs}：{mend}",
        f"schools.csv 第 3 行：学校标识码 3715020001 有 3 行：第 2 行“第1小学”、第 3 行“第2小学”、demo/2023/schools_more.xlsx {theirs}：{mend}",
        "schools.csv 第 4 行：“小学在校生数”为“x”，应为整数：请改正",
        f"schools_more.xlsx 工作表“一” 第 2 行：学校标识码 3715020001 有 3 行：demo/2023/schools.csv 第 2 行“第1小学”、"
        f"demo/2023/schools.csv 第 3 行“第2小学”、第 2 行“第1小学”：{mend}",
    ]
    assert [row for row in files(con, "source_file, remarks") if row[1]] == [
        ("demo/2023/funding.csv", "第 3 行与第 2 行完全相同，略过"),
        ("demo/2023/schools_more.xlsx", "1 行与 demo/2023/schools.csv 的行完全相同，略过"),
        ("demo/2023/teachers.csv", "第 3 行与第 2 行完全相同，略过"),
    ]


def test_17_a_bad_row_contradicts_the_good_one_of_its_code(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Which of them is the school is not known before both are mended."""
    write_schools(raw, {}, {"学校标识码": "3715020001", "小学在校生数": "x"})
    assert read(con, raw).quarantined == 2
    assert [line.count("有两行") for line in reasons(con)] == [1, 1]
    assert "应为整数：请改正；学校标识码 3715020001 有两行" in reasons(con)[1]


def test_17_rows_that_differ_in_a_cell_that_cannot_be_read_are_not_alike(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    write_csv(raw / "demo/2023/schools.csv", [*schools(2), schools(1)[0] | {"图书册数": "约5"}])
    assert (read(con, raw).quarantined, len(reasons(con))) == (2, 2)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("order", [("学校.csv", "学校(1)"), ("schools(1).csv", "学校")])
def test_17_a_file_that_is_there_twice_is_skipped_in_one_sentence(
    con: duckdb.DuckDBPyConnection, raw: Path, order: tuple[str, str], suffix: str
) -> None:
    """Schools have a key; scores have none, and rows of theirs may well be alike."""
    score = {"学校标识码": "3715020001", "学段": "小学", "年级": 4, "科目": "数学", "成绩": 512.5}
    scores = [score, score, score | {"成绩": 430}]
    for name, rows in (("学校", schools(48)), ("成绩", scores)):
        first, second = (
            file.replace("学校", name).replace("schools", "scores" if rows is scores else "schools") for file in order
        )
        put(raw, first, as_csv(grid(rows)))
        if suffix == ".csv":
            put(raw, second + suffix, as_csv(grid(rows)))
        else:
            write_workbook(raw / f"demo/2023/{second}{suffix}", {"表": grid(rows)})
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (51, 0, 51)
    remarks = [remark for (remark,) in files(con, "remarks") if remark]
    assert len(remarks) == 2
    assert {re.sub("demo.*?(csv|xlsx)", "甲", remark) for remark in remarks} == {
        "48 行与 甲 的行完全相同，略过",
        "3 行与 甲 的行完全相同，略过",
    } or {re.sub("demo.*?(csv|xlsx)( 工作表“表”)?", "甲", remark) for remark in remarks} == {
        "48 行与 甲 的行完全相同，略过",
        "3 行与 甲 的行完全相同，略过",
    }


def test_17_files_that_contradict_each_other_do_so_whatever_their_names(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    put(raw, "学校.csv", as_csv(grid(schools(3))))
    put(raw, "学校(1).csv", as_csv(grid([schools(1)[0] | {"小学在校生数": 999}, *schools(3)[1:]])))
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (2, 2, 2)
    assert names(con) == ["第2小学", "第3小学"]


def test_17_rows_that_wait_for_a_school_are_counted_under_what_they_wait_for(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    """Causes come first, and the one that holds back the most before the others."""
    write_schools(raw, {"小学在校生数": "y"}, {}, {"小学在校生数": "x"})
    people = [TEACHER | {"教师编号": f"T{i}", "学校标识码": "3715020003"} for i in range(41)]
    lost = [TEACHER | {"教师编号": f"L{i}", "学校标识码": "3715020099"} for i in range(3)]
    write_csv(
        raw / "demo/2023/teachers.csv", [*people, *lost, TEACHER | {"教师编号": "good", "学校标识码": "3715020002"}]
    )
    rooms = [CLASS | {"学校标识码": "3715020003", "班号": i} for i in range(12)]
    write_csv(raw / "demo/2023/classes.csv", [*rooms, CLASS | {"学段": "大学", "学校标识码": "3715020003"}])
    money = {"单位代码": "3715020003", "经费项目": "公用经费", "金额": 1, "口径": "决算"}
    write_csv(raw / "demo/2023/funding.csv", [money, money | {"单位代码": "371599"}, money | {"单位代码": "371502"}])
    put(raw, "scores.csv", "")
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (4 + 1 + 1, 2 + 44 + 13 + 2, 0)
    expected = [
        "demo/2023/scores.csv：文件是空的：请重新导出",
        "demo/2023/schools.csv 第 4 行：“小学在校生数”为“x”，应为整数：请改正",
        "  连带 54 行（教师 41、班级 12、经费 1）",
        "学校表里没有 3715020099：连带 3 行（教师 3）：请先补报学校，或改正标识码",
        "学校表里没有 371599：连带 1 行（经费 1）：请先补报学校，或改正标识码",
        "demo/2023/classes.csv 第 14 行：“学段”为“大学”，不是可用的取值（小学、初中、高中）：请改正",
        "demo/2023/schools.csv 第 2 行：“小学在校生数”为“y”，应为整数：请改正",
    ]
    assert reasons(con) == expected
    assert tables.rejects(con, ("demo", 2023), 2) == [
        *expected[:3],
        "…… 还有 4 处，见 marts.mart_quarantine",
    ]
    held = con.execute("select waits_for, count(*) from raw.quarantine group by 1 order by 1").fetchall()
    assert held == [("3715020003", 54), ("3715020099", 3), ("371599", 1), (None, 4)]


def test_17_what_waits_for_a_file_that_could_not_be_read_is_counted_under_it(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    write_schools(raw)
    put(raw, "schools_2.csv", "")
    write_csv(
        raw / "demo/2023/teachers.csv",
        [TEACHER | {"教师编号": f"T{i}", "学校标识码": f"37150201{i:02}"} for i in range(30)],
    )
    read(con, raw)
    assert reasons(con) == ["demo/2023/schools_2.csv：文件是空的：请重新导出", "  连带 30 行（教师 30）"]


# 18: numbers as text


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".xls"])
def test_18_numbers_as_bureaus_write_them(con: duckdb.DuckDBPyConnection, raw: Path, suffix: str) -> None:
    said = {
        "1,234": 1234, "１２３": 123, "１，２３４": 1234, " 12 ": 12, "\u300012\u00a0": 12, "1.2e3": 1200, "1.20E+03": 1200,
        "12.0": 12, "+7": 7, "007": 7, "0": 0, "": None, "无": None, "/": None, "—": None, "——": None, "*": None, "-": None,
        "-1": None, "N/A": None, "NULL": None,
    }  # fmt: skip
    rows = schools(len(said))
    for row, text in zip(rows, said, strict=True):
        row["图书册数"] = text
    put_table(raw, suffix, grid(rows))
    assert read(con, raw).loaded == len(said), reasons(con)
    stored = [row[0] for row in con.execute("select books from raw.schools order by school_id").fetchall()]
    assert dict(zip(said, stored, strict=True)) == said


@pytest.mark.parametrize(("column", "expected"), [("图书册数", "应为整数"), ("运动场地面积", "应为数字")])
def test_18_what_is_no_number_is_unknown_and_listed_as_it_was(
    con: duckdb.DuckDBPyConnection, raw: Path, column: str, expected: str
) -> None:
    wrong = ["约400", "4OO", "1.2.3", "inf", "nan", "1e999", "12人", "0x10", "１２。5", "1 2", "--5", "true"]
    rows = schools(len(wrong))
    for row, text in zip(rows, wrong, strict=True):
        row[column] = text
    write_csv(raw / "demo/2023/schools.csv", rows)
    assert read(con, raw).loaded == len(wrong)
    cells = con.execute("select original, reason from raw.unread_cell order by row_number").fetchall()
    assert cells == [(text, f"“{column}”为“{text}”，{expected}：请改正") for text in wrong]


def test_18_a_code_that_a_spreadsheet_made_a_number_of_is_no_code(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """It names no school: neither one that is missing nor, where codes have letters, one that is there."""
    write_schools(raw)
    write_csv(raw / "demo/2023/teachers.csv", [TEACHER, TEACHER | {"教师编号": "T2", "学校标识码": "3.71502E+09"}])
    assert read(con, raw).quarantined == 1
    lost = "“学校标识码”为“3.71502E+09”，是科学记数法，后几位已经丢失：请把这一列设为文本格式，再填完整的代码"
    assert reasons(con) == [f"demo/2023/teachers.csv 第 3 行：{lost}"]


# 24: file names and links (what a refresh makes of them: below)


def test_24_a_file_name_that_is_no_text_or_hides_something_is_refused(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    content = as_csv(grid(schools(1)))
    for name in (
        "schools_a\nb.csv",
        "schools_\x1b[31m.csv",
        "schools_\u202evsc.csv",
        os.fsdecode("教师.csv".encode("gbk")),
    ):
        put(raw, name, content)
    assert read(con, raw).loaded == 0
    said = dict(files(con, "source_file, reason"))
    assert said.keys() == {f"demo/2023/{name}.csv" for name in ("schools_a□b", "schools_□[31m", "schools_□vsc", "□□ʦ")}
    assert set(said.values()) == {"文件名里有看不见的控制字符，或不是 UTF-8 编码：请改名"}


def test_24_dots_and_long_names_stay_inside(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    rows = schools(3)
    longest = "schools_" + "长" * 81 + ".csv"
    assert len(longest.encode()) == 255
    for name, row in zip(("schools_..%2f..%2fetc.csv", longest, "schools_$(id);`id`'\"&.csv"), rows, strict=True):
        put(raw, name, as_csv(grid([row])))
    put(raw, "..schools.csv", as_csv(grid(schools(1))))  # hidden: not looked at
    assert read(con, raw).loaded == 3
    assert len(files(con, "source_file")) == 3


def test_24_links_out_of_raw_are_refused_and_not_read(
    con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path
) -> None:
    """Files and folders; a link within raw/ is read, one that leads nowhere or in a circle is said."""
    outside = write_csv(tmp_path / "outside" / "schools.csv", schools())
    folder = raw / "demo" / "2023"
    folder.mkdir(parents=True)
    write_csv(raw / "common" / "facts.csv", [FACT])
    (folder / "facts.csv").symlink_to(raw / "common" / "facts.csv")
    (folder / "schools.csv").symlink_to(outside)
    (folder / "schools_folder").symlink_to(outside.parent)
    (folder / "schools_gone.csv").symlink_to("nothing.csv")
    (folder / "schools_circle.csv").symlink_to("schools_circle.csv")
    (folder / "schools_etc.csv").symlink_to("/etc/passwd")
    (folder / "schools_up.csv").symlink_to("../../../outside/schools.csv")
    os.mkfifo(folder / "schools_fifo.csv")
    assert read(con, raw).loaded == 1
    said = dict(files(con, "source_file, reason"))
    out, gone = "链接指向这个文件夹之外：请把文件本身放进来", "链接指向的文件不存在：请把文件本身放进来"
    assert said == {
        "demo/2023/facts.csv": None,
        "demo/2023/schools.csv": out,
        "demo/2023/schools_folder": out,
        "demo/2023/schools_gone.csv": gone,
        "demo/2023/schools_circle.csv": gone,
        "demo/2023/schools_etc.csv": out,
        "demo/2023/schools_up.csv": out,
    }
    assert set(files(con, "reason is null, sha256 is null")) == {(True, False), (False, True)}
    folder.rename(raw / "demo" / "moved")
    folder.symlink_to(outside.parent)
    read(con, raw)
    assert files(con, "source_file, reason") == [("demo/2023", out)]


def test_24_aliases_are_not_read_from_outside(raw: Path, tmp_path: Path) -> None:
    write_regions(raw, "regions:\n  - {id: demo}\n")
    (tmp_path / "secret").write_text("a,b\nroot,x\n")
    (raw / "demo").mkdir()
    (raw / "demo" / "aliases.csv").symlink_to(tmp_path / "secret")
    assert "之外，不读：请把文件本身放进来" in (read_regions(raw)["demo"].problem or "")


# 25: bombs

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRINGS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
SHEET = f'<?xml version="1.0"?>{{doctype}}<worksheet xmlns="{MAIN}"><sheetData>{{rows}}</sheetData></worksheet>'
CELL = '<row r="{row}"><c r="{cell}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def write_bomb(path: Path, template: bytes, rows: str, doctype: str = "", shared: str | None = None) -> None:
    """A workbook whose only sheet has these rows, and these shared strings."""
    links = "xl/_rels/workbook.xml.rels"
    with zipfile.ZipFile(io.BytesIO(template)) as good, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        parts: dict[str, bytes | str] = {part: good.read(part) for part in good.namelist()}
        parts["xl/worksheets/sheet1.xml"] = SHEET.format(doctype=doctype, rows=rows)
        if shared is not None:
            link = f'<Relationship Id="s" Type="{STRINGS}" Target="/xl/sharedStrings.xml"/></Relationships>'
            parts[links] = good.read(links).decode().replace("</Relationships>", link)
            parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}"><si><t>{shared}</t></si></sst>'
        for part, content in parts.items():
            bomb.writestr(part, content)


def write_deflate_bomb(path: Path, template: bytes, megabytes: int, stated: int | None) -> None:
    """A sheet that unpacks to so many megabytes of rows; stated: the size that the file tells, if not that one."""
    head, tail = SHEET.format(doctype="", rows="|").encode().split(b"|")
    block = (CELL.format(row=1, cell="A1", text="x" * 100).encode() * 8000)[: 1 << 20].ljust(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    middle = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    data = start + middle * megabytes + packer.compress(tail) + packer.flush()
    size = len(head) + (megabytes << 20) + len(tail) if stated is None else stated
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(template)) as good, zipfile.ZipFile(path, "w") as bomb:
        for part in good.namelist():
            bomb.writestr(part, data if part == sheet else good.read(part))
        info = bomb.getinfo(sheet)  # stored as it is; now both of its headers say that it is deflated
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, size
        assert bomb.fp is not None
        bomb.fp.seek(info.header_offset)
        bomb.fp.write(info.FileHeader())
        bomb.fp.seek(bomb.start_dir)


READ_AND_MEASURE = """
import resource, sys, time
from pathlib import Path
from conftest import read
from dagster_project.warehouse import tables
from dagster_project.processes import stop_pools

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) >> 10

if __name__ == "__main__":
    raw, home = map(Path, sys.argv[1:])
    with tables.connect(home) as con:
        before, started = peak(), time.monotonic()
        read(con, raw)
        took, growth = time.monotonic() - started, peak() - before
    stop_pools()
    print(took, growth, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
"""


def test_25_bombs_are_refused_in_bounded_memory_and_time(tmp_path: Path) -> None:
    """All of them in one folder: seconds, MB that this process grows by, MB of the largest worker."""
    raw, home = tmp_path / "raw", tmp_path / "home"
    folder = raw / "demo" / "2023"
    template = workbook_bytes(tmp_path, ".xlsx", {"学校": grid(schools())})
    put(raw, "facts.csv", as_csv(grid([FACT])))
    one = CELL.format(row=1, cell="A1", text="{}")

    write_deflate_bomb(folder / "schools_honest.xlsx", template, 1500, None)
    write_deflate_bomb(folder / "schools_lying.xlsx", template, 3000, 5000)
    links = "".join(f'<!ENTITY {b} "{f"&{a};" * 100}">' for a, b in zip("abcdef", "bcdefg", strict=True))
    laughs = f'<!DOCTYPE x [<!ENTITY a "{"x" * 1000}">{links}]>'
    write_bomb(folder / "schools_entities.xlsx", template, one.format("&g;"), laughs)
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    write_bomb(folder / "schools_outside.xlsx", template, one.format("&e;"), outside)
    far = CELL.format(row=1048576, cell="XFD1048576", text="z")
    write_bomb(folder / "schools_far.xlsx", template, one.format("a") + far)
    wide = "".join(f"<c><v>{i * 7919 % 1000003}</v></c>" for i in range(1_000_000))
    write_bomb(folder / "schools_wide.xlsx", template, f"<row>{wide}</row>")
    cells = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, 200_001))
    write_bomb(folder / "schools_shared.xlsx", template, cells, shared="长" * 32767)
    put(raw, "schools_wide.csv", ",".join(map(str, range(1_000_000))) + "\n1,2\n")
    put(raw, "schools_long.csv", "x" * 50_000_000)
    put(raw, "schools_quote.csv", '学校标识码,学校名称\n1,"' + "x\n" * 10_000_000)

    script = tmp_path / "measure.py"
    script.write_text(READ_AND_MEASURE, encoding="utf-8")
    outcome = subprocess.run(
        [sys.executable, str(script), str(raw), str(home)],
        env={**environment(), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert outcome.returncode == 0, outcome.stderr
    with tables.connect(home) as con:
        said = dict(files(con, "source_file, coalesce(reason, status)"))
        assert "root:" not in texts(con)
    expected = {
        "facts.csv": "loaded",
        "schools_entities.xlsx": "unrecognized entity",
        "schools_far.xlsx": "读它要超过 2 GB 内存或 120 秒，可能表格远处有多余的单元格",
        "schools_honest.xlsx": "工作簿里的 xl/worksheets/sheet1.xml 展开后是原来的 25",
        "schools_long.csv": "第 1 行长到超过 16,000,000 个字",
        "schools_lying.xlsx": "工作簿已损坏",
        "schools_outside.xlsx": "unrecognized entity",
        "schools_quote.csv": "行起读不通",
        "schools_shared.xlsx": "读它要超过 2 GB 内存或 120 秒",
        "schools_wide.csv": "有 1000000 列，最多 1000 列：请删去表格右边多余的列",
        "schools_wide.xlsx": "列，最多 1000 列",
    }
    assert said.keys() == {f"demo/2023/{name}" for name in expected}
    assert {
        name: said[f"demo/2023/{name}"] for name, why in expected.items() if why not in said[f"demo/2023/{name}"]
    } == {}
    seconds, growth, workers = map(float, outcome.stdout.split())
    print(seconds, growth, workers)
    assert seconds < 60 and growth < 500 and workers < 2100


def test_25_a_worker_that_dies_leaves_nothing_behind(con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path) -> None:
    """The page's process lives for months: a workbook that kills its reader takes no pipe of it along."""
    template = workbook_bytes(tmp_path, ".xlsx", {"学校": grid(schools())})
    (raw / "demo" / "2023").mkdir(parents=True)
    corners = CELL.format(row=1, cell="A1", text="a") + CELL.format(row=1048576, cell="XFD1048576", text="z")
    write_bomb(raw / "demo/2023/schools.xlsx", template, corners)
    open_files = []
    for _ in range(3):
        read(con, raw)
        assert "读它要超过 2 GB 内存" in reasons(con)[0]
        gc.collect()
        open_files.append(len(os.listdir("/proc/self/fd")))
    assert open_files[2] <= open_files[0]


# What a refresh makes of a whole folder of faults: 17, 19, 23, 24, 26, 27

REGION_NAME = '\'; DROP TABLE raw.schools; -- <b>"㐂𠮷"</b> 😀'
COUNTY_NAME = "东昌府<script>alert(1)</script>'区"
SCHOOL_NAMES = [
    "'; DROP TABLE raw.schools; --",
    '"引号" <img src=x onerror=alert(1)> & 😀',
    "㐂𠮷小学",
    '=HYPERLINK("http://x","y")',
    "@SUM(1)",
    "-1+1|cmd",
    "＝1+1",
    "\\',\n换行",
]
FORMULAS = SCHOOL_NAMES[3:7]
IDENTITY, IDENTITY_X, PHONE, NAME = "370102198801011234", "37010219880101123X", "13812345678", "欧阳玄机"
FULL_WIDTH = IDENTITY.translate({ord(str(i)): chr(0xFF10 + i) for i in range(10)})
DOUBLE = float(IDENTITY)  # an identity number that Excel took for a number keeps fifteen digits
SECRETS = (
    IDENTITY,
    IDENTITY_X,
    IDENTITY[:15],
    PHONE,
    "138 1234 5678",
    "138-1234-5678",
    FULL_WIDTH,
    NAME,
    "3.70102198801",
)


@dataclass(frozen=True)
class Ruined:
    """A raw folder of many faults, and what one refresh made of it."""

    raw: Path
    home: Path
    said: str
    code: int

    def query(self, sql: str) -> list[tuple]:
        with connect(self.home) as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def ruined(tmp_path_factory: pytest.TempPathFactory) -> Ruined:
    folder = tmp_path_factory.mktemp("ruined")
    raw, home = folder / "raw", folder / "home"
    entry = {"id": "demo", "name_zh": REGION_NAME, "counties": {"371502": COUNTY_NAME}}
    write_regions(raw, json.dumps({"regions": [entry]}, ensure_ascii=False))
    hostile_names(raw)
    impossible_figures(raw)
    strange_files(raw, folder)
    personal_data(raw)
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert "已发布" in outcome.stdout, outcome.stdout + outcome.stderr
    return Ruined(raw, home, outcome.stdout + outcome.stderr, outcome.returncode)


def hostile_names(raw: Path) -> None:
    """2011: the first eight schools of sixteen carry names that are code elsewhere."""
    rows = schools(16)
    for row, name in zip(rows, SCHOOL_NAMES, strict=False):
        row["学校名称"] = row["乡镇街道"] = name
    table = [{"乡镇街道": ""} | row for row in rows]
    write_csv(raw / "demo" / "2011" / "schools.csv", table)


def impossible_figures(raw: Path) -> None:
    """2014: a school a fault, and rosters that would fan out."""
    changes: dict[int, dict[str, object]] = {
        1: {"小学在校生数": 0},
        2: {"小学在校生数": -5},
        3: {"小学在校生数": ""},
        4: {"小学在校生数": "", "初中在校生数": 300, "办学类型": "九年一贯制学校"},
        5: {"小学高于规定学历专任教师数": 99},
        6: {"教学及辅助用房面积": 299},
        7: {"教学仪器设备资产值": ""},
        8: {"小学在校生数": "1234567890123456789"},
        9: {"小学在校生数": 20001},
        10: {"教学仪器设备资产值": 500_000_000},
        11: {"学校标识码": "3715020012"},
        12: {},
    }
    rows = schools(20)
    for number, change in changes.items():
        rows[number - 1].update(change)
    table = [{"初中在校生数": ""} | row for row in rows]
    folder = raw / "demo" / "2014"
    write_csv(folder / "schools.csv", table)
    rosters = [CLASS | {"学校标识码": "3715020013", "班号": str(i)} for i in range(1, 11)]
    absurd = {
        "单位类型": "学校",
        "单位代码": "3715020010",
        "事实编号": "explained_unit_jump",
        "值": "好让它过了载入的关",
    }
    write_csv(folder / "facts.csv", [absurd])
    wrong = [CLASS | {"学校标识码": "3715020014", "班级学生数": 400}, rosters[0], CLASS | {"学校标识码": "3715029999"}]
    write_csv(folder / "classes.csv", [*rosters, *wrong])
    people = [TEACHER | {"教师编号": f"T{i}", "学校标识码": "3715020013"} for i in range(1, 31)]
    write_csv(folder / "teachers.csv", [*people, people[0], TEACHER | {"教师编号": "T99", "学校标识码": "3715029999"}])
    money = {"单位代码": "3715020013", "经费项目": "公用经费", "金额": 500_000, "口径": "决算"}
    write_csv(folder / "funding.csv", [money, money | {"口径": "预算"}, money])


def strange_files(raw: Path, folder: Path) -> None:
    """2023: links, names and folders that are none of ours, beside six good schools, four of them named like formulas."""
    inside = raw / "demo" / "2023"
    write_schools(raw, *({"学校名称": name} for name in FORMULAS))
    outside = write_csv(folder / "outside" / "2023" / "schools.csv", [schools(1)[0] | {"学校名称": "别处小学"}])
    (inside / "classes_out.csv").symlink_to(outside)
    (inside / "classes_gone.csv").symlink_to("nothing.csv")
    (inside / "classes_folder").symlink_to("/")
    (raw / "linked").symlink_to(outside.parent.parent)
    for name in ("facts_\x1b]0;hacked\x07.csv", "facts_\n假.csv", os.fsdecode("教师.csv".encode("gbk"))):
        put(raw, name, as_csv(grid([FACT])))
    put(raw, "facts_20230901123000999.csv", as_csv(grid([FACT, FACT])))
    put(raw, "funding.csv", "单位代码,经费项目,金额,口径\n371502,公用经费,\x1b[31m5\x07,决算\n")
    write_csv(raw / "'; DROP TABLE x; -- 😀" / "2023" / "schools.csv", schools(1))


def personal_data(raw: Path) -> None:
    """2017: identity numbers, telephone numbers and a name wherever a clerk may put them."""
    folder = raw / "demo" / "2017"
    rows = [row | {"备注": f"校长{NAME}，电话{PHONE}"} for row in schools(12)]
    rows[0]["学校名称"] = f"第1小学 联系人{PHONE}"
    rows[1]["乡镇街道"] = f"柳园街道 {IDENTITY}"
    rows[2]["城乡类型"] = IDENTITY_X
    rows[3]["小学在校生数"] = PHONE
    rows[4]["学校标识码"] = IDENTITY
    rows[5]["图书册数"] = PHONE
    rows[6]["运动场地面积"] = IDENTITY
    rows[7]["教学及辅助用房面积"] = "3800.17999999999"  # no telephone number, though it looks like one
    table = [{"乡镇街道": "", f"备注{PHONE}": NAME} | row for row in rows]
    write_csv(folder / f"schools_{PHONE}.csv", table)
    other = schools(13)[12] | {"学校名称": IDENTITY}
    write_workbook(folder / "schools_b.xlsx", {f"表{IDENTITY}": [[f"填表人{NAME}，{PHONE}"], *grid([other])]})
    person = {
        "教师编号": IDENTITY,
        "姓名": NAME,
        "身份证号": IDENTITY,
        "电话": PHONE,
        "学校标识码": "3715020009",
        "学段": "小学",
    }
    wrong: list[dict[str, object]] = [
        {"任教学科": f"数学（{PHONE}）"},
        {"任教学科": "138 1234 5678"},
        {"任教学科": f"+86{PHONE}"},
        {"岗位": f"证件{IDENTITY_X}"},
        {"岗位": FULL_WIDTH},
        {"岗位": DOUBLE},
        {"学段": IDENTITY},
        {"学历": "138-1234-5678"},
        {"学校标识码": IDENTITY},
        {"出生年份": DOUBLE},
        {"年工资收入": PHONE + "元"},
    ]
    empty = {"任教学科": "", "岗位": "", "学历": "", "出生年份": "", "年工资收入": ""}
    people = [person | empty | change | {"教师编号": f"{IDENTITY}{i}"} for i, change in enumerate([{}, *wrong])]
    write_workbook(folder / "teachers.xlsx", {"名册": grid(people)})
    put_at = folder / f"teachers_{IDENTITY}.csv"
    short = ",".join(["T7", NAME, "3715020009", "小学", PHONE])
    put_at.write_text(
        f"教师编号,学校标识码,学段,任教学科\n{short}\nT8,3715020009,大学,语文\n注：{NAME} {PHONE},,,\n", "utf-8"
    )
    write_csv(folder / "facts.csv", [FACT | {"佐证": f"见{IDENTITY_X}号档案"}, FACT | {"事实编号": PHONE}])
    (folder / f"名单{PHONE}.csv").write_text(f"{NAME}\n", "utf-8")


def test_17_no_join_fans_out(ruined: Ruined) -> None:
    """A row a school and stage, with rosters and funds of many rows beside it; the roster counts each once."""
    assert ruined.query(
        """select count(*), count(distinct school_id), max(roster_classes), max(roster_pupils),
            max(roster_full_time_teachers), max(public_funds_yuan)
        from fct_school_stage where school_year = 2014 and stage = 'primary'"""
    ) == [(14, 14, 10, 400, 30, 500_000)]
    per_school = (
        "select school_id, indicator_id from fct_school_indicator where school_year = 2014 and stage = 'primary'"
    )
    assert ruined.query(f"select count(*) from ({per_school} group by all having count(*) > 1)") == [(0,)]
    assert ruined.query("select school_count from mart_county_verdict where school_year = 2011") == [(16,)]


def test_19_an_impossible_figure_is_null_with_a_reason_or_quarantined(ruined: Ruined) -> None:
    said = dict(
        ruined.query(
            "select row_number - 1, reason from mart_quarantine where school_year = 2014 and extract = 'schools'"
        )
    )
    assert {number: reason.split("：")[0] for number, reason in said.items()} == {
        2: "“小学在校生数”为“-5”，不能小于 0",
        3: "没有任何学段的在校生数",
        8: "“小学在校生数”为“（已隐去）”，应为整数",
        9: "“小学在校生数”为“20001”，不能大于 20000",
        11: "学校标识码 3715020012 有两行",
        12: "学校标识码 3715020012 有两行",
    }
    assert ruined.query(
        "select school_id, stage, exclusion_reason from fct_school_stage where school_year = 2014 and is_in_scope is null order by all"
    ) == [("3715020001", "primary", "填报在校生0人，却有班级或教师"), ("3715020004", "primary", "在校生数缺失")]
    nulls = ruined.query(
        """select school_id, indicator_id, null_reason from fct_school_indicator
        where school_year = 2014 and school_id in ('3715020005', '3715020006', '3715020007', '3715020010')
            and is_met is null and value is null and indicator_id in (select indicator_id from dim_indicator where is_national)
        order by all"""
    )
    assert nulls == [
        ("3715020005", "higher_degree_teachers_per_100", "数据矛盾：高于规定学历专任教师数大于专任教师数"),
        ("3715020006", "teaching_area_per_pupil", "数据矛盾：室内体育用房面积大于教学及辅助用房面积"),
        ("3715020007", "equipment_value_per_pupil", "缺少数据：教学仪器设备资产值"),
        ("3715020010", "equipment_value_per_pupil", "数据超出可信范围：教学仪器设备资产值"),
    ]
    assert ruined.query(
        """select count(*) from fct_school_indicator
        where not isfinite(value) or value <= 0 or pupils <= 0 or (value is null) <> (null_reason is not null)"""
    ) == [(0,)]
    with connect(ruined.home) as con:
        doubles = con.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and data_type = 'DOUBLE'"
        ).fetchall()
        for table, column in doubles:
            assert con.execute(f"select count(*) from {table} where not isfinite({column})").fetchone() == (0,), table
    assert ruined.query(
        "select reason from mart_quarantine where school_year = 2014 and extract = 'classes' order by row_number"
    )[0] == ("“班级学生数”为“400”，不能大于 200：请改正",)


def test_23_hostile_names_are_stored_and_shown_literally(ruined: Ruined) -> None:
    stored = ruined.query("select school_name, township from dim_school where school_year = 2011 order by school_id")
    assert stored[:8] == [(name, name) for name in SCHOOL_NAMES] and len(stored) == 16
    assert ruined.query("select region_name_zh, county_name_zh from dim_county") == [(REGION_NAME, COUNTY_NAME)]
    release = current_release(ruined.home)
    assert release is not None
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    assert [region["name"] for region in manifest["regions"]] == [REGION_NAME]
    shown = junheng("sql", "select school_name from dim_school where school_year = 2011", "--home", ruined.home)
    assert all(name.replace("\n", "\\n") in shown.stdout for name in SCHOOL_NAMES)
    pages = "".join(page.read_text("utf-8") for page in (ruined.home / "data_docs").rglob("*.html"))
    assert pages and "<script>" not in pages and "<img" not in pages


def test_23_data_docs_escape_what_they_quote(ruined: Ruined, tmp_path: Path) -> None:
    """A gate that fails quotes codes of the data: none becomes a part of the page."""
    database = shutil.copy(ruined.home / "warehouse.duckdb", tmp_path)
    with duckdb.connect(database) as con:
        con.execute("update raw.county set county_name_zh = ' ', county_code = '<img src=x onerror=alert(1)>'")
    suites.validate(Path(database), "marts", None, tmp_path / "data_docs")
    page = (tmp_path / "data_docs" / "marts.html").read_text("utf-8")
    assert "县=&lt;img src=x" in page and "<img" not in page


def test_24_what_lies_outside_raw_is_not_read_and_nothing_stops(ruined: Ruined) -> None:
    refused = dict(ruined.query("select source_file, reason from mart_source_file where status = 'quarantined'"))
    out, gone, name = "链接指向这个文件夹之外", "链接指向的文件不存在", "文件名里有看不见的控制字符，或不是 UTF-8 编码"
    expected = {
        "demo/2023/classes_out.csv": out,
        "demo/2023/classes_folder": out,
        "demo/2023/classes_gone.csv": gone,
        "demo/2023/facts_□]0;hacked□.csv": name,
        "demo/2023/facts_□假.csv": name,
        "demo/2023/□□ʦ.csv": name,
        "linked/2023": "区域“linked”没有登记",
        "'; DROP TABLE x; -- 😀/2023/schools.csv": "区域“'; DROP TABLE x; -- 😀”没有登记",
    }
    assert {file: reason.split("：")[0] for file, reason in refused.items() if "/2017/" not in file} == expected
    assert ruined.code == 1 and all(file in ruined.said for file in expected)
    assert "Traceback" not in ruined.said
    assert not [char for char in ruined.said if char in "\x1b\x07\r"], "the terminal is told nothing"
    with connect(ruined.home) as con:
        assert "别处小学" not in texts(con)


@pytest.mark.parametrize("name", ["a|b", "a...b", "a\nb", os.fsdecode("聊城".encode("gbk"))])
def test_24_a_region_folder_whose_name_cannot_be_a_key_is_named(
    county: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    raw = county()
    write_csv(raw / name / "2023" / "schools.csv", schools(1))
    outcome = junheng("refresh", "--raw", raw, "--home", tmp_path / "home")
    assert outcome.returncode == 1 and "Traceback" not in outcome.stderr
    assert f"里的文件夹 {name!a} 不能是区域：请按 regions.yml 中的 id 改名" in outcome.stderr


def test_26_a_formula_leaves_as_text_and_a_number_as_it_is(ruined: Ruined) -> None:
    query = """select school_name, s.township, -1 as n, -1.5 as d, -pupils as p
        from dim_school as s join fct_school_stage using (region_id, school_year, school_id, school_name)
        where school_year = 2011 order by school_id"""
    outcome = junheng("sql", query, "--home", ruined.home, "--format", "csv")
    assert outcome.returncode == 0, outcome.stderr
    header, *rows = csv.reader(io.StringIO(outcome.stdout, newline=""))
    assert header == ["school_name", "township", "n", "d", "p"] and len(rows) == 16
    for (name, township, *numbers), said in zip(rows, SCHOOL_NAMES, strict=False):
        assert name == township == (f"'{said}" if said[0] in "=@-＝" else said)
        assert numbers[:2] == ["-1", "-1.5"] and int(numbers[2]) < -400
    assert outcome.stdout.count("\n'") == 4


def test_26_no_workbook_of_a_release_holds_a_formula(ruined: Ruined) -> None:
    """Names that begin like one stand in the forms as they were handed in, as text."""
    release = current_release(ruined.home)
    assert release is not None
    texts_of_books: set[object] = set()
    for path in release.rglob("*.xlsx"):
        for sheet in openpyxl.load_workbook(path):
            cells = [cell for row in sheet.iter_rows() for cell in row]
            assert [cell.coordinate for cell in cells if cell.data_type == "f"] == [], (path.name, sheet.title)
            texts_of_books.update(cell.value for cell in cells)
    assert {*FORMULAS} <= texts_of_books


def test_27_nothing_personal_stays_anywhere(ruined: Ruined) -> None:
    """Not a byte of the home folder, nor of what compressed files unpack to; and what was refused is said."""
    release = current_release(ruined.home)
    assert release is not None
    looked = 0
    for path in ruined.home.rglob("*"):
        if path.is_file():
            looked += 1
            content = path.read_bytes()
            assert [secret for secret in SECRETS if secret.encode() in content] == [], path
    assert looked > 30
    for database in (ruined.home / "warehouse.duckdb", release / "junheng.duckdb"):
        with duckdb.connect(str(database), read_only=True) as con:
            everything = texts(con)
        assert [secret for secret in SECRETS if secret in everything] == []
    assert [secret for secret in SECRETS if secret in ruined.said] == []
    query = """select source_file.replace('demo/2017/', ''), list(row_number order by row_number), {} as columns
        from {} where school_year = 2017 group by all order by all"""
    assert ruined.query(query.format("column_names", "mart_quarantine")) == [
        ("facts.csv", [3], "事实编号"),
        ("schools_b.xlsx", [3], "学校名称"),
        ("schools_（已隐去）.csv", [2], "学校名称"),
        ("schools_（已隐去）.csv", [5], "小学在校生数"),
        ("schools_（已隐去）.csv", [6], "学校标识码"),
        ("teachers.xlsx", [9], "学段"),
        ("teachers.xlsx", [11], "学校标识码"),
        ("teachers_（已隐去）.csv", [2], None),
        ("teachers_（已隐去）.csv", [3], "学段"),
        ("名单（已隐去）.csv", [None], None),
    ]
    with duckdb.connect(str(ruined.home / "warehouse.duckdb"), read_only=True) as con:
        unread = con.execute(query.format("column_zh", "raw.unread_cell")).fetchall()
    assert unread == [
        ("facts.csv", [2], "依据"),
        ("schools_（已隐去）.csv", [3], "乡镇街道"),
        ("schools_（已隐去）.csv", [4], "城乡类型"),
        ("schools_（已隐去）.csv", [7], "图书册数"),
        ("schools_（已隐去）.csv", [8], "运动场地面积"),
        ("teachers.xlsx", [3, 4, 5], "任教学科"),
        ("teachers.xlsx", [6, 7, 8], "岗位"),
        ("teachers.xlsx", [10], "学历"),
        ("teachers.xlsx", [12], "出生年份"),
        ("teachers.xlsx", [13], "年工资收入"),
    ]
    unknown = ruined.query(
        "select unknown_columns from mart_source_file where school_year = 2017 and unknown_columns <> ''"
    )
    assert {text for row in unknown for text in row[0].split("、")} == {
        "备注（已隐去）",
        "备注",
        "姓名",
        "身份证号",
        "电话",
    }


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_27_what_is_decoded_on_the_way_has_no_name_that_could_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Whoever is killed while reading leaves nothing behind."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "teachers.csv").write_bytes(as_csv(grid([TEACHER] * 100_000)).encode(encoding))
    rows = text_rows(tmp_path / "teachers.csv")
    assert next(rows) == list(TEACHER) and next(rows)[0] == "T1"
    assert list((tmp_path / "tmp").iterdir()) == []


# 28: scores of a few


def hand_in_scores(raw: Path, number: int, scale: float, added: Grid = ()) -> None:
    """Region r<number>, a county of eight schools: ten pupils of each, and of the last school two in a test of their own.

    Every score is 130 + scale × what it is elsewhere: different in all regions of another scale, for every pupil.
    """
    county = f"37150{number}"
    rows = [row | {"学校标识码": f"{county}00{i:02}"} for i, row in enumerate(schools(8, county), start=1)]
    write_csv(raw / f"r{number}" / "2023" / "schools.csv", rows)
    pupils = [(f"{county}00{i:02}", 4, "数学", 37 + 3 * i + (7 * i * j) % 23) for i in range(1, 9) for j in range(10)]
    pupils += [(f"{county}0008", 5, "数学", 91), (f"{county}0008", 5, "数学", 64)]
    pupils += [(f"{county}{school}", *rest) for school, *rest in added]
    table = [
        {"学校标识码": school, "学段": "小学", "年级": grade, "科目": subject, "成绩": 130 + scale * score}
        for school, grade, subject, score in pupils
    ]
    table.append(table[0] | {"成绩": f"{table[0]['成绩']}分"})  # which is no number
    write_csv(raw / f"r{number}" / "2023" / "scores.csv", table)


def test_28_no_score_can_be_worked_out_from_what_is_published(tmp_path: Path) -> None:
    """Whoever has every mart, before and after one pupil is added, cannot tell two counties apart where no pupil has the same score:

    neither from a group of two, nor from a total, nor from the difference of two releases.
    """
    one_more = [("0003", 4, "数学", 88), ("0008", 5, "数学", 70)]
    raw, home = tmp_path / "raw", tmp_path / "home"
    counties = {1: (1.0, []), 2: (-1.3, []), 3: (1.0, one_more), 4: (-1.3, one_more)}
    write_regions(
        raw,
        "regions:\n" + "".join(f"  - {{id: r{n}, name_zh: 某市, counties: {{'37150{n}': 某县}}}}\n" for n in counties),
    )
    for number, (scale, added) in counties.items():
        hand_in_scores(raw, number, scale, added)
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    def published(con: duckdb.DuckDBPyConnection, mart: str, number: int) -> list[str]:
        """A region's rows of a mart, its codes as those of the first; of a file not what its bytes are."""
        rows = con.execute(f"from {mart} where region_id = 'r{number}'").df().drop(columns="sha256", errors="ignore")
        text = rows.round(9).to_csv(index=False, float_format="%.9g")
        return sorted(text.replace(f"r{number}", "r1").replace(f"37150{number}", "371501").splitlines())

    with connect(home) as con:
        marts = con.execute(
            """select table_name from duckdb_columns() where schema_name = 'marts' and column_name = 'region_id'
            and not table_name like 'mart_similar%'"""  # which name schools of the other regions
        ).fetchall()
        assert len(marts) > 30
        for (mart,) in marts:
            assert published(con, mart, 1) == published(con, mart, 2), mart
            assert published(con, mart, 3) == published(con, mart, 4), mart
        estimates = con.execute(
            """select region_id, grade, pupil_count, difference_rate is null from mart_achievement_gap
            where region_id in ('r1', 'r3') order by all"""
        ).fetchall()
    assert estimates == [("r1", 4, 80, False), ("r1", 5, 2, True), ("r3", 4, 81, False), ("r3", 5, 3, True)]


def test_a_second_refresh_of_the_same_faults_changes_nothing(ruined: Ruined) -> None:
    again = junheng("refresh", "--raw", ruined.raw, "--home", ruined.home)
    assert "文件没有变化" in again.stdout, again.stdout + again.stderr
