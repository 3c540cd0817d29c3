"""A file becomes sheets of text: every cell as handed in, every row with the number that Excel shows."""

import codecs
import csv
import io
import itertools
import os
import re
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa

TEXT, WORKBOOK = (".csv", ".tsv", ".txt"), (".xlsx", ".xls")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how .xlsx and .xls begin
TOP_ROWS = 13  # where the header is looked for
MOST_COLUMNS = 1000
BLOCK = 1 << 20
CHUNK = 50_000

ENCODINGS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
DAMAGED = "\ufffd"
BLANKS = " \t\n\r\u00a0\u3000\ufeff"  # space, tab, line ends, no-break and full-width space, byte order mark
CONTROL = "".join(map(chr, [*range(1, 9), 11, 12, *range(14, 32), 127]))  # what no workbook can hold
LONGEST_LINE = 16_000_000  # characters
MARKS = BLANKS + DAMAGED + CONTROL
# Chinese in UTF-8 as a cell of its own. In GB18030 such bytes hardly ever stand together: they tell a file of two encodings.
CHINESE_UTF8 = re.compile(rb"(?<![\x80-\xff])(?:[\xe4-\xe9][\x80-\xbf]{2}){2,}(?![\x80-\xff])")
LEAD_OR_TRAIL = bytes(
    32 if byte < 128 else 69 if 0xE4 <= byte <= 0xE9 else 66 if byte <= 0xBF else 88 for byte in range(256)
)

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


