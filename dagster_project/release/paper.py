"""How a paper is drawn: a layout's texts in their cells, their fields filled in, and the sheet as it is printed.

What stands in which cell are the seeds application_form_layout and self_assessment_layout. A text may hold fields, {name} or {name:how}:
    {4.1}            the first blank of row 4 of this table in mart_application_form, a number where it fills the cell
    {G1:yes_no}      how mart_item_verdict judges item G1, in the words that dim_label has for this kind
    {G1:conclusion}  the same, and which schools or what share keep it from being met
    {school_label:text}, {backbone_teachers_per_100:0.00}
                     a column of the rows of a list, as text or as a number of this format; such a row stands once for each of them
"""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.extracts.facts import seed
from dagster_project.sheets import as_text

PAGES = "第 &P 页，共 &N 页"
FACE = "宋体"
TITLE, BODY, SMALL = Font(FACE, 16, bold=True), Font(FACE, 10), Font(FACE, 9)
INCOMPLETE = Font(FACE, 10, bold=True, color="C00000")
LINE = Side("thin")
BOX = Border(LINE, LINE, LINE, LINE)
CENTRE = Alignment("center", "center", wrap_text=True)
LEFT = Alignment("left", "center", wrap_text=True)
FIELD = re.compile(r"{(.+?)(?::(.+?))?(?:\|(.+?))?}")

NUMBERS = ("row_no", "column_no", "column_span", "row_span")

Known = Mapping[str, Any]  # what a field of a row stands for, by its name
Words = Mapping[str, Mapping[str, str]]  # what is written for a code, by its kind


@dataclass(frozen=True)
class Paper:
    """How a sheet is drawn.

    left        columns of text, which begins at the left
    line        characters in a line of such a column: where they are told, the row is as high as its text is long
    line_height, padding  of such a row, in points
    heights     of other rows; 20 where nothing is said
    repeated    rows that stand on every printed page
    is_upright  printed upright on one page, not across on as many as it takes
    """

    widths: Sequence[float]
    left: Sequence[int] = ()
    line: Mapping[int, int] = field(default_factory=dict)
    line_height: float = 14
    padding: float = 8
    heights: Mapping[int, float] = field(default_factory=dict)
    note_height: float | None = None
    repeated: str | None = None
    is_upright: bool = False


BY_INDICATOR = Paper([8, 18, *[14] * 8], heights={3: 45})
ITEMS = Paper([54, 64, 10], left=(1, 2), line={1: 26, 2: 31}, repeated="3:3")
PAPERS = {
    "封面": Paper([22, 40, 22, 40], heights={3: 60, 4: 40, 5: 40}),
    "表Ⅰ": Paper([6] * 24, heights={3: 30, 4: 45, 5: 60}),
    "表Ⅱ-1": BY_INDICATOR,
    "表Ⅱ-2": Paper(
        [5, 18, 7, 7, 6, 6, *[9] * 7, 8, 30],
        left=(2, 15),
        line={2: 8, 15: 18},
        heights={3: 75},
        note_height=42,
        repeated="3:4",
    ),
    "表Ⅲ": BY_INDICATOR,
    "表Ⅳ": ITEMS,
    "表Ⅴ": ITEMS,
    "表Ⅵ": Paper([14, *[16] * 7], heights={3: 30}),
    "目录": Paper(
        [5, 20, 12, *[6.5] * 12, 30],
        left=(2, 16),
        line={2: 9, 16: 15},
        heights={3: 20, 4: 75},
        note_height=20,
        repeated="3:4",
    ),
    "学校自评表": Paper([8, 36, 54, 10], left=(2, 3), line={2: 17, 3: 25}, note_height=62, is_upright=True),
    "缺少的数据": Paper([8, 46, 80], left=(2, 3), line={3: 40}, line_height=15, padding=0, repeated="3:3"),
}


@dataclass(frozen=True)
class Place:
    """A row of a layout's seed. style: title, line (below it), note, the name of a list whose rows stand here, or none."""

    sheet: str
    row: int
    column: int
    column_span: int
    row_span: int
    style: str
    text: str


def read_layout(name: str) -> dict[str, list[Place]]:
    """What stands where, by sheet, from the top to the bottom."""
    places = (
        Place(line["sheet"], *(int(line[n]) for n in NUMBERS), line["style"], line["text_zh"]) for line in seed(name)
    )
    return {sheet: list(found) for sheet, found in groupby(places, lambda place: place.sheet)}


