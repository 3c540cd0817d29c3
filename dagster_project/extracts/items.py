"""A fill-in form with one item a row (填报项目, 单位, 填报值) becomes a row of the schools extract, or rows of facts.

An item that bears a column's name is that column. What else an item is stands in item_forms.csv, a row a column: the items that
add up to it, and the school types of which they are the whole stage's; of funding, whose items are of the year before, a row an
item/account of that extract. A row without a column names items that are not read, and
what their sum should equal; one without items a column that the form does not ask and a bureau adds as a row of its own.
"""

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dagster_project.extracts.cell_map import Place
from dagster_project.extracts.contract import Column, contract
from dagster_project.extracts.facts import seed
from dagster_project.extracts.headers import match_header, names_of, normalise
from dagster_project.extracts.official import (
    Cell,
    Fund,
    Problem,
    School,
    add_up,
    is_expected,
    is_said,
    letters,
    number_in,
    read_school,
    stored,
    trimmed,
    written,
)
from dagster_project.extracts.regions import Region
from dagster_project.extracts.rows import WHAT_IS_EXPECTED
from dagster_project.extracts.sheet import Unreadable
from dagster_project.extracts.workbook import texts_of

MAP = Path(__file__).with_name("item_forms.csv")
ITEM, VALUE, UNIT, NOTE = "填报项目", "填报值", "单位", "备注说明"
HEADER_ROWS = 10
MONEY = "万元"  # what the form counts money in where an item does not say
COUNTY_NAME = ("区县名称", "县区名称", "区县")
OF_THE_FORM = {*COUNTY_NAME, "区县代码", "填报年度"}  # items of a county's form that are no facts


@dataclass(frozen=True)
class Meaning:
    """One row of item_forms.csv."""

    column: str
    items: tuple[str, ...]
    school_types: frozenset[str]
    equals: str


class Item(NamedTuple):
    """What one row says: its place, its name as written, its value without its unit, its unit, and the remark beside it."""

    row: int
    cell: str
    name: str
    text: str
    unit: str
    note: str


@cache
def meanings(extract: str) -> tuple[Meaning, ...]:
    """The rows of item_forms.csv that are of an extract."""
    with MAP.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Meaning(
                row["column"],
                tuple(map(normalise, filter(None, row["items"].split("+")))),
                frozenset(filter(None, row["school_types"].split(";"))),
                normalise(row["equals"]),
            )
            for row in csv.DictReader(stream)
            if row["extract"] == extract
        )


def items_of(rows: list[list[str]]) -> list[Item] | None:
    """The items of a sheet in order; None: it is no form with an item a row."""
    for top, row in enumerate(rows[:HEADER_ROWS]):
        place = {normalise(cell): index for index, cell in enumerate(row)}
        if ITEM in place and VALUE in place:
            items = []
            for number, cells in enumerate(rows[top + 1 :], start=top + 2):
                name, text, unit, note = (
                    trimmed(cells[place[what]]) if what in place and place[what] < len(cells) else ""
                    for what in (ITEM, VALUE, UNIT, NOTE)
                )
                if name:
                    said = trimmed(text.removesuffix(unit)) if unit else text
                    items.append(Item(number, f"{letters(place[VALUE])}{number}", name, said, unit, note))
            return items
    return None


def school_of(path: Path, school_year: int, cell_map: list[Place], region: Region) -> School:
    """Read the school of one workbook, a form with an item a row or official forms. Raises Unreadable."""
    sheets = {name: rows for name, rows, _ in texts_of(path)}
    found = {name: items for name, rows in sheets.items() if (items := items_of(rows)) is not None}
    if not found:
        return read_school(sheets, school_year, cell_map)
    if len(found) > 1:
        named = "、".join(f"“{name}”" for name in found)
        raise Unreadable(f"工作表{named}都是一项一行的填报表：一所学校一个工作簿，请分开存")
    [(name, items)] = found.items()
    return read_items(name, items, region)


