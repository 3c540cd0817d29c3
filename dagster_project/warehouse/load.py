"""Load partitions: find those whose files changed, and replace each, whole, in one transaction."""

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project import fingerprint
from dagster_project.extracts import official
from dagster_project.extracts.files import extract_of, is_form, is_within, shown_name
from dagster_project.extracts.regions import Partition, Region, find_partitions, partition_files
from dagster_project.settings import today
from dagster_project.sql import quote
from dagster_project.warehouse import arrivals, ledger
from dagster_project.warehouse.reading import read_files
from dagster_project.warehouse.tables import TABLES, Account, account, write_region

Look = list[tuple[Path, int, int, int, int]]  # path, inode, size and times of every file


class StillChanging(ValueError):
    """A partition's files changed between the look at them and the end of reading; the message is Chinese."""


@dataclass(frozen=True)
class Change:
    """A partition to load again (fingerprint of its files now), to take out (None), or that cannot be loaded (problem says why).

    look: its files as they were when the fingerprint was taken; null: not compared with what they are when they have been read.
    """

    region_id: str
    school_year: int
    fingerprint: str | None
    problem: str | None = None
    look: Look | None = None

    @property
    def partition(self) -> Partition:
        return self.region_id, self.school_year


def find_changes(
    con: duckdb.DuckDBPyConnection,
    raw: Path,
    regions: dict[str, Region],
    key: str,
    wanted: Collection[Partition] | None,
) -> list[Change]:
    """Partitions of raw/ that differ from what was loaded, loaded ones that are gone, and those that cannot be loaded; only those wanted.

    A partition that was held back is one of them until it is loaded; that it cannot be loaded is told once.
    """
    was_loaded = {(row[0], row[1]): row[2] for row in con.execute("from raw.loaded_partition").fetchall()}
    held, present, changes = ledger.blocked(con), set(find_partitions(raw)), []
    for partition in sorted({*present, *was_loaded, *held}):
        region = regions.get(partition[0])
        if wanted is not None and partition not in wanted:
            continue
        if region and region.problem:
            if partition not in held or held[partition].reason != region.problem:
                changes.append(Change(*partition, was_loaded.get(partition), region.problem))
        elif partition not in present:
            changes.append(Change(*partition, None))
        else:
            look = _look(raw, partition)
            fingerprint = _fingerprint(raw, partition, region, key)
            if partition in held or was_loaded.get(partition) != fingerprint:
                changes.append(Change(*partition, fingerprint, look=look))
    return changes


def _look(raw: Path, partition: Partition) -> Look:
    seen = ((path, path.lstat()) for path in partition_files(raw, *partition))
    return [(path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in seen]


def _fingerprint(raw: Path, partition: Partition, region: Region | None, key: str) -> str:
    """Hash of all that decides a partition's rows: its files, and how they are read."""
    digest = hashlib.sha256(_basis(raw, partition, region, key).encode())
    for source in partition_files(raw, *partition):
        digest.update(os.fsencode(source.relative_to(raw)) + _sha256_once(raw, source).encode())
    return digest.hexdigest()


def _basis(raw: Path, partition: Partition, region: Region | None, key: str) -> str:
    """Hash of all that decides how a partition's files are read: its region's entry, whether they are overdue, the contract, the
    reader, the key."""
    decides = (
        region,
        key,
        fingerprint.loading(),
        _is_over(region, partition[1]),
        _sha256_once(raw, raw / official.MAP.name),
    )
    return hashlib.sha256(repr(decides).encode()).hexdigest()


def _sha256_once(raw: Path, path: Path) -> str:
    """Hash of a file; empty for what is no file, or lies outside raw/."""
    return fingerprint.sha256_once(path) if is_within(raw, path) and path.is_file() else ""


def _is_over(region: Region | None, school_year: int) -> bool | None:
    """Whether the day by which a year's extracts are due has gone by; null: they are due at no day."""
    due = region.due(school_year) if region else None
    return today() > due if due else None


def apply_change(con: duckdb.DuckDBPyConnection, raw: Path, change: Change, region: Region | None, key: str) -> Account:
    """Replace one partition and its region's entry, whole, in one transaction; on any error nothing of it has changed.

    Raises StillChanging for files that are no longer those that the change was found by.
    """
    files = partition_files(raw, *change.partition) if change.fingerprint is not None else []
    basis = _basis(raw, change.partition, region, key)
    kept = _unchanged_extracts(con, raw, change.partition, files, basis)
    read_files(con, raw, [path for path in files if extract_of(path) not in kept], region, change.school_year, key)
    if kept and not _are_schools_the_same(con, change.partition):
        kept = set()
        read_files(con, raw, files, region, change.school_year, key)
    if change.look is not None and _look(raw, change.partition) != change.look:
        raise StillChanging("载入的时候文件还在改动：请等文件放稳，再运行 junheng refresh")
    if change.fingerprint is not None:
        con.execute("insert into incoming_loaded_partition values (?, ?)", [change.fingerprint, basis])
    if region and (due := region.due(change.school_year)):
        con.execute("insert into incoming_deadline values (?, ?)", [due, _is_over(region, change.school_year)])
    replaced, of_kept = TABLES.keys() - kept, f"coalesce(list_contains({sorted(kept)}, extract), false)"
    with ledger.replacing(con, change.partition, replaced):
        for table in replaced:
            stays = of_kept if "extract VARCHAR" in TABLES[table] else "false"
            con.execute(
                f"delete from raw.{table} where region_id = ? and school_year = ? and not {stays}", change.partition
            )
            con.execute(f"insert into raw.{table} select ?, ?, * from incoming_{table}", change.partition)
        arrivals.note(con, change.partition, today())
        write_region(con, change.region_id, region)
    return account(con, [change.partition])


def _unchanged_extracts(
    con: duckdb.DuckDBPyConnection, raw: Path, partition: Partition, files: list[Path], basis: str
) -> set[str]:
    """The extracts that need not be read again: they are in the warehouse, from the same files read the same way, without a row that
    was put aside. Schools and facts always are, as what the others refer to and what names schools; all are where one workbook makes
    rows of several.
    """
    where = f"region_id = {quote(partition[0])} and school_year = {partition[1]}"
    loaded = con.execute(f"select basis from raw.loaded_partition where {where}").fetchone()
    if loaded != (basis,) or any(map(is_form, files)):
        return set()
    was: dict[str, set[tuple[str, str]]] = {}
    for name, path, sha256 in con.execute(
        f"select distinct extract, source_file, sha256 from raw.source_file where {where} and extract not in ("
        f"select extract from raw.quarantine where {where} and extract is not null)"
    ).fetchall():
        was.setdefault(name, set()).add((path, sha256))
    now: dict[str | None, set[tuple[str, str]]] = {}
    for path in files:
        now.setdefault(extract_of(path), set()).add((shown_name(raw, path), _sha256_once(raw, path)))
    return {name for name, found in was.items() if name not in ("schools", "facts") and now.get(name) == found}


def _are_schools_the_same(con: duckdb.DuckDBPyConnection, partition: Partition) -> bool:
    """Whether the schools that were just read are, by id and county, those in the warehouse, and no row of theirs was put aside."""
    schools, where = (
        "list((school_id, county_code) order by school_id)",
        f"(region_id, school_year) = ({quote(partition[0])}, {partition[1]})",
    )
    row = con.execute(
        f"""select (select {schools} from incoming_schools) is not distinct from (select {schools} from raw.schools where {where})
            and not exists (from incoming_quarantine where extract = 'schools')
            and not exists (from raw.quarantine where extract = 'schools' and {where})"""
    ).fetchone()
    return row == (True,)
