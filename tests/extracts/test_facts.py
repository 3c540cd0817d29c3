"""Facts are read by what they are: nothing that dbt would take for "not handed in" is loaded in silence."""

import re
from pathlib import Path

import duckdb
import pytest
from helpers import ROOT, read, reasons, schools, write_csv

from dagster_project.extracts.contract import contract
from dagster_project.extracts.facts import known_facts, seed


def put(raw: Path, *rows: tuple[str, str, str, str]) -> None:
    """Six schools, and facts beside them."""
    write_csv(raw / "demo/2023/schools.csv", [{"乡镇街道": "柳园街道"} | row for row in schools()])
    headers = ("单位类型", "单位代码", "事实编号", "值")
    write_csv(raw / "demo/2023/facts.csv", [dict(zip(headers, row, strict=True)) for row in rows])


def stored(con: duckdb.DuckDBPyConnection) -> list[str | None]:
    return [row[0] for row in con.execute("select value from raw.facts order by row_number").fetchall()]


SAID = {  # fact of a county: what is said, and what is stored of it
    "plan_date": {said: "2022-09-20" for said in ("2022.9.20", "2022-9-20", "2022/09/20", "2022年9月20日", "20220920", "2022-09-20", "２０２２．９．２０", "2022-09-20T00:00:00", "2022 年 9 月 20 日")},
    "pay_in_budget": dict.fromkeys(("√", "✓", "是", "有", "1", "TRUE"), "是") | dict.fromkeys(("×", "否", "无", "0", "false"), "否"),
    "new_heads": {"1,234": "1234", "１２": "12", " 7 ": "7", "1.5": "1.5"},
    "migrants_entering_in_1y": {"-1": "-1", "－1": "-1", "-12": "-12", "0": "0"},
    "public_satisfaction_rate": {"95%": "95%", "９５％": "95%", "0.95": "0.95", "1": "1", "0": "0", "51.5 %": "51.5%"},
    "achievement_level_maths": {"Ⅲ级": "Ⅲ级", "III": "III", "3": "3"},
    "basic_balance_recognised_year": {"2015": "2015", "2015年": "2015"},
    "monitored_year_maths": {"2021": "2021", "2021年": "2021", "0": "0", "未监测": "0"},
    "explained_fewer_rows": {"三所村小并入中心校": "三所村小并入中心校"},
}  # fmt: skip
WRONG = {  # and what is no value of it, with what it should be
    "plan_date": (("2022", "9月", "2022-13-01", "20221301", "-1", "已完成"), "应为日期，如 2022-09-20"),
    "pay_in_budget": (("基本是", "2", "/"), "应为 是 或 否"),
    "new_heads": (("约5", "5人", "inf", "nan", "-1", "无"), "应为数字"),
    "migrants_entering_in_1y": (("-", "净迁出1人"), "应为数字，可为负"),
    "public_satisfaction_rate": (("95", "101%", "-5%", "一半", "nan"), "应为 0 至 1 的数或百分数，如 0.95、95%"),
    "achievement_level_maths": (("5", "良好", "四"), "应为等级 Ⅰ、Ⅱ、Ⅲ、Ⅳ"),
    "basic_balance_recognised_year": (("15", "2015.5", "201"), "应为年份，如 2015"),
    "monitored_year_maths": (("22", "2021.5", "三年前", "1"), "应为年份，如 2022，没有过的填 0"),
}


def unit(fact: str) -> tuple[str, str]:
    """Whose it is."""
    return ("乡镇", "371502柳园街道") if fact.startswith("migrants") else ("县", "371502")


@pytest.mark.parametrize(
    ("fact", "said", "expected"), [(f, s, e) for f, pairs in SAID.items() for s, e in pairs.items()]
)
def test_values_as_people_write_them(
    con: duckdb.DuckDBPyConnection, raw: Path, fact: str, said: str, expected: str
) -> None:
    put(raw, (*unit(fact), fact, said))
    assert (read(con, raw).loaded, reasons(con), stored(con)) == (7, [], [expected])


@pytest.mark.parametrize("fact", WRONG)
def test_a_value_of_another_type_is_unknown_and_listed(con: duckdb.DuckDBPyConnection, raw: Path, fact: str) -> None:
    values, expected = WRONG[fact]
    for said in values:
        put(raw, (*unit(fact), fact, said))
        assert (read(con, raw).loaded, stored(con)) == (7, [None]), said
        cells = con.execute(
            "select row_number, column_name, column_zh, school_id, reason, original from raw.unread_cell"
        )
        assert cells.fetchall() == [(2, "value", "值", None, f"“值”为“{said}”，{expected}：请改正", said)]


def test_every_type_of_value_is_tried() -> None:
    types = {fact.value_type for fact in known_facts()}
    tried = {fact.value_type for fact in known_facts() if fact.fact_id in SAID}
    assert types == tried == contract().answer_zh.keys() | {"text"}


