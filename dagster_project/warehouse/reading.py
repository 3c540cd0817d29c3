"""Read the files of a partition into temporary tables incoming_<table>, exact copies of its rows-to-be in schema raw.

Nothing in the warehouse changes here. Every row of a sheet is loaded, quarantined with a reason, or skipped.
"""

from pathlib import Path

import duckdb

from dagster_project.extracts.answers import read_answers
from dagster_project.extracts.contract import Extract, contract
from dagster_project.extracts.files import extract_of, in_order, is_form, is_within, read_sheets, shown_name
from dagster_project.extracts.headers import Headers, find_headers, missing_columns
from dagster_project.extracts.items import as_facts, items_of
from dagster_project.extracts.judge import judge
from dagster_project.extracts.regions import Region
from dagster_project.extracts.rows import UNREAD, typed_rows
from dagster_project.extracts.sheet import Sheet, Unreadable, as_table, forget, sheet_of
from dagster_project.warehouse.accounts import Source, close_account, number_of, one_row, record, refuse, rows_of
from dagster_project.warehouse.cells import list_cells
from dagster_project.warehouse.tables import ORIGIN, TABLES
from dagster_project.warehouse.workbooks import FUND_CELL, close_forms, close_funds, read_forms

ONE_ITEM_A_ROW = "这是一项一行的填报表：学校的请放进 forms 文件夹，一校一个工作簿；区县的请以 事实 开头命名"
HIDDEN_SHEET = "工作表是隐藏的，打开文件的人看不见：要载入请取消隐藏，不要就删去"


def read_files(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    paths: list[Path],
    region: Region | None,
    school_year: int,
    key: str,
    is_partial: bool = False,
) -> list[Source]:
    """Fill incoming_<table> from files under a folder. Raises only where a row would be unaccounted for.

    is_partial: the files may not be all of their partition; where none holds a school, no row is asked for its school.
    """
    _make_room(con)
    by_extract: dict[str, list[Path]] = {}
    for path in in_order(paths):
        name = extract_of(path)
        if refusal := _refusal(folder, path, region, name):
            refuse(con, folder, path, name, refusal)
        elif name:
            by_extract.setdefault(name, []).append(path)
    if any(map(is_form, by_extract.get("schools", []))):
        by_extract.setdefault("funding", [])  # a form holds some
    sources = []
    for name in by_extract:
        assert region is not None
        forms = [path for path in by_extract[name] if is_form(path)]
        extract, flat = contract().extracts[name], [path for path in by_extract[name] if path not in forms]
        sources += _read_extract(con, folder, region, school_year, extract, flat, forms, key, is_partial)
    return sources


def _make_room(con: duckdb.DuckDBPyConnection) -> None:
    """Empty incoming_<table>; of an extract it is what may be loaded of candidate_<extract>, which holds every row."""
    con.execute("create or replace temp table source (source INTEGER, source_file VARCHAR, sheet VARCHAR)")
    con.execute(f"create or replace temp table fund_cell ({FUND_CELL})")
    for table, columns in TABLES.items():
        if table not in contract().extracts:
            con.execute(f"create or replace temp table incoming_{table} ({columns})")
            continue
        names = ", ".join(column.name for column in contract().extracts[table].columns)
        con.execute(
            f"""create or replace temp table candidate_{table} ({columns.replace(ORIGIN, "source INTEGER, row_number BIGINT")},
                is_ragged BOOLEAN, is_skipped BOOLEAN,
                reason VARCHAR, column_names VARCHAR, unread {UNREAD}, waits_for VARCHAR, same_source INTEGER, same_row BIGINT)"""
        )
        con.execute(
            f"""create or replace temp view incoming_{table} as
            select {names}, source_file, sheet, row_number from candidate_{table} join source using (source)
            where reason is null and not is_skipped"""
        )


