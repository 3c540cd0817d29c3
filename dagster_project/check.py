"""What is wrong with files that are not loaded: they are read as a refresh reads them, in a database that is thrown away."""

import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project import settings
from dagster_project.extracts.contract import contract
from dagster_project.extracts.rows import quote
from dagster_project.incoming import Source, extract_of, in_order, read_files
from dagster_project.load import partition_files
from dagster_project.marked import NotOurs, write_marked
from dagster_project.regions import REGIONS, TEN_DIGITS, YEAR, Region, RegionsError, read_regions
from dagster_project.warehouse import prepare

PRINTED = 20  # problems of a sheet
LISTED = 10_000  # wrong rows of a sheet; whoever has more has the same mistake in each
ANYWHERE = Region("", "", {}, TEN_DIGITS, None, (), "09-01", synthetic=False)  # of a file outside a raw folder
CLAUSE = re.compile(
    r"(.+?)：((?:不收个人信息[，,])?请[^；]*)(?:；|$)", re.DOTALL
)  # of a reason: what is wrong：请 what to do
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
WHY_NOT = {errno.ENAMETOOLONG: "路径太长", errno.EACCES: "没有权限", errno.ELOOP: "链接绕回自己"}


class CheckError(ValueError):
    """Nothing could be checked; the message, in Chinese, says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with some cells of a row; row None: with the whole sheet, columns () : with the whole row."""

    row: int | None
    columns: tuple[str, ...]
    wrong: str
    advice: str

    def __str__(self) -> str:
        where = f"第 {self.row} 行 {'、'.join(self.columns)}".rstrip() + "：" if self.row else ""
        return f"{where}{self.wrong}{'：' if self.advice else ''}{self.advice}"


@dataclass(frozen=True)
class CheckedSheet:
    """One sheet, its rows in = right + wrong + skipped, and its problems; all that may be shown.

    title       its name in the file, which may not
    position    Chinese column name -> index of the column; empty where the header was not understood
    unlisted    wrong rows beyond those whose problems are listed
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
    unlisted: int
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
        return any(sheet.problems for sheet in self.sheets)

    @property
    def is_readable(self) -> bool:
        return any(sheet.rows_in for sheet in self.sheets)


@dataclass
class Together:
    """Files that are judged together: of one partition of a raw folder, or of one folder anywhere else."""

    base: Path
    region: Region | None
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
def _thrown_away() -> Iterator[duckdb.DuckDBPyConnection]:
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
            if file.is_wrong and file.is_readable:
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
    unread = sum(not file.is_readable for file in files if file.is_wrong)
    tell(
        f"共 {len(files)} 个文件，{rows} 行 = 合格 {right} + 有问题 {wrong} + 略过 {skipped}"
        + (f"；{unread} 个文件没有读取" if unread else "")
        + (f"；写出标注的副本 {written} 个，改好后代替原文件" if written else "")
        + ("" if any(file.is_wrong for file in files) else "；没有问题")
    )
    return not any(file.is_wrong for file in files)


def _groups(paths: Sequence[Path], out: Path) -> list[Together]:
    """The files that are meant, by what is judged together; of a folder all files below it, our own copies left out."""
    chosen: list[Path] = []
    for given in paths:
        path = Path(os.path.abspath(_present(given)))
        if not path.is_dir():
            chosen.append(path)
            continue
        below = sorted(p for p in path.rglob("*") if p.is_symlink() or p.is_file())
        ours = [] if path.is_relative_to(out) else [p for p in below if p.is_relative_to(out)]
        found = [p for p in below if p not in ours and not p.name.startswith((".", "~$")) and _is_handed_in(p)]
        if not found:
            raise CheckError(f"{given} 里没有报表：请给出文件，或 raw/<区域>/<学年> 这样的文件夹")
        chosen += found
    groups: dict[Path, Together] = {}
    for path in dict.fromkeys(chosen):
        root = _partition(path) or path.parent
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


def _together(path: Path, root: Path) -> Together:
    """What a file is judged with: its region and, should it not be given, the schools file that lies beside it."""
    raw = _raw(path)
    if raw is None or _partition(path) is None:
        beside, region, base = list(path.parent.iterdir()), ANYWHERE, path.parent
    else:
        beside, base = partition_files(raw, root.parent.name, int(root.name)), raw
        region = read_regions(raw).get(root.parent.name)
    schools = [p for p in beside if not p.name.startswith((".", "~$")) and extract_of(p) == "schools" and p.is_file()]
    return Together(base, region, schools)


def _targets(paths: list[Path], out: Path) -> dict[Path, Path]:
    """Where each file's marked copy goes: below `out` as the files lie below the folder that holds them all."""
    common = Path(os.path.commonpath([path.parent for path in paths]))
    targets: dict[Path, Path] = {}
    for path in paths:
        folder = out / path.parent.relative_to(common)
        target = folder / f"{path.stem}-检查结果.xlsx"
        targets[path] = folder / f"{path.name}-检查结果.xlsx" if target in targets.values() else target
    return targets


