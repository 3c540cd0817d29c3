"""One county handed in four ways gives the same marts: flat CSV, a titled workbook, an .xls, the official workbooks."""

from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import xlwt
from helpers import junheng, write_regions
from official_workbooks import write_school

from dagster_project.extracts.cell_map import read_cell_map
from dagster_project.extracts.contract import contract

YEARS = (2020, 2021)  # the last year of one generation of official workbooks, the first of the other
WAYS = ("csv", "xlsx", "xls", "forms")
COLUMNS = {column.name: column for column in contract().extracts["schools"].columns}
TYPE_CODES = {"小学": "211", "初级中学": "311", "九年一贯制学校": "312"}
WHERE_IT_COMES_FROM = {"mart_source_file", "mart_source_cell", "mart_source_roster", "mart_quarantine"}
ACROSS_REGIONS = {
    "mart_similar_school",
    "mart_similar_standing",
}  # a school's like may be itself, handed in another way


def schools(way: str) -> list[dict[str, Any]]:
    """Sixty schools of a county: primary, junior and nine-year ones, no two alike; a county a way, as the gates want."""
    rows = []
    for i in range(60):
        kind = ("小学", "小学", "初级中学", "九年一贯制学校")[i % 4]
        stages = {"小学": ["primary"], "初级中学": ["junior"]}.get(kind, ["primary", "junior"])
        pupils = 300 + (37 * i) % 900
        row: dict[str, Any] = {
            "school_id": f"0715020{i:03}",
            "school_name": f"第{i + 1}学校",
            "county_code": f"37150{1 + WAYS.index(way)}",
            "school_type": kind,
            "organiser": "县级教育部门",
            "urban_rural_code": ("111", "121", "220")[i % 3],
            "teaching_area_m2": 5.5 * pupils * len(stages),
            "indoor_sports_area_m2": 40 * (i % 5),
            "sports_ground_area_m2": 8.25 * pupils * len(stages),
            "equipment_value_wan_yuan": round(0.21 * pupils * len(stages), 2),
            "multimedia_rooms": 4 + pupils // 35,
            "books": 21 * pupils,
        }
        for stage in stages:
            row |= {
                f"{stage}_pupils": pupils,
                f"{stage}_classes": pupils // 40,
                f"{stage}_full_time_teachers": pupils // 14,
                f"{stage}_higher_degree_teachers": pupils // 18 + i % 4,
                f"{stage}_backbone_teachers": 2 + pupils // 100,
                f"{stage}_pe_arts_teachers": 2 + pupils // 120,
                f"{stage}_midlevel_title_teachers": pupils // 30,
            }
        rows.append(row)
    return rows


def on_the_forms(row: dict[str, Any], school_year: int) -> dict[str, Any]:
    """What of a school stands on the official forms of that year."""
    code = TYPE_CODES[row["school_type"]]
    known = {place.column for place in read_cell_map(Path("no such folder")) if place.covers(school_year, code)}
    return {name: value for name, value in row.items() if name in known}


def table(way: str, school_year: int) -> list[list[Any]]:
    """The flat extract: the names of its columns, then a row a school."""
    rows = [on_the_forms(row, school_year) for row in schools(way)]
    names = [name for name in COLUMNS if any(name in row for row in rows)]
    return [names, *([row.get(name, "") for name in names] for row in rows)]


def as_csv(path: Path, rows: list[list[Any]]) -> None:
    """As a system exports it: GB18030, official headers."""
    rows = [[COLUMNS[name].zh for name in rows[0]], *rows[1:]]
    path.write_bytes("\r\n".join(",".join(map(str, row)) for row in rows).encode("gb18030"))


def as_printed(rows: list[list[Any]]) -> list[list[Any]]:
    """As a clerk makes it: title, unit line, stage over the names, a total at the end, a note below."""
    groups, names, units = [], [], []
    for name in rows[0]:
        stage = next((zh for stage, zh in contract().stages.items() if name.startswith(f"{stage}_")), None)
        groups.append(stage or COLUMNS[name].zh)
        names.append(COLUMNS[name].zh.removeprefix(stage) if stage else "")
        units.append("元" if name == "equipment_value_wan_yuan" else "")
    merged = [group if i == 0 or group != groups[i - 1] else "" for i, group in enumerate(groups)]
    money = rows[0].index("equipment_value_wan_yuan")
    data = [[value if i != money else round(value * 10000) for i, value in enumerate(row)] for row in rows[1:]]
    sums: list[Any] = [
        sum(value for value in column if value != "") if isinstance(column[0], int | float) else ""
        for column in zip(*data, strict=True)
    ]
    width = len(groups)
    title = [["2020 学年学校基本情况", *[""] * (width - 1)], [*[""] * (width - 1), "单位：人、平方米、元"]]
    return [*title, merged, names, units, *data, ["合  计", *sums[1:]], ["注：数据截至 9 月 1 日", *[""] * (width - 1)]]


