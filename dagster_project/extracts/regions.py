"""raw/regions.yml: which regions hand in extracts, and the partitions that lie in raw/.

What is wrong with one region is its `problem`: its rows stay as they are, and the others go on. RegionsError is for what concerns all.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dagster_project.extracts.contract import CELL_MAP, contract
from dagster_project.extracts.facts import seed
from dagster_project.extracts.files import is_within
from dagster_project.extracts.headers import Aliases, nearest, normalise
from dagster_project.extracts.sheet import DAMAGED, TEXT, WORKBOOK, Unreadable
from dagster_project.extracts.text import text_rows

REGIONS, ALIASES = "regions.yml", "aliases.csv"
SCENARIOS = "scenarios"  # beside the years of a region: files of `junheng scenario`, never loaded

Partition = tuple[str, int]  # region_id, school_year
TEN_DIGITS = r"^\d{10}$"
YEAR = re.compile(r"[12][0-9]{3}")
COUNTY_CODE = "[0-9A-Za-z一-鿿][0-9A-Za-z一-鿿 ._-]{0,39}"  # it names files; Python and DuckDB read it alike
REGION_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
NO_KEY = re.compile(r"[\x00-\x1f\x7f|\ud800-\udfff]|\.\.\.")  # what a Dagster partition key cannot hold
PLAIN_CRON = re.compile(r"([0-5]?\d) ([01]?\d|2[0-3]) (\*|[1-9]|1\d|2[0-8]) \* (\*|[0-6](,[0-6])*|1-5|1-6)", re.ASCII)


class RegionsError(ValueError):
    """raw/regions.yml is missing or wrong as a whole; the message, in Chinese, says where and what to do."""


@dataclass(frozen=True)
class Region:
    """One region of raw/regions.yml. `counties` empty: any county code is accepted.

    `rules_of`: the school year whose rules judge every year of it; null: each year by its own.
    `deadline`: the month and day by which a school year's extracts are due, or a day for each year; null: they are due at no day.
    `aliases`: its own headers, from raw/<region>/aliases.csv. `problem`: why nothing of it can be loaded, in Chinese; null: it can.
    """

    id: str
    name_zh: str
    counties: dict[str, str]
    school_id_pattern: str
    refresh: str | None
    documents: tuple[str, ...]
    reference_month_day: str
    synthetic: bool
    rules_of: int | None = None
    deadline: str | Mapping[int, date] | None = None
    aliases: Aliases = ()
    problem: str | None = None

    def due(self, school_year: int) -> date | None:
        """The day by which the extracts of a school year are due, that day included: a month before the reference day is one of the
        next calendar year; null: at no day."""
        if not isinstance(self.deadline, str):
            return self.deadline.get(school_year) if self.deadline else None
        is_next_year = self.deadline < self.reference_month_day
        return date.fromisoformat(f"{school_year + is_next_year}-{self.deadline}")


FIELDS = {
    "id": "英文字母、数字、_ 或 -",
    "name_zh": "文字",
    "counties": "县代码: 县名",
    "school_id_pattern": "正则表达式",
    "refresh": "cron 时间，如 '0 2 * * *'（每天 2 点）",
    "documents": "文件代号的列表，如 [LC]",
    "reference_month_day": "月-日，如 '09-01'",
    "synthetic": "true 或 false",
    "deadline": "截止的月-日，如 '10-15'，或各学年的日期，如 {2023: 2023-10-15}（当天算按时；2 月最晚写 02-28）",
    "rules_of": "学年，如 2024（各学年都按这一学年的规则评判；不写：各按当年的规则）",
}  # of an entry, each with what it holds


def _region(entry: dict[Any, Any], region_id: str, place: str, raw: Path) -> Region:
    """One entry; the first thing that is wrong with it is its problem."""
    fine = {name: value for name, value in entry.items() if name in FIELDS and _holds(name, value)}
    wrong = next((name for name in FIELDS if name in entry and name not in fine), None)
    unknown = sorted(str(name) for name in entry if name not in FIELDS)
    problem = None
    if unknown:
        problem = f"{place}：不认识的字段 {'、'.join(unknown)}；可用的字段是 {'、'.join(sorted(FIELDS))}"
    elif wrong:
        problem = f"{place}：{wrong} 应写{FIELDS[wrong]}，现在是“{_short(entry[wrong])}”：请改正"
    elif strange := sorted({*map(str, fine.get("documents") or ())} - {*(documents := _documents())}):
        problem = f"{place}：documents 里没有登记过的文件 {'、'.join(map(_short, strange))}：请改正，可选的有 {'、'.join(documents)}"
    aliases: Aliases = ()
    try:
        _require_folder(raw / region_id)
        aliases = read_aliases(raw, region_id)
    except RegionsError as error:
        problem = problem or str(error)
    return Region(
        id=region_id,
        name_zh=str(fine.get("name_zh") or region_id),
        counties={str(code): str(name or code) for code, name in (fine.get("counties") or {}).items()},
        school_id_pattern=fine.get("school_id_pattern") or TEN_DIGITS,
        refresh=fine.get("refresh"),
        documents=tuple(map(str, fine.get("documents") or ())),
        reference_month_day=fine.get("reference_month_day") or "09-01",
        synthetic=bool(fine.get("synthetic", False)),
        rules_of=fine.get("rules_of"),
        deadline=_deadline(fine.get("deadline")),
        aliases=aliases,
        problem=problem,
    )


def _deadline(value: Any) -> str | dict[int, date] | None:
    """A month and day as it stands, or the day of each school year."""
    if not isinstance(value, dict):
        return value
    return {int(year): day if isinstance(day, date) else date.fromisoformat(day) for year, day in value.items()}


def _documents() -> list[str]:
    """The policy documents whose targets a region can be held to."""
    return sorted(row["document_id"] for row in seed("policy_documents"))


def _holds(name: str, value: Any) -> bool:
    """Does a field hold what it should? Left empty it does."""
    match name, value:
        case "id", _:
            return True
        case _, None:
            return True
        case "name_zh", str() | int():
            return _is_text(value)
        case "counties", dict():
            return all(
                re.fullmatch(COUNTY_CODE, str(code)) and (name is None or _is_text(name))
                for code, name in value.items()
            )
        case "school_id_pattern", str():
            return _is_pattern(value)
        case "refresh", str():
            return PLAIN_CRON.fullmatch(value) is not None or _is_cron(value)
        case "documents", list():
            return all(map(_is_text, value))
        case "reference_month_day", str():
            return _is_month_day(value)
        case "deadline", str():
            return _is_month_day(value) and value != "02-29"
        case "deadline", dict():
            return all(YEAR.fullmatch(str(year)) and _is_day(day) for year, day in value.items())
        case "synthetic", bool():
            return True
        case "rules_of", int():
            return YEAR.fullmatch(str(value)) is not None
    return False


def _is_text(value: Any) -> bool:
    """Text on one line, or a number that stands for itself."""
    return (isinstance(value, str) and value.isprintable() and value.strip() != "") or type(value) is int


def _is_pattern(value: str) -> bool:
    """A regular expression of Python's as of DuckDB's."""
    try:
        re.compile(value)
        duckdb.execute("select regexp_matches('', $1)", [value])
    except (re.error, duckdb.Error, RecursionError, OverflowError, UnicodeEncodeError):
        return False
    return True


def _is_cron(value: str) -> bool:
    """By the judgement of Dagster, which takes a second to import: only what is not plain is asked. A time that never comes is none."""
    from dagster._utils.schedules import cron_string_iterator, is_valid_cron_schedule

    try:
        return is_valid_cron_schedule(value) and next(cron_string_iterator(0, value, "UTC")) is not None
    except Exception:  # its parser raises whatever comes
        return False


def _is_month_day(value: str) -> bool:
    try:
        date.fromisoformat(f"2024-{value}")
    except ValueError:
        return False
    return len(value) == 5


def _is_day(value: Any) -> bool:
    """A date, as YAML reads it or in quotes; a time of day is none."""
    if isinstance(value, date):
        return not isinstance(value, datetime)
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _short(value: Any) -> str:
    text = "".join(char if char.isprintable() else "□" for char in str(value))
    return text if len(text) <= 60 else f"{text[:60]}……"


def _require_folder(folder: Path) -> None:
    """Raises RegionsError where a region's folder, or anything in it, is no folder though it should be, or cannot be read."""

    def refuse(error: OSError) -> None:
        raise RegionsError(f"{error.filename}：打不开（{error.strerror}）：请改权限，使运行 junheng 的用户能读")

    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise RegionsError(f"{folder} 应是文件夹，里面每个学年一个文件夹：请改名或移走这个文件")
        for place, folders, files in os.walk(folder, onerror=refuse):
            for name in files:
                if Path(place) == folder and YEAR.fullmatch(name):
                    raise RegionsError(f"{folder / name} 应是文件夹，里面放这个学年的报表：请改名或移走这个文件")
            for name in [*folders, *files]:
                path = os.path.join(place, name)
                if not os.access(path, os.R_OK) and not os.path.islink(path):
                    raise RegionsError(f"{path}：打不开（没有权限）：请改权限，使运行 junheng 的用户能读")
    except OSError as error:
        refuse(error)


