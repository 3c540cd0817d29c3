"""Load a partition: read its files, type and judge every row, then replace the partition in one transaction.

Reading fills temporary tables incoming_<table>, exact copies of the partition's rows-to-be; nothing in the
warehouse changes until they are whole. Every row of a sheet is loaded, quarantined with a reason, or skipped.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.extracts.contract import SOURCE, Extract, contract
from dagster_project.extracts.files import Sheet, Unreadable, read_sheets
from dagster_project.extracts.headers import Headers, find_header_row, match_headers, missing_columns
from dagster_project.extracts.rows import quote, typed_rows
from dagster_project.regions import Region, find_partitions
from dagster_project.warehouse import ORIGIN, TABLES, Account, Partition, account

OF_KNOWN_SCHOOLS = ("teachers", "classes", "scores")


@dataclass(frozen=True)
class Change:
    """A partition to load again (fingerprint of its files now) or, with fingerprint None, to take out."""

    region_id: str
    school_year: int
    fingerprint: str | None

    @property
    def partition(self) -> Partition:
        return self.region_id, self.school_year


@dataclass(frozen=True)
class Source:
    """A sheet of a file whose header was understood; path is relative to raw/."""

    path: str
    sheet: Sheet
    header: list[str]
    header_row: int
    headers: Headers


def partition_files(raw: Path, region_id: str, school_year: int) -> list[Path]:
    """Every file of a partition in the order of loading: schools first, since others refer to them."""
    files = (raw / region_id / str(school_year)).rglob("*")
    order = list(contract().extracts)
    return sorted(
        (path for path in files if path.is_file() and not path.name.startswith((".", "~$"))),
        key=lambda path: (order.index(name) if (name := extract_of(path)) else len(order), str(path)),
    )


def extract_of(path: Path) -> str | None:
    """Which extract a file name announces: schools.csv, 学校.xlsx, schools_371502.csv; None where it says none."""
    for name, extract in contract().extracts.items():
        if re.fullmatch(rf"({name}|{extract.zh})([_\-. (（].*)?", path.stem.lower()):
            return name
    return None


def find_changes(
    con: duckdb.DuckDBPyConnection,
    raw: Path,
    regions: dict[str, Region],
    key: str,
    wanted: Iterable[Partition] | None,
) -> list[Change]:
    """Partitions of raw/ that differ from what was loaded, and loaded ones that are gone; only those wanted."""
    loaded = {(row[0], row[1]): row[2] for row in con.execute("from raw.loaded_partition").fetchall()}
    present = find_partitions(raw)
    chosen = {*loaded, *present} if wanted is None else set(wanted)
    now = {p: _fingerprint(raw, p, regions.get(p[0]), key) for p in present if p in chosen}
    gone = [Change(*p, None) for p in loaded if p in chosen and p not in present]
    return [Change(*p, fingerprint) for p, fingerprint in now.items() if loaded.get(p) != fingerprint] + gone


def _fingerprint(raw: Path, partition: Partition, region: Region | None, key: str) -> str:
    """Hash of all that decides a partition's rows: its files, its region's entry, the contract, the reader, the key."""
    digest = hashlib.sha256(f"{region}{key}".encode())
    for source in (*sorted(SOURCE.parent.glob("*.py")), SOURCE, Path(__file__)):
        digest.update(source.read_bytes())
    for path in partition_files(raw, *partition):
        digest.update(f"{path.relative_to(raw)}{_sha256(path)}".encode())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def apply_change(con: duckdb.DuckDBPyConnection, raw: Path, change: Change, region: Region | None, key: str) -> Account:
    """Replace one partition, whole, in one transaction; on any error nothing of it has changed."""
    read_partition(con, raw, change.partition, region, key)
    if change.fingerprint is not None:
        con.execute("insert into incoming_loaded_partition values (?)", [change.fingerprint])
    con.execute("begin")
    try:
        for table in TABLES:
            con.execute(f"delete from raw.{table} where region_id = ? and school_year = ?", change.partition)
            con.execute(f"insert into raw.{table} select ?, ?, * from incoming_{table}", change.partition)
        con.execute("insert into raw.pending_partition values (?, ?, false)", change.partition)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return account(con, [change.partition])


def read_partition(
    con: duckdb.DuckDBPyConnection, raw: Path, partition: Partition, region: Region | None, key: str
) -> None:
    """Fill incoming_<table> from the partition's files. Raises only where a row would be unaccounted for."""
    for table, columns in TABLES.items():
        con.execute(f"create or replace temp table incoming_{table} ({columns})")
    paths: dict[str, list[Path]] = {}
    for path in partition_files(raw, *partition):
        name = extract_of(path)
        if region is None:
            _refuse(con, raw, path, name, f"区域“{partition[0]}”没有登记：请在 regions.yml 中登记")
        elif not path.resolve().is_relative_to(raw.resolve()):
            _refuse(con, raw, path, name, "文件指向 raw 文件夹之外：请把文件本身放进来")
        elif name is None:
            known = "、".join(f"{name}（{extract.zh}）" for name, extract in contract().extracts.items())
            _refuse(con, raw, path, name, f"文件名看不出是哪种报表：请以 {known} 之一开头命名")
        else:
            paths.setdefault(name, []).append(path)
    for name in paths:
        assert region is not None
        _read_extract(con, raw, region, contract().extracts[name], paths[name], key)


