"""A copy of a file with its offending cells marked, as a workbook in which a clerk mends it and hands it in again."""

import hashlib
import math
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.constants import ARC_CORE
from openpyxl.xml.functions import tostring

from dagster_project.clerk.template import (
    BLUE,
    BODY,
    BOLD,
    BOX,
    CENTRE,
    FACE,
    HOUSE,
    PALE,
    TITLE,
    WHITE_BOLD,
    WRAPPED,
)
from dagster_project.extracts.contract import contract
from dagster_project.extracts.rows import WHAT_IS_EXPECTED
from dagster_project.extracts.sheet import TEXT, Unreadable
from dagster_project.extracts.text import text_rows
from dagster_project.extracts.workbook import read_each, texts_of
from dagster_project.release.read import FORMULA_STARTS
from dagster_project.sheets import print_landscape, text_width

if TYPE_CHECKING:
    from dagster_project.clerk.findings import CheckedFile, CheckedSheet, Problem

FINDINGS = "检查结果"
COPY = f"-{FINDINGS}"  # what the name of a copy ends with
HAND_IN = "改好后保存，代替原文件交回，本表和批注不用删除"
MEND_ELSEWHERE = "请在原文件里改，不要交回这一份"
WIDTHS = {"文件": 20, "工作表": 16, "行": 7, "列": 28, "问题": 50, "怎么改": 32}
MARK = PatternFill("solid", fgColor="FF9999")
LINK = Font(FACE, 10, color="0563C1", underline="single")
COMMENT, ORIGINAL_COMMENT = (
    f"{FINDINGS}：",
    "\n原批注：",
)  # what each of our comments begins with, and what it puts aside

MOST_ROWS = 100_000  # of a sheet that is copied whole
MOST_UNPACKED = 100 << 20  # bytes of a workbook that is copied with its formatting
NUMBER = re.compile(r"-?(0|[1-9]\d{0,11})(\.\d{1,6})?")
REACHES_OUT = re.compile(r"\||\b(WEBSERVICE|HYPERLINK|RTD|CALL|REGISTER|EXEC)\b", re.IGNORECASE)  # of a formula


class NotOurs(ValueError):
    """The copy is not written where something else would be lost; the message, in Chinese, says what to do."""


@dataclass
class Copy:
    """A sheet of the copy: where each row of the original stands (None: where it stood), and columns put before it."""

    sheet: Worksheet
    rows: dict[int, int] | None = None
    shift: int = 0

    def cell(self, row: int, column: int) -> Cell:
        """The cell of a row and a column of the original; of merged cells the one that shows."""
        place = self.rows.get(row, 1) if self.rows is not None else row
        for merged in self.sheet.merged_cells:
            left, top, right, bottom = merged.bounds
            if top <= place <= bottom and left <= column <= right:
                place, column = top, left
        found = self.sheet.cell(place, column + self.shift)
        assert isinstance(found, Cell)
        return found


def write_marked(file: "CheckedFile", target: Path) -> None:
    """Write the marked copy of a file. Raises NotOurs, and OSError.

    What stands there already is replaced only if it is a copy that nobody has saved since.
    """
    if os.path.lexists(target) and not _is_untouched(target):
        raise NotOurs(f"{target} 已有，可能已经改过，不覆盖：请先移走，或用 --out 换一个文件夹")
    book, copies = _copy(file)
    _list_findings(book, file, copies)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
        _save(book, sealed := Path(folder, target.name))
        sealed.replace(target)


def _save(book: Workbook, path: Path) -> None:
    """Save a workbook with a seal: a fingerprint of all its parts but the one that holds it."""
    plain = path.with_name("plain.xlsx")
    book.save(plain)
    book.properties.identifier = _fingerprint(plain)
    with zipfile.ZipFile(plain) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as sealed:
        for name in parts.namelist():
            sealed.writestr(name, tostring(book.properties.to_tree()) if name == ARC_CORE else parts.read(name))


def _fingerprint(path: Path) -> str:
    with zipfile.ZipFile(path) as parts:
        checksums = sorted((part.filename, part.CRC) for part in parts.infolist() if part.filename != ARC_CORE)
    return hashlib.sha256(repr(checksums).encode()).hexdigest()


def _is_untouched(path: Path) -> bool:
    """Is this a copy as a check wrote it, its seal unbroken? Whatever program saves it breaks the seal."""
    try:
        seal = _fingerprint(path)
        with zipfile.ZipFile(path) as parts:
            return seal.encode() in parts.read(ARC_CORE)
    except (zipfile.BadZipFile, OSError, KeyError):
        return False


