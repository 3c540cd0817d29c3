"""What is wrong with a file: its sheets as they were counted, and where each problem lies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from openpyxl.utils.cell import coordinate_to_tuple

from dagster_project.extracts.causes import REPORT_SCHOOL, place
from dagster_project.extracts.contract import Column, contract
from dagster_project.extracts.files import is_form
from dagster_project.warehouse.accounts import Source

LISTED = 10_000  # wrong rows of a sheet; whoever has more has the same mistake in each
CLAUSE = re.compile(
    r"(.+?)：((?:不收个人信息[，,])?请[^；]*|是同一[^；]*)(?:；|$)", re.DOTALL
)  # of a reason: what is wrong：请 what to do
CELL_NAMED = re.compile(r"工作表“(.+?)”单元格 ([A-Z]+[0-9]+)（(.+?)）")  # how a clause on an official workbook begins
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


Place = tuple[
    str | None, int | None, int
]  # sheet by its name in the file, row (None: of the problem) and column, from 1


@dataclass(frozen=True)
class Problem:
    """What is wrong with some cells of a row; row None: with a whole sheet or file, no columns: with the whole row.

    spots   the cells, as (sheet by its name in the file, row, column) from 1; of a row or a sheet its first one
    behind  how many rows of other extracts wait for this one, in Chinese; empty where none does
    """

    row: int | None
    columns: tuple[str, ...]
    wrong: str
    advice: str
    spots: tuple[tuple[str | None, int, int], ...]
    behind: str = ""

    @property
    def said(self) -> str:
        return f"{self.wrong}：{self.advice}" if self.advice else self.wrong

    def __str__(self) -> str:
        where = " ".join(filter(None, (f"第 {self.row} 行" if self.row else "", "、".join(self.columns))))
        return f"{where}：{self.said}" if where else self.said


@dataclass(frozen=True)
class CheckedSheet:
    """One sheet, its rows in = right + wrong + skipped, and its problems; all that may be shown.

    title       its name in the file, which may not
    position    Chinese column name -> index of the column; empty where the header was not understood
    unread      cells that could not be read, of right rows
    unlisted    wrong rows beyond those whose problems are listed
    waiting     Chinese sentences on rows that wait for a school whose own row is wrong: nothing is to be mended in them
    """

    name: str | None
    rows_in: int
    right: int
    wrong: int
    skipped: int
    is_data: bool
    unknown: str | None
    remarks: str | None
    header_row: int
    position: dict[str, int]
    problems: list[Problem]
    unread: int
    unlisted: int
    waiting: list[str]
    title: str | None


@dataclass
class CheckedFile:
    """One file; it is readable where any of its rows could be counted."""

    path: Path
    shown: str
    extract: str | None
    sheets: list[CheckedSheet] = field(default_factory=list)

    @property
    def is_wrong(self) -> bool:
        return any(sheet.problems or sheet.wrong for sheet in self.sheets)

    @property
    def is_to_mend(self) -> bool:
        return any(sheet.problems for sheet in self.sheets)

    @property
    def is_readable(self) -> bool:
        return any(sheet.rows_in for sheet in self.sheets)


def columns_of(extract: str) -> tuple[Column, ...]:
    return contract().extracts[extract].columns


def sheet_of(
    con: duckdb.DuckDBPyConnection,
    file: CheckedFile,
    path: str,
    name: str | None,
    counts: list,
    source: Source | None,
) -> CheckedSheet:
    """One sheet as it was counted, with its first problems; of an official workbook the sheet is the whole of it."""
    here = {"path": path, "sheet": name}
    wrong = con.execute(
        f"""with found as (
            select q.row_number, reason, column_names, behind from incoming_quarantine as q
            left join behind as b on q.source_file = b.source_file and q.sheet is not distinct from b.sheet
                and q.row_number is not distinct from b.row_number
            where q.source_file = $path and q.sheet is not distinct from $sheet and q.waits_for is null
            union all
            select row_number, reason, column_zh, null from incoming_unread_cell
            where source_file = $path and sheet is not distinct from $sheet
            union all
            select row_number, reason, column_zh, null from incoming_implausible_cell
            where source_file = $path and sheet is not distinct from $sheet
        )
        select *, count(*) over () from found order by row_number nulls first limit {LISTED}""",
        here,
    ).fetchall()
    unread = con.execute(
        "select count(*) from incoming_unread_cell where source_file = $path and sheet is not distinct from $sheet",
        here,
    ).fetchall()[0][0]
    title = source.sheet.name if source else name
    position: dict[str, int] = {}
    places: dict[str, list[Place]] = {}
    if source:
        zh = {column.name: column.zh for column in columns_of(file.extract or "")}
        position = {zh[column]: index for column, index in source.headers.position.items()}
        places = {column: [(title, None, index + 1)] for column, index in position.items()}
    elif is_form(file.path):
        places = _places_in_form(con, path)
    whole: list[Place] = [] if is_form(file.path) else [(title, None, 1)]
    problems = [problem for found in wrong for problem in _problems(*found[:4], places, whole)]
    missing, held = _waiting(con, file, here, places, whole)
    problems = sorted([*problems, *missing], key=lambda problem: problem.row or 0)
    unlisted = wrong[0][4] - len(wrong) if wrong else 0
    header_row = source.headers.row if source else 0
    return CheckedSheet(name, *counts, header_row, position, problems, unread, unlisted, held, title)


def _waiting(
    con: duckdb.DuckDBPyConnection,
    file: CheckedFile,
    here: dict[str, str | None],
    places: dict[str, list[Place]],
    whole: list[Place],
) -> tuple[list[Problem], list[str]]:
    """What the rows of a sheet wait for: a problem a school that no row has, in the first cell that names it, and
    a sentence each other place, where all that is to be mended lies."""
    found = con.execute(
        f"""select w.source_file, w.sheet, w.row_number, case when w.source_file is null then waits_for end as missing,
            min(q.row_number) as first_row, count(*) as held, any_value(column_names)
        from incoming_quarantine as q
        join (select distinct waits_for, source_file, sheet, row_number from waiting) as w using (waits_for)
        where q.source_file = $path and q.sheet is not distinct from $sheet
        group by all order by first_row limit {LISTED}""",
        here,
    ).fetchall()
    problems, sentences = [], []
    for source_file, sheet, row_number, missing, row, held, column in found:
        if source_file:
            sentences.append(f"{held} 行等 {place(source_file, sheet, row_number)} 改好后一并载入")
            continue
        zh = contract().extracts[file.extract or ""].zh
        wrong = f"学校表里没有 {missing}：连带 {held} 行（{zh} {held}）"
        spots = tuple((title, row, index) for title, _, index in places.get(column, whole))
        problems.append(Problem(row, (column,), wrong, REPORT_SCHOOL, spots))
    return problems, sentences


def _places_in_form(con: duckdb.DuckDBPyConnection, path: str) -> dict[str, list[Place]]:
    """The cells of an official workbook that each column was read from."""
    zh = {column.name: column.zh for column in columns_of("schools")}
    cells = con.execute("select column_name, sheet, cell from incoming_source_cell where source_file = ?", [path])
    places: dict[str, list[Place]] = {}
    for column, sheet, cell in cells.fetchall():
        places.setdefault(zh[column], []).append((sheet, *coordinate_to_tuple(cell)))
    return places


def _problems(
    row: int | None,
    reason: str,
    column_names: str | None,
    behind: str | None,
    places: dict[str, list[Place]],
    whole: list[Place],
) -> Iterator[Problem]:
    """A reason taken apart: each of its clauses begins with the column or the cell that it is about, or is about the row.

    What waits for the row is said with the last of them.
    """
    listed = tuple((column_names or "").split("、")) if column_names else ()
    starts = {f"“{column}”": (column,) for column in listed} | ({column_names: listed} if column_names else {})
    clauses = CLAUSE.findall(reason) or [(reason, "")]
    for number, (wrong, advice) in enumerate(clauses, start=1):
        start = next((start for start in starts if wrong.startswith(start)), "")
        columns = starts.get(start, ())
        found = [place for column in columns for place in places.get(column, ())] or whole
        if named := CELL_NAMED.match(wrong):
            start, columns = named[0], (named[3],)
            found = [(named[1], *coordinate_to_tuple(named[2]))]
        spots = tuple((sheet, fixed or row or 1, column) for sheet, fixed, column in found)
        last = behind or "" if number == len(clauses) else ""
        yield Problem(row, columns, wrong.removeprefix(start).removeprefix("里").strip(), advice, spots, last)


def masked(con: duckdb.DuckDBPyConnection, text: str | None) -> str:
    """A text without anything personal, as the tables of what was read hold it."""
    row = con.execute("select masked(?)", [(text or "").encode("utf-8", "replace").decode()]).fetchone()
    assert row is not None
    return row[0]


def shown(con: duckdb.DuckDBPyConnection, text: str) -> str:
    """A text as it may be shown: nothing personal, one line, nothing that a terminal would obey."""
    return CONTROL.sub(" ", masked(con, text))
