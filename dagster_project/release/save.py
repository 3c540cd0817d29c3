"""The result of a query as a file: a workbook, a CSV that Excel opens, JSON or a table. What is there already is not overwritten."""

import math
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb

from dagster_project.release.read import Format, rows_of, text_of, write_result
from dagster_project.release.store import ReleaseError
from dagster_project.sheets import as_text

MOST_ROWS = 1_048_575  # of a sheet, below the header
MOST_CHARACTERS = 32_767  # of a cell
EXACT = 10**15  # Excel keeps 15 digits: a longer whole number is written as text


def write_file(result: duckdb.DuckDBPyConnection, format: Format | Literal["xlsx"], path: Path) -> None:
    """Write all rows of an executed query to a new file, whole or not at all. Raises ReleaseError.

    csv: UTF-8 with the mark by which Excel knows it. xlsx: numbers and dates as such, text as text also where it begins like a formula.
    """
    if path.exists():
        raise ReleaseError(f"已经有 {path}：请另取文件名，或先把它移走")
    part = path.with_name(f".{path.name}.part")
    try:
        if format == "xlsx":
            _write_workbook(result, part)
        else:
            with part.open("w", encoding="utf-8-sig" if format == "csv" else "utf-8", newline="") as out:
                write_result(result, format, out)
        os.rename(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_workbook(result: duckdb.DuckDBPyConnection, path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("查询结果")
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        made = WriteOnlyCell(sheet, value=_excel(value))
        as_text(made)
        return made

    header = [cell(column[0]) for column in result.description or []]
    for name in header:
        name.font = Font(bold=True)
    sheet.append(header)
    for count, row in enumerate(rows_of(result), start=1):
        if count > MOST_ROWS:
            raise ReleaseError(f"结果超过 {MOST_ROWS} 行，一张工作表放不下：请加条件，或用 --format csv")
        sheet.append([cell(value) for value in row])
    book.save(path)


def _excel(value: Any) -> Any:
    """A value as a cell holds it without loss."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if value is None or (isinstance(value, bool | date) and not getattr(value, "tzinfo", None)):
        return value
    if isinstance(value, int | float) and math.isfinite(value) and (isinstance(value, float) or abs(value) < EXACT):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("□", text_of(value))
    if len(text) > MOST_CHARACTERS:
        raise ReleaseError(f"有一格超过 {MOST_CHARACTERS} 个字，Excel 放不下：请用 --format csv")
    return text