def as_xlsx(path: Path, rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in as_printed(rows):
        page.append([None if value == "" else value for value in row])
    page.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(rows[0]))
    for i, cell in enumerate(as_printed(rows)[2], start=1):
        if cell and not as_printed(rows)[3][i - 1]:
            page.merge_cells(start_row=3, end_row=4, start_column=i, end_column=i)
    book.save(path)


def as_xls(path: Path, rows: list[list[Any]]) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet("学校")
    for r, row in enumerate([rows[0], *rows[1:]]):
        for c, value in enumerate(row):
            page.write(r, c, value)
    book.add_sheet("空表")
    book.save(str(path))


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The release of a raw folder in which four regions hold the same schools, each handed in its own way."""
    raw, home = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("home")
    write_regions(raw, "regions:\n" + "".join(f"  - {{id: {way}, name_zh: 示范区}}\n" for way in WAYS))
    writers = {"csv": as_csv, "xlsx": as_xlsx, "xls": as_xls}
    for year in YEARS:
        for way, write in writers.items():
            (raw / way / str(year)).mkdir(parents=True)
            write(raw / way / str(year) / f"schools.{way}", table(way, year))
        for i, row in enumerate(schools("forms")):
            write_school(
                raw / "forms" / str(year) / "forms" / f"{row['school_id']}.{'xls' if i % 2 else 'xlsx'}", row, year
            )
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return duckdb.connect(str(home / "releases" / "current" / "junheng.duckdb"), read_only=True)


def test_every_school_is_loaded(marts: duckdb.DuckDBPyConnection) -> None:
    assert marts.execute("select * from marts.mart_quarantine").fetchall() == []
    counts = marts.execute(
        "select region_id, school_year, count(*) from marts.dim_school group by all order by all"
    ).fetchall()
    assert counts == [(way, year, 60) for way in sorted(WAYS) for year in YEARS]
    assert marts.execute(
        "select sum(rows_skipped) from marts.mart_source_file where region_id = 'xlsx'"
    ).fetchone() == (4,)


def of_one(mart: str, types: dict[str, str], way: str) -> str:
    """A mart of one way, its region and county named alike wherever they stand."""
    county = f"37150{1 + WAYS.index(way)}"
    columns = [
        f"replace(if({name} = '{way}', '', {name}), '{county}', '') as {name}" if kind == "VARCHAR" else name
        for name, kind in types.items()
    ]
    return f"select {', '.join(columns)} from marts.{mart} where region_id = '{way}'"


@pytest.mark.parametrize("way", WAYS[1:])
def test_the_marts_are_the_same(marts: duckdb.DuckDBPyConnection, way: str) -> None:
    tables = [
        row[0] for row in marts.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    ]
    compared = 0
    for name in set(tables) - WHERE_IT_COMES_FROM - ACROSS_REGIONS:
        types = {row[0]: row[1] for row in marts.execute(f"describe marts.{name}").fetchall()}
        if "region_id" not in types:
            continue
        mine, other = (of_one(name, types, one) for one in (way, "csv"))
        assert marts.execute(f"({mine}) except all ({other})").fetchall() == [], name
        assert marts.execute(f"({other}) except all ({mine})").fetchall() == [], name
        compared += 1
    assert compared >= 8


def test_a_figure_of_an_official_workbook_leads_to_its_cell(marts: duckdb.DuckDBPyConnection) -> None:
    found = marts.execute(
        """select school_year, sheet, cell, said from marts.mart_source_cell
        where region_id = 'forms' and entity_id = '0715020000' and column_name = 'primary_pupils' order by all"""
    ).fetchall()
    assert found == [(2020, "基础基312 小学学生数", "H7", "300"), (2021, "教基3112", "I6", "300")]


def test_a_cell_of_the_application_form_leads_to_the_official_workbook_in_one_command(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    (path,) = marts.execute("select path from duckdb_databases() where not internal").fetchall()[0]
    told = junheng("trace", "371504", "2021", "表Ⅱ-2", "第1行", "L10", "--home", Path(path).parents[2])
    assert "第1学校" in told.stdout, told.stderr
    assert "小学在校生数（计入）：forms/2021/forms/0715020000.xlsx 工作表“教基3112”第 6 行 I6，原文“300”" in told.stdout
    assert "教学及辅助用房面积（计入）" in told.stdout and "室内体育用房面积（减去）" in told.stdout
