"""What the warehouse remembers between refreshes: what waits for a release, what was there before, and what is held back.

A partition's new rows are accepted when they are published. Until then schema previous keeps what it held before, and a run that
does not deal with them puts that back: nothing that a gate refused, or never saw, is read by a later run.
"""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import NamedTuple

import duckdb

from dagster_project.extracts import plausible
from dagster_project.extracts.regions import Partition
from dagster_project.warehouse.tables import ENTRY, TABLES, among

EXPECTED = """
select hash(array_agg(school order by school)) from (
    select (school_id, county_code, school_type, status, predecessor_ids,
        primary_pupils > 0, junior_pupils > 0, senior_pupils > 0)::varchar as school
    from raw.schools where region_id = ? and school_year = ?
)
"""  # what next year's completeness knows of a year


class Blocked(NamedTuple):
    """Why a partition is not as raw/ has it; since_release: whose rows it has, null: none were ever published."""

    reason: str
    since_release: str | None


@contextmanager
def replacing(
    con: duckdb.DuckDBPyConnection, partition: Partition, tables: Collection[str] = tuple(TABLES)
) -> Generator[None]:
    """A transaction that replaces a partition's rows in these tables: what they held is kept, and its marts are noted to be old.

    So are next year's, where the list of schools is another: which schools should be there is read from the year before.
    """
    with _transaction(con):
        expected = _one(con, EXPECTED, partition)
        _keep(con, partition, tables)
        yield
        _note(con, partition, expected)
        con.execute("insert into raw.pending_partition values (?, ?, true)", partition)


def _keep(con: duckdb.DuckDBPyConnection, partition: Partition, tables: Collection[str]) -> None:
    for table in set(tables) - _replaced(con, partition):
        con.execute(f"insert into previous.{table} from raw.{table} where {among([partition])}")
        con.execute("insert into raw.replaced_table values (?, ?, ?)", [*partition, table])
    if partition[0] not in {owner for owner, _ in with_new_rows(con)}:
        for table in ENTRY:
            con.execute(f"insert into previous.{table} from raw.{table} where region_id = ?", [partition[0]])


def _replaced(con: duckdb.DuckDBPyConnection, partition: Partition) -> set[str]:
    """The tables of which schema previous has what they held of a partition."""
    found = con.execute(f"select table_name from raw.replaced_table where {among([partition])}")
    return {table for (table,) in found.fetchall()}


def restore(con: duckdb.DuckDBPyConnection, partitions: Collection[Partition]) -> None:
    """Put back what partitions with new rows held before; their marts are still to be rebuilt."""
    with _transaction(con):
        _restore(con, partitions)


def _restore(con: duckdb.DuckDBPyConnection, partitions: Collection[Partition]) -> None:
    for partition in partitions:
        expected, where = _one(con, EXPECTED, partition), among([partition])
        for table in _replaced(con, partition):
            con.execute(f"delete from raw.{table} where {where}")
            con.execute(f"insert into raw.{table} from previous.{table} where {where}")
            con.execute(f"delete from previous.{table} where {where}")
        con.execute(f"delete from raw.replaced_table where {where}")
        _note(con, partition, expected)
        con.execute(f"update raw.pending_partition set has_new_rows = false where {where}")
    still_new = {region_id for region_id, _ in with_new_rows(con)}
    for region_id in {region_id for region_id, _ in partitions} - still_new:
        for table in ENTRY:
            con.execute(f"delete from raw.{table} where region_id = ?", [region_id])
            con.execute(f"insert into raw.{table} from previous.{table} where region_id = ?", [region_id])
            con.execute(f"delete from previous.{table} where region_id = ?", [region_id])


def hold_back(con: duckdb.DuckDBPyConnection, region_id: str, reason: str, release: str | None) -> None:
    """Put back what a region's partitions held before, and say why; release: the current one, whose rows these are."""
    with _transaction(con):
        partitions = sorted(p for p in with_new_rows(con) if p[0] == region_id)
        _restore(con, partitions)
        for partition in partitions:
            _block(con, partition, reason, release)


def block(con: duckdb.DuckDBPyConnection, partition: Partition, reason: str, release: str | None) -> None:
    """Say why a partition's files cannot be loaded; its rows stay."""
    with _transaction(con):
        _block(con, partition, reason, release)
        con.execute("insert into raw.pending_partition values (?, ?, false)", partition)


def _block(con: duckdb.DuckDBPyConnection, partition: Partition, reason: str, release: str | None) -> None:
    before = blocked(con).get(partition)
    since = before.since_release if before else release if partition in loaded(con) else None
    con.execute(f"delete from raw.blocked_partition where {among([partition])}")
    con.execute("insert into raw.blocked_partition values (?, ?, ?, ?)", [*partition, reason, since])


def accept(con: duckdb.DuckDBPyConnection) -> None:
    """Note that a release holds every partition as it is now."""
    with _transaction(con):
        con.execute("delete from raw.pending_partition; delete from raw.replaced_table")
        for table in (*TABLES, *ENTRY):
            con.execute(f"delete from previous.{table}")


def make_all_pending(con: duckdb.DuckDBPyConnection) -> None:
    """Note that the marts of every partition are to be rebuilt, because the code that builds them changed."""
    con.execute("insert into raw.pending_partition select region_id, school_year, false from raw.loaded_partition")


def loaded(con: duckdb.DuckDBPyConnection) -> set[Partition]:
    """The partitions that are in the warehouse."""
    return _partitions(con, "raw.loaded_partition")


def pending(con: duckdb.DuckDBPyConnection) -> set[Partition]:
    """The partitions whose marts are older than their raw rows, those that were taken out among them."""
    return _partitions(con, "raw.pending_partition")


def with_new_rows(con: duckdb.DuckDBPyConnection) -> set[Partition]:
    """The pending partitions whose rows no release holds yet, those that were taken out among them."""
    return _partitions(con, "raw.pending_partition where has_new_rows")


def to_check(con: duckdb.DuckDBPyConnection) -> list[Partition]:
    """What the gates judge: all years of the regions with a pending one, as other years' rows are held to those of this."""
    return sorted(
        _partitions(
            con,
            "raw.loaded_partition semi join raw.pending_partition using (region_id) semi join raw.region using (region_id)",
        )
    )


def blocked(con: duckdb.DuckDBPyConnection) -> dict[Partition, Blocked]:
    """The partitions that are not as raw/ has them."""
    return {
        (r, y): Blocked(reason, since) for r, y, reason, since in con.execute("from raw.blocked_partition").fetchall()
    }


def _partitions(con: duckdb.DuckDBPyConnection, source: str) -> set[Partition]:
    return set(con.execute(f"select distinct region_id, school_year from {source}").fetchall())


def _note(con: duckdb.DuckDBPyConnection, partition: Partition, expected: object) -> None:
    """Let next year be rebuilt where the list of schools is another than it was, and judged again where its figures no longer fit."""
    region_id, school_year = partition
    next_year = region_id, school_year + 1
    plausible.refill(con, *partition)
    if next_year not in loaded(con):
        return
    is_judged_anew = plausible.refill(con, *next_year)
    if is_judged_anew or _one(con, EXPECTED, partition) != expected:
        con.execute("insert into raw.pending_partition values (?, ?, false)", next_year)


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Generator[None]:
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _one(con: duckdb.DuckDBPyConnection, query: str, parameters: object) -> object:
    row = con.execute(query, parameters).fetchone()
    return row[0] if row else None