def _keep_out_of_raw(target: Path) -> None:
    """Raise NotOurs where a copy would be taken for an extract, or lie in the warehouse's own folder."""
    if raw := _raw(target):
        raise NotOurs(f"{raw} 只放报表：请用 --out 指定别处的文件夹")
    if target.is_relative_to(settings.home_folder()):
        raise NotOurs(f"{settings.home_folder()} 由仓库自己使用：请用 --out 指定别处的文件夹")


def _read(con: duckdb.DuckDBPyConnection, group: Together) -> tuple[list[CheckedFile], str | None]:
    """Read what is judged together: the files that are asked for, and a sentence on what could not be compared."""
    alone = not any(extract_of(path) == "schools" for path in group.paths)
    borrowed = group.beside if alone else []
    extracts = contract().extracts
    refers = any(
        column.refers_to for path in group.paths if (name := extract_of(path)) for column in extracts[name].columns
    )
    borrowed = borrowed if refers else []
    sources = read_files(con, group.base, [*group.paths, *borrowed], group.region, "check", is_partial=True)
    files = []
    by_place = {(_masked(con, s.path), _masked(con, s.sheet.name)): s for s in sources}
    for path in in_order(group.paths):
        name = _masked(con, str(path.relative_to(group.base)))
        file = CheckedFile(path, _shown(con, _near(path)), extract_of(path))
        counted = con.execute(
            """select sheet, rows_in, rows_loaded, rows_quarantined, rows_skipped, status <> 'skipped', unknown_columns, remarks
            from incoming_source_file where source_file = ? order by rowid""",
            [name],
        ).fetchall()
        for sheet, *counts in counted:
            file.sheets.append(_sheet(con, name, sheet, counts, by_place.get((name, sheet or "")), file.extract))
        files.append(file)
    known = con.execute("select count(*) from incoming_schools").fetchone()
    if not refers:
        return files, None
    if known == (0,):
        why = "学校表里没有合格的学校" if borrowed or not alone else "没有一并检查学校表"
        return files, f"{why}，未核对学校标识码"
    return files, f"学校标识码与旁边的 {'、'.join(_near(p) for p in borrowed)} 核对" if borrowed else None


def _sheet(
    con: duckdb.DuckDBPyConnection,
    file: str,
    name: str | None,
    counts: list,
    source: Source | None,
    extract: str | None,
) -> CheckedSheet:
    """One sheet as it was counted, with its first problems."""
    rejects = con.execute(
        f"""select row_number, reason, column_names from incoming_quarantine
        where source_file = ? and sheet is not distinct from ? order by row_number nulls first limit {LISTED}""",
        [file, name],
    ).fetchall()
    position, header_row = {}, 0
    if source and extract:
        columns = contract().extracts[extract]
        position = {columns.column(name).zh: index for name, index in source.headers.position.items()}
        header_row = source.headers.row
    problems = [problem for reject in rejects for problem in _problems(*reject)]
    unlisted = max(counts[2] - LISTED, 0) if rejects and rejects[0][0] else 0
    return CheckedSheet(name, *counts, header_row, position, problems, unlisted, source.sheet.name if source else name)


def _problems(row: int | None, reason: str, column_names: str | None) -> list[Problem]:
    """A reason taken apart: each of its clauses begins with the column that it is about, or is about the row."""
    columns = tuple((column_names or "").split("、")) if column_names else ()
    names = {f"“{column}”": (column,) for column in columns} | ({column_names: columns} if column_names else {})
    problems = []
    for wrong, advice in CLAUSE.findall(reason) or [(reason, "")]:
        start = next((name for name in names if name and wrong.startswith(name)), "")
        problems.append(Problem(row, names.get(start, ()), wrong.removeprefix(start).removeprefix("里"), advice))
    return problems


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
            yield f"{where}：{sheet.rows_in} 行 = 合格 {sheet.right} + 有问题 {sheet.wrong} + 略过 {sheet.skipped}"
        if sheet.unknown:
            yield f"  不认识的列，没有读取：{sheet.unknown}"
        if sheet.remarks:
            yield f"  提示：{sheet.remarks}"
        for problem in sheet.problems[:PRINTED]:
            yield f"  {problem}"
        more = len(sheet.problems) - PRINTED
        if more > 0:
            yield f"  还有 {more} 处" + (f"，另有 {sheet.unlisted} 行有问题，没有逐一列出" if sheet.unlisted else "")


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
