"""A file becomes sheets of text: every cell as handed in, every row with the number that Excel shows."""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

SUFFIXES = (".csv", ".xlsx")


class Unreadable(ValueError):
    """The file cannot be read at all; the message, in Chinese, says why and what to do."""


@dataclass(frozen=True)
class Sheet:
    """One sheet as a temporary DuckDB table: row_number, cells (how many the row has), c0, c1, … as text.

    name is null for a CSV. top holds the first rows as lists, where the header is looked for.
    """

    name: str | None
    table: str
    width: int
    top: list[list[str]]


def read_sheets(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Sheet]:
    """Read a .csv or .xlsx file, sheet by sheet. Raises Unreadable; empty sheets are left out."""
    if path.stat().st_size == 0:
        raise Unreadable("文件是空的：请重新导出")
    if path.suffix.lower() == ".csv":
        yield _read_csv(con, path)
    elif path.suffix.lower() == ".xlsx":
        yield from _read_workbook(con, path)
    else:
        raise Unreadable(f"不支持 {path.suffix or '没有扩展名的'} 文件：请另存为 {' 或 '.join(SUFFIXES)}")


def _read_csv(con: duckdb.DuckDBPyConnection, path: Path) -> Sheet:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            top = [row for _, row in zip(range(10), csv.reader(stream, strict=True), strict=False)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"不是 UTF-8 编码的 CSV（{error}）：请在 Excel 中另存为“CSV UTF-8（逗号分隔）”") from error
    width = max(map(len, top), default=0)
    cells = ", ".join(f"c{i}" for i in range(width))
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    table = _fresh(con)
    try:
        con.execute(
            f"""create temp table {table} as
            select row_number() over () as row_number, {width} as cells, {cells}
            from read_csv(?, auto_detect=false, header=false, delim=',', quote='"', escape='"', columns={{{types}}})""",
            [str(path)],
        )
        loaded = con.execute(f"select count(*) from {table}").fetchone()
        if loaded and loaded[0] == _count_lines(path):
            return Sheet(None, table, width, top)
    except duckdb.InvalidInputException:
        pass  # ragged rows or broken quotes: the slow reader below names them one by one
    con.execute(f"drop table if exists {table}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"文件中途损坏（{error}）：请重新导出") from error
    return _store(con, None, rows)


def _count_lines(path: Path) -> int:
    """Physical lines; more than the reader's rows where a line is blank or a quoted cell holds a line break."""
    lines, last = 0, b"\n"
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _read_workbook(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Sheet]:
    for name, rows in workbook_cells(path):
        if rows:
            yield _store(con, name, rows)


def workbook_cells(path: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Every sheet of an .xls or .xlsx workbook as text, from row 1 and column A on. Raises Unreadable."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_path(path)
        for name in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
            yield name, [[_text(cell) for cell in row] for row in rows]
    except (CalamineError, OSError) as error:
        raise Unreadable(f"不是能打开的 Excel 工作簿（{error}）：请用 Excel 打开后另存为 .xlsx") from error


def _text(cell: object) -> str:
    """A cell as text: 371502.0 is the code 371502, and true is 是."""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell)


def _store(con: duckdb.DuckDBPyConnection, name: str | None, rows: list[list[str]]) -> Sheet:
    """Put rows of text into a temporary table; a short row is filled with nulls, `cells` keeps its length."""
    import pyarrow as pa

    top = rows[:10]
    width = max(map(len, top), default=0)
    columns: dict[str, pa.Array] = {
        "row_number": pa.array(range(1, len(rows) + 1), pa.int64()),
        "cells": pa.array([len(row) for row in rows], pa.int64()),
    }
    for i in range(width):
        columns[f"c{i}"] = pa.array([row[i] if i < len(row) else None for row in rows], pa.string())
    table = _fresh(con)
    con.register("incoming", pa.table(columns))
    con.execute(f"create temp table {table} as from incoming")
    con.unregister("incoming")
    return Sheet(name, table, width, top)


def _fresh(con: duckdb.DuckDBPyConnection) -> str:
    """A name that no temporary sheet of this connection has."""
    taken = {row[0] for row in con.execute("select table_name from duckdb_tables() where temporary").fetchall()}
    return next(name for i in itertools.count() if (name := f"sheet_{i}") not in taken)
