"""An official statistics workbook becomes one row of the schools extract; where each value stands is data.

official_forms.csv says which cells of which form give a column, in which school years and for which school types;
a file of that name in raw/ replaces it. A workbook holds one school, one sheet a form. A number is the sum of its
cells. A row of the map that names lines is used only where these words stand left of its cells: forms leave out
lines that do not apply to a school, so the same line can stand in two places.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from dagster_project.extracts.cell_map import (
    MAP,
    OPEN_END,
    UNSURE,
    Place,
    Spot,
    chinese_name,
    form_of,
    plain_label,
    position,
)
from dagster_project.extracts.contract import Column, contract
from dagster_project.extracts.headers import normalise
from dagster_project.extracts.rows import FULL_WIDTH, WHAT_IS_EXPECTED
from dagster_project.extracts.sheet import BLANKS, Unreadable

FORM_NUMBER_ROWS = 5
ROW_NUMBERS = {"10", "20", "30"}  # a column that holds these numbers the rows
MASTER_PATTERNS = {"school_id": r"\w{6,}", "school_name": r".*[^\d.].*", "county_code": r"\d{6}(\d{6})?"}


class Cell(NamedTuple):
    """A cell that was used: for which column, where, and what it said."""

    column: str
    sheet: str
    cell: str
    text: str


class Problem(NamedTuple):
    """A cell that cannot be read: the column that it is for, why, in Chinese, and what it says."""

    column_name: str
    reason: str
    original: str


class Fund(NamedTuple):
    """A row of funding that a form holds: what, in yuan, and where it stands; of the fiscal year before the school year."""

    item: str
    account: str
    amount_yuan: str
    sheet: str
    row: int
    cell: str
    name: str
    text: str


@dataclass
class School:
    """One workbook read: values by canonical column, the cells they come from, what is wrong, what is absent, its funding."""

    values: dict[str, str] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    funds: list[Fund] = field(default_factory=list)


def read_school(sheets: dict[str, list[list[str]]], school_year: int, cell_map: list[Place]) -> School:
    """Read the school that a workbook's sheets (text, row 1 and column A first) report. Raises files.Unreadable."""
    by_form = _sheets_by_form(sheets, school_year, cell_map)
    columns = contract().extracts["schools"].columns
    school = School()
    spots = {
        form: _spots(sheets[by_form[form]], labels) for form, labels in _labels(cell_map).items() if form in by_form
    }
    for column in columns:
        if column.type not in WHAT_IS_EXPECTED:
            for place in cell_map:
                if place.column == column.name and place.covers(school_year, None) and place.form in by_form:
                    name = by_form[place.form]
                    _read_text(school, column, place, name, sheets[name], spots.get(place.form, {}))
    school_type = stored("school_type", school.values.get("school_type", ""))
    absent: dict[str, list[str]] = {}
    unsure: list[str] = []
    for column in columns:
        if column.type not in WHAT_IS_EXPECTED:
            continue
        places = [p for p in cell_map if p.column == column.name and p.covers(school_year, school_type)]
        place = next((p for p in sorted(places, key=lambda p: not p.lines) if _stands(p, by_form, sheets)), None)
        if place:
            _add_up(school, column, place, by_form[place.form], sheets)
            if place.sureness == UNSURE and column.name in school.values:
                unsure.append(f"{column.zh}（{place.form} {'+'.join(place.cells)}）")
        elif places:
            absent.setdefault(_why_absent(places[-1], by_form), []).append(column.name)
    for reason, names in absent.items():
        if expected := [chinese_name(name) for name in names if is_expected(name, school)]:
            school.remarks.append(f"{reason}，{'、'.join(expected)} 为空")
    if unsure:
        school.remarks.append(f"{'、'.join(unsure)} 的单元格位置没有十足把握：请与原表核对，必要时改正 {MAP.name}")
    return school


