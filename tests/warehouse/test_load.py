"""A partition is loaded again: what its unchanged files gave is not read again, and its rows are those of a first load."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from helpers import REGION, Table, schools, write_csv

from dagster_project.warehouse import ledger, load, tables

TEACHERS = [
    {"教师编号": f"T{i}", "学校标识码": f"37150200{i % 6 + 1:02}", "学段": "小学", "学历": "本科", "学科": "语文"}
    for i in range(12)
]
CLASSES = [
    {"学校标识码": f"37150200{i:02}", "学段": "小学", "年级": 1, "班号": 1, "学生数": 40 + i} for i in range(1, 7)
]
UNKNOWN = {**TEACHERS[0], "教师编号": "T99", "学校标识码": "3715020007"}
FIRST: dict[str, Table] = {"schools": schools(), "teachers": TEACHERS, "classes": CLASSES}


def more_pupils() -> Table:
    changed = schools()
    changed[0]["小学在校生数"] += 1
    return changed


def elsewhere() -> Table:
    return [*schools()[:5], {**schools()[5], "学校标识码": "3715020008"}]


CHANGES: dict[str, tuple[dict[str, Table], set[str]]] = {
    "one pupil more": ({"schools": more_pupils()}, {"teachers", "classes"}),
    "one teacher more": ({"teachers": [*TEACHERS, {**TEACHERS[0], "教师编号": "T50"}]}, {"classes"}),
    "a file more of an extract": ({"teachers_2": [{**TEACHERS[0], "教师编号": "T51"}]}, {"classes"}),
    "a teacher of a school that is not there": ({"teachers": [*TEACHERS, UNKNOWN]}, {"classes"}),
    "a school with another code": ({"schools": elsewhere()}, set()),
    "a school twice": ({"schools": [*schools(), {**schools()[0], "小学在校生数": 1}]}, set()),
}


def rows(con: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    """Every raw table of a partition, and what may have been a first load's alone."""
    return {name: con.execute(f"from raw.{name} order by all").fetchall() for name in tables.TABLES}


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., list[str]]:
    """Write extracts of demo/2023, load what changed, and say which extracts were read."""

    def load_again(con: duckdb.DuckDBPyConnection, **extracts: Table) -> list[str]:
        for name, table in extracts.items():
            write_csv(tmp_path / "raw" / "demo" / "2023" / f"{name}.csv", table)
        for change in load.find_changes(con, tmp_path / "raw", {"demo": REGION}, "key", None):
            load.apply_change(con, tmp_path / "raw", change, REGION, "key")
        read = con.execute("select distinct extract from incoming_source_file").fetchall()
        return [name for (name,) in read]

    return load_again


@pytest.mark.parametrize("named", CHANGES)
def test_what_did_not_change_is_not_read_again(tmp_path: Path, take: Callable[..., list[str]], named: str) -> None:
    """And back again: after either the rows are those of a warehouse that never held others; also when a gate refuses them."""
    changed, unread = CHANGES[named]
    with tables.connect(tmp_path / "home") as con, tables.connect(tmp_path / "new") as new:
        take(con, **FIRST)
        ledger.accept(con)
        first = rows(con)
        assert not unread & set(take(con, **changed))
        take(new)
        assert rows(con) == rows(new)
        ledger.restore(con, [("demo", 2023)])
        assert rows(con) == first
        take(con)
        assert rows(con) == rows(new)
        ledger.accept(con)
        for name in changed.keys() - FIRST.keys():
            (tmp_path / "raw" / "demo" / "2023" / f"{name}.csv").unlink()
        take(con, **{name: FIRST[name] for name in changed.keys() & FIRST.keys()})
        assert rows(con) == first
