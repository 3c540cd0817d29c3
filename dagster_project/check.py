"""What is wrong with files that are not loaded: they are read as a refresh reads them, in a database that is thrown away."""

import errno
import os
import re
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
from openpyxl.utils.cell import coordinate_to_tuple

from dagster_project import settings
from dagster_project.causes import REPORT_SCHOOL, consequences, place, waiting
from dagster_project.extracts import plausible
from dagster_project.extracts.contract import Column, contract
from dagster_project.extracts.rows import quote
from dagster_project.incoming import FORMS, Source, extract_of, in_order, is_form, read_files
from dagster_project.marked import COPY, NotOurs, write_marked
from dagster_project.regions import (
    REGIONS,
    TEN_DIGITS,
    YEAR,
    Region,
    RegionsError,
    is_litter,
    partition_files,
    region_of,
)
from dagster_project.warehouse import prepare

PRINTED = 20  # problems of a sheet
CHEAP = 5_000_000  # bytes of last year's files that are read to compare with
LISTED = 10_000  # wrong rows of a sheet; whoever has more has the same mistake in each
ANYWHERE = Region("", "", {}, TEN_DIGITS, None, (), "09-01", synthetic=False)  # of a file outside a raw folder
CLAUSE = re.compile(
    r"(.+?)：((?:不收个人信息[，,])?请[^；]*|是同一[^；]*)(?:；|$)", re.DOTALL
)  # of a reason: what is wrong：请 what to do
CELL_NAMED = re.compile(r"工作表“(.+?)”单元格 ([A-Z]+[0-9]+)（(.+?)）")  # how a clause on an official workbook begins
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
WHY_NOT = {errno.ENAMETOOLONG: "路径太长", errno.EACCES: "没有权限", errno.ELOOP: "链接绕回自己"}


Place = tuple[
    str | None, int | None, int
]  # sheet by its name in the file, row (None: of the problem) and column, from 1


class CheckError(ValueError):
    """Nothing could be checked; the message, in Chinese, says why and what to do."""


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


@dataclass
class Together:
    """Files that are judged together: of one partition of a raw folder, or of one folder anywhere else."""

    base: Path
    region: Region | None
    school_year: int
    beside: list[Path]
    paths: list[Path] = field(default_factory=list)


def check(paths: Sequence[Path], out: Path, say: Callable[[str], None]) -> bool:
    """Say what is wrong with files and folders, write marked copies into `out`; is nothing wrong? Raises CheckError."""
    with _thrown_away() as con:
        try:
            return _check(con, paths, Path(os.path.abspath(out)), lambda line: say(_shown(con, line)))
        except (CheckError, RegionsError, OSError) as error:
            raise CheckError(_shown(con, str(error))) from error


@contextmanager
def _thrown_away() -> Generator[duckdb.DuckDBPyConnection]:
    """A database that goes at the end; what does not fit into memory spills into a folder that goes too."""
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as con:
        con.execute(f"set temp_directory = {quote(spill)}")
        prepare(con)
        yield con


def _check(con: duckdb.DuckDBPyConnection, paths: Sequence[Path], out: Path, tell: Callable[[str], None]) -> bool:
    files: list[CheckedFile] = []
    written = 0
    groups = _groups(paths, out)
    targets = _targets([path for group in groups for path in group.paths], out)
    for group in groups:
        checked, note = _read(con, group)
        for file in checked:
            for line in _lines(file):
                tell(line)
            if file.is_to_mend and file.is_readable:
                target = targets[file.path]
                try:
                    _keep_out_of_raw(target)
                    write_marked(file, target)
                    tell(f"  已在副本中标出：{_near(target)}")
                    written += 1
                except (NotOurs, OSError) as error:
                    tell(f"  没有写出标注的副本：{error}")
        if note:
            tell(note)
        files += checked
    sheets = [sheet for file in files for sheet in file.sheets]
    rows, right, wrong, skipped = (
        sum(getattr(sheet, count) for sheet in sheets) for count in ("rows_in", "right", "wrong", "skipped")
    )
    refused = sum(not file.is_readable for file in files if file.is_wrong)
    tell(
        f"共 {len(files)} 个文件，{rows} 行 = 合格 {right} + 有问题 {wrong} + 略过 {skipped}"
        + _unread_cells(sum(sheet.unread for sheet in sheets))
        + (f"；{refused} 个文件没有读取" if refused else "")
        + (f"；写出标注的副本 {written} 个，改好后代替原文件" if written else "")
        + ("" if any(file.is_wrong for file in files) else "；没有问题")
    )
    return not any(file.is_wrong for file in files)


def _unread_cells(count: int) -> str:
    return f"；{count} 个单元格读不出，按未知处理" if count else ""