def read_aliases(raw: Path, region_id: str) -> Aliases:
    """A region's own headers: a file of two columns, the contract's header and the region's. No file: none.

    Raises RegionsError for a header that the contract does not know, and for an alias that already means another column.
    """
    path = raw / region_id / ALIASES
    if not path.exists() and not path.is_symlink():
        return ()
    if not is_within(raw, path):
        raise RegionsError(f"{path}：链接指向 {raw} 之外，不读：请把文件本身放进来")
    try:
        rows = [[cell.strip() for cell in row] for row in text_rows(path)]
    except OSError as error:
        raise RegionsError(f"{path}：打不开（{error.strerror}）：它应是一个 CSV 文件") from error
    except Unreadable as error:
        raise RegionsError(f"{path}：{error}") from error
    columns = [column for extract in contract().extracts.values() for column in extract.columns]
    known = {normalise(header): column for column in columns for header in column.headers}
    aliases = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        standard, alias = (*row, "")[:2]
        column = known.get(normalise(standard))
        if column is None or not alias:
            near = nearest(tuple(c.zh for c in columns), standard)
            hint = f"，最接近的是“{near}”" if near else ""
            raise RegionsError(f"{path} 第 {number} 行：没有标准列名“{standard}”{hint}；每行写标准列名、本地列名两格")
        if (other := known.get(normalise(alias))) and other.zh != column.zh:
            raise RegionsError(f"{path} 第 {number} 行：“{alias}”已经是“{other.zh}”的列名，不能再当作“{column.zh}”")
        aliases += [(c.name, alias) for c in columns if c.zh == column.zh]
    return tuple(dict.fromkeys(aliases))


