"""Which cells of the official forms hold which column: official_forms.csv, the house's or the one that lies in raw/."""

import csv
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from dagster_project.extracts.contract import CELL_MAP, contract
from dagster_project.extracts.headers import normalise
from dagster_project.extracts.rows import WHAT_IS_EXPECTED

MAP = Path(__file__).with_name(CELL_MAP)
MAP_COLUMNS = (
    "column",
    "form",
    "cells",
    "lines",
    "school_types",
    "from_year",
    "to_year",
    "label_zh",
    "sureness",
    "source",
)
SURENESS = ("高", "中", "低")
UNSURE = "低"
BY_LABEL = "行:"
FORM = re.compile(r"(\D*基)(\d+)(-\d+(?=$|[\s_(]))?(\(?续表?\)?)?(?!\d)")
CELL = re.compile(r"([A-Z]{1,2})([1-9]\d{0,3})")
OPEN_END = 9999


Spot = tuple[int, int]  # row and column of a cell, from 0


class CellMapError(ValueError):
    """official_forms.csv is wrong; the message, in Chinese, names the line and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a column stands: the cells to add up, or labels of the row that holds it. One line of the map."""

    column: str
    form: str
    cells: tuple[str, ...]
    labels: tuple[str, ...]
    lines: tuple[str, ...]
    school_types: frozenset[str]
    from_year: int
    to_year: int
    label_zh: str
    sureness: str
    source: str
    line_number: int

    def covers(self, school_year: int, school_type: str | None) -> bool:
        fits = not self.school_types or school_type in self.school_types
        return fits and self.from_year <= school_year <= self.to_year

    def overlaps(self, other: "Place") -> bool:
        """Would both apply to one school? A place that names lines gives way, so it never competes."""
        types = not self.school_types or not other.school_types or self.school_types & other.school_types
        years = self.from_year <= other.to_year and other.from_year <= self.to_year
        return self.column == other.column and not self.lines and not other.lines and bool(types) and years


def read_cell_map(raw: Path) -> list[Place]:
    """The map of the house, or the one that lies in raw/. Raises CellMapError."""
    own = raw / MAP.name
    path = own if own.is_file() else MAP
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in MAP_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise CellMapError(f"{path.name} 缺少列 {'、'.join(missing)}：请补上表头")
            places = [_place(row, f"{path.name} 第 {reader.line_num} 行", reader.line_num) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CellMapError(f"{path.name} 不是 UTF-8 编码的 CSV（{error}）：请另存为“CSV UTF-8（逗号分隔）”") from error
    for i, place in enumerate(places):
        for earlier in places[:i]:
            if place.overlaps(earlier):
                raise CellMapError(
                    f"{path.name} 第 {place.line_number} 行与第 {earlier.line_number} 行的学年重叠："
                    f"“{chinese_name(place.column)}”在同一学年只能有一个位置，请改正学年或办学类型"
                )
    return places


def _place(row: dict[str, str | None], here: str, line_number: int) -> Place:
    """One line of the map, checked."""
    text = {name: (row[name] or "").strip() for name in MAP_COLUMNS}
    columns = {column.name: column for column in contract().extracts["schools"].columns}
    column = columns.get(text["column"])
    if column is None:
        raise CellMapError(f"{here}：不认识的栏目“{text['column']}”，应为学校表的英文栏目名：请改正")
    if form_of(text["form"]) != text["form"]:
        raise CellMapError(f"{here}：“{text['form']}”不是表号，应形如 基础基312 或 教基3112：请改正")
    is_number = column.type in WHAT_IS_EXPECTED
    by_label = text["cells"].startswith(BY_LABEL)
    names = (
        [] if by_label else [unicodedata.normalize("NFKC", cell).strip().upper() for cell in text["cells"].split("+")]
    )
    labels = (
        [label for name in text["cells"][len(BY_LABEL) :].split("|") if (label := plain_label(name))]
        if by_label
        else []
    )
    wrong = [name for name in names if not CELL.fullmatch(name)]
    if wrong or (not is_number and len(names) > 1) or (by_label and (is_number or not labels)):
        expected = "D11 或 D11+D12" if is_number else "D7 或 行:学校名称|名称"
        raise CellMapError(
            f"{here}：“{wrong[0] if wrong else text['cells']}”不是可用的单元格，应形如 {expected}：请改正"
        )
    if len(set(names)) < len(names):
        raise CellMapError(f"{here}：“{text['cells']}”把同一单元格加了两次：请改正")
    lines = tuple(text["lines"].split("+")) if text["lines"] else ()
    if len(lines) not in (0, 1, len(names)):
        raise CellMapError(
            f"{here}：“{text['lines']}”有 {len(lines)} 个行名，单元格有 {len(names)} 个：请一一对应，或只写一个"
        )
    types = frozenset(filter(None, text["school_types"].split(";")))
    if unknown := sorted(types - contract().domains["school_type"].keys()):
        raise CellMapError(f"{here}：不认识的办学类型代码“{unknown[0]}”：请改正")
    years = (text["from_year"], text["to_year"] or str(OPEN_END))
    if not all(re.fullmatch(r"\d{4}", year) for year in years) or years[0] > years[1]:
        raise CellMapError(f"{here}：学年“{text['from_year']}—{text['to_year']}”不对，应为四位数字，先小后大：请改正")
    if text["sureness"] not in SURENESS:
        raise CellMapError(f"{here}：把握“{text['sureness']}”应为 {'、'.join(SURENESS)} 之一：请改正")
    return Place(
        column=column.name,
        form=text["form"],
        cells=tuple(names),
        labels=tuple(labels),
        lines=lines * len(names) if len(lines) == 1 else lines,
        school_types=types,
        from_year=int(years[0]),
        to_year=int(years[1]),
        label_zh=text["label_zh"],
        sureness=text["sureness"],
        source=text["source"],
        line_number=line_number,
    )


def form_of(name: str) -> str | None:
    """The form a sheet is named for: 教基1102 for 教基1102_小学, 教基1102续 for 教基1102（续表）; None for 封面."""
    found = FORM.match(unicodedata.normalize("NFKC", name).strip())
    if not found:
        return None
    return found[1] + found[2] + (found[3] or "") + ("续" if found[4] else "")


def position(cell: str) -> tuple[int, int]:
    """Indexes of the row and the column of a cell: (6, 7) for H7."""
    found = CELL.fullmatch(cell)
    assert found is not None, cell
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, column - 1


def plain_label(text: str) -> str:
    """A row's label without its numbering and colon: 学校(机构)名称 for 02、学校（机构）名称："""
    return re.sub(r"^[\d.、]+|:+$", "", normalise(text))


def chinese_name(column_name: str) -> str:
    return contract().extracts["schools"].column(column_name).zh
