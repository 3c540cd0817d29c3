"""A slip of the decimal point or of the unit at one school, teacher or item is found; what is lawful is left alone."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from helpers import ROOT, junheng, read, schools, write_csv, write_regions
from marked_copies import FINDINGS, marks, said

from dagster_project.extracts import plausible
from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import read_regions
from dagster_project.warehouse import ledger, load, tables

EQUIPMENT = "教学仪器设备资产值"
AMOUNTS = [(name, c.name) for name, extract in contract().extracts.items() for c in extract.columns if c.plausible]
SAMPLED = 8  # one row of so many is changed at a time: a county's median stays where it is


@pytest.fixture(scope="module")
def demo_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw tables of every region and year of the demo."""
    raw, regions = ROOT / "raw", read_regions(ROOT / "raw")
    with tables.connect(tmp_path_factory.mktemp("demo_rows")) as con:
        for change in load.find_changes(con, raw, regions, "key", None):
            load.apply_change(con, raw, change, regions[change.region_id], "key")
        yield con


def test_nothing_in_the_demo_is_implausible(demo_rows: duckdb.DuckDBPyConnection) -> None:
    assert demo_rows.execute("from raw.implausible_cell").fetchall() == []


def found_of_slips(con: duckdb.DuckDBPyConnection, region_id: str, school_year: int, by: float) -> dict[str, float]:
    """Of each extract of a partition, which share of its sampled amounts is found when they are multiplied."""
    rows = plausible.partition_rows(region_id, school_year)
    for name in plausible.EXTRACTS:
        times = ", ".join(f"if(is_changed, {c} * {by}, {c}) as {c}" for extract, c in AMOUNTS if extract == name)
        marked = f"select *, row_number % {SAMPLED} = 0 as is_changed from {rows(name)}"
        con.execute(f"create or replace temp table changed_{name} as select * replace ({times}) from ({marked})")
    con.execute(f"create or replace temp table changed_facts as from {rows('facts')} where false")
    last_year = plausible.partition_rows(region_id, school_year - 1)
    found = plausible.implausible(lambda name: f"(from changed_{name})", last_year, region_id)
    changed = " union all ".join(
        f"select '{extract}' as extract, '{name}' as column_name, source_file, row_number from changed_{extract} where {name} > 0 and is_changed"
        for extract, name in AMOUNTS
    )
    both = f"({changed}) left join (select *, true as is_found from ({found})) using (extract, column_name, source_file, row_number)"
    return dict(con.execute(f"select extract, count(is_found) / count(*) from {both} group by all").fetchall())


@pytest.mark.parametrize("region_id", ["liaocheng", "wenshang"])
@pytest.mark.parametrize(
    ("by", "first_year", "later"),
    [(10_000, 1, 1), (100, 0.9, 1), (10, 0.2, 0.99), (0.0001, 0.95, 1), (0.01, 0.8, 1), (0.1, 0, 0.9)],
)
def test_a_slip_of_one_figure_is_found(
    by: float, first_year: float, later: float, region_id: str, demo_rows: duckdb.DuckDBPyConnection
) -> None:
    """A tenth of one teacher's pay is a month's, and in a first year a tenth is lawful: it is poor, not wrong."""
    for year, least in ((2021, first_year), (2023, later)):
        found = found_of_slips(demo_rows, region_id, year, by)
        assert found.keys() == set(plausible.EXTRACTS)
        assert (found.pop("teachers") >= least) or by == 0.1
        assert min(found.values()) >= least, found


@pytest.fixture
def two_years(raw: Path) -> Callable[..., list[dict[str, Any]]]:
    """Write ten schools a year; the changes are of this year's first school, `last` of last year's. Back: this year's."""

    def write(last: dict[str, Any] | None = None, **changed: object) -> list[dict[str, Any]]:
        years = schools(10), schools(10)
        years[0][0].update(last or {})
        years[1][0].update(changed)
        for year, rows in zip((2022, 2023), years, strict=True):
            write_csv(raw / "demo" / str(year) / "schools.csv", rows)
        write_regions(raw, "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n")
        return years[1]

    return write


def load_both(con: duckdb.DuckDBPyConnection, raw: Path) -> list[str]:
    """Load both years; the reasons of 2023."""
    region = read_regions(raw)["demo"]
    for year in (2022, 2023):
        load.apply_change(con, raw, load.Change("demo", year, "of this test"), region, "key")
    return reasons(con)


def reasons(con: duckdb.DuckDBPyConnection, year: int = 2023) -> list[str]:
    rows = con.execute("select reason from raw.implausible_cell where school_year = ? order by all", [year])
    return [reason for (reason,) in rows.fetchall()]