def read_regions(raw: Path) -> dict[str, Region]:
    """The regions by id, each with its problem where it has one.

    Raises RegionsError where the file is missing, cannot be read, or an entry has no id to call it by.
    """
    path = raw / REGIONS
    regions: dict[str, Region] = {}
    owners: dict[str, list[str]] = {}
    for line, entry in _entries(path):
        region_id = str(entry.get("id", ""))
        if not REGION_ID.fullmatch(region_id):
            raise RegionsError(f"{path} 第 {line} 行：id 须由英文字母、数字、_ 或 - 组成，现在是“{_short(region_id)}”")
        place = f"{path} 第 {line} 行，区域 {region_id}"
        if region_id in regions:
            twice = f"{place}：区域 id“{region_id}”出现了两次，请删去一个或改名"
            regions[region_id] = replace(regions[region_id], problem=twice)
            continue
        regions[region_id] = _region(entry, region_id, place, raw)
        for code in regions[region_id].counties:
            owners.setdefault(code, []).append(region_id)
    for code, ids in owners.items():
        for region_id in ids if len(ids) > 1 else ():
            shared = f"{path}：县 {code} 同时属于 {' 和 '.join(ids)}，一个县只能属于一个区域，请从其余区域删去"
            regions[region_id] = replace(regions[region_id], problem=regions[region_id].problem or shared)
    return regions


def region_of(raw: Path, region_id: str) -> Region | None:
    """One region; None: regions.yml has none of this id. Raises RegionsError, also with the region's own problem."""
    region = read_regions(raw).get(region_id)
    if region and region.problem:
        raise RegionsError(region.problem)
    return region