def _sheets_by_form(sheets: dict[str, list[list[str]]], school_year: int, cell_map: list[Place]) -> dict[str, str]:
    """Name of the sheet of each form that this year's map uses; each carries its form number, the master is there."""
    used = {place.form for place in cell_map if place.from_year <= school_year <= place.to_year}
    named = {name: form_of(name) for name in sheets}
    masters = {place.form: place for place in cell_map if place.column == "school_id"}
    master = next((form for form, place in masters.items() if place.covers(school_year, None)), None)
    if master is None:
        years = "、".join(_years(place) for place in masters.values())
        raise Unreadable(
            f"{school_year} 学年没有登记官方报表的单元格（{MAP.name} 只有 {years}）：请补登记，或改用学校表"
        )
    if master not in named.values():
        if other := next((form for form in masters if form in named.values()), None):
            raise Unreadable(
                f"这是 {_years(masters[other])}的报表格式（有工作表“{other}”），却放在 {school_year} 学年的文件夹里，"
                f"该学年的报表应有“{master}”：请放到对应学年的文件夹"
            )
        raise Unreadable(f"没有工作表“{master}”（学校基本情况），不知道是哪所学校：请导出完整的报表")
    by_form: dict[str, str] = {}
    for form, count in Counter(named.values()).items():
        if form not in used:
            continue
        names = [name for name in named if named[name] == form]
        if count > 1:
            raise Unreadable(f"工作表{'、'.join(f'“{name}”' for name in names)}都是“{form}”：请只留一张")
        if not _carries(sheets[names[0]], form):
            raise Unreadable(f"工作表“{names[0]}”的前五行找不到表号“{form}”，可能不是这张表：请核对")
        by_form[form] = names[0]
    return by_form


def _carries(rows: list[list[str]], form: str) -> bool:
    """Does the top of a sheet say its form number? 教基1102 is not said by 教基1102续, nor 基础基112 by 基础基112-1."""
    top = (re.sub(r"\s", "", unicodedata.normalize("NFKC", cell)) for row in rows[:FORM_NUMBER_ROWS] for cell in row)
    pattern = re.escape(form.removesuffix("续")) + (r"\(?续" if form.endswith("续") else r"(?!\d|\(?续|-\d)")
    return any(re.search(pattern, cell) for cell in top)


def _read_text(
    school: School, column: Column, place: Place, name: str, rows: list[list[str]], labels: dict[str, list[Spot]]
) -> None:
    """Read a name or a code: from its cell, or from the row that its label opens."""
    said = [(cell, text) for cell in place.cells if is_said(text := _at(rows, cell))]
    said += [(cell, text) for cell, text in _right_of(place.labels, rows, labels) if is_said(text)]
    fitting = [(cell, text) for cell, text in said if _fits(column, trimmed(text))]
    if said and not fitting and not column.required:
        cell, text = said[0]
        school.remarks.append(f"工作表“{name}”单元格 {cell}（{column.zh}）为“{text}”，不是可用的取值，没有采用")
        return
    for cell, text in (fitting or said)[:1]:
        value = trimmed(text)
        school.values[column.name] = value[:6] if column.name == "county_code" else value
        school.cells.append(Cell(column.name, name, cell, text))


def _labels(cell_map: list[Place]) -> dict[str, set[str]]:
    """Every label that the map looks for, by form."""
    labels: dict[str, set[str]] = {}
    for place in cell_map:
        if place.labels:
            labels.setdefault(place.form, set()).update(place.labels)
    return labels


def _spots(rows: list[list[str]], wanted: set[str]) -> dict[str, list[Spot]]:
    """Where each wanted label stands on a sheet."""
    spots: dict[str, list[Spot]] = {}
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            if text and (label := plain_label(text)) in wanted:
                spots.setdefault(label, []).append((r, c))
    return spots


def _right_of(
    labels: tuple[str, ...], rows: list[list[str]], spots: dict[str, list[Spot]]
) -> Iterator[tuple[str, str]]:
    """Cells between a label and the next one, label by label as the map ranks them; codes of lines (01) left out."""
    taken = {spot for found in spots.values() for spot in found}
    width = max(map(len, rows), default=0)
    numbering = {c for c in range(width) if {row[c] for row in rows if c < len(row)} >= ROW_NUMBERS}
    for label in labels:
        for r, c in spots.get(label, ()):
            for i in range(c + 1, len(rows[r])):
                if (r, i) in taken:
                    break
                is_code = re.fullmatch(r"\d{1,2}", trimmed(rows[r][i])) and not label.endswith("码")
                if i not in numbering and not is_code:
                    yield f"{letters(i)}{r + 1}", rows[r][i]


