"""Every row that comes in is loaded, quarantined or skipped, and counted as one of these."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.extracts.contract import Extract
from dagster_project.extracts.files import sha256, shown_name
from dagster_project.extracts.headers import Headers
from dagster_project.extracts.judge import named_school, repeats
from dagster_project.extracts.regions import Region
from dagster_project.extracts.rows import HIDDEN, is_ragged, wrong_totals
from dagster_project.extracts.sheet import Sheet, forget
from dagster_project.extracts.text import stops_within_a_line
from dagster_project.sql import quote

TOTALS_SHOWN = 5


@dataclass(frozen=True)
class Source:
    """A sheet of a file whose header was understood; path relative to its folder, number as candidates hold it."""

    number: int
    path: str
    sheet: Sheet
    headers: Headers


def all_that_is_wrong(extract: Extract) -> str:
    """SQL of the reason and the column_names of a rejected row, with its cells that could not be read; a row that waits has one reason."""
    cells = "case when waits_for is null then unread end"
    return f"""told(concat_ws('；', reason, nullif(array_to_string(list_transform({cells}, lambda cell: cell.reason), '；'), ''))),
        nullif(concat_ws('、', column_names, nullif(array_to_string(list_transform({cells}, lambda cell: {in_chinese(extract)}), '、'), '')), '')"""


def in_chinese(extract: Extract) -> str:
    """SQL of the Chinese name of the column of `cell`."""
    return f"case cell.column_name {' '.join(f'when {quote(column.name)} then {quote(column.zh)}' for column in extract.columns)} end"


def list_unread(con: duckdb.DuckDBPyConnection, extract: Extract, where: str) -> None:
    """List the cells that could not be read, of the rows that are loaded all the same."""
    con.execute(
        f"""insert into incoming_unread_cell
        select source_file, sheet, row_number, {quote(extract.name)}, cell.column_name, {in_chinese(extract)},
            masked(school), told(cell.reason), masked(cell.original)
        from (
            select source, row_number, {named_school(extract)} as school, unnest(unread) as cell from candidate_{extract.name}
            where {where} and reason is null and not is_skipped
        ) join source using (source)"""
    )


def close_account(
    con: duckdb.DuckDBPyConnection, folder: Path, region: Region, extract: Extract, source: Source
) -> None:
    """Quarantine a sheet's bad rows with their originals, count its rows, and raise where one is unaccounted for.

    An original holds the columns that the contract knows: a name or a telephone number in another one is never kept.
    """
    cells = ", ".join(
        f"{quote(column.zh)}, {quote(HIDDEN) if column.hashed else f'c{source.headers.position[column.name]}'}"
        for column in extract.columns
        if column.name in source.headers.position
    )
    of_candidate = f"from candidate_{extract.name} where source = {source.number} and"
    loaded = one_row(con, f"select count(*) {of_candidate} reason is null and not is_skipped")
    quarantined = one_row(con, f"select count(*) {of_candidate} reason is not null")
    skipped = one_row(con, f"select count(*) {of_candidate} is_skipped")
    if quarantined:
        about_people = any(column.hashed for column in extract.columns)
        whole = f"{not about_people} or not {is_ragged(source.headers, source.sheet)}"
        unit = f"case when not is_ragged then masked({named_school(extract)}) end, null, null"
        if extract.name == "schools":  # what stands where in a ragged row is not known, but a code shows that it is one
            is_code = f"not is_ragged or regexp_full_match(school_id, {quote(region.school_id_pattern)})"
            names = ("school_name", "county_code")
            unit = f"case when {is_code} then masked(school_id) end, "
            unit += ", ".join(f"case when not is_ragged then masked({name}) end" for name in names)
        con.execute(
            f"""insert into incoming_quarantine
            select source_file, sheet, row_number, {quote(extract.name)}, {all_that_is_wrong(extract)},
                case when {whole} then masked(json_object({cells})::varchar) end, {unit}, waits_for
            from candidate_{extract.name} join {source.sheet.table} using (row_number) join source using (source)
            where source = {source.number} and reason is not null"""
        )
    if loaded:
        list_unread(con, extract, f"source = {source.number} and unread is not null")
    rows_in = rows_of(con, source.sheet, source.headers.row)
    if rows_in != loaded + quarantined + skipped:
        raise RuntimeError(f"{source.path}：{rows_in} 行，载入 {loaded}，隔离 {quarantined}，略过 {skipped}，对不上")
    counts = (rows_in, loaded, quarantined, skipped)
    unknown = "、".join(source.headers.unknown) or None
    path = folder / source.path
    remarks = [*_totals(con, extract, source), *repeats(con, extract, source.number)] if skipped else []
    if source.sheet.name is None and stops_within_a_line(path):
        last = one_row(con, f"select max(row_number) from {source.sheet.table}")
        remarks.append(f"最后一行末尾没有换行，文件可能没有传完：请核对第 {last} 行的最后一格")
    record(
        con, folder, path, extract.name, source.sheet.name, counts, "loaded", None, unknown, "；".join(remarks) or None
    )
    forget(con, source.sheet)


def _totals(con: duckdb.DuckDBPyConnection, extract: Extract, source: Source) -> list[str]:
    """Chinese sentences on the total rows that are not the sum of the rows; none where all add up."""
    found = con.execute(wrong_totals(extract, source.headers, source.sheet)).fetchall()
    sentences = [
        f"第 {row} 行合计的“{zh}”为 {stated:.12g}，各行之和为 {summed:.12g}"
        for row, zh, stated, summed in sorted(found)
    ]
    more = [f"还有 {len(found) - TOTALS_SHOWN} 处"] if len(found) > TOTALS_SHOWN else []
    return [*sentences[:TOTALS_SHOWN], *more]


def refuse(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    path: Path,
    extract: str | None,
    reason: str,
    sheet: Sheet | None = None,
    header_row: int = 0,
) -> None:
    """Put a whole file or sheet aside with the reason; rows that can be counted all count as quarantined."""
    rows = rows_of(con, sheet, header_row) if sheet else 0
    name = sheet.name if sheet else None
    record(con, folder, path, extract, name, (rows, 0, rows, 0), "quarantined", reason)
    con.execute(
        "insert into incoming_quarantine values (masked(?), masked(?), null, ?, told(?), null, null, null, null, null, null)",
        [shown_name(folder, path), name, extract, reason],
    )
    if sheet:
        forget(con, sheet)


def record(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    path: Path,
    extract: str | None,
    sheet: str | None,
    counts: tuple[int, int, int, int],
    status: str,
    reason: str | None,
    unknown: str | None = None,
    remarks: str | None = None,
) -> None:
    """One row of source_file."""
    con.execute(
        "insert into incoming_source_file values (masked(?), masked(?), ?, ?, ?, ?, ?, ?, ?, told(?), told(?), told(?))",
        [shown_name(folder, path), sheet, extract, sha256(folder, path), *counts, status, reason, unknown, remarks],
    )


def rows_of(con: duckdb.DuckDBPyConnection, sheet: Sheet, header_row: int) -> int:
    return one_row(con, f"select count(*) from {sheet.table} where row_number > {header_row}")


def one_row(con: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> int:
    row = con.execute(query, parameters).fetchone()
    return row[0] if row else 0


def number_of(con: duckdb.DuckDBPyConnection, path: str, sheet: str | None) -> int:
    """A number for a sheet, under which its rows know where they stand."""
    number = one_row(con, "select count(*) from source")
    con.execute("insert into source values (?, masked(?), masked(?))", [number, path, sheet])
    return number