def _read_extract(
    con: duckdb.DuckDBPyConnection, raw: Path, region: Region, extract: Extract, paths: list[Path], key: str
) -> None:
    """Read one extract from all its files; its rows are judged together, so that a key is unique over all of them."""
    columns = ", ".join(f"{column.name} {column.duckdb_type}" for column in extract.columns)
    con.execute(f"create or replace temp table candidate ({ORIGIN}, {columns}, is_skipped BOOLEAN, reason VARCHAR)")
    sources: list[Source] = []
    for path in paths:
        try:
            sheets = list(read_sheets(con, path))
        except Unreadable as error:
            _refuse(con, raw, path, extract.name, str(error))
            continue
        sources += [source for sheet in sheets if (source := _understand(con, raw, path, extract, sheet, len(sheets)))]
    for source in sources:
        select = typed_rows(extract, source.headers, region, source.sheet.table, source.header_row, source.header, key)
        con.execute(f"insert into candidate select ?, ?, * from ({select})", [source.path, source.sheet.name])
    _judge(con, extract)
    names = ", ".join(column.name for column in extract.columns)
    con.execute(
        f"""insert into incoming_{extract.name} select {names}, source_file, sheet, row_number
        from candidate where reason is null and not is_skipped"""
    )
    for source in sources:
        _close_account(con, raw, extract, source)
    con.execute("drop table candidate")


def _understand(
    con: duckdb.DuckDBPyConnection, raw: Path, path: Path, extract: Extract, sheet: Sheet, sheets: int
) -> Source | None:
    """Find and map a sheet's header; a sheet without one, or without a required column, is put aside whole."""
    row = find_header_row(sheet.top, extract)
    if row is None:
        if sheets > 1:
            rows = _rows(con, sheet, 0)
            _record(con, raw, path, extract.name, sheet.name, (rows, 0, 0, rows), "skipped", "不是数据表")
        else:
            _refuse(con, raw, path, extract.name, "找不到表头：请检查前十行中是否有列名", sheet, 0)
        return None
    headers = match_headers(sheet.top[row], extract)
    if missing := missing_columns(headers, extract):
        _refuse(con, raw, path, extract.name, "；".join(missing), sheet, row + 1)
        return None
    return Source(str(path.relative_to(raw)), sheet, sheet.top[row], row + 1, headers)


