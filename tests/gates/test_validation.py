"""The gates: a broken table is named with its numbers, what is not handed in is no fault, and nothing personal is told."""

import json
from pathlib import Path

import duckdb
import pytest
from sound_tables import CONTRACT, GOOD, only

from dagster_project.gates import suites


def test_absent_extracts_and_columns_pass(warehouse: Path):
    """A region may hand in nothing but schools and pupils."""
    with duckdb.connect(warehouse) as con:
        for name in CONTRACT["extracts"].keys() - {"schools"}:
            con.execute(f"delete from raw.{name}")
        con.execute("update raw.schools set equipment_value_wan_yuan = null, teaching_area_m2 = null")
        con.execute("update raw.schools set primary_full_time_teachers = null")
        con.execute(
            "update marts.fct_school_indicator set value = null, is_met = null, null_reason = '缺少数据';"
            "update marts.mart_county_balance set difference_coefficient = null, is_met = null, gini = null,"
            " theil = null, mcloone = null, school_count = 0, missing_school_count = 30, reason = '缺少数据';"
            "update marts.mart_school_verdict set is_passed = null, met_count = 0, reasons = '缺少数据';"
            "update marts.mart_county_balance set mean_log_deviation = null, met_school_share = null;"
            "update marts.mart_gap_plan set units_to_threshold = null, units_to_floor = null, is_left_at_floor = false,"
            " pass_units = null, null_reason = '缺少数据';"
            "delete from marts.mart_variance_share; delete from marts.mart_quarantine; delete from marts.mart_achievement_gap"
        )
    for room in ("raw", "marts"):
        assert [failure for each in suites.validate(warehouse, room, GOOD) for failure in each.failures] == []


@pytest.mark.parametrize(
    ("table", "broken", "found"),
    [
        ("schools", "school_id in ('s0', 's3', 's6')", "学年=2023 县=371500 上年学校数=10 本年学校数=7 减少=30.0%"),
        ("schools", "county_code = '371501'", "学年=2023 县=371501 上年学校数=10 本年学校数=0 减少=100.0%"),
        ("teachers", "teacher_id[8:]::int < 360", "学年=2023 上年行数=1200 本年行数=840 减少=30.0%"),
        ("teachers", "teacher_id[8:]::int < 359", None),
        ("classes", "class_no::int < 126", "学年=2023 上年行数=420 本年行数=294 减少=30.0%"),
        ("classes", "class_no::int < 125", None),
        ("funding", "entity_id <= 's16'", "学年=2023 上年行数=120 本年行数=84 减少=30.0%"),
        ("scores", "score < 460", "学年=2023 上年行数=6000 本年行数=4200 减少=30.0%"),
        ("scores", "score < 459", None),
        ("facts", "value::int < 3", "学年=2023 上年行数=20 本年行数=14 减少=30.0%"),
        ("facts", "value::int < 3 and entity_id <> 's1'", None),
        ("funding", "entity_id <= 's16' and (entity_id, item, account) <> ('s1', 'public_funds', 'final')", None),
    ],
)
def test_fewer_rows_than_the_year_before_are_blocked_with_the_numbers(
    table: str, broken: str, found: str | None, warehouse, monkeypatch, tmp_path
):
    """30 % exactly is blocked, one row more passes."""
    only(f"raw.{table}", monkeypatch, tmp_path / "suites")
    with duckdb.connect(warehouse) as con:
        con.execute(f"delete from raw.{table} where school_year = 2023 and {broken}")
    [result] = suites.validate(warehouse, "raw", GOOD)
    assert [failure.partition("：")[2] for failure in result.failures] == ([f"地区=liaocheng {found}"] if found else [])


def test_only_a_fact_of_the_county_or_region_lets_a_jump_pass(warehouse, monkeypatch, tmp_path):
    only("raw.schools", monkeypatch, tmp_path / "suites")
    fact = "explained_fewer_rows"
    passed = []
    with duckdb.connect(warehouse) as con:
        con.execute("delete from raw.schools where school_year = 2023 and county_code = '371501'")
    for explanation in (
        ("liaocheng", 2023, "county", "371501", fact),
        ("liaocheng", 2023, "region", "liaocheng", fact),
        ("liaocheng", 2023, "county", "371502", fact),
        ("liaocheng", 2023, "school", "371501", fact),
        ("liaocheng", 2022, "region", "liaocheng", fact),
        ("haimen", 2023, "region", "liaocheng", fact),
        ("liaocheng", 2023, "region", "liaocheng", "explained_otherwise"),
    ):
        with duckdb.connect(warehouse) as con:
            con.execute(
                "delete from raw.facts; insert into raw.facts values (?, ?, ?, ?, ?, '确有其事', null, null, null, null)",
                explanation,
            )
        passed.append(suites.validate(warehouse, "raw", GOOD)[0].success)
    assert passed == [True, True, False, False, False, False, False]


def test_only_the_given_partitions_are_checked(warehouse: Path):
    with duckdb.connect(warehouse) as con:
        con.execute(
            "insert into raw.schools by name"
            " select * replace ('o''hare' as region_id, 0 as primary_pupils) from raw.schools"
        )
    assert all(result.success for result in suites.validate(warehouse, "raw", GOOD))
    failures = suites.validate(warehouse, "raw", [("o'hare", 2023), *GOOD])[4].failures
    assert failures == ["每个地区学年都有在校生：地区=o'hare 学年=2023 在校生合计=0"]
    assert suites.validate(warehouse, "raw", []) == []


def test_missing_column_fails_with_its_name(warehouse: Path):
    with duckdb.connect(warehouse) as con:
        con.execute("alter table raw.facts drop column value")
    failures = suites.validate(warehouse, "raw", GOOD)[1].failures
    assert len(failures) == 1
    assert "无法检查" in failures[0] and '"value"' in failures[0]


def test_data_docs_are_static_and_show_no_teacher(warehouse: Path, tmp_path: Path):
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.teachers set birth_year = 2010, annual_pay_yuan = 1, school_id = null")
        con.execute("update raw.schools set school_name = '<b>' where school_id = 's1'")
    suites.validate(warehouse, "raw", GOOD, tmp_path / "data_docs")
    page = (tmp_path / "data_docs/raw.html").read_text("utf-8")
    assert "半数以上教师(至少 10 人时)的年龄" in page and "liaocheng 2023" in page
    assert "secret" not in page
    assert "raw.html" in (tmp_path / "data_docs/index.html").read_text("utf-8")
    assert "http" not in page and "<script" not in page


def test_teachers_are_only_counted():
    """A failed column expectation lists values: about persons it may only ask whether they are null."""
    suite = json.loads((suites.SUITES / "raw/teachers.json").read_text("utf-8"))
    kinds = {expectation["type"] for expectation in suite["expectations"]}
    assert kinds <= {"expect_column_values_to_not_be_null", "unexpected_rows_expectation"}
    for expectation in suite["expectations"]:
        assert " group by all " in expectation["kwargs"].get("unexpected_rows_query", " group by all ")
        assert "teacher_id" not in expectation["kwargs"].get("unexpected_rows_query", "")


def test_warehouse_is_free_afterwards(warehouse: Path):
    """GX leaves its engines open, and DuckDB refuses a second configuration in one process."""
    suites.validate(warehouse, "raw", GOOD)
    with duckdb.connect(warehouse) as con:
        con.execute("create table raw.written as select 1")