def _copy(file: "CheckedFile") -> tuple[Workbook, dict[str | None, Copy]]:
    """The copy to mark, and its sheets by their name in the file: the workbook itself, or one made of its texts."""
    is_long = any(sheet.rows_in > MOST_ROWS for sheet in file.sheets)
    if file.path.suffix.lower() == ".xlsx" and not is_long and _unpacked(file.path) <= MOST_UNPACKED:
        try:
            book = load_workbook(file.path)
        except Exception:  # the reader took it, openpyxl does not: the formatting is lost, the rows are not
            return _copy_of_texts(file)
        _clean(book)
        return book, {sheet.title: Copy(sheet) for sheet in book.worksheets}
    return _copy_of_texts(file)


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as parts:
        return sum(part.file_size for part in parts.infolist())


def _clean(book: Workbook) -> None:
    """Take out the marks of an earlier check, and let no formula reach out of the workbook."""
    for sheet in book.worksheets:
        if sheet.title.startswith(FINDINGS) and str(sheet["A1"].value).startswith(FINDINGS):
            book.remove(sheet)
            continue
        sheet.sheet_view.tabSelected = False
        for cell in list(sheet._cells.values()):  # those that are there; all others in their midst are many
            if cell.comment and cell.comment.text.startswith(COMMENT):
                _, _, original = cell.comment.text.partition(ORIGINAL_COMMENT)
                cell.comment = Comment(original, "") if original else None
                cell.fill = PatternFill()
            if cell.data_type == "f" and REACHES_OUT.search(str(getattr(cell.value, "text", cell.value))):
                _put_text(cell, str(getattr(cell.value, "text", cell.value)))
            elif cell.data_type == "s" and str(cell.value).startswith(FORMULA_STARTS):
                cell.quotePrefix = True
    if book.calculation:
        book.calculation.fullCalcOnLoad = True  # the results of formulas are not kept


def _copy_of_texts(file: "CheckedFile") -> tuple[Workbook, dict[str | None, Copy]]:
    """A workbook of a file's texts, sheet by sheet; of a long sheet only the header and the wrong rows."""
    book, copies = Workbook(), {}
    book.remove(book.worksheets[0])
    book.properties.creator = HOUSE
    checked = {sheet.title: sheet for sheet in file.sheets}
    for name, rows in _texts(file.path):
        title = re.sub(r"[\[\]:*?/\\]", "_", ILLEGAL_CHARACTERS_RE.sub("", name or file.path.stem))[:31]
        copies[name] = _fill(book.create_sheet(title), rows, checked.get(name), file.extract)
    return book, copies


def _texts(path: Path) -> Iterable[tuple[str | None, Iterable[list[str]]]]:
    """The sheets of a file as text, as they were when it was checked."""
    try:
        if path.suffix.lower() in TEXT:
            return [(None, text_rows(path))]
        [(_, sheets)] = read_each([path], _texts_of_workbook)
    except Unreadable as error:
        raise OSError(str(error)) from error
    if isinstance(sheets, Unreadable):
        raise OSError(str(sheets))
    return sheets


def _texts_of_workbook(path: Path) -> list[tuple[str, list[list[str]]]]:
    return [(name, rows) for name, rows, _ in texts_of(path)]


def _fill(sheet: Worksheet, rows: Iterable[list[str]], checked: "CheckedSheet | None", extract: str | None) -> Copy:
    """Write texts into a sheet: codes as text, figures as figures, the header in bold and kept in sight."""
    numeric: set[int] = set()
    header_row = checked.header_row if checked else 0
    if checked and extract:
        types = {column.zh: column.type for column in contract().extracts[extract].columns}
        numeric = {index for zh, index in checked.position.items() if types[zh] in WHAT_IS_EXPECTED}
    copy = Copy(sheet)
    if checked and checked.rows_in > MOST_ROWS:
        wrong = {problem.row for problem in checked.problems if problem.row}
        kept = [*range(1, header_row + 1), *sorted(wrong)]
        copy = Copy(sheet, {row: place for place, row in enumerate(kept, start=2)}, 1)
        sheet["A1"] = (
            f"原表有 {checked.rows_in} 行，这里只有表头和有问题的 {len(wrong)} 行，第一列是原表的行号：{MEND_ELSEWHERE}"
        )
        sheet["A1"].font = BOLD
    widths: dict[int, int] = {}
    for number, row in enumerate(rows, start=1):
        place = number if copy.rows is None else copy.rows.get(number)
        if place is None:
            continue
        if copy.rows:
            sheet.cell(place, 1, number if number > header_row else "原行号")
        for index, text in enumerate(row):
            if not text:
                continue
            cell = sheet.cell(place, index + 1 + copy.shift)
            if number > header_row and index in numeric and NUMBER.fullmatch(text):
                cell.value = float(text) if "." in text else int(text)
            else:
                _put_text(cell, text)
            if number <= header_row:
                cell.font, cell.fill, cell.alignment = BOLD, PALE, CENTRE
            if number >= header_row and place < 200:
                longest = text_width(text) if number > header_row else text_width(text) * 0.6
                widths[cell.column] = max(widths.get(cell.column, 8), round(longest))
    for column, width in widths.items():
        sheet.column_dimensions[get_column_letter(column)].width = min(width, 40) + 2
    if header_row:
        below = (copy.rows or {}).get(header_row, header_row) + 1
        sheet.freeze_panes = sheet.cell(below, 1)
        sheet.row_dimensions[below - 1].height = 32
        print_landscape(sheet, below - 1, is_fitted=False)
    return copy


