"""Reading a release: a session that can only read it, and three output formats."""

import csv
import json
import math
import os
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

import duckdb

from dagster_project import settings
from dagster_project.release import own_files
from dagster_project.release.history import snapshot_of
from dagster_project.release.store import (
    SNAPSHOT,
    ReleaseError,
    current_release,
    find_release,
    read_manifest,
    require_release,
)
from dagster_project.sql import quote

Format = Literal["table", "csv", "json"]

# No file but the snapshot; even so COPY may write that and its .wal and spoil the release, which the second line ends.
_CLOSE = "SET enable_external_access = false; SET disabled_filesystems = 'LocalFileSystem'"
_LOCK = f"{_CLOSE}; SET lock_configuration = true"
# zh('verdict', verdict): the word that a reader sees for a code.
_WORDS = (
    "CREATE TEMP MACRO zh(kind_, code_) AS (SELECT label_zh FROM marts.dim_label WHERE kind = kind_ AND code = code_)"
)
_FETCH = 10_000
ROOM = "\n" * 4 + "\x1b[4A\x1b7"  # four lines below, and the place is remembered
_FORGET = "\x1b8\x1b[J"  # back there, and nothing below it
# What a spreadsheet may take for a formula; a Chinese Excel reads the full-width signs the same way.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def connect(
    home: str | Path | None = None, release: str | None = None, files: Sequence[str | Path] = ()
) -> duckdb.DuckDBPyConnection:
    """Open a release for an analyst: read-only, schema marts, no way out of the file.

        from dagster_project.release.read import connect
        connect().sql("from mart_county_verdict").df()  # a pandas frame

    home is the folder of the releases; None: JUNHENG_HOME, or var/ of the checkout. release: an id, the beginning of one, or a
    version such as 2.1; None: the current one. One that was thinned is made again first, beside the releases. files: own CSV,
    Excel or Parquet files, each a temporary table of its name: connect(files=["我的.csv"]).sql("from 我的"); no other file can be read.
    The connection stays on this one release whatever is published meanwhile. COPY TO, read_text, ATTACH,
    INSTALL and the like are refused, and nothing spills to disk: a query that outgrows the memory is stopped
    with DuckDB's message. Other connections of the process, SQLAlchemy's too, may have the same release open.
    Raises ReleaseError when there is no such release, none has been published yet, or a file cannot be read.
    """
    home = Path(home) if home else settings.home_folder()
    while True:
        current = require_release(home)
        snapshot = snapshot_of(find_release(home, release)) if release else current / SNAPSHOT
        try:
            return _open(snapshot, files)
        except duckdb.IOException as error:
            # Between resolving and opening, this release may have been retired: take the new one.
            if release or current_release(home) == current:
                raise ReleaseError(f"发布版本 {snapshot.parent.name} 无法打开：{error}") from error


def _open(snapshot: Path, files: Sequence[str | Path]) -> duckdb.DuckDBPyConnection:
    """A locked session that has the snapshot attached. Its database is its own, in memory: settings are shared with nobody."""
    connection = duckdb.connect(config={"temp_directory": ""})
    try:
        # DuckDB draws its bar on standard output, into the midst of a slow query's CSV or JSON.
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"ATTACH {quote(snapshot)} AS junheng (READ_ONLY)")
        if files:
            own_files.load(connection, files)
        connection.execute(f"{_LOCK}; USE junheng.marts")
        if connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'dim_label'").fetchall():
            connection.execute(_WORDS)
    except BaseException:
        connection.close()
        raise
    return connection


def shell(home: Path, release: str | None = None) -> list[str]:
    """The command that opens DuckDB's own shell, which has history and completion, on what `connect` opens.

    Safe mode refuses .shell, .output, .open and the like, and locks the settings. It complains that it cannot close what is closed
    already; where ROOM was printed before, that is wiped from the terminal.
    """
    import duckdb_cli

    program = Path(duckdb_cli.__file__).with_name("duckdb.exe" if os.name == "nt" else "duckdb")
    snapshot = snapshot_of(find_release(home, release)) if release else require_release(home) / SNAPSHOT
    has_words = any(mart["name"] == "dim_label" for mart in read_manifest(snapshot.parent)["marts"])
    return [
        *(
            str(program),
            "-readonly",
            "-no-init",
            "-cmd",
            f"USE marts; {_WORDS if has_words else ''}; {_CLOSE}",
            "-cmd",
            ".safe_mode",
        ),
        *("-cmd", f".print {_FORGET}", str(snapshot)),
    ]


