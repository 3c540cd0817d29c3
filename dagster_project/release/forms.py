"""The papers of a county as workbooks: the application form, 申报表 tables Ⅰ to Ⅵ, and the self-assessment form of each of its
schools, 学校自评表. They draw what the marts say and compute nothing.

What stands in which cell are the seeds application_form_layout and self_assessment_layout. A text may hold fields, {name} or {name:how}:
    {4.1}            the first blank of row 4 of this table in mart_application_form, a number where it fills the cell
    {G1:yes_no}      how mart_item_verdict judges item G1, in the words that dim_label has for this kind
    {G1:conclusion}  the same, and which schools or what share keep it from being met
    {school_label:text}, {backbone_teachers_per_100:0.00}
                     a column of the rows of a list, as text or as a number of this format; such a row stands once for each of them
"""

import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.extracts.facts import seed
from dagster_project.sheets import as_text

PROVISIONAL = "暂定（未签署）"  # what stands on a paper whose region and year nobody has signed
SYNTHETIC = "合成数据，不反映任何学校的实际情况"  # and on each of a region whose data are made up
PAGES = "第 &P 页，共 &N 页"
FACE = "宋体"
TITLE, BODY, SMALL = Font(FACE, 16, bold=True), Font(FACE, 10), Font(FACE, 9)
INCOMPLETE = Font(FACE, 10, bold=True, color="C00000")
LINE = Side("thin")
BOX = Border(LINE, LINE, LINE, LINE)
CENTRE = Alignment("center", "center", wrap_text=True)
LEFT = Alignment("left", "center", wrap_text=True)
FIELD = re.compile(r"{(.+?)(?::(.+?))?(?:\|(.+?))?}")

MOST_SHEETS = 500  # of one workbook, which Excel still opens at once
NOT_IN_A_TITLE, LONGEST_TITLE = re.compile(r"[\[\]:*?/\\']"), 31  # of a sheet
NOT_IN_A_FILE_NAME, LONGEST_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f]'), 40  # of a county in a file's name

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


def write_forms(
    con: duckdb.DuckDBPyConnection,
    building: Path,
    previous: Path | None,
    code_version: str,
    marks: Mapping[tuple[str, int], str],
) -> list[dict[str, Any]]:
    """Write the papers of every county into a release, forms/<region>/<county>_<year>_申报表.xlsx and …_学校自评表.xlsx; a workbook whose
    figures and mark are those of the release before, written by the same code and seeds, is linked to it. Each file with its county and
    the digest of its figures and mark and that code version. `marks`: of the regions and years that were signed."""
    con.execute("use junheng.marts")
    before = json.loads((previous / "manifest.json").read_bytes()).get("forms", []) if previous else []
    known = {(form["file"], form["figures"]) for form in before}
    forms, names = [], file_names(con)
    for kind, layout_name, query, write in FORMS:
        layout = read_layout(layout_name)
        for region_id, county_code, school_year, figures in counties(con, query):
            mark = marks.get((region_id, school_year), PROVISIONAL)
            figures = f"{code_version}-{hashlib.md5(f'{figures}{mark}'.encode()).hexdigest()}"
            file = f"forms/{region_id}/{names[region_id, county_code]}_{school_year}_{kind}.xlsx"
            (building / file).parent.mkdir(parents=True, exist_ok=True)
            if previous and (file, figures) in known and (previous / file).is_file():
                os.link(previous / file, building / file)
            else:
                write(con, layout, region_id, county_code, school_year, mark, building / file)
            forms.append({"region_id": region_id, "county_code": county_code, "file": file, "figures": figures})
    return forms


def write_papers(con: duckdb.DuckDBPyConnection, folder: Path, region_id: str, school_year: int, mark: str) -> None:
    """Write the papers of every county of a region and year into a folder, under this mark."""
    names = file_names(con)
    query = "select county_code from mart_county_verdict where (region_id, school_year) = (?, ?) order by county_code"
    for (county_code,) in con.execute(query, [region_id, school_year]).fetchall():
        for kind, layout_name, _, write in FORMS:
            path = folder / f"{names[region_id, county_code]}_{school_year}_{kind}.xlsx"
            write(con, read_layout(layout_name), region_id, county_code, school_year, mark, path)