def read_items(sheet: str, items: list[Item], region: Region) -> School:
    """Read the school that the items of a sheet report."""
    school = School()
    said = _by_name(sheet, items, school)
    names = names_of("schools", region.aliases)
    used = {item for extract in ("schools", "funding") for meaning in meanings(extract) for item in meaning.items}
    unknown = []
    for name, item in said.items():
        found = None if name in used else match_header(name, names)
        if found:
            column, stated = found
            _take(school, column, sheet, item, stated)
        elif name not in used and name not in COUNTY_NAME:
            unknown.append(item.name)
    _find_county(school, said, region)
    _combine(school, sheet, said)
    school.funds = [
        _fund(meaning.column, sheet, said[name])
        for meaning in meanings("funding")
        for name in meaning.items
        if name in said and is_said(said[name].text)
    ]
    if unknown:
        school.remarks.append(f"不认识的项目，没有读取：{'、'.join(unknown)}")
    return school


def _by_name(sheet: str, items: list[Item], school: School) -> dict[str, Item]:
    """Items by name; of one that stands there twice and says two things, what is first counts and is told."""
    said: dict[str, Item] = {}
    for item in items:
        first = said.setdefault(normalise(item.name), item)
        if first is not item and is_said(item.text):
            if not is_said(first.text):
                said[normalise(item.name)] = item
            elif first.text != item.text:
                school.remarks.append(
                    f"工作表“{sheet}”第 {first.row}、{item.row} 行都是“{item.name}”，填的不一样，采用第 {first.row} 行：请只留对的一行"
                )
    return said


def _take(school: School, column: Column, sheet: str, item: Item, stated: float | None = None) -> None:
    """A column from the item that bears its name, in the contract's unit: the one that the name states, or the item's."""
    if column.type in WHAT_IS_EXPECTED:
        add_up(school, column, sheet, [(item.cell, item.text)])
        if column.name in school.values:
            times = factor(column.unit, item.unit) if stated is None else stated
            school.values[column.name] = written(Decimal(school.values[column.name]) * Decimal(str(times)))
    elif is_said(item.text):
        school.values[column.name] = item.text
        school.cells.append(Cell(column.name, sheet, item.cell, item.text))


def _fund(column: str, sheet: str, item: Item) -> Fund:
    """An amount of the form in yuan; one that is no number as it is written, for the reader of the extract to refuse."""
    kind, account = column.split("/")
    number, times = number_in(item.text), factor("元", item.unit or MONEY)
    amount = item.text if number is None else written(number * Decimal(str(times)))
    return Fund(kind, account, amount, sheet, item.row, item.cell, item.name, item.text)


def factor(unit: str | None, stated: str) -> float:
    """How many of a unit one of the stated unit is; 1 where the two are no units of one kind."""
    known = {normalise(name): times for name, times in contract().units.get(unit or "", {}).items()}
    return known.get(normalise(stated), 1)


def _find_county(school: School, said: dict[str, Item], region: Region) -> None:
    """The county of a form that does not ask for its code."""
    if "county_code" in school.values:
        return
    if code := _county_of(said, region):
        school.values["county_code"] = code
    else:
        school.problems.append(Problem("county_code", _which_county(region), ""))


def _county_of(said: dict[str, Item], region: Region) -> str | None:
    """A county by its name, or the only one of the region; None: the form does not say which."""
    names = {trimmed(said[name].text) for name in COUNTY_NAME if name in said and is_said(said[name].text)}
    if not names and len(region.counties) == 1:
        return next(iter(region.counties))
    return next((code for code, name in region.counties.items() if name in names), None)


def _which_county(region: Region) -> str:
    example = f"，如 {next(iter(region.counties))}" if region.counties else ""
    return f"表里看不出是哪个县：请在表后加一行，填报项目写“区县代码”，填报值写六位代码{example}"