def _groups(paths: Sequence[Path], out: Path) -> list[Together]:
    """The files that are meant, by what is judged together; of a folder all files below it, our own copies left out."""
    chosen: list[Path] = []
    for given in paths:
        path = Path(os.path.abspath(_present(given)))
        if not path.is_dir():
            chosen.append(path)
            continue
        below = sorted(p for p in path.rglob("*") if p.is_symlink() or p.is_file())
        found = [p for p in below if not is_litter(p.name) and _is_handed_in(p) and not _is_copy(p, path, out)]
        if not found:
            raise CheckError(f"{given} 里没有报表：请给出文件，或 raw/<区域>/<学年> 这样的文件夹")
        chosen += found
    groups: dict[Path, Together] = {}
    for path in dict.fromkeys(chosen):
        root = _partition(path) or _folder(path)
        if root not in groups:
            groups[root] = _together(path, root)
        groups[root].paths.append(path)
    return list(groups.values())


def _present(path: Path) -> Path:
    """The path, if something is there. Raises CheckError."""
    try:
        os.lstat(path)
    except ValueError as error:
        raise CheckError("路径里有 NUL 字符：请核对") from error
    except OSError as error:
        text = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}……"
        raise CheckError(f"{WHY_NOT.get(error.errno or 0, '没有这个文件或文件夹')}：{text}，请核对") from error
    return path


def _raw(path: Path) -> Path | None:
    """The raw folder that a path lies in: the nearest one above it that holds regions.yml."""
    return next((folder for folder in path.parents if (folder / REGIONS).is_file()), None)


def _partition(path: Path) -> Path | None:
    """The folder raw/<region>/<school_year> that a file lies in."""
    raw = _raw(path)
    place = path.relative_to(raw).parts if raw else ()
    return raw / place[0] / place[1] if raw and len(place) > 2 and YEAR.fullmatch(place[1]) else None


def _is_handed_in(path: Path) -> bool:
    """Is a file below a folder an extract? In a raw folder only what lies in a partition is."""
    return _raw(path) is None or _partition(path) is not None


def _folder(path: Path) -> Path:
    """The folder of extracts that a file lies in; official workbooks lie in one of their own below it."""
    return path.parent.parent if is_form(path) else path.parent


def _is_copy(path: Path, given: Path, out: Path) -> bool:
    """Is a file of a folder one of our copies that comes on top of its original, not in its place?"""
    original = path.stem.removesuffix(COPY)
    if original == path.stem or not path.is_relative_to(out):
        return False
    return not given.is_relative_to(out) or any(original in (p.stem, p.name) for p in path.parent.iterdir())


def _together(path: Path, root: Path) -> Together:
    """What a file is judged with: its region and year and, should none be given, the schools and facts that lie beside it."""
    raw = _raw(path)
    if raw and root == _partition(path):
        year, base, region = int(root.name), raw, region_of(raw, root.parent.name)
        beside = partition_files(raw, root.parent.name, year)
    else:
        year, base, region = date.today().year, root, ANYWHERE
        beside = sorted(path for folder in (root, root / FORMS) if folder.is_dir() for path in folder.iterdir())
    near = [p for p in beside if p.is_file() and not is_litter(p.name)]
    return Together(base, region, year, [p for p in near if extract_of(p) in ("schools", "facts")])


def _targets(paths: list[Path], out: Path) -> dict[Path, Path]:
    """Where each file's marked copy goes: below `out` as the files lie below the folder that holds them all."""
    common = Path(os.path.commonpath([path.parent for path in paths]))
    targets: dict[Path, Path] = {}
    for path in paths:
        folder = out / path.parent.relative_to(common)
        target = folder / f"{path.stem}{COPY}.xlsx"
        targets[path] = folder / f"{path.name}{COPY}.xlsx" if target in targets.values() else target
    return targets


def _keep_out_of_raw(target: Path) -> None:
    """Raise NotOurs where a copy would be taken for an extract, or lie in the warehouse's own folder."""
    if raw := _raw(target):
        raise NotOurs(f"{raw} 只放报表：请用 --out 指定别处的文件夹")
    if target.is_relative_to(settings.home_folder()):
        raise NotOurs(f"{settings.home_folder()} 由仓库自己使用：请用 --out 指定别处的文件夹")


