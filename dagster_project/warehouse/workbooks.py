"""The schools of official workbooks, a row a workbook, and the funding that fill-in forms hold, a row an item."""

from functools import partial
from pathlib import Path

import duckdb

from dagster_project.extracts.cell_map import CellMapError, read_cell_map
from dagster_project.extracts.contract import contract
from dagster_project.extracts.files import sha256, shown_name
from dagster_project.extracts.headers import find_headers
from dagster_project.extracts.items import school_of
from dagster_project.extracts.official import Cell, Problem, School
from dagster_project.extracts.regions import Region
from dagster_project.extracts.rows import UNREAD, typed_rows
from dagster_project.extracts.sheet import BLANKS, DAMAGED, Unreadable, as_table, forget, sheet_of
from dagster_project.extracts.workbook import read_each
from dagster_project.sql import quote
from dagster_project.warehouse.accounts import all_that_is_wrong, in_chinese, list_unread, number_of, refuse

# Where a row of funding of a form stands: its number among all of them, its source and row as candidates hold them.
FUND_CELL = (
    "number INTEGER, source INTEGER, row_number BIGINT, sha256 VARCHAR, name VARCHAR, place VARCHAR, said VARCHAR"
)


def read_forms(
    con: duckdb.DuckDBPyConnection, folder: Path, region: Region, school_year: int, paths: list[Path], key: str
) -> None:
    """Add the schools of official workbooks to the candidates, a row a workbook, and note the cells they come from."""
    import pyarrow as pa

    cells_lost = pa.list_(pa.struct([(name, pa.string()) for name in Problem._fields]))
    schools: list[tuple[Path, School]] = []
    try:
        read = partial(school_of, school_year=school_year, cell_map=read_cell_map(folder), region=region)
        for path, school in read_each(paths, read):
            if isinstance(school, Unreadable):
                refuse(con, folder, path, "schools", str(school))
            else:
                schools.append((path, school))
    except CellMapError as error:
        for path in paths:
            refuse(con, folder, path, "schools", str(error))
    extract = contract().extracts["schools"]
    names = [column.name for column in extract.columns]
    essential = {column.name: column.essential for column in extract.columns}
    con.register(
        "form",
        pa.table(
            {
                "row_number": pa.array(range(2, len(schools) + 2), pa.int64()),
                "source": pa.array([number_of(con, shown_name(folder, path), None) for path, _ in schools], pa.int32()),
                "sha256": pa.array([sha256(folder, path) for path, _ in schools], pa.string()),
                "problem": pa.array(
                    ["；".join(p.reason for p in s.problems if essential[p.column_name]) or None for _, s in schools],
                    pa.string(),
                ),
                "lost": pa.array(
                    [[p._asdict() for p in s.problems if not essential[p.column_name]] for _, s in schools], cells_lost
                ),
                "remarks": pa.array(["；".join(s.remarks) or None for _, s in schools], pa.string()),
            }
        ),
    )
    rows = [[school.values.get(name, "") for name in names] for _, school in schools]
    sheet = sheet_of(con, None, as_table([names, *rows]), BLANKS + DAMAGED)
    headers = find_headers(sheet.top, extract)
    assert headers is not None
    typed = typed_rows(extract, headers, region, sheet, key)
    con.execute(
        f"""insert into candidate_schools by name
        select source, null as row_number, typed.* exclude (row_number, is_skipped, reason, unread), false as is_skipped,
            case when typed.is_skipped then '工作簿里没有可用的数据：请核对' else nullif(concat_ws('；', problem, reason), '') end as reason,
            nullif(list_concat(lost::{UNREAD}, unread), []) as unread
        from ({typed}) as typed join form using (row_number)"""
    )
    forget(con, sheet)
    cells = [(number, *cell) for number, (_, school) in enumerate(schools, start=2) for cell in school.cells]
    columns = zip(*cells, strict=True) if cells else [[]] * 5
    con.register("cell", pa.table(dict(zip(("row_number", *Cell._fields), map(list, columns), strict=True))))
    con.execute(
        f"""insert into incoming_source_cell
        select 'schools', school_id, cell.column_name, {in_chinese(extract)}, null, source_file, masked(cell.sheet),
            regexp_extract(cell.cell, '[0-9]+')::bigint, cell.cell, masked(cell.text)
        from (select * rename ("column" as column_name) from cell) as cell
        join form using (row_number) join source using (source) join candidate_schools using (source)
        where school_id is not null"""
    )
    con.unregister("cell")
    _read_funds(con, folder, region, school_year, schools, key)