def _fits(column: Column, text: str) -> bool:
    """May a master cell be this column's value?"""
    if column.name in MASTER_PATTERNS:
        return re.fullmatch(MASTER_PATTERNS[column.name], text) is not None
    return column.type == "text" or stored(column.name, text) is not None


def stored(column_name: str, said: str) -> str | None:
    """The stored value of a domain for what a cell says, None where it is not one of its words."""
    column = contract().extracts["schools"].column(column_name)
    return next(
        (
            value
            for value, words in contract().domains[column.type].items()
            if said.lower() in (value, *map(str.lower, words))
        ),
        None,
    )


def _stands(place: Place, by_form: dict[str, str], sheets: dict[str, list[list[str]]]) -> bool:
    """Is the place's sheet there, and do the lines that it names stand left of its cells?"""
    if place.form not in by_form:
        return False
    rows = sheets[by_form[place.form]]
    return all(line in _left_of(rows, cell) for cell, line in zip(place.cells, place.lines, strict=False))


def _left_of(rows: list[list[str]], cell: str) -> str:
    row, column = position(cell)
    return normalise("".join(rows[row][:column])) if row < len(rows) else ""


def _add_up(school: School, column: Column, place: Place, name: str, sheets: dict[str, list[list[str]]]) -> None:
    add_up(school, column, name, [(cell, _at(sheets[name], cell)) for cell in place.cells])


def add_up(school: School, column: Column, sheet: str, cells: list[tuple[str, str]]) -> None:
    """Add up cells of a sheet; those that say nothing count as nothing, and if none says anything there is no value."""
    total, is_wrong = None, False
    for cell, text in cells:
        school.cells.append(Cell(column.name, sheet, cell, text))
        number = number_in(text)
        if number is not None:
            total = number + (total or 0)
        elif is_said(text):
            is_wrong = True
            school.problems.append(
                Problem(
                    column.name,
                    f"工作表“{sheet}”单元格 {cell}（{column.zh}）为“{text}”，{WHAT_IS_EXPECTED['number']}：请改正",
                    text,
                )
            )
    if total is not None and not is_wrong:
        school.values[column.name] = written(total)


def written(number: Decimal) -> str:
    """A number as it is typed: without the zeros that end it."""
    said = f"{number:f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


def number_in(text: str) -> Decimal | None:
    """A cell as a number, as bureaus write it; None where it says nothing or no number."""
    if not is_said(text):
        return None
    try:
        number = Decimal(trimmed(text).translate(str.maketrans(*FULL_WIDTH)).replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def is_said(text: str) -> bool:
    """Does a cell say anything? '*', -1 and the other null tokens do not."""
    said = trimmed(text)
    return not {said, said.translate(str.maketrans(*FULL_WIDTH))} & set(contract().null_tokens)


def trimmed(text: str) -> str:
    return text.strip(BLANKS)


def _why_absent(place: Place, by_form: dict[str, str]) -> str:
    if place.form in by_form:
        return f"工作表“{by_form[place.form]}”的 {'、'.join(place.cells)} 左侧找不到“{'、'.join(dict.fromkeys(place.lines))}”一行"
    return f"没有工作表“{place.form}”"


def is_expected(column_name: str, school: School) -> bool:
    """Is a column worth a remark when it is empty? Not where the school has nothing at all of that stage."""
    stages = contract().stages
    stage = column_name.split("_")[0]
    present = {name.split("_")[0] for name in school.values} & stages.keys()
    return stage not in stages or stage in present or not present


def _at(rows: list[list[str]], cell: str) -> str:
    row, column = position(cell)
    return rows[row][column] if row < len(rows) and column < len(rows[row]) else ""


def letters(index: int) -> str:
    return ("" if index < 26 else chr(ord("A") + index // 26 - 1)) + chr(ord("A") + index % 26)


def _years(place: Place) -> str:
    return f"{place.from_year} 学年起" if place.to_year == OPEN_END else f"{place.from_year}—{place.to_year} 学年"
