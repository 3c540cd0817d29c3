"""Official workbooks give the schools extract's values; a fault is named with its sheet, its cell and what to do."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from official_workbooks import STAGES, workbook, write_school

from dagster_project.extracts.cell_map import MAP, CellMapError, form_of, read_cell_map
from dagster_project.extracts.contract import contract
from dagster_project.extracts.official import Cell, School, read_school
from dagster_project.extracts.sheet import Unreadable
from dagster_project.extracts.workbook import texts_of

TYPES = list(STAGES)
HOUSE_MAP = read_cell_map(Path("no such folder"))
NOT_IN_2018 = {"computers", "classrooms"}
STAGE_COLUMNS = {
    "pupils": 907,
    "classes": 21,
    "full_time_teachers": 59,
    "higher_degree_teachers": 50,
    "backbone_teachers": 11,
    "pe_arts_teachers": 9,
    "midlevel_title_teachers": 33,
}


def school_row(school_type: str, number: int = 0) -> dict[str, Any]:
    """A school of a type with every column that the forms hold, each number of a stage a little different."""
    row: dict[str, Any] = {
        "school_id": f"37150200{number + 10:02}",
        "school_name": f"第{number + 1}学校",
        "county_code": "371502",
        "school_type": school_type,
        "organiser": "县级教育部门",
        "urban_rural_code": "121",
        "teaching_area_m2": 5200.5,
        "indoor_sports_area_m2": 600,
        "sports_ground_area_m2": 8000,
        "equipment_value_wan_yuan": 260.57,
        "multimedia_rooms": 28,
        "books": 21000,
        "computers": 150,
        "classrooms": 34,
    }
    for i, stage in enumerate(STAGES[school_type]):
        row |= {f"{stage}_{name}": value + 10 * i for name, value in STAGE_COLUMNS.items()}
    return row


def expected(row: dict[str, Any], school_year: int) -> dict[str, str]:
    """What the map promises of a row: of the senior stage pupils and teachers, of 2018 what its forms hold."""
    senior = {f"senior_{name}" for name in STAGE_COLUMNS} - {"senior_pupils", "senior_full_time_teachers"}
    left_out = senior | (NOT_IN_2018 if school_year < 2021 else set())
    if school_year < 2021 and "senior_pupils" in row:
        left_out |= {"junior_classes"}  # the form's total counts senior classes too
    return {name: str(value) for name, value in row.items() if name not in left_out}


def read_file(path: Path, school_year: int) -> School:
    return read_school({name: rows for name, rows, _ in texts_of(path)}, school_year, HOUSE_MAP)


def read_changed(
    row: dict[str, Any], school_year: int, tmp_path: Path, change: Callable[[dict[str, dict[str, Any]]], object]
) -> School:
    """Read a school's workbook after a change to its sheets."""
    sheets = workbook(row, school_year)
    change(sheets)
    return read_file(write_school(tmp_path / "school.xlsx", row, school_year, sheets), school_year)


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
@pytest.mark.parametrize("school_year", [2018, 2020, 2021, 2024])
@pytest.mark.parametrize("number", range(len(TYPES)))
def test_a_workbook_gives_back_what_the_school_reported(
    tmp_path: Path, number: int, school_year: int, suffix: str
) -> None:
    row = school_row(TYPES[number], number)
    school = read_file(write_school(tmp_path / f"school{suffix}", row, school_year), school_year)
    assert school.values == expected(row, school_year)
    assert school.problems == []
    assert not [remark for remark in school.remarks if "没有工作表" in remark]


def test_every_number_says_which_cells_it_comes_from(tmp_path: Path) -> None:
    row = school_row("小学")
    school = read_file(write_school(tmp_path / "school.xls", row, 2019), 2019)
    assert [cell for cell in school.cells if cell.column == "multimedia_rooms"] == [
        Cell("multimedia_rooms", "基础基522", "L9", "14"),
        Cell("multimedia_rooms", "基础基522", "N9", "14"),
    ]
    assert Cell("county_code", "基础基111", "D13", "371502000000") in school.cells
    assert {cell.column for cell in school.cells} >= set(school.values)


def test_a_row_of_a_low_sureness_is_said(tmp_path: Path) -> None:
    school = read_file(write_school(tmp_path / "school.xlsx", school_row("小学"), 2018), 2018)
    assert school.remarks == [
        "图书册数（基础基531 D8） 的单元格位置没有十足把握：请与原表核对，必要时改正 official_forms.csv"
    ]


@pytest.mark.parametrize(
    ("said", "value"),
    [("１，２３４", "1234"), (" 1,234 ", "1234"), (907.0, "907"), ("*", None), (-1, None), ("－１", None), ("", None)],
)
def test_numbers_as_forms_hold_them(tmp_path: Path, said: object, value: str | None) -> None:
    school = read_changed(school_row("小学"), 2021, tmp_path, lambda sheets: sheets["教基3112"].update(I6=said))
    assert school.values.get("primary_pupils") == value
    assert school.problems == []


