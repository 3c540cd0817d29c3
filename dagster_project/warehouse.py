"""The one warehouse file: its raw tables, and what it remembers from one refresh to the next.

Schema raw, one table an extract by the contract, and
  source_file        one row a file and sheet: hash, rows in = loaded + quarantined + skipped
  quarantine         one row a rejected row (row_number null: the whole file), with reason and original
  region, county     raw/regions.yml as tables
  loaded_partition   fingerprint of what was loaded, so that an unchanged partition is not loaded again
  pending_partition  partitions whose marts must be rebuilt before the next release
  build              fingerprint of the dbt project that built the marts
"""

import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.extracts.contract import contract
from dagster_project.extracts.rows import create_macros, quote
from dagster_project.regions import Region

Partition = tuple[str, int]

ORIGIN = "source_file VARCHAR, sheet VARCHAR, row_number BIGINT"
TABLES = {
    **{
        name: ", ".join(f"{column.name} {column.duckdb_type}" for column in extract.columns) + f", {ORIGIN}"
        for name, extract in contract().extracts.items()
    },
    "source_file": "source_file VARCHAR, sheet VARCHAR, extract VARCHAR, sha256 VARCHAR, rows_in BIGINT,"
    " rows_loaded BIGINT, rows_quarantined BIGINT, rows_skipped BIGINT, status VARCHAR, reason VARCHAR,"
    " unknown_columns VARCHAR",
    "quarantine": f"{ORIGIN}, extract VARCHAR, reason VARCHAR, original VARCHAR",
    "loaded_partition": "fingerprint VARCHAR",
}  # each after region_id and school_year
OTHER_TABLES = {
    "pending_partition": "region_id VARCHAR, school_year INTEGER",
    "region": "region_id VARCHAR, region_name_zh VARCHAR, is_synthetic BOOLEAN, documents VARCHAR",
    "county": "region_id VARCHAR, county_code VARCHAR, county_name_zh VARCHAR",
    "build": "fingerprint VARCHAR",
}


@dataclass
class Account:
    """Rows of a partition, a file or a refresh: rows_in = loaded + quarantined + skipped."""

    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    skipped: int = 0
    files: int = 0
    unreadable_files: int = 0


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing and make sure that its raw tables are there."""
    home.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(str(home / "warehouse.duckdb"))
    con.execute(f"create schema if not exists raw; {create_macros()}")
    for name, columns in TABLES.items():
        con.execute(f"create table if not exists raw.{name} (region_id VARCHAR, school_year INTEGER, {columns})")
    for name, columns in OTHER_TABLES.items():
        con.execute(f"create table if not exists raw.{name} ({columns})")
    return con


def write_regions(con: duckdb.DuckDBPyConnection, regions: dict[str, Region]) -> None:
    """Make raw.region and raw.county say what raw/regions.yml says."""
    con.execute("begin; delete from raw.region; delete from raw.county")
    for region in regions.values():
        documents = ",".join(region.documents)
        con.execute(
            "insert into raw.region values (?, ?, ?, ?)", [region.id, region.name_zh, region.synthetic, documents]
        )
        for code, name in region.counties.items():
            con.execute("insert into raw.county values (?, ?, ?)", [region.id, code, name])
    con.execute("commit")


def hash_key(home: Path) -> str:
    """The key that teacher ids are hashed with: JUNHENG_HASH_KEY, or one made once and kept in <home>/hash.key."""
    if given := os.environ.get("JUNHENG_HASH_KEY"):
        return hashlib.sha256(given.encode()).hexdigest()
    path = home / "hash.key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def account(con: duckdb.DuckDBPyConnection, partitions: Iterable[Partition] | None = None) -> Account:
    """The account of some partitions, or of all that is loaded."""
    where = "true"
    if partitions is not None:
        pairs = ", ".join(f"({quote(region_id)}, {year})" for region_id, year in partitions)
        where = f"(region_id, school_year) in ({pairs})" if pairs else "false"
    row = con.execute(
        f"""select coalesce(sum(rows_in), 0), coalesce(sum(rows_loaded), 0), coalesce(sum(rows_quarantined), 0),
            coalesce(sum(rows_skipped), 0), count(distinct source_file),
            count(distinct source_file) filter (status = 'quarantined')
        from raw.source_file where {where}"""
    ).fetchone()
    return Account(*map(int, row or ()))


def rejects(con: duckdb.DuckDBPyConnection, partition: Partition, limit: int) -> list[str]:
    """What was put aside of a partition, one Chinese line each, whole files first."""
    rows = con.execute(
        """select source_file, sheet, row_number, reason from raw.quarantine
        where region_id = ? and school_year = ? order by row_number is not null, source_file, sheet, row_number limit ?""",
        [*partition, limit],
    ).fetchall()
    return [
        f"{source}{f' 工作表“{sheet}”' if sheet else ''}{f' 第 {number} 行' if number else ''}：{reason}"
        for source, sheet, number, reason in rows
    ]


def pending(con: duckdb.DuckDBPyConnection) -> list[Partition]:
    """Partitions whose marts are older than their raw rows."""
    return con.execute("select distinct region_id, school_year from raw.pending_partition order by all").fetchall()


def clear_pending(con: duckdb.DuckDBPyConnection) -> None:
    """Note that a release holds everything that was loaded."""
    con.execute("delete from raw.pending_partition")


def build_fingerprint(con: duckdb.DuckDBPyConnection) -> str | None:
    """Fingerprint of the dbt project that last built the marts; None before the first build."""
    row = con.execute("select fingerprint from raw.build").fetchone()
    return row[0] if row else None


def note_build(con: duckdb.DuckDBPyConnection, fingerprint: str) -> None:
    con.execute("begin; delete from raw.build")
    con.execute("insert into raw.build values (?)", [fingerprint])
    con.execute("commit")
