"""What a school is given to correct is what it handed in the year before, and comes back as it was given; nothing about persons is in it."""

from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from helpers import REGION, schools, write_csv

from dagster_project.clerk.prefill import NothingBefore, write_prefilled
from dagster_project.extracts.contract import contract
from dagster_project.warehouse import load

SCHOOL = "3715020001"
TEXT_OF_A_PERSON = "T-王老师-0001"


@pytest.fixture
def last_year(con: duckdb.DuckDBPyConnection, raw: Path) -> Path:
    """demo/2023: six schools, one of them closed, with all that they hand in."""
    rows = schools(6)
    rows = [{**row, "是否寄宿制": "否", "前身学校标识码": "", "学校状态": "正常"} for row in rows]
    rows[0] |= {"是否寄宿制": "是", "教学仪器设备资产值": 98.75, "前身学校标识码": "3715029999", "学校名称": "=第1小学"}
    rows[5]["学校状态"] = "停办"
    folder = raw / "demo" / "2023"
    write_csv(folder / "schools.csv", rows)
    of_class = {"学校标识码": SCHOOL, "学段": "小学", "班号": "01"}
    write_csv(folder / "classes.csv", [{**of_class, "年级": grade, "班级学生数": 40 + grade} for grade in (1, 2)])
    room = {"学校标识码": SCHOOL, "教室类别": "音乐", "教室编号": "101", "使用面积": 98.5}
    write_csv(folder / "rooms.csv", [room])
    funds = {"单位代码": SCHOOL, "经费项目": "公用经费", "口径": "决算", "金额": 470000.5}
    write_csv(
        folder / "funding.csv", [{**funds, "年度": 2023}, {**funds, "年度": 2024, "金额": 1}]
    )  # one is yet to come
    write_csv(folder / "teachers.csv", [{"教师编号": TEXT_OF_A_PERSON, "学校标识码": SCHOOL, "学段": "小学"}])
    fact = {"单位类型": "学校", "单位代码": SCHOOL, "值": "是", "依据": "阳教字1号"}
    ids = ("has_family_education_station", "explained_enrolment_jump")
    write_csv(folder / "facts.csv", [{**fact, "事实编号": fact_id} for fact_id in ids])
    load.apply_change(con, raw, load.Change("demo", 2023, "of this test"), REGION, "key")
    return raw


def stored(con: duckdb.DuckDBPyConnection, extract: str, year: int, left_out: str = "") -> list[tuple[Any, ...]]:
    columns = [c.name for c in contract().extracts[extract].columns if c.name not in left_out.split()]
    return con.execute(
        f"select {', '.join(columns)} from raw.{extract} where school_year = ? order by all", [year]
    ).fetchall()


def test_what_comes_back_uncorrected_is_what_was_handed_in(con: duckdb.DuckDBPyConnection, last_year: Path) -> None:
    out = last_year / "demo" / "2024"
    folders = write_prefilled(out, con, REGION, 2024)
    assert [folder.name for folder in folders] == [f"371502000{i}" for i in range(1, 6)], (
        "the closed one has nothing to correct"
    )
    assert sorted(path.name for path in folders[0].iterdir()) == [
        f"{name}_{SCHOOL}.xlsx" for name in ("classes", "facts", "funding", "rooms", "schools")
    ]
    sheet = openpyxl.load_workbook(folders[0] / f"schools_{SCHOOL}.xlsx")[contract().extracts["schools"].zh]
    assert {"小学", "是"} <= {cell.value for cell in sheet[2]}, "the words of the drop-downs, not the codes"
    account = load.apply_change(con, last_year, load.Change("demo", 2024, "of this test"), REGION, "key")
    assert account.quarantined == 0, con.execute("select reason from raw.quarantine").fetchall()
    assert con.execute("delete from raw.funding where fiscal_year = 2024 and school_year = 2023").fetchone() == (1,)
    for extract, left_out in (("classes", ""), ("funding", "fiscal_year"), ("rooms", "")):
        assert stored(con, extract, 2024, left_out) == stored(con, extract, 2023, left_out) != []
    assert con.execute("select distinct fiscal_year from raw.funding where school_year = 2024").fetchall() == [(2024,)]
    before = [row for row in stored(con, "schools", 2023, "predecessor_ids status") if row[0] != "3715020006"]
    assert stored(con, "schools", 2024, "predecessor_ids status") == before
    assert con.execute("select distinct predecessor_ids from raw.schools where school_year = 2024").fetchall() == [
        (None,)
    ]
    ((fact_id, evidence),) = con.execute("select fact_id, evidence from raw.facts where school_year = 2024").fetchall()
    assert not fact_id.startswith("explained") and evidence is None


def test_nothing_about_persons_and_no_formula_is_written(
    con: duckdb.DuckDBPyConnection, last_year: Path, tmp_path: Path
) -> None:
    hashed = con.execute("select teacher_id from raw.teachers").fetchall()[0][0]
    for path in [*(write_prefilled(tmp_path / "out", con, REGION, 2024)[0]).iterdir()]:
        cells = [cell for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for cell in row]
        texts = {str(cell.value) for cell in cells}
        assert not texts & {hashed, TEXT_OF_A_PERSON, "阳教字1号"}
        assert not [cell for cell in cells if cell.data_type == "f"]


def test_nothing_is_overwritten_and_nothing_before_is_said(
    con: duckdb.DuckDBPyConnection, last_year: Path, tmp_path: Path
) -> None:
    write_prefilled(tmp_path / "out", con, REGION, 2024)
    with pytest.raises(FileExistsError, match="不覆盖"):
        write_prefilled(tmp_path / "out", con, REGION, 2024)
    with pytest.raises(NothingBefore, match="没有 demo 2024 学年的学校"):
        write_prefilled(tmp_path / "other", con, REGION, 2025)
