"""Layout options of a county of the demo: carried out by `scenario`, through the same models, they do what they say and no more than is needed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import duckdb
import pytest
from helpers import ROOT

from dagster_project.clerk.scenario import PLANNED, Step, copy, take
from dagster_project.extracts.regions import read_regions
from dagster_project.transform import build
from dagster_project.warehouse import load, tables

RAW = ROOT / "raw"
REGION = "wenshang"  # of one county

# Of its primary schools those with the least sports ground are changed, each in one way, so that every kind of option has a school.
CHANGED = (
    ("update raw.schools set primary_pupils = 2010",),
    (
        "update raw.schools set primary_pupils = 12, sports_ground_area_m2 = 10, indoor_sports_area_m2 = 0",
        "update raw.classes set pupils = 2",
    ),
    ("update raw.classes set pupils = 50",),
    ("update raw.schools set sports_ground_area_m2 = 7.4 * primary_pupils, indoor_sports_area_m2 = 0",),
    ("update raw.schools set teaching_area_m2 = 4.45 * primary_pupils, indoor_sports_area_m2 = 0",),
)


class Option(NamedTuple):
    school_id: str
    stage: str
    lever: str
    reason: str
    allowed_pupils: int | None
    to_school_id: str | None
    moved_pupils: int | None
    unplaced_pupils: int | None


class Case(NamedTuple):
    """A region in which the options of a school, lever and reason are carried out; too_few: with one pupil less."""

    region_id: str
    options: list[Option]
    too_few: bool


def hand_in(con: duckdb.DuckDBPyConnection) -> None:
    load.apply_change(con, RAW, load.Change(REGION, 2023, "of this test"), read_regions(RAW)[REGION], "key")
    schools = con.execute(
        "select school_id from raw.schools where school_type = '211' and primary_pupils > 0"
        " order by sports_ground_area_m2 / primary_pupils, school_id"
    ).fetchall()
    for (school_id,), changes in zip(schools, CHANGED, strict=False):
        for change in changes:
            con.execute(f"{change} where school_id = ?", [school_id])


def steps(options: Iterable[Option], too_few: bool) -> Iterator[Step]:
    for number, option in enumerate(options):
        less = 1 if too_few and number == 0 else 0
        if option.lever == "merge":
            yield Step("", "merge", option.school_id, option.to_school_id or "", "", "")
        elif option.lever == "cap":
            allowed = (option.allowed_pupils or 0) + less
            yield Step("", "cap", option.school_id, "", f"{option.stage}_pupils", str(allowed))
        elif (moved := (option.moved_pupils or 0) - less) > 0:
            yield Step("", "divert", option.school_id, option.to_school_id or "", f"{option.stage}_pupils", str(moved))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Case]]]:
    today, then = tmp_path_factory.mktemp("today"), tmp_path_factory.mktemp("then")
    region = read_regions(RAW)[REGION]
    with tables.connect(today) as con:
        hand_in(con)
        tables.write_regions(con, {REGION: region})
    build.build(today)
    with duckdb.connect(str(today / "warehouse.duckdb"), read_only=True) as con:
        rows = con.execute(
            f"select {', '.join(Option._fields)} from marts.mart_layout_option order by school_id, stage, lever, reason, option_no"
        ).fetchall()
    found = [list(options) for _, options in groupby(map(Option._make, rows), lambda option: option[:4])]
    carried_out = [
        Case(f"case{number}-{too_few}", options, too_few)
        for number, options in enumerate(found)
        for too_few in ((False, True) if options[0].lever != "merge" else (False,))
        if options[0].to_school_id or options[0].lever == "cap"
    ]
    with tables.connect(then) as con:
        hand_in(con)
        for case in carried_out:
            copy(con, REGION)
            for step in steps(case.options, case.too_few):
                take(con, step)
            for table in tables.TABLES:
                con.execute(f"update raw.{table} set region_id = ? where region_id = ?", [case.region_id, PLANNED])
        named = {case.region_id: replace(region, id=case.region_id) for case in carried_out}
        tables.write_regions(con, {REGION: region, **named})
    build.build(then)
    with duckdb.connect(str(then / "warehouse.duckdb"), read_only=True) as con:
        con.execute("use marts")
        yield con, carried_out


def is_met(con: duckdb.DuckDBPyConnection, case: Case) -> bool:
    """Is what the option was for met in its school?"""
    option = case.options[0]
    if option.reason in ("size", "class_size"):
        item = "G4" if option.reason == "size" else "G5"
        query = (
            "select bool_and(is_met) from mart_school_criterion where region_id = ? and school_id = ? and item_id = ?"
        )
        found = con.execute(query, [case.region_id, option.school_id, item]).fetchone()
    else:
        query = "select is_met from fct_school_indicator where region_id = ? and school_id = ? and stage = ? and indicator_id = ?"
        found = con.execute(query, [case.region_id, option.school_id, option.stage, option.reason]).fetchone()
    assert found
    return bool(found[0])


def test_every_kind_of_option_is_carried_out(cases: tuple[duckdb.DuckDBPyConnection, list[Case]]) -> None:
    kinds = {(case.options[0].lever, case.options[0].reason) for case in cases[1]}
    assert kinds == {
        ("divert", "size"),
        ("cap", "size"),
        ("divert", "class_size"),
        ("divert", "teaching_area_per_pupil"),
        ("divert", "sports_area_per_pupil"),
        ("merge", "small_school"),
    }


def test_the_school_meets_what_the_option_is_for_and_not_with_one_pupil_less(
    cases: tuple[duckdb.DuckDBPyConnection, list[Case]],
) -> None:
    con, carried_out = cases
    placed = [case for case in carried_out if case.options[0].lever != "merge" and not case.options[0].unplaced_pupils]
    assert len(placed) > 10
    assert [case for case in placed if is_met(con, case) == case.too_few] == []


def test_a_school_that_takes_pupils_in_meets_what_it_met(cases: tuple[duckdb.DuckDBPyConnection, list[Case]]) -> None:
    con, carried_out = cases
    failing = """
        select stage, indicator_id from fct_school_indicator where region_id = $1 and school_id = $2 and not is_met
        union all
        select criterion_id, item_id from mart_school_criterion
        where region_id = $1 and school_id = $2 and item_id in ('G4', 'G5') and not is_met
    """
    for case in carried_out:
        for option in case.options:
            if option.to_school_id:
                before = con.execute(failing, [REGION, option.to_school_id]).fetchall()
                after = con.execute(failing, [case.region_id, option.to_school_id]).fetchall()
                assert set(after) <= set(before), (case, option)
                assert option.stage not in dict(after), (case, option)


def test_a_merged_school_is_gone_with_its_pupils_in_the_other(
    cases: tuple[duckdb.DuckDBPyConnection, list[Case]],
) -> None:
    con, carried_out = cases
    for case in carried_out:
        if case.options[0].lever == "merge":
            [option] = case.options
            pupils = "select school_id, pupils from fct_school_stage where region_id = ? and school_id in (?, ?) and stage = ?"
            ids = [option.school_id, option.to_school_id, option.stage]
            before = dict(con.execute(pupils, [REGION, *ids]).fetchall())
            after = dict(con.execute(pupils, [case.region_id, *ids]).fetchall())
            assert after == {option.to_school_id: sum(before.values())} and len(before) == 2