def write_result(result: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation, format: Format, out: TextIO) -> None:
    """Write all rows of an executed query to a text stream; rows pass through in batches except for `table`.

    table: for a terminal, Chinese characters count two columns. csv: RFC 4180, null is an empty cell, text
    that a spreadsheet would run as a formula gets a leading '. json: one array of objects, a repeated column
    name gets _1, _2; what JSON has no number for (NaN, infinity) becomes null.
    """
    columns = [column[0] for column in result.description or []]
    match format:
        case "table":
            _write_table(columns, result, out)
        case "csv":
            _write_csv(columns, result, out)
        case "json":
            _write_json(columns, result, out)
        case _:
            raise ReleaseError(f"未知的输出格式 {format}：可用 table、csv、json")


def rows_of(result: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation) -> Iterator[tuple[Any, ...]]:
    while batch := result.fetchmany(_FETCH):
        yield from batch


def _write_csv(columns: list[str], result: Any, out: TextIO) -> None:
    writer = csv.writer(out)
    writer.writerow([_neutral(column) for column in columns])
    writer.writerows([_neutral(value) for value in row] for row in rows_of(result))


def _neutral(value: Any) -> Any:
    """A CSV cell: numbers, dates and null as they are; text that begins like a formula is made plain text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict | bytes):
        value = text_of(value)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def _write_json(columns: list[str], result: Any, out: TextIO) -> None:
    names: list[str] = []
    for column in columns:
        name, repeat = column, 0
        while name in names:
            repeat += 1
            name = f"{column}_{repeat}"
        names.append(name)
    separator = "[\n"
    for row in rows_of(result):
        record = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        out.write(separator + json.dumps(record, ensure_ascii=False, allow_nan=False))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


def _plain(value: Any) -> Any:
    """A value as JSON knows it; a decimal becomes the nearest double, dates and the like their ISO text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "__float__"):
        return float(value) if math.isfinite(value) else None
    return str(value)


def text_of(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict | bytes):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _write_table(columns: list[str], result: Any, out: TextIO) -> None:
    """Columns side by side; rows that are wider than the terminal stand one below the other, a column a line."""
    numeric = [_is_numeric(column[1]) for column in result.description or []]
    grid = [[_printable(column) for column in columns]]
    grid += [[_printable(text_of(cell)) for cell in row] for row in rows_of(result)]
    widths = [max(map(width, cells)) for cells in zip(*grid, strict=True)]
    if out.isatty() and sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size().columns:
        longest = max(map(width, grid[0]))
        for number, cells in enumerate(grid[1:], 1):
            out.write(f"── 第 {number} 行\n")
            out.writelines(
                f"{name}{' ' * (longest - width(name))}  {cell}\n" for name, cell in zip(grid[0], cells, strict=True)
            )
        out.write(f"（{len(grid) - 1} 行）\n")
        return
    lines = []
    for cells in grid:
        padded = []
        for cell, most, right in zip(cells, widths, numeric, strict=True):
            space = " " * (most - width(cell))
            padded.append(space + cell if right else cell + space)
        lines.append("  ".join(padded).rstrip() + "\n")
    lines.insert(1, "  ".join("─" * most for most in widths) + "\n")
    out.writelines(lines)
    out.write(f"（{len(grid) - 1} 行）\n")


def _is_numeric(kind: Any) -> bool:
    name = str(kind).upper()
    return name.startswith("DECIMAL") or name.endswith(("INT", "INTEGER", "DOUBLE", "FLOAT"))


def width(text: str) -> int:
    """Columns that a text takes in a terminal: two a wide character, none a combining one."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def _printable(text: str) -> str:
    """A cell on one line; control characters are shown, not sent to the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\u3000" else repr(char)[1:-1] for char in text)