def _read_funds(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    region: Region,
    school_year: int,
    schools: list[tuple[Path, School]],
    key: str,
) -> None:
    """Add the funding of the forms to the candidates; fund_cell remembers where each row stands."""
    extract = contract().extracts["funding"]
    names = ("entity_id", "item", "account", "amount_yuan", "fiscal_year")
    rows, places = [list(names)], []
    for path, school in schools:
        source = number_of(con, shown_name(folder, path), school.funds[0].sheet) if school.funds else None
        for fund in school.funds:
            rows.append(
                [school.values.get("school_id", ""), fund.item, fund.account, fund.amount_yuan, str(school_year - 1)]
            )
            places.append((len(rows), source, fund.row, sha256(folder, path), fund.name, fund.cell, fund.text))
    if not places:
        return
    con.executemany("insert into fund_cell values (?, ?, ?, ?, ?, ?, ?)", places)
    sheet = sheet_of(con, None, as_table(rows), BLANKS + DAMAGED)
    headers = find_headers(sheet.top, extract)
    assert headers is not None
    con.execute(
        f"""insert into candidate_funding by name
        select source, fund_cell.row_number, typed.* exclude (row_number)
        from ({typed_rows(extract, headers, region, sheet, key)}) as typed join fund_cell on number = typed.row_number"""
    )
    forget(con, sheet)


def close_funds(con: duckdb.DuckDBPyConnection) -> None:
    """List the cells of the forms' funding that is loaded, quarantine the rows that are wrong, and count them all, a sheet a form."""
    extract = contract().extracts["funding"]
    of_forms = "candidate_funding join fund_cell using (source, row_number) join source using (source)"
    con.execute(
        f"""insert into incoming_source_cell
        select 'funding', entity_id, item || '_' || account || '_yuan', {quote(extract.column("amount_yuan").zh)}, masked(name),
            source_file, sheet, row_number, place, masked(said)
        from {of_forms} where reason is null and not is_skipped"""
    )
    con.execute(
        f"""insert into incoming_quarantine
        select source_file, sheet, row_number, 'funding', {all_that_is_wrong(extract)}, null, masked(entity_id), null, null, waits_for
        from {of_forms} where reason is not null"""
    )
    con.execute(
        f"""insert into incoming_source_file
        select source_file, sheet, 'funding', min(sha256), count(*), count(*) filter (reason is null and not is_skipped),
            count(*) filter (reason is not null), count(*) filter (is_skipped), 'loaded', null, null, null
        from {of_forms} group by source_file, sheet"""
    )


def close_forms(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Quarantine the workbooks that are wrong and count each as one row."""
    con.execute(
        f"""insert into incoming_quarantine
        select source_file, null, null, 'schools', {all_that_is_wrong(contract().extracts["schools"])}, null,
            masked(school_id), masked(school_name), masked(county_code), null
        from candidate_schools semi join form using (source) join source using (source) where reason is not null"""
    )
    list_unread(con, contract().extracts["schools"], "source in (select source from form)")
    con.execute(
        """insert into incoming_source_file
        select s.source_file, null, 'schools', sha256, 1, (reason is null and not is_skipped)::int, (reason is not null)::int,
            is_skipped::int, 'loaded', null, null,
            told(nullif(concat_ws('；', remarks, '与 ' || original.source_file || ' 完全相同，略过'), ''))
        from candidate_schools join form using (source) join source as s using (source)
        left join source as original on same_source = original.source"""
    )
    con.execute(
        """delete from incoming_source_cell where source_file in
        (select source_file from candidate_schools join source using (source) semi join form using (source) where is_skipped)"""
    )
    con.unregister("form")