def _judge(con: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Give a reason to rows that only the whole partition shows to be wrong: an unknown school, a key seen before."""
    usable = "reason is null and not is_skipped"
    if extract.name in OF_KNOWN_SCHOOLS:
        con.execute(
            f"""update candidate set reason = '学校标识码“' || school_id || '”不在学校表中：请先补报这所学校，或改正标识码'
            where {usable} and school_id not in (select school_id from incoming_schools)"""
        )
    if extract.name == "funding":
        con.execute(
            f"""update candidate set reason = '单位代码“' || entity_id || '”既不是学校表中的学校，也不是其中的县：请改正'
            where {usable} and entity_id not in (
                select school_id from incoming_schools union all select county_code from incoming_schools)"""
        )
    keys = ", ".join(extract.key)
    if not keys or not _one(con, f"select count(*) - count(distinct ({keys})) from candidate where {usable}"):
        return
    zh = "、".join(extract.column(name).zh for name in extract.key)
    con.execute(
        f"""update candidate set reason = {quote(zh)} || '与 ' || earlier.file || ' 第 ' || earlier.row || ' 行重复：请只留一行'
        from (
            select rowid as this, row_number() over spell as occurrence,
                first(source_file) over spell as file, first(row_number) over spell as row
            from candidate where {usable}
            window spell as (partition by {keys} order by rowid)
        ) as earlier
        where candidate.rowid = earlier.this and earlier.occurrence > 1"""
    )


def _close_account(con: duckdb.DuckDBPyConnection, raw: Path, extract: Extract, source: Source) -> None:
    """Quarantine a sheet's bad rows with their originals, count its rows, and raise where one is unaccounted for."""
    of_sheet = "source_file = $path and sheet is not distinct from $sheet"
    here = {"path": source.path, "sheet": source.sheet.name}
    hidden = {source.headers.position.get(column.name) for column in extract.columns if column.hashed}
    cells = ", ".join(
        f"{quote(title or f'第{i + 1}列')}, {quote('（已隐去）') if i in hidden else f'c{i}'}"
        for i, title in enumerate(source.header)
    )
    con.execute(
        f"""insert into incoming_quarantine
        select source_file, sheet, row_number, {quote(extract.name)}, reason, json_object({cells})
        from candidate join {source.sheet.table} using (row_number) where {of_sheet} and reason is not null""",
        here,
    )
    loaded = _one(con, f"select count(*) from incoming_{extract.name} where {of_sheet}", here)
    quarantined = _one(con, f"select count(*) from incoming_quarantine where {of_sheet}", here)
    skipped = _one(con, f"select count(*) from candidate where is_skipped and {of_sheet}", here)
    rows_in = _rows(con, source.sheet, source.header_row)
    if rows_in != loaded + quarantined + skipped:
        raise RuntimeError(f"{source.path}：{rows_in} 行，载入 {loaded}，隔离 {quarantined}，略过 {skipped}，对不上")
    counts = (rows_in, loaded, quarantined, skipped)
    unknown = "、".join(source.headers.unknown) or None
    _record(con, raw, raw / source.path, extract.name, source.sheet.name, counts, "loaded", None, unknown)
    con.execute(f"drop table {source.sheet.table}")


def _refuse(
    con: duckdb.DuckDBPyConnection,
    raw: Path,
    path: Path,
    extract: str | None,
    reason: str,
    sheet: Sheet | None = None,
    header_row: int = 0,
) -> None:
    """Put a whole file or sheet aside with the reason; rows that can be counted all count as quarantined."""
    rows = _rows(con, sheet, header_row) if sheet else 0
    name = sheet.name if sheet else None
    _record(con, raw, path, extract, name, (rows, 0, rows, 0), "quarantined", reason)
    con.execute(
        "insert into incoming_quarantine values (?, ?, null, ?, ?, null)",
        [str(path.relative_to(raw)), name, extract, reason],
    )
    if sheet:
        con.execute(f"drop table {sheet.table}")


def _record(
    con: duckdb.DuckDBPyConnection,
    raw: Path,
    path: Path,
    extract: str | None,
    sheet: str | None,
    counts: tuple[int, int, int, int],
    status: str,
    reason: str | None,
    unknown: str | None = None,
) -> None:
    """One row of source_file; a file that lies outside raw/ is not opened for its hash."""
    digest = _sha256(path) if path.resolve().is_relative_to(raw.resolve()) else None
    con.execute(
        "insert into incoming_source_file values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [str(path.relative_to(raw)), sheet, extract, digest, *counts, status, reason, unknown],
    )


def _rows(con: duckdb.DuckDBPyConnection, sheet: Sheet, header_row: int) -> int:
    return _one(con, f"select count(*) from {sheet.table} where row_number > {header_row}")


def _one(con: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> int:
    row = con.execute(query, parameters).fetchone()
    return row[0] if row else 0
