"""What is wrong with files that are not loaded: they are read as a refresh reads them, in a database that is thrown away."""

import errno
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from dagster_project import settings
from dagster_project.clerk.findings import CheckedFile, columns_of, masked, sheet_of, shown
from dagster_project.clerk.marked import COPY, NotOurs, write_marked
from dagster_project.extracts import plausible
from dagster_project.extracts.causes import consequences, waiting
from dagster_project.extracts.files import FORMS, extract_of, in_order, is_form
from dagster_project.extracts.regions import (
    REGIONS,
    TEN_DIGITS,
    YEAR,
    Region,
    RegionsError,
    is_litter,
    partition_files,
    region_of,
)
from dagster_project.sql import quote
from dagster_project.warehouse.reading import read_files
from dagster_project.warehouse.tables import prepare

PRINTED = 20  # problems of a sheet
CHEAP = 5_000_000  # bytes of last year's files that are read to compare with
ANYWHERE = Region("", "", {}, TEN_DIGITS, None, (), "09-01", synthetic=False)  # of a file outside a raw folder
WHY_NOT = {errno.ENAMETOOLONG: "路径太长", errno.EACCES: "没有权限", errno.ELOOP: "链接绕回自己"}


class CheckError(ValueError):
    """Nothing could be checked; the message, in Chinese, says why and what to do."""


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
            return _check(con, paths, Path(os.path.abspath(out)), lambda line: say(shown(con, line)))
        except BrokenPipeError:  # the reader of the output has seen enough
            raise
        except (CheckError, RegionsError, OSError) as error:
            raise CheckError(shown(con, str(error))) from error


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
    refers = any(column.refers_to for name in extracts.values() if name for column in columns_of(name))
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
    by_place = {(masked(con, s.path), masked(con, s.sheet.name)): s for s in sources}
    files = []
    for path in in_order(group.paths):
        name = masked(con, str(path.relative_to(group.base)))
        file = CheckedFile(path, shown(con, _near(path)), extracts[path])
        counted = con.execute(
            """select sheet, rows_in, rows_loaded, rows_quarantined, rows_skipped, status <> 'skipped', unknown_columns, remarks
            from incoming_source_file where source_file = ? order by rowid""",
            [name],
        ).fetchall()
        for sheet, *counts in counted:
            file.sheets.append(sheet_of(con, file, name, sheet, counts, by_place.get((name, sheet or ""))))
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
