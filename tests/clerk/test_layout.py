"""Pupils of a scenario who change school, in the raw tables: nobody is lost, nothing else moves, and what cannot be is refused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from helpers import REGION, Table, read, schools, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.clerk.scenario import OF_SCHOOL, PLANNED, ScenarioError, Step, copy, take
from dagster_project.warehouse import tables

COUNTIES = replace(REGION, counties={"371502": "东昌府区", "371503": "茌平区"})
PUPILS, SCHOOL = "小学在校生数", "3715020001"
ROSTERS = {1: (137, 100, 100), 2: (100, 74), 3: (60, 60, 60, 131)}  # of schools 4 to 7 none is handed in


def load(folder: Path, **extracts: Table) -> duckdb.DuckDBPyConnection:
    """What a region hands in, in its tables and once more in those of the planned region."""
    for name, rows in extracts.items():
        write_csv(folder / "raw" / "demo" / "2023" / f"{name}.csv", rows)
    con = tables.connect(folder / "home")
    read(con, folder / "raw", COUNTIES)
    copy(con, "demo")
    return con


def handed_in() -> list[dict[str, Any]]:
    return [*schools(6), schools(7, "371503")[-1]]


def rosters() -> list[dict[str, Any]]:
    return [
        {"学校标识码": f"37150200{school:02}", "学段": "小学", "年级": 1, "班号": f"{number}", "班级学生数": pupils}
        for school, classes in ROSTERS.items()
        for number, pupils in enumerate(classes, 1)
    ]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with load(tmp_path_factory.mktemp("layout"), schools=handed_in(), classes=rosters()) as con:
        yield con


def after(con: duckdb.DuckDBPyConnection, *steps: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
    """What the planned region holds after some steps, which are then undone."""
    con.execute("begin")
    try:
        for number, (action, school, other, amount) in enumerate(steps, 2):
            take(con, Step(f"第 {number} 行", action, school, other, PUPILS, amount))
        return {
            table: con.execute(f"from raw.{table} where region_id = '{PLANNED}' order by all").fetchall()
            for table in ("schools", *OF_SCHOOL)
        }
    finally:
        con.execute("rollback")


def totals(con: duckdb.DuckDBPyConnection, held: dict[str, list[tuple[Any, ...]]]) -> dict[str, int]:
    place = [column for column, *_ in con.execute("describe raw.schools").fetchall()].index("primary_pupils")
    school = [column for column, *_ in con.execute("describe raw.schools").fetchall()].index("school_id")
    return {row[school]: row[place] for row in held["schools"]}


def classes(con: duckdb.DuckDBPyConnection, held: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[int]]:
    columns = [column for column, *_ in con.execute("describe raw.classes").fetchall()]
    sizes: dict[str, list[int]] = {}
    for row in sorted(held["classes"], key=lambda row: row[columns.index("class_no")]):
        sizes.setdefault(row[columns.index("school_id")], []).append(row[columns.index("pupils")])
    return sizes


def but_pupils(con: duckdb.DuckDBPyConnection, held: dict[str, list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """Of every school all that is no pupil."""
    place = [column for column, *_ in con.execute("describe raw.schools").fetchall()].index("primary_pupils")
    return sorted((row[:place] + row[place + 1 :] for row in held["schools"]), key=str)


def test_diverted_pupils_leave_the_largest_classes_for_the_smallest(loaded: duckdb.DuckDBPyConnection) -> None:
    held = after(loaded, ("divert", SCHOOL, "3715020003", "140"))
    before = totals(loaded, after(loaded))
    assert totals(loaded, held) == before | {SCHOOL: 437 - 140, "3715020003": 511 + 140}
    # 37 of the largest, then of each in turn, the first class first; the same way into the three smallest
    assert classes(loaded, held)[SCHOOL] == [65, 66, 66]
    assert classes(loaded, held)["3715020003"] == [107, 107, 106, 131]
    assert but_pupils(loaded, held) == but_pupils(loaded, after(loaded))


def test_a_cap_sends_on_who_is_above_it_or_lets_him_go(loaded: duckdb.DuckDBPyConnection) -> None:
    before = totals(loaded, after(loaded))
    sent = after(loaded, ("cap", SCHOOL, "3715020004", "400"))
    assert totals(loaded, sent) == before | {SCHOOL: 400, "3715020004": before["3715020004"] + 37}
    gone = after(loaded, ("cap", SCHOOL, "", "400"))
    assert totals(loaded, gone) == before | {SCHOOL: 400}
    assert classes(loaded, gone)[SCHOOL] == [100, 100, 100]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["divert", "cap"]), st.integers(1, 6), st.integers(1, 6), st.integers(1, 399)).filter(
            lambda step: step[1] != step[2]
        ),
        max_size=6,
    )
)
def test_no_pupil_of_a_county_is_lost(
    loaded: duckdb.DuckDBPyConnection, drawn: list[tuple[str, int, int, int]]
) -> None:
    steps, pupils = [], totals(loaded, after(loaded))
    for action, school, other, amount in drawn:
        mine, others = f"37150200{school:02}", f"37150200{other:02}"
        leaving = amount if action == "divert" else max(pupils[mine] - amount, 0)
        if leaving < pupils[mine]:
            steps.append((action, mine, others, str(amount)))
            pupils = pupils | {mine: pupils[mine] - leaving, others: pupils[others] + leaving}
    held = after(loaded, *steps)
    assert totals(loaded, held) == pupils
    assert sum(pupils.values()) == sum(row[PUPILS] for row in handed_in())
    assert but_pupils(loaded, held) == but_pupils(loaded, after(loaded))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 500), st.booleans())
def test_a_cap_that_no_school_exceeds_changes_nothing(
    loaded: duckdb.DuckDBPyConnection, school: int, more: int, named: bool
) -> None:
    row = handed_in()[school - 1]
    other = "3715020006" if named and school != 6 else ""
    assert after(loaded, ("cap", row["学校标识码"], other, str(row[PUPILS] + more))) == after(loaded)


@pytest.mark.parametrize(
    ("action", "school", "other", "column", "amount", "said"),
    [
        ("divert", SCHOOL, "3715020002", PUPILS, "438", "小学在校生数现为 437，分不出这么多"),
        ("divert", SCHOOL, "3715020002", PUPILS, "437", "全部学生都走，请用“并入”"),
        ("divert", SCHOOL, "3715020002", PUPILS, "0", "分流的人数要大于 0"),
        ("divert", SCHOOL, "3715020002", PUPILS, "十", "数量“十”不是整数"),
        (
            "divert",
            SCHOOL,
            "3715020002",
            "小学班级数",
            "1",
            "学校表没有可以分流的栏目“小学班级数”；可用的是 小学在校生数、",
        ),
        ("divert", SCHOOL, "3715020002", "初中在校生数", "1", "没有填报初中在校生数"),
        ("divert", SCHOOL, "3715029999", PUPILS, "10", "学校表里没有学校“3715029999”"),
        ("divert", SCHOOL, "", PUPILS, "10", "分流要写“另一学校标识码”"),
        ("divert", SCHOOL, SCHOOL, PUPILS, "10", "一所学校不能分流到自己"),
        ("divert", SCHOOL, "3715020007", PUPILS, "10", "在另一个县（371503），只能在县内分流"),
        ("cap", SCHOOL, "3715020007", PUPILS, "10", "在另一个县（371503），只能在县内限额"),
        ("cap", SCHOOL, "3715029999", PUPILS, "10", "学校表里没有学校“3715029999”"),
        ("cap", SCHOOL, "", PUPILS, "0", "限额要大于 0"),
        ("cap", SCHOOL, "", "", "400", "学校表没有可以限额的栏目“”"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(
    loaded: duckdb.DuckDBPyConnection, action: str, school: str, other: str, column: str, amount: str, said: str
) -> None:
    with pytest.raises(ScenarioError, match=said) as refused:
        take(loaded, Step("方案.csv 第 3 行", action, school, other, column, amount))
    assert str(refused.value).startswith("方案.csv 第 3 行：")


def test_a_stage_that_the_other_school_has_not_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "初中在校生数": None} for row in schools(3)]
    rows[0] |= {"办学类型": "九年一贯制学校", "初中在校生数": 300}
    with load(tmp_path, schools=rows) as con, pytest.raises(ScenarioError, match="没有初中学生，不能接收初中学生"):
        take(con, Step("第 2 行", "divert", SCHOOL, "3715020002", "初中在校生数", "10"))


def test_a_merger_is_what_it_would_be_had_the_merged_school_been_handed_in(tmp_path: Path) -> None:
    """The same rows in every raw table, hence the same marts: these know nothing else of a school."""
    mine, gone = "3715020002", "3715020003"
    rows = [{**row, "建校年份": str(2000 + i), "小学最大班额": str(50 - i)} for i, row in enumerate(schools(6))]
    of_two = [row for row in rosters() if row["学校标识码"] in (mine, gone)]
    rooms = [{"学校标识码": school, "类别": "音乐", "教室编号": "101", "面积": 96} for school in (mine, gone)]
    teachers = [
        {"教师编号": f"{school}-{i}", "学校标识码": school, "学段": "小学", "学历": "本科"}
        for school in (mine, gone)
        for i in range(4)
    ]
    funds = [{"单位标识码": school, "经费项目": "公用经费", "金额": 500000, "口径": "决算"} for school in (mine, gone)]
    with load(tmp_path / "apart", schools=rows, classes=of_two, teachers=teachers, funding=funds, rooms=rooms) as con:
        take(con, Step("第 2 行", "merge", gone, mine, "", ""))
        planned = told(con, PLANNED)

    both = {name: cell if isinstance(cell, str) else cell + rows[2][name] for name, cell in rows[1].items()}
    renamed = [{**row, "班号": f"{gone}-{row['班号']}"} if row["学校标识码"] == gone else row for row in of_two]
    with load(
        tmp_path / "as_one",
        schools=[rows[0], both, *rows[3:]],
        classes=[{**row, "学校标识码": mine} for row in renamed],
        teachers=[{**row, "学校标识码": mine} for row in teachers],
        funding=[{**funds[0], "金额": 1000000}],
        rooms=[{**rooms[0]}, {**rooms[1], "学校标识码": mine, "教室编号": f"{gone}-101"}],
    ) as con:
        assert planned == told(con, "demo")
    assert all(planned[table] for table in ("schools", "classes", "teachers", "funding", "rooms"))


def told(con: duckdb.DuckDBPyConnection, region: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a region holds, but for the file and row that it stood in; funds of a school and item as their sum, as the models read them."""
    held = {
        table: con.execute(
            f"select * exclude (region_id, source_file, sheet, row_number) from raw.{table} where region_id = ? order by all",
            [region],
        ).fetchall()
        for table in ("schools", "classes", "teachers", "rooms")
    }
    funds = "select entity_id, item, account, sum(amount_yuan) from raw.funding where region_id = ? group by all"
    return held | {"funding": con.execute(funds, [region]).fetchall()}