def _refusal(folder: Path, path: Path, region: Region | None, extract: str | None) -> str | None:
    """Why a file is not even opened; None: it is."""
    if region is None:
        return f"区域“{path.relative_to(folder).parts[0]}”没有登记：请在 regions.yml 中登记"
    if not is_within(folder, path):
        return "链接指向这个文件夹之外：请把文件本身放进来"
    if not path.is_file():
        return "链接指向的文件不存在：请把文件本身放进来"
    if shown_name(folder, path) != str(path.relative_to(folder)):
        return "文件名里有看不见的控制字符，或不是 UTF-8 编码：请改名"
    if extract is None:
        known = "、".join(f"{name}（{extract.zh}）" for name, extract in contract().extracts.items())
        return f"文件名看不出是哪种报表：请以 {known} 之一命名，如 学校.xlsx、莘县学校情况2023.xlsx"
    return None


def _read_extract(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    region: Region,
    school_year: int,
    extract: Extract,
    paths: list[Path],
    forms: list[Path],
    key: str,
    is_partial: bool,
) -> list[Source]:
    """Read one extract from all its files; its rows are judged together, so that a key is unique over all of them."""
    sources: list[Source] = []
    for path in paths:
        try:
            sheets = read_sheets(con, path)
            if extract.name == "facts":
                sheets = [_unfolded(con, sheet, region) for sheet in sheets]
        except Unreadable as error:
            refuse(con, folder, path, extract.name, str(error))
            continue
        found = [find_headers(sheet.top, extract, region.aliases) for sheet in sheets]
        for sheet, headers in zip(sheets, found, strict=True):
            if source := _understand(con, folder, path, extract, sheet, headers, any(found)):
                sources.append(source)
    for source in sources:
        select = typed_rows(extract, source.headers, region, source.sheet, key)
        con.execute(f"insert into candidate_{extract.name} by name select {source.number} as source, * from ({select})")
    for column in extract.columns:
        if column.is_school_year:
            con.execute(
                f"update candidate_{extract.name} set {column.name} = ? where {column.name} is null and reason is null",
                [school_year],
            )
    if forms:
        read_forms(con, folder, region, school_year, forms, key)
    if extract.name == "facts":
        read_answers(con, region)
    judge(con, extract, refers=not is_partial or one_row(con, "select count(*) from incoming_schools") > 0)
    for source in sources:
        list_cells(con, extract, source)
        close_account(con, folder, region, extract, source)
    if forms:
        close_forms(con, folder)
    if extract.name == "funding":
        close_funds(con)
    return sources


def _unfolded(con: duckdb.DuckDBPyConnection, sheet: Sheet, region: Region) -> Sheet:
    """A county's form with an item a row as a sheet of facts; any other sheet as it is."""
    if items_of(sheet.top) is None:
        return sheet
    rows = con.execute(f"select * exclude (row_number, cells) from {sheet.table} order by row_number").fetchall()
    table = as_facts([[cell or "" for cell in row] for row in rows], region)
    assert table is not None
    forget(con, sheet)
    return sheet_of(con, sheet.name, as_table(table), sheet.marks, sheet.is_hidden)


def _understand(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    path: Path,
    extract: Extract,
    sheet: Sheet,
    headers: Headers | None,
    is_beside_data: bool,
) -> Source | None:
    """Take a sheet with its header; one without, or without a required column, is put aside whole.

    A sheet without a header is no data where another sheet of its file has one.
    """
    if headers is None:
        if is_beside_data:
            rows = rows_of(con, sheet, 0)
            record(con, folder, path, extract.name, sheet.name, (rows, 0, 0, rows), "skipped", "不是数据表")
            forget(con, sheet)
        else:
            why = "找不到表头：请检查前十行中是否有列名" if items_of(sheet.top) is None else ONE_ITEM_A_ROW
            refuse(con, folder, path, extract.name, why, sheet, 0)
        return None
    if sheet.is_hidden and rows_of(con, sheet, headers.row):
        refuse(con, folder, path, extract.name, HIDDEN_SHEET, sheet, headers.row)
        return None
    if missing := missing_columns(headers, extract):
        refuse(con, folder, path, extract.name, "；".join(missing), sheet, headers.row)
        return None
    return Source(number_of(con, shown_name(folder, path), sheet.name), shown_name(folder, path), sheet, headers)