def test_a_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    school = read_changed(school_row("小学"), 2021, tmp_path, lambda sheets: sheets["教基3112"].update(I6="若干"))
    message = "工作表“教基3112”单元格 I6（小学在校生数）为“若干”，应为数字：请改正"
    assert [problem[:2] for problem in school.problems] == [("primary_pupils", message)]
    assert "primary_pupils" not in school.values


def test_one_wrong_cell_spoils_its_sum(tmp_path: Path) -> None:
    school = read_changed(school_row("小学"), 2018, tmp_path, lambda sheets: sheets["基础基522"].update(N9="两间"))
    assert [problem.column_name for problem in school.problems] == ["multimedia_rooms"]
    assert "multimedia_rooms" not in school.values


def test_a_sheet_that_is_absent_is_said_and_what_it_leaves_empty(tmp_path: Path) -> None:
    row = school_row("九年一贯制学校")
    school = read_changed(row, 2022, tmp_path, lambda sheets: [sheets.pop("教基5176"), sheets.pop("教基3112")])
    assert "没有工作表“教基3112”，小学在校生数 为空" in school.remarks
    [line] = [remark for remark in school.remarks if "教基5176" in remark]
    assert line.startswith("没有工作表“教基5176”，运动场地面积、教学仪器设备资产值、网络多媒体教室数、")
    assert line.endswith(" 为空") and not {"books", "primary_pupils"} & school.values.keys()


def test_a_number_of_senior_and_junior_teachers_is_not_taken_for_the_junior_one(tmp_path: Path) -> None:
    """Without the line 初中 only a total is left: it is used where the map says so, and said to be unsure."""
    row = school_row("完全中学")
    school = read_changed(row, 2021, tmp_path, lambda sheets: sheets["教基4156"].update(A7="?"))
    assert "junior_full_time_teachers" not in school.values
    assert "工作表“教基4156”的 C7 左侧找不到“初中”一行，初中专任教师数 为空" in school.remarks
    assert any("初中体育艺术专任教师数（教基4156 U6+V6+W6+X6）" in remark for remark in school.remarks)


@pytest.mark.parametrize(
    ("written", "read", "message"),
    [
        (
            2019,
            2022,
            "这是 2018—2020 学年的报表格式（有工作表“基础基111”），却放在 2022 学年的文件夹里，该学年的报表应有“教基1001”",
        ),
        (2021, 2020, "这是 2021 学年起的报表格式（有工作表“教基1001”），却放在 2020 学年的文件夹里"),
        (2018, 2016, "2016 学年没有登记官方报表的单元格（official_forms.csv 只有 2018—2020 学年、2021 学年起）"),
    ],
)
def test_a_workbook_of_another_generation_is_put_aside(tmp_path: Path, written: int, read: int, message: str) -> None:
    path = write_school(tmp_path / "school.xlsx", school_row("小学"), written)
    with pytest.raises(Unreadable, match=re.escape(message)):
        read_file(path, read)


@pytest.mark.parametrize(
    ("school_year", "change", "message"),
    [
        (
            2018,
            lambda sheets: sheets.pop("基础基111"),
            "没有工作表“基础基111”（学校基本情况），不知道是哪所学校：请导出完整的报表",
        ),
        (
            2018,
            lambda sheets: sheets["基础基312 小学学生数"].update(A2="表号：基础基3121"),
            "工作表“基础基312 小学学生数”的前五行找不到表号“基础基312”，可能不是这张表：请核对",
        ),
        (
            2022,
            lambda sheets: sheets["教基1102续"].update(A2="表号：教基1102"),
            "工作表“教基1102续”的前五行找不到表号“教基1102续”",
        ),
        (
            2022,
            lambda sheets: sheets.update({"教基3112 (2)": sheets["教基3112"]}),
            "工作表“教基3112”、“教基3112 (2)”都是“教基3112”：请只留一张",
        ),
    ],
)
def test_a_workbook_that_cannot_be_trusted_is_put_aside(
    tmp_path: Path, school_year: int, change: Callable[[dict[str, dict[str, Any]]], object], message: str
) -> None:
    with pytest.raises(Unreadable, match=re.escape(message)):
        read_changed(school_row("小学"), school_year, tmp_path, change)