def _entries(path: Path) -> list[tuple[int, dict[Any, Any]]]:
    """The entries of regions.yml, each with the line that it begins in."""
    try:
        text = path.read_text(encoding="utf-8")
        document, tree = _parsed(text)
    except FileNotFoundError as error:
        raise RegionsError(
            f"找不到 {path}：请在 raw 文件夹放一份 regions.yml，写明各区域的 id、name_zh 和 counties"
        ) from error
    except UnicodeDecodeError as error:
        raise RegionsError(f"{path} 不是 UTF-8 编码：请用“记事本”另存为，编码选 UTF-8") from error
    except OSError as error:
        raise RegionsError(f"{path} 打不开（{error.strerror}）：它应是一个文本文件，运行 junheng 的用户能读") from error
    except yaml.MarkedYAMLError as error:
        line = f" 第 {error.problem_mark.line + 1} 行" if error.problem_mark else ""
        raise RegionsError(
            f"{path}{line} 不是有效的 YAML（{error.problem}）：请对照示例检查缩进、冒号和引号"
        ) from error
    except (
        yaml.YAMLError,
        ValueError,
        ArithmeticError,
        AttributeError,
        TypeError,
        LookupError,
        RecursionError,
    ) as error:
        raise RegionsError(f"{path} 不是有效的 YAML（{_short(error)}）：请对照示例检查缩进、冒号和引号") from error
    if DAMAGED in text:
        line = text[: text.index(DAMAGED)].count("\n") + 1
        raise RegionsError(f"{path} 第 {line} 行有转换时丢失的字符：请重新输入，存为 UTF-8")
    entries, listed = document, tree
    if isinstance(document, dict) and isinstance(tree, yaml.MappingNode):
        entries = document.get("regions")
        listed = next((node for key, node in reversed(tree.value) if key.value == "regions"), None)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or listed is None:
        raise RegionsError(f"{path}：顶层应是 regions: 下的一个列表，每个区域一项")
    return [(node.start_mark.line + 1, entry) for node, entry in zip(listed.value, entries, strict=True)]


@lru_cache(maxsize=1)
def _parsed(text: str) -> tuple[Any, yaml.Node | None]:
    """A YAML document and where its parts stand: read once though a refresh asks five times. Nobody may change it."""
    loader = yaml.SafeLoader(text)
    try:
        tree = loader.get_single_node()
        return (None if tree is None else loader.construct_document(tree)), tree
    finally:
        loader.dispose()


def find_strays(raw: Path) -> dict[Path, int]:
    """Folders whose extracts belong to no partition and so are not read, each with how many files; in order."""
    known = {raw / CELL_MAP, *(region / ALIASES for region in _folders(raw))}
    strays: dict[Path, int] = {}
    for path in sorted(raw.rglob("*")):
        parts = path.relative_to(raw).parts
        is_in_partition = len(parts) > 2 and (YEAR.fullmatch(parts[1]) or parts[1] == SCENARIOS)
        is_hidden = any(is_litter(part) for part in parts)
        if path.suffix.lower() in TEXT + WORKBOOK and not is_in_partition and not is_hidden and path not in known:
            strays[path.parent] = strays.get(path.parent, 0) + 1
    return strays


def find_partitions(raw: Path) -> list[tuple[str, int]]:
    """Every <region>/<school_year> folder in raw/ with a file, sorted; a region that is not in regions.yml included, a misnamed one not."""
    return sorted(
        (region.name, int(year.name))
        for region in _folders(raw)
        if not NO_KEY.search(region.name)
        for year in _folders(region)
        if YEAR.fullmatch(year.name) and partition_files(raw, region.name, int(year.name))
    )


def partition_files(raw: Path, region_id: str, school_year: int) -> list[Path]:
    """Every file of a partition, links that lead nowhere included; hidden and lock files and what Windows leaves left out.

    A folder that is a link out of raw/ is not looked into: it stands for its files.
    """
    folder = raw / region_id / str(school_year)
    if not is_within(raw, folder):
        return [folder]
    return sorted(
        path for path in folder.rglob("*") if (path.is_file() or path.is_symlink()) and not is_litter(path.name)
    )


def is_litter(name: str) -> bool:
    """Whether a file was left by a program, not handed in: hidden, the lock of an open workbook, a folder's own view."""
    return name.startswith((".", "~$")) or name.lower() in ("thumbs.db", "ehthumbs.db", "desktop.ini")


def find_misnamed(raw: Path) -> list[str]:
    """Folders of raw/ that can be no region, by their names, a Chinese sentence each."""
    return [
        f"{raw} 里的文件夹 {folder.name!a} 不能是区域：请按 regions.yml 中的 id 改名"
        for folder in sorted(_folders(raw))
        if NO_KEY.search(folder.name) and any(YEAR.fullmatch(year.name) for year in _folders(folder))
    ]


def _folders(place: Path) -> Iterator[Path]:
    """The folders in a folder, hidden ones left out; none where it cannot be read, which its region's problem tells."""
    try:
        yield from [path for path in place.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return