def test_yuan_in_a_column_of_wan_yuan_names_value_last_year_and_slip(
    two_years: Callable[..., Any], raw: Path, con: duckdb.DuckDBPyConnection
) -> None:
    two_years(**{EQUIPMENT: 1_205_000})
    assert load_both(con, raw) == [
        f"“{EQUIPMENT}”为1205000万元，生均2757.44万元，上年为120.5万元（约10000倍）：请核对是否填成了元数（应填万元）并改正，"
        "确实如此的在事实表报 explained_unit_jump"
    ]
    assert con.execute(
        "select extract, column_name, row_number, school_id, county_code from raw.implausible_cell"
    ).fetchall() == [("schools", "equipment_value_wan_yuan", 2, "3715020001", "371502")]
    assert plausible.lines(con, "demo", 2023, 9)[0].startswith(f"demo/2023/schools.csv 第 2 行：“{EQUIPMENT}”")


@pytest.mark.parametrize(
    ("last", "changed"),
    [
        ({"小学在校生数": 44, "图书册数": 900}, {"图书册数": 9001}),  # the school grew tenfold
        ({"运动场地面积": 90}, {"运动场地面积": 5000}),  # a new ground
        ({"运动场地面积": 500}, {"运动场地面积": 5000}),  # last year's slip is put right
        ({"运动场地面积": 0}, {"运动场地面积": 5000}),
        ({"运动场地面积": 5000}, {"运动场地面积": 0}),
        ({"小学在校生数": 12}, {"小学在校生数": 12}),  # a village school in the building of a large one
        ({"办学类型": "中等职业学校", EQUIPMENT: 3000}, {"办学类型": "中等职业学校", EQUIPMENT: 3000}),
    ],
)
def test_what_is_lawful_is_left_alone(
    last: dict, changed: dict, two_years: Callable[..., Any], raw: Path, con: duckdb.DuckDBPyConnection
) -> None:
    two_years(last, **changed)
    assert load_both(con, raw) == [] == reasons(con, 2022)


def test_without_last_year_the_county_and_what_one_can_have_are_the_measure(
    raw: Path, con: duckdb.DuckDBPyConnection
) -> None:
    rows = [row | {"最小音乐专用教室面积": 96} for row in schools()]
    rows[0][EQUIPMENT], rows[1]["最小音乐专用教室面积"] = 12_050, 960
    write_csv(raw / "demo" / "2023" / "schools.csv", rows)
    read(con, raw)
    told = reasons(con)
    assert len(told) == 2
    assert "为12050万元，生均27.57万元，本县生均的中位数为0." in told[0] and "小数点是否错了两位" in told[0]
    assert "“最小音乐专用教室面积”为960平方米，不会超过600平方米" in told[1]


def test_a_whole_column_in_another_unit_is_found_at_each_school(
    two_years: Callable[..., Any], raw: Path, con: duckdb.DuckDBPyConnection
) -> None:
    for row in (rows := two_years()):
        row[EQUIPMENT] *= 10
    write_csv(raw / "demo" / "2023" / "schools.csv", rows)
    assert len(load_both(con, raw)) == len(rows)


def test_money_is_compared_item_by_item_and_a_teacher_is_a_row(
    two_years: Callable[..., Any], raw: Path, con: duckdb.DuckDBPyConnection
) -> None:
    two_years()
    amounts = {"公用经费": 500_000, "基本建设支出": 30_000}
    for year in (2022, 2023):
        pay: list[dict[str, Any]] = [
            {"教师编号": f"T{i}", "学校标识码": f"37150200{1 + i % 9:02}", "学段": "小学", "年工资收入": 90_000 + i}
            for i in range(20)
        ]
        money = [
            {"单位代码": code, "经费项目": item, "口径": "决算", "金额": amount}
            for code in ("3715020001", "3715020002", "371502")
            for item, amount in amounts.items()
        ]
        if year == 2023:
            pay[3]["年工资收入"], pay[4]["年工资收入"] = 9.6, 900_000
            money[0]["金额"], money[1]["金额"], money[4]["金额"] = 50, 30_000_000, 5_000_000
        write_csv(raw / "demo" / str(year) / "teachers.csv", pay)
        write_csv(raw / "demo" / str(year) / "funding.csv", money)
    found = load_both(con, raw)
    assert len(found) == 4
    for reason, *parts in (
        (found[0], "“年工资收入”为9.6元", "是否填成了万元数（应填元）"),
        (found[1], "“年工资收入”为900000元，本县的中位数为90009.5元（约10倍）：请核对小数点是否错了一位"),
        (found[2], "“金额”为5000000元（公用经费，决算）", "上年为500000元（约10倍）"),
        (found[3], "“金额”为50元（公用经费，决算）", "（约10000分之一）"),
    ):
        assert all(part in reason for part in parts), reason
    keys = [key for (key,) in con.execute("select teacher_id from raw.teachers").fetchall()]
    assert not [row for row in con.execute("from raw.implausible_cell").fetchall() if set(keys) & set(row)]


