"""Last year's answers of every school as workbooks to correct: a folder a school, a workbook an extract, as `junheng template` makes it.

From the warehouse, of the schools that were open. Nothing about persons: no teachers, no scores, and of a fact no evidence, which is
that year's own. What is only so once (predecessors, an explanation, a school that left, the year of a budget) is not repeated.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from dagster_project.clerk.template import template
from dagster_project.extracts.contract import Column, Extract, contract
from dagster_project.extracts.regions import Region
from dagster_project.sheets import as_text
from dagster_project.sql import quote

ANSWERS = ("schools", "classes", "rooms", "funding", "facts")  # what a school hands in of itself
ONCE = {
    "schools": ("predecessor_ids", "status"),
    "facts": ("evidence",),
    "funding": ("fiscal_year",),
}  # columns that are left to fill in


class NothingBefore(ValueError):
    """There is nothing of the year before; the message is Chinese."""


def write_prefilled(out: Path, con: duckdb.DuckDBPyConnection, region: Region, school_year: int) -> list[Path]:
    """Write <out>/<county>/<school>/<extract>_<school>.xlsx for a school year from the year before; the folders of the schools.

    Writes nothing where one of them is there already: raises FileExistsError. Raises NothingBefore without a year before.
    """
    before = school_year - 1
    schools = con.execute(
        """select county_code, school_id from raw.schools
        where (region_id, school_year) = (?, ?) and coalesce(status, 'open') = 'open' order by all""",
        [region.id, before],
    ).fetchall()
    if not schools:
        raise NothingBefore(
            f"数仓里没有 {region.id} {before} 学年的学校，没有可以预填的：请先载入 {before} 学年的报表（junheng refresh）"
        )
    folders = {school_id: out / county_code / school_id for county_code, school_id in schools}
    if present := [folder for folder in folders.values() if folder.exists()]:
        raise FileExistsError(f"已有 {present[0]} 等 {len(present)} 个文件夹，不覆盖：请换一个文件夹，或先移走它们")
    for name in ANSWERS:
        extract = contract().extracts[name]
        rows = _rows(con, extract, region.id, before)
        for school_id, folder in folders.items():
            if rows[school_id]:
                folder.mkdir(parents=True, exist_ok=True)
                book = template(extract, region.counties, region.documents)
                _fill(book, extract, rows[school_id])
                book.save(folder / f"{name}_{school_id}.xlsx")
    return list(folders.values())


def _rows(
    con: duckdb.DuckDBPyConnection, extract: Extract, region_id: str, school_year: int
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of an extract by school, in the order of its key."""
    columns = ", ".join(column.name for column in extract.columns)
    of_schools = ""
    if extract.name == "facts":
        once = ", ".join(map(quote, [*contract().explanations, *contract().left_schools]))
        of_schools = (
            f"and entity_type = 'school' and fact_id not in ({once}) and not starts_with(fact_id, 'explained_')"
        )
    if extract.name == "funding":
        of_schools = (
            "and fiscal_year <= school_year"
            " qualify row_number() over (partition by entity_id, item, account order by fiscal_year desc) = 1"
        )
    found = con.execute(
        f"""select {extract.owner}, {columns} from raw.{extract.name} where (region_id, school_year) = (?, ?) {of_schools}
        order by {", ".join(extract.key)}""",
        [region_id, school_year],
    )
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for school_id, *cells in found.fetchall():
        rows[school_id].append(tuple(cells))
    return rows


def _fill(book: Workbook, extract: Extract, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write the answers below the header, in the words of the drop-downs."""
    sheet, left_out = book[extract.zh], ONCE.get(extract.name, ())
    for number, cells in enumerate(rows, start=2):
        for index, (column, value) in enumerate(zip(extract.columns, cells, strict=True), start=1):
            if value is not None and column.name not in left_out:
                cell = sheet.cell(number, index, _said(column, value))
                as_text(cell)
                cell.number_format = sheet.column_dimensions[get_column_letter(index)].number_format


def _said(column: Column, value: Any) -> Any:
    """A stored value as the template says it: a code by its first word, a number as it is."""
    domain = contract().domains.get(column.type, {})
    key = str(value).lower() if isinstance(value, bool) else str(value)
    return domain[key][0] if key in domain else value
