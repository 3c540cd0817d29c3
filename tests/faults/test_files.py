"""Faults 11 to 13: a file that is not what it says, that is cut, or in any encoding."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from bad_files import ENCRYPTED, FACT, as_csv, files, names, put, texts, workbook_bytes
from helpers import (
    grid,
    read,
    reasons,
    schools,
    write_csv,
    write_regions,
    write_schools,
    write_workbook,
)

from dagster_project.extracts.regions import RegionsError, read_regions
from dagster_project.warehouse import tables

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
