"""The replay of what dbt compiled: it comes to the rows that dbt comes to, and refuses a project of which it would leave something out."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

import duckdb
import pytest
import yaml
from helpers import ROOT, schools, write_csv, write_regions
from soak_changes import change
from soak_files import Place, reduce

from dagster_project.extracts.regions import read_regions
from dagster_project.transform import build, project, replay
from dagster_project.warehouse import ledger, load, tables

SEED = 11  # a year goes and comes back, a school moves to a county that is not listed, facts, classes, staff and funds change
STEPS, CHANGES_A_STEP = 5, 2
YOUNG = {
    4: (2022, ("371502",)),
    5: (2023, ("371502", "371504")),
}  # a region that lists no counties has one more in a later year


def load_changes(home: Path, raw: Path) -> int:
    """Bring raw tables to what raw/ holds, as a refresh does; how many partitions are pending."""
    regions = read_regions(raw)
    with tables.connect(home) as con:
        tables.write_regions(con, {}, regions)
        for one in load.find_changes(con, raw, regions, "key", None):
            load.apply_change(con, raw, one, regions.get(one.region_id), "key")
        return len(ledger.pending(con))


def hand_in(raw: Path, year: int, counties: Sequence[str]) -> None:
    """Schools of a region whose counties are those that they name."""
    listed = yaml.safe_load((raw / "regions.yml").read_text("utf-8"))
    listed["regions"] = [region for region in listed["regions"] if region["id"] != "demo"]
    listed["regions"].append({"id": "demo", "name_zh": "示范区", "documents": ["LC"]})
    write_regions(raw, yaml.safe_dump(listed, allow_unicode=True))
    rows = [
        row | {"学校标识码": f"{county}00{i:02}"} for county in counties for i, row in enumerate(schools(8, county))
    ]
    write_csv(raw / "demo" / str(year) / "schools.csv", rows)


def build_by_dbt(home: Path) -> None:
    """`dbt build`, as anyone may run it: without --full-refresh."""
    arguments = ["build", "--exclude", "resource_type:unit_test", "--no-write-json", "--target-path", str(home / "dbt")]
    project.invoke(arguments, home, project.parsed())


def rows_that_differ(one: Path, other: Path) -> dict[str, int]:
    """The tables of two warehouses that dbt makes and that are not the same, row for row, with how many rows are not."""
    with duckdb.connect(str(one / "warehouse.duckdb"), read_only=True) as con:
        con.execute(f"attach '{other / 'warehouse.duckdb'}' as other (read_only)")
        listing = (
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where schema_name in ('marts', 'intermediate') and database_name = '{}' order by all"
        )
        found, theirs = (con.execute(listing.format(name)).fetchall() for name in ("warehouse", "other"))
        assert found == theirs and len(found) > 40
        counts = {}
        for (table,) in found:
            sides = f"warehouse.{table}", f"other.{table}"
            both = [f"(from {a} except all from {b})" for a, b in (sides, sides[::-1])]
            [(counts[table],)] = con.execute(f"select count(*) from ({' union all '.join(both)})").fetchall()
    return {table: count for table, count in counts.items() if count}


def test_a_replay_comes_to_what_dbt_comes_to(tmp_path: Path) -> None:
    """After each few changes of raw/ every table is as plain `dbt build` makes it; in the end, as one from nothing does."""
    place, rng = Place(tmp_path / "raw", tmp_path / "shelf", tmp_path / "seeds"), Random(SEED)
    reduce(ROOT / "raw", place.raw)
    place.shelf.mkdir()
    shutil.copytree(ROOT / "dbt" / "seeds", place.seeds)  # a change of them is for the soak
    replayed, built = tmp_path / "replayed", tmp_path / "built"
    built.mkdir()
    load_changes(replayed, place.raw)
    build.build(replayed)
    told: list[str] = []
    for step in range(1, STEPS + 1):
        with tables.connect(replayed) as con:
            ledger.accept(con)
        told += [change(place, rng) for _ in range(CHANGES_A_STEP)]
        if step in YOUNG:
            hand_in(place.raw, *YOUNG[step])
        assert load_changes(replayed, place.raw) > 0, told
        shutil.copy(replayed / "warehouse.duckdb", built)
        replay.rebuild(replayed)
        build_by_dbt(built)
        assert rows_that_differ(replayed, built) == {}, told
    build.build(built)
    assert rows_that_differ(replayed, built) == {}, told


def test_a_refresh_of_a_due_year_reaches_the_years_that_keep_its_result(tmp_path: Path) -> None:
    """However many years lie between: a target due in 2022, told in 2027, and only 2022 is handed in again."""
    raw, home = tmp_path / "raw", tmp_path / "home"

    def hand_in_inspections(year: int, number: int) -> None:
        fact = {"单位类型": "县", "单位代码": "371502", "事实编号": "special_inspections", "值": number, "依据": "报告"}
        write_csv(raw / "demo" / str(year) / "facts.csv", [fact])

    def told() -> tuple:
        with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
            [row] = con.execute(
                "select status, is_met_at_due, sentence from marts.mart_target_progress"
                " left join marts.mart_county_explanation using (region_id, school_year)"
                " where target_id = 'JZ-18' and school_year = 2027 and sentence_no = 12"
            ).fetchall()
        return row

    regions = "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}, documents: [JZ]}\n"
    write_regions(raw, regions)
    for year in (2022, 2027):
        write_csv(raw / "demo" / str(year) / "schools.csv", schools())
        hand_in_inspections(year, 1)
    load_changes(home, raw)
    build.build(home)
    status, is_met_at_due, before = told()
    assert (status, is_met_at_due) == ("met", True)
    with tables.connect(home) as con:
        ledger.accept(con)
    hand_in_inspections(2022, 0)
    assert load_changes(home, raw) == 1
    replay.rebuild(home)
    assert told() == ("met_late", False, before.replace("1项已达到", "1项已达到（1项逾期）"))
    hand_in_inspections(2027, 0)
    load_changes(home, raw)
    replay.rebuild(home)
    status, is_met_at_due, after = told()
    assert (status, is_met_at_due) == ("missed", False) and after != before


def test_a_project_that_asks_for_more_than_a_refresh_does_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, each with the node: a county's refresh would leave it out, where `dbt build` would not."""
    copy = tmp_path / "dbt"
    shutil.copytree(ROOT / "dbt", copy, ignore=shutil.ignore_patterns("target"))
    models = {path.stem: path for path in copy.rglob("*.sql")}
    for name, config in REFUSED_CONFIG.items():
        text = models[name].read_text("utf-8")
        at = text.index("{{ config(") if "{{ config(" in text else 0
        models[name].write_text(f"{text[:at]}{{{{ config({config}) }}}}\n{text[at:]}", "utf-8")
    for name, text in REFUSED_FILES.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, "utf-8")
    with (copy / "dbt_project.yml").open("a", encoding="utf-8") as project_file:
        project_file.write('\non-run-end: ["select 1"]\n')
    monkeypatch.setattr(project, "PROJECT", copy)
    monkeypatch.setattr(project, "TARGET", copy / "target" / "junheng")
    with pytest.raises(project.BuildFailed) as refused:
        project.prepare()
    said = str(refused.value).splitlines()
    assert said[0] == "a refresh does not honour (transform/honoured.py):"
    assert sorted(said[1:]) == sorted(REFUSALS)
    assert not (project.TARGET / "fingerprint").exists()  # so it is not taken for compiled the next time


