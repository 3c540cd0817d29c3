"""Read the files of a partition into temporary tables incoming_<table>, exact copies of its rows-to-be in schema raw.

Nothing in the warehouse changes here. Every row of a sheet is loaded, quarantined with a reason, or skipped.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from dagster_project.extracts.answers import read_answers
from dagster_project.extracts.contract import Extract, contract
from dagster_project.extracts.files import (
    BLANKS,
    DAMAGED,
    Sheet,
    Unreadable,
    as_table,
    forget,
    is_within,
    read_sheets,
    sheet_of,
    stops_within_a_line,
)
from dagster_project.extracts.headers import Headers, find_headers, missing_columns
from dagster_project.extracts.judge import judge, named_school, repeats
from dagster_project.extracts.official import Cell, CellMapError, Problem, School, read_cell_map, school_of
from dagster_project.extracts.rows import HIDDEN, UNREAD, is_ragged, quote, typed_rows, wrong_totals
from dagster_project.extracts.workbook import read_each
from dagster_project.regions import Region
from dagster_project.warehouse import ORIGIN, TABLES

FORMS = "forms"
TOTALS_SHOWN = 5
HIDDEN_SHEET = "工作表是隐藏的，打开文件的人看不见：要载入请取消隐藏，不要就删去"
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control, format, no character at all, line ends


@dataclass(frozen=True)
class Source:
    """A sheet of a file whose header was understood; path relative to its folder, number as candidates hold it."""

    number: int
    path: str
    sheet: Sheet
    headers: Headers


def is_form(path: Path) -> bool:
    """Is it an official statistics workbook? These lie in a folder of their own, one a school."""
    return path.parent.name == FORMS


def extract_of(path: Path) -> str | None:
    """Which extract a file name announces: schools.csv, 学校.xlsx, schools_371502.csv; None where it says none."""
    if is_form(path):
        return "schools"
    for name, extract in contract().extracts.items():
        if re.fullmatch(rf"({name}|{extract.zh})([_\-. (（].*)?", path.stem.lower()):
            return name
    return None


def in_order(paths: list[Path]) -> list[Path]:
    """Files in the order of loading: schools first, since others refer to them."""
    order = list(contract().extracts)
    return sorted(paths, key=lambda path: (order.index(name) if (name := extract_of(path)) else len(order), str(path)))


def sha256(folder: Path, path: Path) -> str | None:
    """Hash of a file; null for what is no file, or lies outside the folder, which is not opened."""
    if not is_within(folder, path) or not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
            _refuse(con, folder, path, name, refusal)
        elif name:
            by_extract.setdefault(name, []).append(path)
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
    if _shown(folder, path) != str(path.relative_to(folder)):
        return "文件名里有看不见的控制字符，或不是 UTF-8 编码：请改名"
    if extract is None:
        known = "、".join(f"{name}（{extract.zh}）" for name, extract in contract().extracts.items())
        return f"文件名看不出是哪种报表：请以 {known} 之一开头命名"
    return None


def _shown(folder: Path, path: Path) -> str:
    """A file's name for messages: relative to the folder, text, and on one line."""
    name = str(path.relative_to(folder))
    return "".join("□" if unicodedata.category(char) in UNSEEN else char for char in name)


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
        except Unreadable as error:
            _refuse(con, folder, path, extract.name, str(error))
            continue
        found = [find_headers(sheet.top, extract, region.aliases) for sheet in sheets]
        for sheet, headers in zip(sheets, found, strict=True):
            if source := _understand(con, folder, path, extract, sheet, headers, any(found)):
                sources.append(source)
    for source in sources:
        select = typed_rows(extract, source.headers, region, source.sheet, key)
        con.execute(f"insert into candidate_{extract.name} by name select {source.number} as source, * from ({select})")
    if forms:
        _read_forms(con, folder, region, school_year, forms, key)
    if extract.name == "facts":
        read_answers(con, region)
    judge(con, extract, refers=not is_partial or _one(con, "select count(*) from incoming_schools") > 0)
    for source in sources:
        _close_account(con, folder, region, extract, source)
    if forms:
        _close_forms(con, folder)
    return sources


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
            rows = _rows(con, sheet, 0)
            _record(con, folder, path, extract.name, sheet.name, (rows, 0, 0, rows), "skipped", "不是数据表")
            forget(con, sheet)
        else:
            _refuse(con, folder, path, extract.name, "找不到表头：请检查前十行中是否有列名", sheet, 0)
        return None
    if sheet.is_hidden and _rows(con, sheet, headers.row):
        _refuse(con, folder, path, extract.name, HIDDEN_SHEET, sheet, headers.row)
        return None
    if missing := missing_columns(headers, extract):
        _refuse(con, folder, path, extract.name, "；".join(missing), sheet, headers.row)
        return None
    return Source(_number(con, _shown(folder, path), sheet.name), _shown(folder, path), sheet, headers)


