"""Load partitions: find those whose files changed, and replace each, whole, in one transaction."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project import incoming
from dagster_project.extracts import official, plausible
from dagster_project.extracts.contract import SOURCE
from dagster_project.extracts.files import is_within
from dagster_project.incoming import read_files, sha256
from dagster_project.regions import Region, find_partitions
from dagster_project.warehouse import TABLES, Account, Partition, account, loaded


@dataclass(frozen=True)
class Change:
    """A partition to load again (fingerprint of its files now) or, with fingerprint None, to take out."""

    region_id: str
    school_year: int
    fingerprint: str | None

    @property
    def partition(self) -> Partition:
        return self.region_id, self.school_year


def partition_files(raw: Path, region_id: str, school_year: int) -> list[Path]:
    """Every file of a partition, links that lead nowhere included; hidden and lock files left out.

    A folder that is a link out of raw/ is not looked into: it stands for its files.
    """
    folder = raw / region_id / str(school_year)
    if not is_within(raw, folder):
        return [folder]
    files = folder.rglob("*")
    return sorted(
        path for path in files if (path.is_file() or path.is_symlink()) and not path.name.startswith((".", "~$"))
    )


def find_changes(
    con: duckdb.DuckDBPyConnection,
    raw: Path,
    regions: dict[str, Region],
    key: str,
    wanted: Iterable[Partition] | None,
) -> list[Change]:
    """Partitions of raw/ that differ from what was loaded, and loaded ones that are gone; only those wanted."""
    known = {(row[0], row[1]): row[2] for row in con.execute("from raw.loaded_partition").fetchall()}
    present = find_partitions(raw)
    chosen = {*known, *present} if wanted is None else set(wanted)
    now = {p: _fingerprint(raw, p, regions.get(p[0]), key) for p in present if p in chosen}
    gone = [Change(*p, None) for p in known if p in chosen and p not in present]
    return [Change(*p, fingerprint) for p, fingerprint in now.items() if known.get(p) != fingerprint] + gone


def _fingerprint(raw: Path, partition: Partition, region: Region | None, key: str) -> str:
    """Hash of all that decides a partition's rows: its files, its region's entry, the contract, the reader, the key."""
    digest = hashlib.sha256(f"{region}{key}".encode())
    readers = sorted(path for path in SOURCE.parent.iterdir() if path.is_file())
    for source in (*readers, Path(incoming.__file__), Path(__file__), raw / official.MAP.name):
        digest.update(source.read_bytes() if source.is_file() else b"")
    for path in partition_files(raw, *partition):
        digest.update(os.fsencode(path.relative_to(raw)) + (sha256(raw, path) or "").encode())
    return digest.hexdigest()


def apply_change(con: duckdb.DuckDBPyConnection, raw: Path, change: Change, region: Region | None, key: str) -> Account:
    """Replace one partition, whole, in one transaction; on any error nothing of it has changed.

    The year after it is looked at again too: what was plausible beside the old rows need not be so beside the new ones.
    """
    read_files(con, raw, partition_files(raw, *change.partition), region, change.school_year, key)
    if change.fingerprint is not None:
        con.execute("insert into incoming_loaded_partition values (?)", [change.fingerprint])
    con.execute("begin")
    try:
        for table in TABLES:
            con.execute(f"delete from raw.{table} where region_id = ? and school_year = ?", change.partition)
            con.execute(f"insert into raw.{table} select ?, ?, * from incoming_{table}", change.partition)
        con.execute("insert into raw.pending_partition values (?, ?, false)", change.partition)
        plausible.refill(con, *change.partition)
        following = change.region_id, change.school_year + 1
        if following in loaded(con) and plausible.refill(con, *following):
            con.execute("insert into raw.pending_partition values (?, ?, false)", following)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return account(con, [change.partition])