REFUSED_CONFIG = {
    "mart_unread_cell": "materialized='table'",
    "mart_source_cell": "contract={'enforced': false}",
    "mart_quarantine": "pre_hook='select 1', post_hook='select 2'",
    "mart_source_file": "grants={'select': ['reader']}",
    "int_rosters__short": "incremental_strategy='append'",
    "int_schools__closed": "on_schema_change='append_new_columns'",
    "int_teachers__counted": "unique_key='school_id', full_refresh=false",
    "int_classes__counted": "year_before=1",
    "assert_theil_parts_add_up": "severity='warn'",
    "assert_source_rows_reconcile": "error_if='> 10', warn_if='> 1'",
    "assert_every_indicator_has_a_row": "limit=1, fail_calc='max(1)'",
    "assert_schools_have_known_codes": "store_failures=true",
}
REFUSED_FILES = {
    "models/intermediate/int_forgotten.sql": "select region_id, school_year from {{ ref('stg_schools') }}\n",
    "models/intermediate/int_in_python.py": "def model(dbt, session):\n    dbt.config(materialized='table')\n    return None\n",
    "snapshots/history.sql": "{% snapshot history %}\n"
    "{{ config(unique_key='school_id', strategy='check', check_cols='all', schema='marts') }}\n"
    "select * from {{ ref('stg_schools') }}\n{% endsnapshot %}\n",
}
REFUSALS = [
    "mart_unread_cell: materialized=table",
    "mart_source_cell: contract.enforced=False",
    "mart_quarantine: pre-hook=[{'sql': 'select 1', 'transaction': True, 'index': None}]",
    "mart_quarantine: post-hook=[{'sql': 'select 2', 'transaction': True, 'index': None}]",
    "mart_source_file: grants={'select': ['reader']}",
    "int_rosters__short: incremental_strategy=append",
    "int_schools__closed: on_schema_change=append_new_columns",
    "int_teachers__counted: unique_key=school_id",
    "int_teachers__counted: full_refresh=False",
    "int_classes__counted: year_before=1",
    "int_forgotten: no pending() in its SQL",
    "int_in_python: materialized=table",
    "int_in_python: language=python",
    "history: resource_type=snapshot",
    "junheng-on-run-end-0: resource_type=operation",
    "assert_theil_parts_add_up: severity=warn",
    "assert_source_rows_reconcile: error_if=> 10",
    "assert_source_rows_reconcile: warn_if=> 1",
    "assert_every_indicator_has_a_row: limit=1",
    "assert_every_indicator_has_a_row: fail_calc=max(1)",
    "assert_schools_have_known_codes: store_failures=True",
    "assert_schools_have_known_codes: store_failures_as=table",
]