def _number(con: duckdb.DuckDBPyConnection, path: str, sheet: str | None) -> int:
    """A number for a sheet, under which its rows know where they stand."""
    number = _one(con, "select count(*) from source")
    con.execute("insert into source values (?, masked(?), masked(?))", [number, path, sheet])
    return number


def _read_forms(
    con: duckdb.DuckDBPyConnection, folder: Path, region: Region, school_year: int, paths: list[Path], key: str
) -> None:
    """Add the schools of official workbooks to the candidates, a row a workbook, and note the cells they come from."""
    import pyarrow as pa

    cells_lost = pa.list_(pa.struct([(name, pa.string()) for name in Problem._fields]))
    schools: list[tuple[Path, School]] = []
    try:
        read = partial(school_of, school_year=school_year, cell_map=read_cell_map(folder))
        for path, school in read_each(paths, read):
            if isinstance(school, Unreadable):
                _refuse(con, folder, path, "schools", str(school))
            else:
                schools.append((path, school))
    except CellMapError as error:
        for path in paths:
            _refuse(con, folder, path, "schools", str(error))
    extract = contract().extracts["schools"]
    names = [column.name for column in extract.columns]
    essential = {column.name: column.essential for column in extract.columns}
    con.register(
        "form",
        pa.table(
            {
                "row_number": pa.array(range(2, len(schools) + 2), pa.int64()),
                "source": pa.array([_number(con, _shown(folder, path), None) for path, _ in schools], pa.int32()),
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
        """insert into incoming_official_cell
        select school_id, "column", source_file, masked(cell.sheet), cell.cell, masked(cell.text)
        from cell join form using (row_number) join source using (source) join candidate_schools using (source)
        where school_id is not null"""
    )
    con.unregister("cell")


def _close_forms(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Quarantine the workbooks that are wrong and count each as one row."""
    con.execute(
        f"""insert into incoming_quarantine
        select source_file, null, null, 'schools', {_all_that_is_wrong(contract().extracts["schools"])}, null,
            masked(school_id), masked(school_name), masked(county_code), null
        from candidate_schools semi join form using (source) join source using (source) where reason is not null"""
    )
    _list_unread(con, contract().extracts["schools"], "source in (select source from form)")
    con.execute(
        """insert into incoming_source_file
        select s.source_file, null, 'schools', sha256, 1, (reason is null and not is_skipped)::int, (reason is not null)::int,
            is_skipped::int, 'loaded', null, null,
            told(nullif(concat_ws('；', remarks, '与 ' || original.source_file || ' 完全相同，略过'), ''))
        from candidate_schools join form using (source) join source as s using (source)
        left join source as original on same_source = original.source"""
    )
    con.execute(
        """delete from incoming_official_cell where source_file in
        (select source_file from candidate_schools join source using (source) semi join form using (source) where is_skipped)"""
    )
    con.unregister("form")


def _all_that_is_wrong(extract: Extract) -> str:
    """SQL of the reason and the column_names of a rejected row, with its cells that could not be read; a row that waits has one reason."""
    cells = "case when waits_for is null then unread end"
    return f"""told(concat_ws('；', reason, nullif(array_to_string(list_transform({cells}, lambda cell: cell.reason), '；'), ''))),
        nullif(concat_ws('、', column_names, nullif(array_to_string(list_transform({cells}, lambda cell: {_in_chinese(extract)}), '、'), '')), '')"""


def _in_chinese(extract: Extract) -> str:
    """SQL of the Chinese name of the column of `cell`."""
    return f"case cell.column_name {' '.join(f'when {quote(column.name)} then {quote(column.zh)}' for column in extract.columns)} end"


def _list_unread(con: duckdb.DuckDBPyConnection, extract: Extract, where: str) -> None:
    """List the cells that could not be read, of the rows that are loaded all the same."""
    con.execute(
        f"""insert into incoming_unread_cell
        select source_file, sheet, row_number, {quote(extract.name)}, cell.column_name, {_in_chinese(extract)},
            masked(school), told(cell.reason), masked(cell.original)
        from (
            select source, row_number, {named_school(extract)} as school, unnest(unread) as cell from candidate_{extract.name}
            where {where} and reason is null and not is_skipped
        ) join source using (source)"""
    )


def _close_account(
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
    loaded = _one(con, f"select count(*) {of_candidate} reason is null and not is_skipped")
    quarantined = _one(con, f"select count(*) {of_candidate} reason is not null")
    skipped = _one(con, f"select count(*) {of_candidate} is_skipped")
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
            select source_file, sheet, row_number, {quote(extract.name)}, {_all_that_is_wrong(extract)},
                case when {whole} then masked(json_object({cells})::varchar) end, {unit}, waits_for
            from candidate_{extract.name} join {source.sheet.table} using (row_number) join source using (source)
            where source = {source.number} and reason is not null"""
        )
    if loaded:
        _list_unread(con, extract, f"source = {source.number} and unread is not null")
    rows_in = _rows(con, source.sheet, source.headers.row)
    if rows_in != loaded + quarantined + skipped:
        raise RuntimeError(f"{source.path}：{rows_in} 行，载入 {loaded}，隔离 {quarantined}，略过 {skipped}，对不上")
    counts = (rows_in, loaded, quarantined, skipped)
    unknown = "、".join(source.headers.unknown) or None
    path = folder / source.path
    remarks = [*_totals(con, extract, source), *repeats(con, extract, source.number)] if skipped else []
    if source.sheet.name is None and stops_within_a_line(path):
        last = _one(con, f"select max(row_number) from {source.sheet.table}")
        remarks.append(f"最后一行末尾没有换行，文件可能没有传完：请核对第 {last} 行的最后一格")
    _record(
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


def _refuse(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    path: Path,
    extract: str | None,
    reason: str,
    sheet: Sheet | None = None,
    header_row: int = 0,
) -> None:
    """Put a whole file or sheet aside with the reason; rows that can be counted all count as quarantined."""
    rows = _rows(con, sheet, header_row) if sheet else 0
    name = sheet.name if sheet else None
    _record(con, folder, path, extract, name, (rows, 0, rows, 0), "quarantined", reason)
    con.execute(
        "insert into incoming_quarantine values (masked(?), masked(?), null, ?, told(?), null, null, null, null, null, null)",
        [_shown(folder, path), name, extract, reason],
    )
    if sheet:
        forget(con, sheet)


def _record(
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
        [_shown(folder, path), sheet, extract, sha256(folder, path), *counts, status, reason, unknown, remarks],
    )


def _rows(con: duckdb.DuckDBPyConnection, sheet: Sheet, header_row: int) -> int:
    return _one(con, f"select count(*) from {sheet.table} where row_number > {header_row}")


def _one(con: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> int:
    row = con.execute(query, parameters).fetchone()
    return row[0] if row else 0