def _put_text(cell: Cell, text: str) -> None:
    """Write a text as text, whatever it looks like, without what a workbook cannot hold."""
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    if cell.value is not None:
        cell.data_type, cell.number_format = "s", "@"
        cell.quotePrefix = text.startswith(FORMULA_STARTS)


def _list_findings(book: Workbook, file: "CheckedFile", copies: dict[str | None, Copy]) -> None:
    """Mark every problem in the copy and list them all in a first sheet.

    No cell of the list is a header that the contract knows: the list must never be read as data.
    """
    sheet = book.create_sheet(FINDINGS, 0)
    book.active, sheet.sheet_view.tabSelected = 0, True
    found = list(_findings(file, copies))
    unlisted = sum(checked.unlisted for checked in file.sheets)
    more = f"，另有 {unlisted} 行有问题，没有逐一列出" if unlisted else ""
    sheet.append([f"{FINDINGS}：{Path(file.shown).name} 有 {len(found)} 处要改{more}"])
    is_whole = all(copy.rows is None for copy in copies.values())
    sheet.append([f"点“列”跳到标红的单元格，鼠标停在上面看原因；{HAND_IN if is_whole else MEND_ELSEWHERE}。"])
    sheet.append(list(WIDTHS))
    sheet["A1"].font, sheet["A2"].font = TITLE, BODY
    for place, (checked, problem, cell) in enumerate(found, start=4):
        column = problem.columns or (("整行",) if problem.row else ("整张表",) if cell is not None else ("整个文件",))
        title = cell.parent.title if cell is not None else checked.name
        row = problem.row or (cell.row if cell is not None and problem.columns else "")
        letters = f"{cell.column_letter} " if cell is not None and problem.columns else ""
        texts = [
            Path(file.shown).name,
            title or "",
            str(row),
            letters + "、".join(column),
            "；".join(filter(None, (problem.wrong, problem.behind))),
            problem.advice,
        ]
        for index, text in enumerate(texts, start=1):
            target = sheet.cell(place, index)
            _put_text(target, text)
            target.font, target.border, target.alignment = BODY, BOX, CENTRE if index == 3 else WRAPPED
        lines = max(math.ceil(text_width(text) / width) for text, width in zip(texts, WIDTHS.values(), strict=True))
        sheet.row_dimensions[place].height = 6 + 13 * lines
        if cell is not None:
            link = sheet.cell(place, 4)
            where = f"{quote_sheetname(cell.parent.title)}!{cell.coordinate}"
            link.hyperlink, link.font = Hyperlink(ref=link.coordinate, location=where), LINK
            _mark(cell, problem.said)
    for index, (title, width) in enumerate(WIDTHS.items(), start=1):
        header = sheet.cell(3, index, title)
        header.fill, header.font, header.alignment, header.border = BLUE, WHITE_BOLD, CENTRE, BOX
        sheet.column_dimensions[get_column_letter(index)].width = width
    sheet.freeze_panes = "A4"
    sheet.auto_filter.ref = f"A3:F{sheet.max_row}"
    sheet.row_dimensions[1].height, sheet.row_dimensions[3].height = 30, 22
    sheet.sheet_view.showGridLines = False
    print_landscape(sheet, header_row=3)


def _findings(
    file: "CheckedFile", copies: dict[str | None, Copy]
) -> Iterator[tuple["CheckedSheet", "Problem", Cell | None]]:
    """Every problem with its sheet, once for each cell that it lies in."""
    for checked in file.sheets:
        for problem in checked.problems:
            cells = [copies[title].cell(row, column) for title, row, column in problem.spots if title in copies]
            for cell in cells or [None]:
                yield checked, problem, cell


def _mark(cell: Cell, reason: str) -> None:
    """Fill a cell and say in its comment what is wrong, under what is said there already and over what others said."""
    said = cell.comment.text if cell.comment else ""
    if said.startswith(COMMENT):
        ours, mark, original = said.partition(ORIGINAL_COMMENT)
        text = f"{ours}\n{reason}{mark}{original}"
    else:
        text = COMMENT + reason + (ORIGINAL_COMMENT + said if said else "")
    lines = sum(text_width(line) // 36 + 1 for line in text.split("\n"))
    cell.fill = MARK
    cell.comment = Comment(text, HOUSE, height=30 + 20 * lines, width=300)
