"""The one warehouse file: its raw tables, and what it remembers from one refresh to the next.

Schema raw, one table an extract by the contract, and
  source_file        one row a file and sheet: hash, rows in = loaded + quarantined + skipped
  source_cell        one row a cell that a figure of a school, township, county or region comes from, with what it says
  quarantine         one row a rejected row (row_number null: the whole file), with reason and original; waits_for: the school or
                     county that the row names and no school row gives, null where the row itself is wrong
  unread_cell        one row a cell that could not be read, of a row that was loaded without it: null where it stands
  implausible_cell   one row a cell whose figure is some power of ten away from what it can be
  region, county     raw/regions.yml as tables
  loaded_partition   fingerprint of what was loaded, so that an unchanged partition is not loaded again; basis: of how it was read
  blocked_partition  why a partition is not as raw/ has it, and since which release its rows are (null: never published)
  deadline           by when a partition's extracts are due, and whether that day was over when they were loaded
  arrival            when a school's rows of an extract were first loaded: arrivals.py keeps it beside the warehouse too
  pending_partition  partitions whose marts are older than their raw rows; has_new_rows: no gate has passed these rows yet
  replaced_table     raw tables of a partition of which schema previous has what they held before
  build              fingerprint of the dbt project that built the marts

Schema previous has the same tables with what was replaced of the partitions with new rows: ledger.py puts it back.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.extracts.causes import causes, place
from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import Partition, Region
from dagster_project.extracts.rows import create_macros
from dagster_project.settings import Damaged
from dagster_project.sql import quote
from dagster_project.warehouse import arrivals

ORIGIN = "source_file VARCHAR, sheet VARCHAR, row_number BIGINT"
TABLES = {
    **{
        name: ", ".join(f"{column.name} {column.duckdb_type}" for column in extract.columns) + f", {ORIGIN}"
        for name, extract in contract().extracts.items()
    },
    "source_file": "source_file VARCHAR, sheet VARCHAR, extract VARCHAR, sha256 VARCHAR, rows_in BIGINT,"
    " rows_loaded BIGINT, rows_quarantined BIGINT, rows_skipped BIGINT, status VARCHAR, reason VARCHAR,"
    " unknown_columns VARCHAR, remarks VARCHAR",
    "quarantine": f"{ORIGIN}, extract VARCHAR, reason VARCHAR, column_names VARCHAR, original VARCHAR,"
    " school_id VARCHAR, school_name VARCHAR, county_code VARCHAR, waits_for VARCHAR",
    "unread_cell": f"{ORIGIN}, extract VARCHAR, column_name VARCHAR, column_zh VARCHAR, school_id VARCHAR, reason VARCHAR, original VARCHAR",
    "implausible_cell": f"{ORIGIN}, extract VARCHAR, column_name VARCHAR, column_zh VARCHAR, school_id VARCHAR, county_code VARCHAR,"
    " reason VARCHAR",
    "source_cell": f"extract VARCHAR, entity_id VARCHAR, column_name VARCHAR, column_zh VARCHAR, header VARCHAR, {ORIGIN},"
    " cell VARCHAR, said VARCHAR",
    "deadline": "deadline DATE, is_over BOOLEAN",
    "loaded_partition": "fingerprint VARCHAR, basis VARCHAR",
    "blocked_partition": "reason VARCHAR, since_release VARCHAR",
}  # each after region_id and school_year
OTHER_TABLES = {
    "pending_partition": "region_id VARCHAR, school_year INTEGER, has_new_rows BOOLEAN",
    "replaced_table": "region_id VARCHAR, school_year INTEGER, table_name VARCHAR",
    "region": "region_id VARCHAR, region_name_zh VARCHAR, is_synthetic BOOLEAN, documents VARCHAR, rules_of INTEGER",
    "county": "region_id VARCHAR, county_code VARCHAR, county_name_zh VARCHAR",
    "arrival": "region_id VARCHAR, school_year INTEGER, school_id VARCHAR, extract VARCHAR, arrived_on DATE",
    "build": "fingerprint VARCHAR",
}

ENTRY = ("region", "county")  # what regions.yml says of a region

PENDING = """
create macro if not exists raw.pending(years_before, years_after) as table
select distinct region_id, unnest(range(school_year - years_before, school_year + years_after + 1))::integer as school_year
from raw.pending_partition
"""  # the years that a rebuild touches where a row looks so many years ahead, or back


@dataclass
class Account:
    """Rows of a partition, a file or a refresh: rows_in = loaded + quarantined + skipped."""

    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    skipped: int = 0
    files: int = 0

    def __str__(self) -> str:
        return f"{self.files} 个文件，{self.rows_in} 行 = 载入 {self.loaded} + 隔离 {self.quarantined} + 略过 {self.skipped}"


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing and make sure that its raw tables are there."""
    home.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(str(home / "warehouse.duckdb"))
    prepare(con)
    tables = {
        name: f"region_id VARCHAR, school_year INTEGER, {columns}" for name, columns in TABLES.items()
    } | OTHER_TABLES
    named = [(schema, name, columns) for schema in ("raw", "previous") for name, columns in tables.items()]
    if _columns(con) != {f"{schema} {name} {column}" for schema, name, cs in named for column in cs.split(", ")}:
        for schema in ("raw", "previous"):  # of another version: raw/ is read anew
            con.execute(f"drop schema if exists {schema} cascade; create schema {schema}")
        for schema, name, columns in named:
            con.execute(f"create table {schema}.{name} ({columns})")
        arrivals.recall(con, home)
    con.execute(PENDING)
    return con


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make a connection ready to read files; of a warehouse or of a database that is thrown away."""
    con.execute("set enable_progress_bar = false")
    con.execute("set disabled_optimizers = 'in_clause'")  # it joins each list of words: 60 schools took 0.3 s, now 0.03
    con.execute("set preserve_insertion_order = false")
    con.execute(create_macros())


def _columns(con: duckdb.DuckDBPyConnection) -> set[str]:
    """What schemas raw and previous hold, as 'schema table column TYPE'."""
    found = con.execute(
        """select concat_ws(' ', schema_name, table_name, column_name, data_type) from duckdb_columns()
        where schema_name in ('raw', 'previous')"""
    )
    return {row[0] for row in found.fetchall()}


def write_regions(
    con: duckdb.DuckDBPyConnection, regions: dict[str, Region], keep: Collection[str] | None = None
) -> None:
    """Make raw.region and raw.county say of these regions what raw/regions.yml says; others leave, unless they are to be kept."""
    con.execute("begin")
    for (region_id,) in con.execute("select region_id from raw.region").fetchall():
        if keep is None or region_id not in keep:
            write_region(con, region_id, None)
    for region in regions.values():
        write_region(con, region.id, region)
    con.execute("commit")


def write_region(con: duckdb.DuckDBPyConnection, region_id: str, region: Region | None) -> None:
    """One region's rows in raw.region and raw.county; None: out with them."""
    for table in ENTRY:
        con.execute(f"delete from raw.{table} where region_id = ?", [region_id])
    if region is None:
        return
    documents = ",".join(region.documents)
    row = [region.id, region.name_zh, region.synthetic, documents, region.rules_of]
    con.execute("insert into raw.region values (?, ?, ?, ?, ?)", row)
    for code, name in region.counties.items():
        con.execute("insert into raw.county values (?, ?, ?)", [region.id, code, name])


