"""A text file, in whichever encoding and with whichever delimiter, becomes rows of text."""

import codecs
import csv
import io
import itertools
import os
import re
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

if TYPE_CHECKING:
    import pyarrow as pa
from dagster_project.extracts.sheet import MARKS, OLE, TOP_ROWS, ZIP, Unreadable, as_table, narrow, numbered

BLOCK = 1 << 20

ENCODINGS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
LONGEST_LINE = 16_000_000  # characters
# Chinese in UTF-8 as a cell of its own. In GB18030 such bytes hardly ever stand together: they tell a file of two encodings.
CHINESE_UTF8 = re.compile(rb"(?<![\x80-\xff])(?:[\xe4-\xe9][\x80-\xbf]{2}){2,}(?![\x80-\xff])")
LEAD_OR_TRAIL = bytes(
    32 if byte < 128 else 69 if 0xE4 <= byte <= 0xE9 else 66 if byte <= 0xBF else 88 for byte in range(256)
)


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


def read_text(path: Path) -> tuple["pa.Table", str]:
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
    """What separates the cells of a text file, by its first lines; what stands between quotation marks separates nothing."""
    bare = [re.sub('"[^"]*"', "", line) for line in start]
    tabs, commas, semicolons = (sum(line.count(mark) for line in bare) for mark in "\t,;")
    return "\t" if tabs >= len(start) else "," if commas >= semicolons else ";"


def _read_at_once(text: BinaryIO, delimiter: str, start: list[str]) -> "pa.Table | None":
    """The fast way; None where rows differ in length or a cell holds a line break."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    first = next(_split(start, delimiter), [])
    width = narrow(len(first))
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
    return numbered(table, 1, pa.repeat(width, table.num_rows))


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
