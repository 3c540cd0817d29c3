"""Which column of the contract does each header of a file stand for?"""

import difflib
import re
import unicodedata
from dataclasses import dataclass

from dagster_project.extracts.contract import Column, Extract, contract

UNIT = re.compile(r"\(([^()]+)\)$")
HEADER_SEARCH_ROWS = 10


@dataclass(frozen=True)
class Headers:
    """How the columns of one sheet are read.

    position  canonical column name -> index of the column in the sheet
    factor    canonical column name -> what a value is multiplied by to reach the contract's unit (1 left out)
    unknown   headers that the contract does not know, in order
    """

    position: dict[str, int]
    factor: dict[str, float]
    unknown: tuple[str, ...]


def normalise(header: object) -> str:
    """A header without differences that do not count: width, case, blanks, the mark of a required column."""
    text = unicodedata.normalize("NFKC", str(header if header is not None else ""))
    return re.sub(r"[\s*\ufeff]", "", text).lower()


def _names(extract: Extract) -> dict[str, Column]:
    return {normalise(header): column for column in extract.columns for header in column.headers}


def _match(header: str, names: dict[str, Column]) -> tuple[Column, float] | None:
    """The column that a header stands for and the factor of its unit; a header may end in a unit in brackets."""
    if header in names:
        return names[header], 1
    stated = UNIT.search(header)
    column = names.get(header[: stated.start()]) if stated else None
    if not stated or column is None or column.unit is None:
        return None
    units = {normalise(unit): factor for unit, factor in contract().units.get(column.unit, {}).items()}
    units.setdefault(normalise(column.unit), 1)
    factor = units.get(stated[1])
    return None if factor is None else (column, factor)


def find_header_row(rows: list[list[str]], extract: Extract) -> int | None:
    """Index of the row with headers of the most columns among the first ten; None where no row has two columns.

    A row of an explanation may hold several names of one column: that is one.
    """
    names = _names(extract)
    known = [
        len({found[0] for cell in row if (found := _match(normalise(cell), names))})
        for row in rows[:HEADER_SEARCH_ROWS]
    ]
    best = max(known, default=0)
    return known.index(best) if best >= min(2, len(extract.columns)) else None


def match_headers(row: list[str], extract: Extract) -> Headers:
    """Map a header row onto the contract; the first of two headers for one column counts, the second is unknown."""
    names = _names(extract)
    position: dict[str, int] = {}
    factor: dict[str, float] = {}
    unknown: list[str] = []
    for index, cell in enumerate(row):
        header = normalise(cell)
        found = _match(header, names)
        if found and found[0].name not in position:
            position[found[0].name] = index
            if found[1] != 1:
                factor[found[0].name] = found[1]
        elif header:
            unknown.append(str(cell).strip())
    return Headers(position, factor, tuple(unknown))


def missing_columns(headers: Headers, extract: Extract) -> list[str]:
    """One Chinese sentence a required column that the file lacks, with the nearest header that it does have."""
    sentences = []
    for column in extract.columns:
        if not column.required or column.name in headers.position:
            continue
        wanted = [normalise(header) for header in column.headers]
        near = {
            header: max(difflib.SequenceMatcher(None, normalise(header), name).ratio() for name in wanted)
            for header in headers.unknown
        }
        best = max(near, key=lambda header: near[header], default=None)
        hint = f"，最接近的是“{best}”" if best is not None and near[best] >= 0.4 else ""
        sentences.append(f"缺少必填列“{column.zh}”（{column.name}）{hint}：请改正表头后重新放入")
    return sentences
