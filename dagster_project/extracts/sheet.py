"""A sheet of text: every cell as handed in, every row with the number that Excel shows."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa


TEXT, WORKBOOK = (".csv", ".tsv", ".txt"), (".xlsx", ".xls")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how .xlsx and .xls begin
TOP_ROWS = 13  # where the header is looked for
MOST_COLUMNS = 1000
CHUNK = 50_000
DAMAGED = "\ufffd"
BLANKS = " \t\n\r\u00a0\u3000\ufeff"  # space, tab, line ends, no-break and full-width space, byte order mark
CONTROL = "".join(map(chr, [*range(1, 9), 11, 12, *range(14, 32), 127]))  # what no workbook can hold
MARKS = BLANKS + DAMAGED + CONTROL

_numbers = itertools.count()


class Unreadable(ValueError):
    """The file cannot be read at all; the message, in Chinese, says why and what to do."""


@dataclass(frozen=True)
class Sheet:
    """One sheet as a table that DuckDB can read: row_number, cells (how many the row has), c0, c1, … as text.

    name    null for a text file
    table   the name under which the connection knows it, until `forget`
    top     the first rows, where the header is looked for
    marks   which of MARKS stand anywhere in it; what does not stand there need not be looked for
    is_hidden   in a workbook: not seen by who opens it
    """

    name: str | None
    table: str
    width: int
    top: list[list[str]]
    marks: str
    is_hidden: bool = False


def sheet_of(
    con: duckdb.DuckDBPyConnection, name: str | None, table: "pa.Table", marks: str, is_hidden: bool = False
) -> Sheet:
    """Make a table of text known to a connection."""
    width = table.num_columns - 2
    top = [list(row.values())[2 : 2 + row["cells"]] for row in table.slice(0, TOP_ROWS).to_pylist()]
    sheet = Sheet(
        name, f"sheet_{next(_numbers)}", width, [[cell or "" for cell in row] for row in top], marks, is_hidden
    )
    con.register(sheet.table, table)
    return sheet


def forget(con: duckdb.DuckDBPyConnection, sheet: Sheet) -> None:
    """Let go of a sheet's rows."""
    import pyarrow as pa

    con.unregister(sheet.table)
    pa.default_memory_pool().release_unused()


def numbered(table: "pa.Table", first: int, lengths: "pa.Array") -> "pa.Table":
    """Columns of text with what every sheet has before them: row_number and cells."""
    import numpy as np
    import pyarrow as pa

    numbers = pa.array(np.arange(first, first + table.num_rows))
    return table.add_column(0, "cells", lengths).add_column(0, "row_number", numbers)


def as_table(rows: Iterable[list[str]]) -> "pa.Table":
    """Rows of text as a table, a chunk at a time; a short row is filled with nulls, `cells` keeps how long it is."""
    import pyarrow as pa

    rows = iter(rows)
    top = list(itertools.islice(rows, TOP_ROWS))
    width = narrow(max(map(len, top), default=0))
    everything, tables, number = itertools.chain(top, rows), [], 1
    while (chunk := list(itertools.islice(everything, CHUNK))) or not tables:
        cells = zip(*chunk, strict=True) if {*map(len, chunk)} == {width} else _columns(chunk, width)
        columns = {f"c{i}": pa.array(column, pa.string()) for i, column in enumerate(cells)}
        table = pa.table(columns) if width else pa.table({"c0": pa.array([None] * len(chunk), pa.string())})
        tables.append(numbered(table, number, pa.array([_length(row, width) for row in chunk], pa.int64())))
        number += len(chunk)
    return pa.concat_tables(tables)


def _columns(rows: list[list[str]], width: int) -> list[list[str | None]]:
    """Rows of different lengths as columns; what a row lacks is null, what it has too many is left out."""
    return [[row[i] if i < len(row) else None for row in rows] for i in range(width)]


def _length(row: list[str], width: int) -> int:
    """How many cells a row has; blank ones beyond the width do not count."""
    filled = len(row)
    while filled > width and not row[filled - 1].strip():
        filled -= 1
    return filled


def narrow(width: int) -> int:
    if width > MOST_COLUMNS:
        raise Unreadable(f"有 {width} 列，最多 {MOST_COLUMNS} 列：请删去表格右边多余的列")
    return width