def hash_key(home: Path) -> str:
    """The key that teacher ids are hashed with: JUNHENG_HASH_KEY, or one made once and kept in <home>/hash.key."""
    if given := os.environ.get("JUNHENG_HASH_KEY"):
        return hashlib.sha256(given.encode()).hexdigest()
    path = home / "hash.key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    key = path.read_text()
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise Damaged(f"{path} 是空的或已损坏：请从备份恢复；没有备份就删掉它，下次刷新换新的密钥，全部重新载入")
    return key


def account(
    con: duckdb.DuckDBPyConnection, partitions: Iterable[Partition] | None = None, files: str = "raw.source_file"
) -> Account:
    """The account of some partitions, or of all; files: the warehouse's table, or the mart of a release."""
    where = among(partitions)
    row = con.execute(
        f"""select coalesce(sum(rows_in), 0), coalesce(sum(rows_loaded), 0), coalesce(sum(rows_quarantined), 0),
            coalesce(sum(rows_skipped), 0), count(distinct source_file)
        from {files} where {where}"""
    ).fetchone()
    return Account(*map(int, row or ()))


def refused_files(
    con: duckdb.DuckDBPyConnection, partitions: Iterable[Partition] | None = None, files: str = "raw.source_file"
) -> list[str]:
    """Files and sheets that were put aside whole, one Chinese line each."""
    rows = con.execute(
        f"""select source_file, sheet, reason from {files}
        where status = 'quarantined' and {among(partitions)} order by all"""
    ).fetchall()
    return [f"{source}{f' 工作表“{sheet}”' if sheet else ''}：{reason}" for source, sheet, reason in rows]


def among(partitions: Iterable[Partition] | None) -> str:
    """SQL condition that a row belongs to one of the partitions; None: to any."""
    if partitions is None:
        return "true"
    pairs = ", ".join(f"({quote(region_id)}, {year})" for region_id, year in partitions)
    return f"(region_id, school_year) in ({pairs})" if pairs else "false"


def rejects(con: duckdb.DuckDBPyConnection, partition: Partition, limit: int) -> list[str]:
    """What was put aside of a partition, in Chinese: whole files first, then rows, each with how many rows wait for it;
    after them the cells that could not be read. Of either so many as the limit says, and how many more there are.
    """
    here = f"region_id = {quote(partition[0])} and school_year = {partition[1]}"
    found, total = causes(con, f"(select * from raw.quarantine where {here})", limit)
    cells = con.execute(
        f"""select source_file, sheet, row_number, reason, count(*) over () from raw.unread_cell
        where {here} order by source_file, sheet, row_number, column_name limit {limit}"""
    ).fetchall()
    lines = [line for cause in found for line in cause.lines()]
    if total > len(found):
        lines.append(f"…… 还有 {total - len(found)} 处，见 marts.mart_quarantine")
    lines += [f"{place(*cell[:3])}：{cell[3]}；按未知载入" for cell in cells]
    more = cells[0][4] - len(cells) if cells else 0
    return lines + ([f"…… 还有 {more} 个单元格读不出，按未知载入"] if more else [])


def rows_by_table(con: duckdb.DuckDBPyConnection, partitions: Collection[Partition]) -> dict[str, dict[Partition, int]]:
    """How many rows of each partition each raw table holds."""
    where, rows = among(partitions), {}
    for table in (table for table in TABLES if table != "loaded_partition"):
        counted = con.execute(f"select region_id, school_year, count(*) from raw.{table} where {where} group by all")
        found = {(region_id, year): count for region_id, year, count in counted.fetchall()}
        rows[table] = {partition: found.get(partition, 0) for partition in sorted(partitions)}
    return rows


def build_fingerprint(con: duckdb.DuckDBPyConnection) -> str | None:
    """Fingerprint of the dbt project that last built the marts; None before the first build."""
    row = con.execute("select fingerprint from raw.build").fetchone()
    return row[0] if row else None


def note_build(con: duckdb.DuckDBPyConnection, fingerprint: str) -> None:
    con.execute("begin; delete from raw.build")
    con.execute("insert into raw.build values (?)", [fingerprint])
    con.execute("commit")
