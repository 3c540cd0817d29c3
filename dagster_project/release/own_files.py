"""An analyst's own files beside the marts: each is a temporary table of one session, named as the file is.

A column is a number only where nothing is lost by it: what begins with 0, or is as long as a code, stays text, and so does what bears the
name of a text column of the marts. So the codes of a file can be joined with those of the marts.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from dagster_project.extracts.files import read_sheets
from dagster_project.extracts.sheet import TEXT, WORKBOOK, Sheet, Unreadable, forget
from dagster_project.release.store import ReleaseError
from dagster_project.sql import quote, quote_name

CODE = r"[+-]?0\d.*|[+-]?\d{10,}"  # what may be a code, though it looks like a number


def load(con: duckdb.DuckDBPyConnection, files: Sequence[str | Path]) -> None:
    """Make a table of each CSV, Excel or Parquet file, before the session is locked. Raises ReleaseError."""
    taken = {name for (name,) in con.execute("SELECT lower(table_name) FROM duckdb_tables()").fetchall()}
    for path in map(Path, files):
        if not path.is_file():
            raise ReleaseError(f"没有文件 {path}：请核对路径")
        if path.stem.lower() in taken:
            raise ReleaseError(f"{path} 读进来叫“{path.stem}”，已经有同名的表：请把文件改名")
        taken.add(path.stem.lower())
        try:
            if path.suffix.lower() == ".parquet":
                con.execute(f"CREATE TEMP TABLE {quote_name(path.stem)} AS FROM read_parquet({quote(path)})")
            elif path.suffix.lower() in (*TEXT, *WORKBOOK):
                _load_sheet(con, path)
            else:
                raise ReleaseError(f"{path} 不是 CSV、Excel 或 Parquet：请另存为其中一种")
        except (Unreadable, OSError, duckdb.Error) as error:
            raise ReleaseError(f"{path} 读不了：{error}") from error


def _load_sheet(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The first sheet of a file whose first row is its header."""
    sheets = read_sheets(con, path)
    try:
        sheet = next((sheet for sheet in sheets if sheet.top and not sheet.is_hidden), None)
        if sheet is None:
            raise ReleaseError(f"{path} 是空的：第一行应是列名，以下每行一条")
        columns = ", ".join(
            f"CAST(nullif(trim(c{i}), '') AS {kind}) AS {quote_name(name)}"
            for i, (name, kind) in enumerate(zip(_names(sheet), _types(con, sheet), strict=True))
        )
        first = f"(SELECT min(row_number) FROM {sheet.table})"
        con.execute(
            f"CREATE TEMP TABLE {quote_name(path.stem)} AS SELECT {columns} FROM {sheet.table} WHERE row_number > {first}"
        )
    finally:
        for sheet in sheets:
            forget(con, sheet)


def _names(sheet: Sheet) -> list[str]:
    """The header; a blank one is named for its place, a repeated one numbered."""
    names: list[str] = []
    for i in range(sheet.width):
        said = sheet.top[0][i].strip() if i < len(sheet.top[0]) else ""
        name, again = said or f"列{i + 1}", 1
        while name.lower() in map(str.lower, names):
            again += 1
            name = f"{said or f'列{i + 1}'}_{again}"
        names.append(name)
    return names


def _types(con: duckdb.DuckDBPyConnection, sheet: Sheet) -> list[str]:
    """The type of every column, by all of its cells."""
    texts = {
        name
        for (name,) in con.execute("SELECT column_name FROM duckdb_columns() WHERE data_type = 'VARCHAR'").fetchall()
    }
    first = f"(SELECT min(row_number) FROM {sheet.table})"
    kinds = []
    for i, name in enumerate(_names(sheet)):
        cell = f"nullif(trim(c{i}), '')"
        is_kept = f"coalesce(bool_and(NOT regexp_full_match({cell}, {quote(CODE)})), false)"
        whole = f"bool_and(regexp_full_match({cell}, '[+-]?[0-9]+'))"
        number = f"count(try_cast({cell} AS DOUBLE)) = count({cell})"
        query = f"SELECT {is_kept} AND {whole}, {is_kept} AND {number} FROM {sheet.table} WHERE row_number > {first}"
        ((is_whole, is_number),) = con.execute(query).fetchall()
        kinds.append("VARCHAR" if name in texts or not is_number else "BIGINT" if is_whole else "DOUBLE")
    return kinds