@pytest.mark.parametrize(
    ("entity_type", "entity_id", "is_explained"),
    [("学校", "3715020001", True), ("县", "371502", True), ("区域", "demo", True), ("学校", "3715020002", False)],
)
def test_a_fact_of_the_school_its_county_or_the_region_explains(
    entity_type: str,
    entity_id: str,
    is_explained: bool,
    two_years: Callable[..., Any],
    raw: Path,
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
) -> None:
    two_years(**{EQUIPMENT: 1205})
    why = {"单位类型": entity_type, "单位代码": entity_id, "事实编号": plausible.FACT, "值": "捐赠"}
    write_csv(raw / "demo" / "2023" / "facts.csv", [why])
    assert (load_both(con, raw) == []) is is_explained
    text = said(raw / "demo" / "2023" / "schools.csv", out=tmp_path / "out")
    assert ("没有问题" in text) is is_explained, text


def test_a_year_is_looked_at_again_when_the_year_before_it_changes(
    two_years: Callable[..., Any], raw: Path, con: duckdb.DuckDBPyConnection
) -> None:
    """As a build from nothing would have it; the year whose figures are told otherwise waits for its gate."""
    two_years({EQUIPMENT: 1.205})
    assert len(load_both(con, raw)) == 0
    two_years({EQUIPMENT: 12.05}, **{EQUIPMENT: 1205})
    assert len(load_both(con, raw)) == 1
    con.execute("delete from raw.pending_partition")
    write_csv(raw / "demo" / "2022" / "schools.csv", [*schools(10)[1:], schools(1)[0] | {EQUIPMENT: 1100}])
    region = read_regions(raw)["demo"]
    load.apply_change(con, raw, load.Change("demo", 2022, "another"), region, "key")
    assert reasons(con) == []
    assert ledger.pending(con) == {("demo", 2022), ("demo", 2023)}


def test_check_marks_the_cell(two_years: Callable[..., Any], raw: Path, tmp_path: Path) -> None:
    two_years(**{EQUIPMENT: 1205})
    path = raw / "demo" / "2023" / "schools.csv"
    text = said(path, out=tmp_path / "out")
    assert f"第 2 行 {EQUIPMENT}：为1205万元" in text and "上年为120.5万元（约10倍）：请核对小数点是否错了一位" in text
    assert "10 行 = 合格 10" in text and "没有问题" not in text
    sheet = openpyxl.load_workbook(tmp_path / "out" / f"schools-{FINDINGS}.xlsx")["schools"]
    assert [sheet[cell].value for cell in marks(sheet)] == [1205]


def test_what_one_school_got_wrong_is_not_published_until_it_is_explained(tmp_path: Path) -> None:
    """1408000 in a column of 万元 stood on the director's page: 22,000,000 元 a pupil, in silence."""
    raw, home = tmp_path / "raw", tmp_path / "home"
    shutil.copytree(ROOT / "raw" / "jinzhou_county_city", raw / "jinzhou_county_city")
    shutil.copy(ROOT / "raw" / "regions.yml", raw)
    path = raw / "jinzhou_county_city" / "2023" / "schools.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[2][EQUIPMENT] = f"{float(rows[2][EQUIPMENT]) * 10_000:.0f}"
    write_csv(path, rows)
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert outcome.returncode == 1 and not (home / "releases" / "current").exists()
    assert "raw.schools 没有通过检查" in outcome.stderr
    assert outcome.stdout.count(f"“{EQUIPMENT}”为{rows[2][EQUIPMENT]}万元") == 2, outcome.stdout  # loading, gate
    checked = junheng("check", path, "--out", tmp_path / "out")
    assert checked.returncode == 1 and f"第 4 行 {EQUIPMENT}" in checked.stdout
    facts = raw / "jinzhou_county_city" / "2023" / "facts.csv"
    with facts.open(encoding="utf-8-sig", newline="") as stream:
        known = list(csv.DictReader(stream))
    why = {"单位类型": "学校", "单位代码": rows[2]["学校标识码"], "事实编号": plausible.FACT, "值": "确有其事"}
    write_csv(facts, [*known, dict.fromkeys(known[0], "") | why])
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
