"""Faults 14 to 16: headers, titles, totals and notes, the regions' own words, units."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from bad_files import CLASS, as_csv, files, put, put_table
from helpers import (
    Grid,
    grid,
    read,
    reasons,
    schools,
    value,
    write_csv,
    write_regions,
)

from dagster_project.extracts.regions import read_regions
from dagster_project.warehouse import tables

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