def is_within(folder: Path, path: Path) -> bool:
    """Whether a path, its links followed, lies in the folder."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def read_sheets(con: duckdb.DuckDBPyConnection, path: Path) -> list[Sheet]:
    """Read a text file or a workbook, sheet by sheet. Raises Unreadable; empty sheets are left out, but not all of them."""
    suffix = path.suffix.lower()
    if suffix not in TEXT + WORKBOOK:
        known = "、".join(TEXT + WORKBOOK)
        raise Unreadable(f"不支持 {path.suffix or '没有扩展名的'} 文件：请另存为 {known} 之一")
    if path.stat().st_size == 0:
        raise Unreadable("文件是空的：请重新导出")
    if suffix in TEXT:
        return [sheet_of(con, None, *_read_text(path))]
    from dagster_project.extracts.workbook import read_workbook

    contents = read_workbook(path)
    if not contents:
        raise Unreadable("工作簿里一格也没有填：请填好后重新放入")
    return [sheet_of(con, *content) for content in contents]


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


def stops_within_a_line(path: Path) -> bool:
    """Whether a text file, in any of the encodings, ends without a line end."""
    with path.open("rb") as stream:
        stream.seek(-2, os.SEEK_END)
        return not {*stream.read()} & {*b"\r\n"}


def text_rows(path: Path) -> Iterator[list[str]]:
    """All rows of a text file, each with all its cells, in any of the encodings. Raises Unreadable."""
    with _as_utf8(path) as (text, _):
        delimiter = _delimiter(_start(text))
        with _lines(text) as lines:
            yield from _split(lines, delimiter)


def _read_text(path: Path) -> tuple["pa.Table", str]:
    """The rows of a text file, and the marks in it."""
    with _as_utf8(path) as (text, marks):
        start = _start(text)
        delimiter = _delimiter(start)
        table = _read_at_once(text, delimiter, start)
        if table is None:
            with _lines(text) as lines:
                table = as_table(_split(lines, delimiter))
        else:
            marks = marks.translate({ord(mark): None for mark in f"\r\n{delimiter}"})
    return table, marks


@contextmanager
def _lines(text: BinaryIO) -> Generator[TextIO]:
    """An open file in UTF-8 from its beginning, as text; it stays open."""
    text.seek(0)
    lines = io.TextIOWrapper(text, "utf-8-sig", newline="")
    try:
        yield lines
    finally:
        lines.detach()


def _start(text: BinaryIO) -> list[str]:
    """The first lines of a text file."""
    with _lines(text) as lines:
        return list(itertools.islice(lines, 4 * TOP_ROWS))


def _delimiter(start: list[str]) -> str:
    """What separates the cells of a text file, by its first lines."""
    tabs, commas, semicolons = (sum(line.count(mark) for line in start) for mark in "\t,;")
    return "\t" if tabs >= len(start) else "," if commas >= semicolons else ";"


def _read_at_once(text: BinaryIO, delimiter: str, start: list[str]) -> "pa.Table | None":
    """The fast way; None where rows differ in length or a cell holds a line break."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    first = next(_split(start, delimiter), [])
    width = _narrow(len(first))
    names = [f"c{i}" for i in range(width)]
    text.seek(0)
    try:
        table = arrow_csv.read_csv(
            text,
            arrow_csv.ReadOptions(column_names=names, block_size=4 * BLOCK),
            arrow_csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:  # ragged rows or broken quotes: the slow way names them one by one
        return None
    if table.num_rows != _count_lines(text):
        return None
    return _numbered(table, 1, pa.repeat(width, table.num_rows))


def _numbered(table: "pa.Table", first: int, lengths: "pa.Array") -> "pa.Table":
    """Columns of text with what every sheet has before them: row_number and cells."""
    import numpy as np
    import pyarrow as pa

    numbers = pa.array(np.arange(first, first + table.num_rows))
    return table.add_column(0, "cells", lengths).add_column(0, "row_number", numbers)


def _split(stream: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise Unreadable(f"第 {reader.line_num} 行起读不通（{error}）：请检查引号是否成对，或重新导出") from error


def _count_lines(text: BinaryIO) -> int:
    """Physical lines; more than the reader's rows where a line is blank or a quoted cell holds a line break."""
    lines, last = 0, b"\n"
    text.seek(0)
    while block := text.read(BLOCK):
        lines += block.count(b"\n")
        last = block[-1:]
    return lines + (last != b"\n")


@contextmanager
def _as_utf8(path: Path) -> Generator[tuple[BinaryIO, str]]:
    """The file itself where it is UTF-8, else a copy in UTF-8; and the marks in it.

    The copy has no name: whatever ends this process, nothing of it stays on the disk.
    """
    with path.open("rb") as stream:
        head = stream.read(len(OLE))
    if head.startswith((ZIP, OLE)):
        raise Unreadable(f"扩展名是 {path.suffix}，内容却是 Excel 工作簿：请改正扩展名")
    marked = next((name for mark, name in ENCODINGS.items() if head.startswith(mark)), None)
    encoding = marked or ("utf-8" if _is_utf8(path) else "gb18030")
    with path.open("rb") if encoding == "utf-8" else tempfile.TemporaryFile() as text:
        try:
            marks = _convert(path, encoding, None if encoding == "utf-8" else text)
        except UnicodeDecodeError as error:
            raise Unreadable(_why_undecodable(path, marked)) from error
        yield text, marks


def _is_utf8(path: Path) -> bool:
    try:
        _convert(path, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _convert(path: Path, encoding: str, copy: BinaryIO | None = None) -> str:
    """Decode a file block by block, into a copy in UTF-8 if there is to be one; the marks in it.

    Raises UnicodeDecodeError, and Unreadable for what is not text or is in two encodings.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    marks, line, length = "", 1, 0
    with path.open("rb") as source:
        for block in itertools.chain(iter(partial(source.read, BLOCK), b""), [b""]):
            text = decoder.decode(block, final=not block)
            if "\0" in text:
                raise Unreadable("含有 NUL 字符，不是文本文件：请用 Excel 打开后另存为 .xlsx 或“CSV UTF-8”")
            suspect = encoding == "gb18030" and b" EBBEBB" in b" " + block.translate(LEAD_OR_TRAIL)
            if suspect and (found := CHINESE_UTF8.search(block)):
                where = line + block.count(b"\n", 0, found.start())
                raise Unreadable(f"编码混杂：第 {where} 行是 UTF-8，别处不是：请在 Excel 中另存为“CSV UTF-8”")
            marks += "".join(mark for mark in MARKS if mark not in marks and mark in text)
            line += block.count(b"\n")
            end = max(text.rfind("\n"), text.rfind("\r"))
            length = len(text) - end - 1 + (length if end < 0 else 0)
            if length > LONGEST_LINE:
                raise Unreadable(f"第 {line} 行长到超过 {LONGEST_LINE:,} 个字：不是一行一条的表，请重新导出")
            if copy:
                copy.write(text.encode())
    return marks


def _why_undecodable(path: Path, marked: str | None) -> str:
    """Which line of a file is in no encoding that is known; looked for once it has failed, line by line."""
    advice = "请在 Excel 中打开核对，另存为“CSV UTF-8（逗号分隔）”"
    if marked:
        return f"开头标明是 {marked.upper()}，内容却不是，可能中途截断：{advice}"
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            for name in ("utf-8", "gb18030"):
                try:
                    line.decode(name)
                    break
                except UnicodeDecodeError:
                    continue
            else:
                return f"第 {number} 行既不是 UTF-8 也不是 GB18030（GBK），可能中途截断：{advice}"
    return f"编码混杂：有的行是 UTF-8，有的行是 GB18030（GBK）：{advice}"


def as_table(rows: Iterable[list[str]]) -> "pa.Table":
    """Rows of text as a table, a chunk at a time; a short row is filled with nulls, `cells` keeps how long it is."""
    import pyarrow as pa

    rows = iter(rows)
    top = list(itertools.islice(rows, TOP_ROWS))
    width = _narrow(max(map(len, top), default=0))
    everything, tables, number = itertools.chain(top, rows), [], 1
    while (chunk := list(itertools.islice(everything, CHUNK))) or not tables:
        cells = zip(*chunk, strict=True) if {*map(len, chunk)} == {width} else _columns(chunk, width)
        columns = {f"c{i}": pa.array(column, pa.string()) for i, column in enumerate(cells)}
        table = pa.table(columns) if width else pa.table({"c0": pa.array([None] * len(chunk), pa.string())})
        tables.append(_numbered(table, number, pa.array([_length(row, width) for row in chunk], pa.int64())))
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


def _narrow(width: int) -> int:
    if width > MOST_COLUMNS:
        raise Unreadable(f"有 {width} 列，最多 {MOST_COLUMNS} 列：请删去表格右边多余的列")
    return width
