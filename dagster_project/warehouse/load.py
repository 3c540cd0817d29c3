"""Load partitions: find those whose files changed, and replace each, whole, in one transaction."""

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project import fingerprint
from dagster_project.extracts import official
from dagster_project.extracts.files import is_within
from dagster_project.extracts.regions import Partition, Region, find_partitions, partition_files
from dagster_project.settings import today
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
    """Hash of all that decides a partition's rows: its files, its region's entry, whether they are overdue, the contract, the reader,
    the key."""
    digest = hashlib.sha256(f"{region}{key}{fingerprint.loading()}{_is_over(region, partition[1]) or ''}".encode())
    for source in (raw / official.MAP.name, *partition_files(raw, *partition)):
        is_ours = is_within(raw, source) and source.is_file()
        digest.update(
            os.fsencode(source.relative_to(raw)) + (fingerprint.sha256_once(source) if is_ours else "").encode()
        )
    return digest.hexdigest()


def _is_over(region: Region | None, school_year: int) -> bool | None:
    """Whether the day by which a year's extracts are due has gone by; null: they are due at no day."""
    due = region.due(school_year) if region else None
    return today() > due if due else None


def apply_change(con: duckdb.DuckDBPyConnection, raw: Path, change: Change, region: Region | None, key: str) -> Account:
    """Replace one partition and its region's entry, whole, in one transaction; on any error nothing of it has changed.

    Raises StillChanging for files that are no longer those that the change was found by.
    """
    files = partition_files(raw, *change.partition) if change.fingerprint is not None else []
    read_files(con, raw, files, region, change.school_year, key)
    if change.look is not None and _look(raw, change.partition) != change.look:
        raise StillChanging("载入的时候文件还在改动：请等文件放稳，再运行 junheng refresh")
    if change.fingerprint is not None:
        con.execute("insert into incoming_loaded_partition values (?)", [change.fingerprint])
    if region and (due := region.due(change.school_year)):
        con.execute("insert into incoming_deadline values (?, ?)", [due, _is_over(region, change.school_year)])
    with ledger.replacing(con, change.partition):
        for table in TABLES:
            con.execute(f"delete from raw.{table} where region_id = ? and school_year = ?", change.partition)
            con.execute(f"insert into raw.{table} select ?, ?, * from incoming_{table}", change.partition)
        arrivals.note(con, change.partition, today())
        write_region(con, change.region_id, region)
    return account(con, [change.partition])