def head(sheet: Worksheet, paper: Paper, title: Place, line: str, lacks: str | None = None) -> None:
    """The page, fitted to its width: title, county and year, and what the schools table lacks."""
    width = title.column_span
    if lacks:
        line += f"\n数据不完整：{lacks}"
        sheet.row_dimensions[2].height = 16 * (2 + len(lacks) // (8 * width))
    for row, text, font in ((1, title.text, TITLE), (2, line, INCOMPLETE if lacks else BODY)):
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=width)
        sheet.cell(row, 1, text).font = font
        sheet.cell(row, 1).alignment, sheet.cell(row, 1).data_type = CENTRE, "s"
    sheet.row_dimensions[1].height = 30
    sheet.page_setup.orientation = "portrait" if paper.is_upright else "landscape"
    sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = sheet.PAPERSIZE_A4, int(paper.is_upright)
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_options.horizontalCentered, sheet.oddFooter.center.text = True, PAGES
    sheet.page_margins.left = sheet.page_margins.right = 0.4  # inches: wide tables are not shrunk below nine points


def body(
    sheet: Worksheet,
    places: Sequence[Place],
    paper: Paper,
    lists: Mapping[str, Sequence[Known]],
    known: Known,
    words: Words,
) -> None:
    """The rows from the third on; the row of a list stands once for each of its rows, and what follows moves down."""
    shift, notes = 0, []
    for row, of_row in groupby(places, lambda place: place.row):
        cells = list(of_row)
        style = cells[0].style
        for line in lists.get(style, [known]):
            for place in cells:
                _fill(sheet, row + shift, place, line, words)
            if style == "note":
                notes.append(row + shift)
            shift += 1
        shift -= 1
    _grid(sheet, paper, [row for row in range(3, sheet.max_row + 1) if row not in notes])
    for row in notes:
        sheet.cell(row, 1).font, sheet.cell(row, 1).alignment = SMALL, LEFT
        sheet.row_dimensions[row].height = paper.note_height
    sheet.print_title_rows = paper.repeated


def _fill(sheet: Worksheet, row: int, place: Place, known: Known, words: Words) -> None:
    """Put a text where it belongs. A field that is the whole text fills the cell and leaves it blank where nothing is known."""
    cell = sheet.cell(row, place.column)
    if whole := FIELD.fullmatch(place.text):
        name, how, _ = whole.groups()
        value = known.get(name)
        if how in words:
            word, reason = words[how].get(str(value).lower()), known.get(f"{name}:{how}")
            cell.value = f"{word}：{reason}" if value is False and reason else word
        elif how == "text":
            cell.value = value
        else:
            cell.value = _number(value)
            decimals = len(value.partition(".")[2]) if isinstance(value, str) and isinstance(cell.value, float) else 0
            cell.number_format = how or ("0." + "0" * decimals if decimals else cell.number_format)
    else:
        cell.value = _number(told(place.text, known))
    if place.row_span > 1 or place.column_span > 1:
        last_row, last_column = row + place.row_span - 1, place.column + place.column_span - 1
        sheet.merge_cells(start_row=row, end_row=last_row, start_column=place.column, end_column=last_column)


def told(text: str, known: Known) -> str:
    """A text with its fields filled in; what is not known leaves a blank to write on, or those behind its |."""

    def fill(field: re.Match[str]) -> str:
        value, how = known.get(field[1]), field[2]
        if value is None:
            return field[3] or "＿＿"
        if isinstance(value, float):
            return f"{value:.{len(how.partition('.')[2])}f}" if how else f"{value:.15g}"
        return str(value)

    return FIELD.sub(fill, text)


def _number(shown: Any) -> Any:
    """A figure as a number that a clerk can add up; any other text or value as it is."""
    if not isinstance(shown, str) or not shown.replace(".", "").isdigit():
        return shown
    return float(shown) if "." in shown else int(shown)


def _grid(sheet: Worksheet, paper: Paper, rows: Sequence[int]) -> None:
    """Lines, font, alignment and heights of rows, and the widths of the columns.

    The first cell of a kind is given its style, the next ones copy it: openpyxl looks each part of a style up anew.
    """
    styles: dict[tuple[str, bool], Any] = {}
    top = int(paper.repeated.rpartition(":")[2]) if paper.repeated else rows[0]
    for row in rows:
        cells = [sheet.cell(row, column) for column in range(1, len(paper.widths) + 1)]
        sheet.row_dimensions[row].height = paper.heights.get(row, 20)
        if paper.line and row > top and row not in paper.heights:
            lines = max(len(str(cells[column - 1].value or "")) // most for column, most in paper.line.items())
            sheet.row_dimensions[row].height = paper.padding + paper.line_height * (lines + 1)
        for cell in cells:
            as_text(cell)
            is_left = cell.column in paper.left and row > top
            kind = cell.number_format, is_left
            if kind in styles:
                cell._style = copy(styles[kind])
            else:
                cell.border, cell.font, cell.alignment = BOX, BODY, LEFT if is_left else CENTRE
                styles[kind] = cell._style
    for column, width in enumerate(paper.widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