def _read(con: duckdb.DuckDBPyConnection, group: Together) -> tuple[list[CheckedFile], str | None]:
    """Read what is judged together: the files that are asked for, and a sentence on what their schools are found in."""
    extracts = {path: extract_of(path) for path in group.paths}
    refers = any(column.refers_to for name in extracts.values() if name for column in _columns(name))
    lent = [path for path in group.beside if extract_of(path) not in extracts.values()]
    borrowed = [path for path in lent if extract_of(path) == "schools"] if refers else []
    paths = [*group.paths, *borrowed, *(path for path in lent if extract_of(path) == "facts")]
    _keep_last_year(con, group)
    sources = read_files(con, group.base, paths, group.region, group.school_year, "check", is_partial=True)
    con.execute(f"create or replace temp table waiting as {waiting('incoming_quarantine')}")
    con.execute(f"create or replace temp table behind as {consequences('waiting')}")
    region_id = group.region.id if group.region else ""
    found = plausible.implausible(lambda name: f"(from incoming_{name})", lambda name: f"(from last_{name})", region_id)
    con.execute(f"insert into incoming_implausible_cell by name {found}")
    by_place = {(_masked(con, s.path), _masked(con, s.sheet.name)): s for s in sources}
    files = []
    for path in in_order(group.paths):
        name = _masked(con, str(path.relative_to(group.base)))
        file = CheckedFile(path, _shown(con, _near(path)), extracts[path])
        counted = con.execute(
            """select sheet, rows_in, rows_loaded, rows_quarantined, rows_skipped, status <> 'skipped', unknown_columns, remarks
            from incoming_source_file where source_file = ? order by rowid""",
            [name],
        ).fetchall()
        for sheet, *counts in counted:
            file.sheets.append(_sheet(con, file, name, sheet, counts, by_place.get((name, sheet or ""))))
        files.append(file)
    if not refers:
        return files, None
    if con.execute("select 1 from incoming_schools limit 1").fetchone() is None:
        why = "学校表里没有合格的学校" if "schools" in map(extract_of, paths) else "没有一并检查学校表"
        return files, f"{why}，未核对学校标识码"
    and_more = f"等 {len(borrowed)} 个文件" if len(borrowed) > 1 else ""
    return files, f"学校标识码与旁边的 {_near(borrowed[0])} {and_more}核对" if borrowed else None


def _keep_last_year(con: duckdb.DuckDBPyConnection, group: Together) -> None:
    """Fill last_<extract> with what raw/ holds of the year before, as far as it is compared and cheap to read."""
    compared = {"schools", *map(extract_of, group.paths)}.intersection(plausible.EXTRACTS)
    paths: list[Path] = []
    if group.region and group.region is not ANYWHERE:
        found = partition_files(group.base, group.region.id, group.school_year - 1)
        paths = [path for path in found if extract_of(path) in compared and path.is_file()]
    if sum(path.stat().st_size for path in paths) > CHEAP:
        paths = []
    read_files(con, group.base, paths, group.region, group.school_year - 1, "check", is_partial=True)
    for name in plausible.EXTRACTS:
        con.execute(f"create or replace temp table last_{name} as from incoming_{name}")


def _columns(extract: str) -> tuple[Column, ...]:
    return contract().extracts[extract].columns


def _sheet(
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
        zh = {column.name: column.zh for column in _columns(file.extract or "")}
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
    zh = {column.name: column.zh for column in _columns("schools")}
    cells = con.execute("select column_name, sheet, cell from incoming_official_cell where source_file = ?", [path])
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


def _lines(file: CheckedFile) -> Iterator[str]:
    """What is printed of a file: a line a sheet, what was not read, the first problems and how many more there are."""
    for sheet in file.sheets:
        where = file.shown + (f" 工作表“{sheet.name}”" if sheet.name else "")
        if not sheet.is_data:
            yield f"{where}：{sheet.rows_in} 行，不是数据表，略过"
            continue
        if not file.is_readable and sheet.problems:
            yield f"{where}：没有读取"
        else:
            account = f"{sheet.rows_in} 行 = 合格 {sheet.right} + 有问题 {sheet.wrong} + 略过 {sheet.skipped}"
            yield f"{where}：{account}{_unread_cells(sheet.unread)}"
        if sheet.unknown:
            yield f"  不认识的列，没有读取：{sheet.unknown}"
        if sheet.remarks:
            yield f"  提示：{sheet.remarks}"
        for problem in sheet.problems[:PRINTED]:
            yield f"  {problem}"
            if problem.behind:
                yield f"    {problem.behind}"
        more = len(sheet.problems) - PRINTED
        if more > 0:
            yield f"  还有 {more} 处" + (f"，另有 {sheet.unlisted} 处没有逐一列出" if sheet.unlisted else "")
        for sentence in sheet.waiting[:PRINTED]:
            yield f"  {sentence}"


def _near(path: Path) -> str:
    """A path as it is shown: from the folder that the command runs in, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _masked(con: duckdb.DuckDBPyConnection, text: str | None) -> str:
    """A text without anything personal, as the tables of what was read hold it."""
    row = con.execute("select masked(?)", [(text or "").encode("utf-8", "replace").decode()]).fetchone()
    assert row is not None
    return row[0]


def _shown(con: duckdb.DuckDBPyConnection, text: str) -> str:
    """A text as it may be shown: nothing personal, one line, nothing that a terminal would obey."""
    return CONTROL.sub(" ", _masked(con, text))
