"""Which column of the contract does each header of a sheet stand for?"""

import difflib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from dagster_project.extracts.contract import Column, Extract, contract

UNIT = re.compile(r"\(([^()]+)\)$")
SHEET_UNITS = re.compile(r"单位:(.+?)\)?$")
FIGURE = re.compile(r"[\d.,]*\d")
SEARCH_ROWS = 10  # a header begins among these
LEVELS = 3  # and takes so many rows at most: group, name, unit
NEAR = 0.4

Aliases = tuple[tuple[str, str], ...]  # a region's own: (canonical column name, header)


@dataclass(frozen=True)
class Headers:
    """How the columns of one sheet are read.

    row       number of the last header row; data begin below it
    width     how many cells the header has, that is: a row should have
    titles    the header of every column, of a header of several rows too; the contract's where it knows the column
    said      canonical column name -> its header as the file has it
    position  canonical column name -> index of the column in the sheet
    factor    canonical column name -> what a value is multiplied by to reach the contract's unit, where the header states one
    unknown   headers that the contract does not know, in order
    """

    row: int
    width: int
    titles: tuple[str, ...]
    said: dict[str, str]
    position: dict[str, int]
    factor: dict[str, float]
    unknown: tuple[str, ...]


def normalise(header: object) -> str:
    """A header without differences that do not count: width, case, blanks, the mark of a required column."""
    text = unicodedata.normalize("NFKC", str(header if header is not None else ""))
    return re.sub(r"[\s*\ufeff]", "", text).lower()


@lru_cache
def names_of(extract: str, aliases: Aliases) -> dict[str, Column]:
    found = contract().extracts[extract]
    names = {normalise(header): column for column in found.columns for header in column.headers}
    known = {column.name for column in found.columns}
    return {normalise(alias): found.column(name) for name, alias in aliases if name in known} | names


def match_header(header: str, names: dict[str, Column]) -> tuple[Column, float | None] | None:
    """The column that a header stands for and the factor of the unit that it states in brackets; None: it states none."""
    if header in names:
        return names[header], None
    stated = UNIT.search(header)
    column = names.get(header[: stated.start()]) if stated else None
    if not stated or column is None or column.unit is None:
        return None
    units = {normalise(unit): factor for unit, factor in contract().units.get(column.unit, {}).items()}
    units.setdefault(normalise(column.unit), 1)
    factor = units.get(stated[1])
    return None if factor is None else (column, factor)


def _levels(rows: list[list[str]], merged: list[list[int]], index: int) -> list[tuple[int, int]]:
    """The cells that stand over a column, as (row, column), from above: those it shares by merging, its lowest filled one.

    A merged cell is filled in its first column only, so a blank cell above belongs to the nearest filled one on its left.
    """
    lowest = max((level for level, row in enumerate(rows) if row[index]), default=-1)
    above = [(level, merged[level][index]) for level in range(lowest) if merged[level][index] >= 0]
    return [*above, (lowest, index)] if lowest >= 0 else []


def _nearest_filled(row: list[str]) -> list[int]:
    """For every cell the index of the nearest filled one, itself or on its left; -1 where there is none."""
    found, last = [], -1
    for index, cell in enumerate(row):
        last = index if cell else last
        found.append(last)
    return found


def _readings(parts: list[str]) -> list[str]:
    """The headers that the cells over a column may mean, the fullest first; a lowest cell may be a bare unit."""
    readings = []
    for size in range(len(parts), 0, -1):
        for words in combinations(parts, size):
            readings.append("".join(words))
            if size > 1:
                readings.append(f"{''.join(words[:-1])}({words[-1]})")
    return readings


def find_headers(top: list[list[str]], extract: Extract, aliases: Aliases = ()) -> Headers | None:
    """Read the header of a sheet from its first rows; None where no row has two known columns.

    Of the rows that may be the header those that name the most columns are, then those that state the most units,
    then the fewest: a group above the names (小学 over 在校生数) counts, a title over the table does not.
    """
    names = names_of(extract.name, aliases)
    width = max(map(len, top), default=0)
    shown = [[" ".join(str(cell or "").split()) for cell in row] + [""] * (width - len(row)) for row in top]
    rows = [[normalise(cell) for cell in row] for row in shown]
    merged = [_nearest_filled(row) for row in rows]
    best, headers = (1, 0, 0), None
    for first in range(min(SEARCH_ROWS, len(rows))):
        for last in range(first + 1, min(first + LEVELS, len(rows)) + 1):
            if last > first + 1 and any(map(FIGURE.fullmatch, rows[last - 1])):
                break  # data: a header does not go on with figures
            here = slice(first, last)
            found = _read(rows[here], merged[here], shown[here], last, max(map(len, top[here])), names)
            score = (len(found.position), len(found.factor), first - last)
            if score > best:
                best, headers = score, found
    if headers:
        headers.factor.update(_units_above(rows[: headers.row], extract, headers))
    return headers


def _units_above(rows: list[list[str]], extract: Extract, headers: Headers) -> dict[str, float]:
    """Factors from a line such as 单位:元 over the table, for columns that state no unit of their own."""
    stated = [found[1] for row in rows for cell in row if (found := SHEET_UNITS.search(cell))]
    units = {unit for text in stated for unit in re.split(r"[、,/;.]", text)}
    factors = {}
    for name in headers.position.keys() - headers.factor.keys():
        meant = units & (family := contract().units.get(extract.column(name).unit or "", {})).keys()
        if len(meant) == 1:
            factors[name] = family[meant.pop()]
    return factors


def _read(
    rows: list[list[str]],
    merged: list[list[int]],
    shown: list[list[str]],
    last: int,
    width: int,
    names: dict[str, Column],
) -> Headers:
    """The headers that some rows are."""
    position: dict[str, int] = {}
    factor: dict[str, float] = {}
    titles: list[str] = []
    said: dict[str, str] = {}
    unknown: list[str] = []
    for index in range(len(rows[0])):
        cells = _levels(rows, merged, index)
        title = " ".join(shown[row][column] for row, column in cells)
        readings = _readings([rows[row][column] for row, column in cells])
        found = next((match for reading in readings if (match := match_header(reading, names))), None)
        if found and found[0].name not in position:
            column, times = found
            position[column.name] = index
            said[column.name] = title
            title = column.zh
            if times is not None:
                factor[column.name] = times
        elif title:
            unknown.append(title)
        titles.append(title)
    return Headers(last, width, tuple(titles), said, position, factor, tuple(unknown))


def missing_columns(headers: Headers, extract: Extract) -> list[str]:
    """One Chinese sentence a required column that the file lacks, with the nearest header that it does have."""
    sentences = []
    for column in extract.columns:
        if not column.required or column.name in headers.position:
            continue
        near = nearest(headers.unknown, *column.headers)
        hint = f"，最接近的是“{near}”" if near else ""
        sentences.append(f"缺少必填列“{column.zh}”（{column.name}）{hint}：请改正表头后重新放入")
    return sentences


def nearest(headers: tuple[str, ...], *names: str) -> str | None:
    """The header most like one of the names; None where none is like them."""
    wanted = [normalise(name) for name in names]
    likeness = {
        header: max(difflib.SequenceMatcher(None, normalise(header), name).ratio() for name in wanted)
        for header in headers
    }
    best = max(likeness, key=lambda header: likeness[header], default=None)
    return best if best is not None and likeness[best] >= NEAR else None