def file_names(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """What the files of each region's county are called: its name, with its code where the region has another of that name; one without
    a name by its code."""
    counties = con.execute(
        "select region_id, county_code, coalesce(county_name_zh, county_code) from dim_county"
    ).fetchall()
    names = {(region, code): NOT_IN_A_FILE_NAME.sub(" ", name)[:LONGEST_NAME] for region, code, name in counties}
    alike = Counter((region, name) for (region, _), name in names.items())
    return {
        (region, code): f"{name}{code}" if alike[region, name] > 1 else name for (region, code), name in names.items()
    }


def counties(con: duckdb.DuckDBPyConnection, lines: str) -> list[tuple[str, str, int, str]]:
    """Region, county and newest school year of every workbook, and what tells whether its figures changed: all its lines."""
    return con.execute(
        f"""
        with lines as ({lines})
        select region_id, county_code, school_year, md5(string_agg(line, '' order by line)) from lines
        group by region_id, county_code, school_year
        qualify school_year = max(school_year) over (partition by region_id)
        order by all
        """
    ).fetchall()


def write_form(
    con: duckdb.DuckDBPyConnection,
    layout: Mapping[str, Sequence[Place]],
    region_id: str,
    county_code: str,
    school_year: int,
    mark: str,
    path: Path,
) -> None:
    """Write the form of a county and school year; cells without data stay blank and stand on the last sheet."""
    key = [region_id, county_code, school_year]
    where = "where (region_id, county_code, school_year) = (?, ?, ?)"
    blanks = _rows(
        con,
        f"select '表' || form_table as sheet, row_no || '.' || blank_no as name, shown, label_zh, missing"
        f" from mart_application_form {where} order by form_table, row_no, blank_no",
        key,
    )
    figures: dict[str, dict[str, Any]] = defaultdict(dict)
    for blank in blanks:
        figures[blank["sheet"]][blank["name"]] = blank["shown"]
    items: dict[str, Any] = {}
    for item_id, is_met, reason in con.execute(
        f"select item_id, is_met, reason from mart_item_verdict {where}", key
    ).fetchall():
        items |= {item_id: is_met, f"{item_id}:conclusion": reason}
    schools = _rows(
        con,
        f"select * replace (cast(organiser as integer) as organiser) from mart_application_form_school {where} order by row_no",
        key,
    )
    missing = [blank for blank in blanks if blank["shown"] is None] or [{"label_zh": "没有"}]
    lists = {"schools": schools, "missing": missing}
    lacks = con.execute(f"select reason from mart_completeness {where} and extract = 'schools'", key).fetchone()
    county, years, notice = _heading(con, region_id, county_code, school_year)
    line, words = "　".join(filter(None, (county, years, mark, notice))), _words(con)
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, (title, *places) in layout.items():
        sheet, paper = book.create_sheet(name), PAPERS[name]
        _head(sheet, paper, title, line, lacks[0] if lacks else None)
        _body(sheet, places, paper, lists, {**items, **figures[name]}, words)
    book.save(path)


def write_self_assessments(
    con: duckdb.DuckDBPyConnection,
    layout: Mapping[str, Sequence[Place]],
    region_id: str,
    county_code: str,
    school_year: int,
    mark: str,
    path: Path,
) -> None:
    """Write the self-assessment form of every school of a county, a sheet each, behind a first sheet that lists them; of a county with
    more schools than any has, the first MOST_SHEETS, and it says so."""
    schools = _rows(
        con,
        "select * from mart_self_assessment where (region_id, county_code, school_year) = (?, ?, ?) order by row_no",
        [region_id, county_code, school_year],
    )
    county, years, notice = _heading(con, region_id, county_code, school_year)
    shortened = f"学校太多，只有前{MOST_SHEETS}所的表" if len(schools) > MOST_SHEETS else ""
    mark = "　".join(filter(None, (mark, notice, shortened)))
    words, book = _words(con), Workbook()
    contents = book.worksheets[0]
    (contents.title, (title, *places)), (name, (school_title, school_line, *school_places)) = layout.items()
    _head(contents, PAPERS[contents.title], title, f"{county}　{years}　{mark}")
    _body(contents, places, PAPERS[contents.title], {"schools": schools}, {}, words)
    first_row = next(place.row for place in places if place.style == "schools")
    for row, school in enumerate(schools[:MOST_SHEETS], start=first_row):
        known = {**school, "county": county, "years": years, "missing": school["missing"] or "没有"}
        sheet = book.create_sheet(
            NOT_IN_A_TITLE.sub(" ", f"{school['row_no']} {school['school_name']}")[:LONGEST_TITLE]
        )
        contents.cell(row, 2).hyperlink = Hyperlink(contents.cell(row, 2).coordinate, location=f"'{sheet.title}'!A1")
        _head(sheet, PAPERS[name], school_title, f"{_told(school_line.text, known)}　{mark}")
        _body(sheet, school_places, PAPERS[name], {}, known, words)
    book.save(path)


FORMS: list[
    tuple[str, str, str, Callable[..., None]]
] = [  # what the file is called behind county and year, layout, what it shows, who writes it
    (
        "申报表",
        "application_form_layout",
        """
        select region_id, county_code, school_year, md5(form::varchar) as line from mart_application_form as form
        union all
        select region_id, county_code, school_year, md5(form::varchar) from mart_application_form_school as form
        union all
        select region_id, county_code, school_year, md5(item_id || coalesce(is_met::varchar, '') || coalesce(reason, ''))
        from mart_item_verdict
        union all
        select region_id, county_code, school_year, md5(concat(county_name_zh, is_synthetic)) from dim_county
        inner join mart_county_verdict using (region_id, county_code)
        union all
        select region_id, county_code, school_year, md5(coalesce(reason, '')) from mart_completeness where extract = 'schools'
        """,
        write_form,
    ),
    (
        "学校自评表",
        "self_assessment_layout",
        """
        select region_id, county_code, school_year, md5(concat(form::varchar, county_name_zh, is_synthetic)) as line
        from mart_self_assessment as form
        left join dim_county using (region_id, county_code)
        """,
        write_self_assessments,
    ),
]


def _heading(
    con: duckdb.DuckDBPyConnection, region_id: str, county_code: str, school_year: int
) -> tuple[str, str, str | None]:
    """The county by its name, the school year as it is written, and that the data are made up, where they are."""
    name, is_synthetic = con.execute(
        "select county_name_zh, is_synthetic from dim_county where (region_id, county_code) = (?, ?)",
        [region_id, county_code],
    ).fetchone() or (None, False)
    return name or county_code, f"{school_year}—{school_year + 1}学年", SYNTHETIC if is_synthetic else None


def _words(con: duckdb.DuckDBPyConnection) -> Words:
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, code, label in con.execute("select kind, code, label_zh from dim_label").fetchall():
        words[kind][code] = label
    return words


def _rows(con: duckdb.DuckDBPyConnection, query: str, key: list[Any]) -> list[dict[str, Any]]:
    found = con.execute(query, key)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _head(sheet: Worksheet, paper: Paper, title: Place, line: str, lacks: str | None = None) -> None:
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


def _body(
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
        for told in lists.get(style, [known]):
            for place in cells:
                _fill(sheet, row + shift, place, told, words)
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
        cell.value = _number(_told(place.text, known))
    if place.row_span > 1 or place.column_span > 1:
        last_row, last_column = row + place.row_span - 1, place.column + place.column_span - 1
        sheet.merge_cells(start_row=row, end_row=last_row, start_column=place.column, end_column=last_column)


def _told(text: str, known: Known) -> str:
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
    head = int(paper.repeated.rpartition(":")[2]) if paper.repeated else rows[0]
    for row in rows:
        cells = [sheet.cell(row, column) for column in range(1, len(paper.widths) + 1)]
        sheet.row_dimensions[row].height = paper.heights.get(row, 20)
        if paper.line and row > head and row not in paper.heights:
            lines = max(len(str(cells[column - 1].value or "")) // most for column, most in paper.line.items())
            sheet.row_dimensions[row].height = paper.padding + paper.line_height * (lines + 1)
        for cell in cells:
            as_text(cell)
            is_left = cell.column in paper.left and row > head
            kind = cell.number_format, is_left
            if kind in styles:
                cell._style = copy(styles[kind])
            else:
                cell.border, cell.font, cell.alignment = BOX, BODY, LEFT if is_left else CENTRE
                styles[kind] = cell._style
    for column, width in enumerate(paper.widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