def test_a_school_is_named_with_its_unread_fact(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    put(raw, ("学校", "3715020001", "has_recording_room", "大概有"))
    read(con, raw)
    assert con.execute("select school_id from raw.unread_cell").fetchall() == [("3715020001",)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("学校", "3715020001", "has_recoding_room", "是"), "“事实编号”为“has_recoding_room”，没有这项事实，最接近的是“has_recording_room”（有录播室）：请改正"),
        (("学校", "3715020001", "有无录播室", "是"), "“事实编号”为“有无录播室”，没有这项事实，最接近的是“has_recording_room”（有录播室）：请改正"),
        (("县", "371502", "labour_sites", "3"), "“单位类型”为“县”，“劳动实践场所数”按学校报：请改正"),
        (("乡镇", "371502柳园街道", "has_recording_room", "是"), "“单位类型”为“乡镇”，“有录播室”按学校或县报：请改正"),
        (("县", "东昌府区", "new_heads", "3"), "“单位代码”为“东昌府区”，应填代码 371502：请改正"),
        (("县", "371599", "new_heads", "3"), "“单位代码”为“371599”，不是示范区的县：请改正"),
        (("区域", "示范区", "pilot_evaluations", "3"), "“单位代码”为“示范区”，应填 demo：请改正"),
        (("乡镇", "柳园街道", "township_legal_entities", "3"), "“单位代码”为“柳园街道”，学校表里没有这个乡镇（应填县代码加乡镇名，如 371502柳园街道）：请改正"),
        (("县", "371502", "explained_fewer_rows", "/"), "“值”未填：请补填"),
        (("县", "371502", "new_heads", ""), "“值”未填：请补填"),
    ],
)  # fmt: skip
def test_a_fact_that_nobody_would_read_is_rejected(
    con: duckdb.DuckDBPyConnection, raw: Path, row: tuple[str, str, str, str], message: str
) -> None:
    put(raw, row)
    assert (read(con, raw).quarantined, reasons(con)) == (1, [f"demo/2023/facts.csv 第 2 行：{message}"])


@pytest.mark.parametrize(
    "row",
    [
        ("学校", "3715020001", "有录播室", "是"),
        ("学校", "3715020001", "HAS_RECORDING_ROOM", "是"),
        ("县", "371502", "has_recording_room", "是"),
    ],
)
def test_a_fact_may_be_named_in_chinese_and_handed_in_by_the_county(
    con: duckdb.DuckDBPyConnection, raw: Path, row: tuple[str, str, str, str]
) -> None:
    put(raw, row)
    read(con, raw)
    assert con.execute("select fact_id, value from raw.facts").fetchall() == [("has_recording_room", "是")]


@pytest.mark.parametrize(
    "row", [("区域", "demo", "pilot_evaluations", "3"), ("乡镇", "371502柳园街道", "township_legal_entities", "3")]
)
def test_units_that_are_there_are_taken(
    con: duckdb.DuckDBPyConnection, raw: Path, row: tuple[str, str, str, str]
) -> None:
    put(raw, row)
    assert read(con, raw).loaded == 7, reasons(con)


def test_one_fact_under_two_names_is_one_fact(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    put(raw, ("县", "371502", "new_heads", "3"), ("县", "371502", "本年新任职校长数", "4"))
    assert read(con, raw).quarantined == 2
    assert "单位类型、单位代码、事实编号相同的有两行：第 2 行、第 3 行：是同一项事实就只留对的一行" in reasons(con)[0]


def test_a_fact_waits_for_its_school_but_not_where_the_school_left(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    put(raw, ("学校", "3715020099", "labour_sites", "1"), ("学校", "3715020098", "closed_school", "是"))
    assert read(con, raw).loaded == 7
    assert reasons(con) == ["学校表里没有 3715020099：连带 1 行（事实 1）：请先补报学校，或改正标识码"]
    assert con.execute("select entity_id, fact_id, value from raw.facts").fetchall() == [
        ("3715020098", "closed_school", "是")
    ]


def test_every_fact_that_dbt_or_a_gate_reads_is_known() -> None:
    known = {fact.fact_id for fact in known_facts()}
    texts = [
        path.read_text("utf-8")
        for folder in ("dbt/models", "expectations")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".sql", ".json")
    ]
    read_by_name = {
        name
        for text in texts
        for clause in re.findall(r"(?:fact_id|facts.input_id) (?:=|in) [(]?((?:'[a-z_0-9]+'(?:, )?)+)", text)
        for name in re.findall("'(.+?)'", clause)
    }
    assert "explained_fewer_rows" in read_by_name and "borrowed_sports_area_m2" in read_by_name
    assert all(any(fact.startswith(name) for fact in known) for name in read_by_name if name.endswith("_"))
    assert {name for name in read_by_name if not name.endswith("_")} <= known
    said_of = {fact.fact_id: fact.entity_types for fact in known_facts()}
    assert all(said_of[f"explained_{row['check_id']}"] == (row["unit_level"],) for row in seed("data_checks"))
    assert set(contract().left_schools) <= known