def as_facts(rows: list[list[str]], region: Region) -> list[list[str]] | None:
    """A county's form with an item a row as a table of facts, item, value and remark where they stand; None: it is no such form.

    An item without a value says nothing, and its row is blank. Raises Unreadable where the county is not known.
    """
    items = items_of(rows)
    if items is None:
        return None
    top = next(i for i, row in enumerate(rows) if {ITEM, VALUE} <= set(map(normalise, row)))
    place = {normalise(cell): index for index, cell in enumerate(rows[top])}
    said = {normalise(item.name): item for item in items}
    code = said["区县代码"].text if "区县代码" in said else _county_of(said, region)
    if not code:
        raise Unreadable(_which_county(region))
    extract = contract().extracts["facts"]
    zh = {name: extract.column(name).zh for name in ("entity_type", "entity_id", "fact_id", "value", "evidence")}
    width = max(map(len, rows))
    table = [[""] * (width + 2) for _ in rows]
    table[top][place[ITEM]], table[top][place[VALUE]] = zh["fact_id"], zh["value"]
    table[top][width:] = zh["entity_type"], zh["entity_id"]
    if NOTE in place:
        table[top][place[NOTE]] = zh["evidence"]
    meant = {name: meaning.column for meaning in meanings("facts") for name in meaning.items}
    units = {fact["input_id"]: fact["unit_zh"] for fact in seed("inputs")}
    for item in items:
        if not is_said(item.text) or normalise(item.name) in OF_THE_FORM:
            continue
        fact = meant.get(normalise(item.name), item.name)
        number, times = number_in(item.text), factor(units.get(fact), item.unit)
        row = table[item.row - 1]
        row[place[ITEM]] = fact
        row[place[VALUE]] = item.text if number is None or times == 1 else written(number * Decimal(str(times)))
        row[width:] = "county", code
        if NOTE in place:
            row[place[NOTE]] = item.note
    return table


def _combine(school: School, sheet: str, said: dict[str, Item]) -> None:
    """What several items make, or one without its stage; what cannot be read so, and what does not add up, is remarked."""
    columns = {column.name: column for column in contract().extracts["schools"].columns}
    school_type = stored("school_type", school.values.get("school_type", ""))
    has_one_stage = any(school_type in meaning.school_types for meaning in meanings("schools") if meaning.items)
    unread, wanted, absent = [], [], []
    for meaning in meanings("schools"):
        found = [said[name] for name in meaning.items if name in said]
        is_of_type = not meaning.school_types or school_type in meaning.school_types
        if not meaning.column:
            _compare(school, found, meaning, said)
        elif meaning.column in school.values:
            continue
        elif not meaning.items and is_of_type:
            absent.append(columns[meaning.column].zh)
        elif is_of_type:
            add_up(school, columns[meaning.column], sheet, [(item.cell, item.text) for item in found])
        elif not has_one_stage and is_expected(meaning.column, school) and any(is_said(item.text) for item in found):
            unread.append(found[0].name + "等" * (len(found) > 1))
            wanted.append(columns[meaning.column].zh)
    if unread:
        items = "、".join(dict.fromkeys(unread))
        school.remarks.append(f"{items} 没有分学段，没有读取：请在表后加行，填报项目写 {'、'.join(wanted)}")
    if absent:
        school.remarks.append(f"填报表里没有 {'、'.join(absent)}：请在表后加行，填报项目写这些名称")


def _compare(school: School, found: list[Item], meaning: Meaning, said: dict[str, Item]) -> None:
    """Remark items whose sum is not what another item says."""
    numbers = [number for item in found if (number := number_in(item.text)) is not None]
    expected = number_in(said[meaning.equals].text) if meaning.equals in said else None
    if numbers and expected is not None and sum(numbers) != expected:
        first, last = found[0].name, found[-1].name
        named = f"“{first}”至“{last}”之和" if len(found) > 1 else f"“{first}”"
        school.remarks.append(
            f"{named}为 {written(sum(numbers, Decimal()))}，“{said[meaning.equals].name}”为 {written(expected)}，不符：请核对"
        )