def test_a_master_value_that_the_contract_does_not_know_is_not_taken_silently(tmp_path: Path) -> None:
    """An optional code is left out and said; a required one goes on to the contract, which quarantines the school."""
    row = school_row("小学")
    school = read_changed(row, 2021, tmp_path, lambda sheets: sheets["教基1001"].update(C12="某部队", C11="学堂"))
    assert "organiser" not in school.values and school.values["school_type"] == "学堂"
    assert "工作表“教基1001”单元格 C12（举办者）为“某部队”，不是可用的取值，没有采用" in school.remarks


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("school_name", {"D7": ""}),
        ("school_name", {"D7": "", "E7": "举办者"}),
        ("organiser", {"A15": "举办者", "B15": "10", "D15": "*"}),
        ("organiser", {"A15": "举办者代码", "B15": "", "D15": "*", "F15": 10}),
    ],
)
def test_an_empty_master_cell_does_not_take_its_neighbour(
    tmp_path: Path, column: str, cells: dict[str, object]
) -> None:
    """Neither the code of the line, nor the row number, nor the next label is a value."""
    school = read_changed(school_row("小学"), 2018, tmp_path, lambda sheets: sheets["基础基111"].update(cells))
    assert column not in school.values


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("基础基312", "基础基312"),
        ("基础基312 小学学生数", "基础基312"),
        ("基础基112-1", "基础基112-1"),
        ("基础基4211", "基础基4211"),
        ("教基1001_十二年一贯制学校", "教基1001"),
        ("教基1102", "教基1102"),
        ("教基1102续_小学", "教基1102续"),
        ("教基1102（续表）", "教基1102续"),
        ("封面", None),
        ("Sheet1", None),
    ],
)
def test_a_sheet_is_known_by_the_form_its_name_begins_with(name: str, form: str | None) -> None:
    assert form_of(name) == form


def map_rows() -> list[dict[str, str]]:
    with MAP.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_map(folder: Path, rows: list[dict[str, str]]) -> Path:
    with (folder / MAP.name).open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_a_corrected_map_in_raw_changes_what_is_read(tmp_path: Path) -> None:
    rows = [
        row | {"cells": "D14"} if row["column"] == "books" and row["form"] == "教基5176" else row for row in map_rows()
    ]
    path = write_school(tmp_path / "school.xlsx", school_row("小学"), 2021)
    sheets = {name: rows for name, rows, _ in texts_of(path)}
    sheets["教基5176"][13][3] = "77"
    assert read_school(sheets, 2021, HOUSE_MAP).values["books"] == "21000"
    assert read_school(sheets, 2021, read_cell_map(write_map(tmp_path, rows))).values["books"] == "77"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column": "pupils"}, "第 14 行：不认识的栏目“pupils”"),
        ({"form": "312"}, "第 14 行：“312”不是表号"),
        ({"cells": "H7+7H"}, "第 14 行：“7H”不是可用的单元格，应形如 D11 或 D11+D12：请改正"),
        ({"cells": ""}, "第 14 行：“”不是可用的单元格"),
        ({"cells": "H7+H7"}, "第 14 行：“H7+H7”把同一单元格加了两次"),
        ({"cells": "行:在校生数"}, "第 14 行：“行:在校生数”不是可用的单元格"),
        ({"lines": "小学+女"}, "第 14 行：“小学+女”有 2 个行名，单元格有 1 个"),
        ({"school_types": "211;777"}, "第 14 行：不认识的办学类型代码“777”"),
        ({"from_year": "2020", "to_year": "2018"}, "第 14 行：学年“2020—2018”不对"),
        ({"from_year": "18"}, "第 14 行：学年“18—2020”不对"),
        ({"sureness": "很高"}, "第 14 行：把握“很高”应为 高、中、低 之一"),
        ({"to_year": "2021"}, "第 15 行与第 14 行的学年重叠：“小学在校生数”在同一学年只能有一个位置"),
    ],
)
def test_a_wrong_map_names_the_line(tmp_path: Path, change: dict[str, str], message: str) -> None:
    rows = map_rows()
    assert (rows[12]["column"], rows[12]["form"]) == ("primary_pupils", "基础基312")
    rows[12] |= change
    with pytest.raises(CellMapError, match=re.escape(f"official_forms.csv {message}")):
        read_cell_map(write_map(tmp_path, rows))


def test_a_map_without_a_column_or_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / MAP.name).write_text("column,form\n", encoding="utf-8")
    with pytest.raises(CellMapError, match="缺少列 cells、lines"):
        read_cell_map(tmp_path)
    (tmp_path / MAP.name).write_bytes("栏目".encode("gb18030"))
    with pytest.raises(CellMapError, match="不是 UTF-8 编码的 CSV"):
        read_cell_map(tmp_path)


def test_the_house_map_speaks_of_schools_only_and_says_its_sources() -> None:
    known = {column.name for column in contract().extracts["schools"].columns}
    assert {place.column for place in HOUSE_MAP} <= known
    assert all(place.label_zh and place.source for place in HOUSE_MAP)
