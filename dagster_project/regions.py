"""raw/regions.yml: which regions hand in extracts, and the partitions that lie in raw/."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from dagster_project.extracts.contract import CELL_MAP, contract
from dagster_project.extracts.files import DAMAGED, TEXT, WORKBOOK, Unreadable, is_within, text_rows
from dagster_project.extracts.headers import Aliases, nearest, normalise

REGIONS, ALIASES = "regions.yml", "aliases.csv"
SCENARIOS = "scenarios"  # beside the years of a region: files of `junheng scenario`, never loaded
TEN_DIGITS = r"^\d{10}$"
YEAR = re.compile(r"[0-9]{4}")
NO_KEY = re.compile(r"[\x00-\x1f\x7f|\ud800-\udfff]|\.\.\.")  # what a Dagster partition key cannot hold


class RegionsError(ValueError):
    """raw/regions.yml is missing or wrong; the message, in Chinese, says where and what to do."""


@dataclass(frozen=True)
class Region:
    """One region of raw/regions.yml. `counties` empty: any county code is accepted.

    `aliases`: its own headers, from raw/<region>/aliases.csv.
    """

    id: str
    name_zh: str
    counties: dict[str, str]
    school_id_pattern: str
    refresh: str | None
    documents: tuple[str, ...]
    reference_month_day: str
    synthetic: bool
    aliases: Aliases = ()


FIELDS = {
    "id",
    "name_zh",
    "counties",
    "school_id_pattern",
    "refresh",
    "documents",
    "reference_month_day",
    "synthetic",
}


def _region(entry: dict, place: str, raw: Path) -> Region:
    unknown = sorted(set(entry) - FIELDS)
    if unknown:
        raise RegionsError(f"{place}：不认识的字段 {', '.join(unknown)}；可用的字段是 {', '.join(sorted(FIELDS))}")
    region_id = str(entry.get("id", ""))
    if not re.fullmatch(r"[A-Za-z0-9_-]+", region_id):
        raise RegionsError(f"{place}：id 须由英文字母、数字、_ 或 - 组成，现在是“{region_id}”")
    pattern = entry.get("school_id_pattern", TEN_DIGITS)
    try:
        re.compile(pattern)
    except re.error as error:
        raise RegionsError(f"{place}：school_id_pattern“{pattern}”不是有效的正则表达式（{error}）") from error
    return Region(
        id=region_id,
        name_zh=entry.get("name_zh", region_id),
        counties={str(code): name for code, name in (entry.get("counties") or {}).items()},
        school_id_pattern=pattern,
        refresh=entry.get("refresh"),
        documents=tuple(entry.get("documents", ())),
        reference_month_day=entry.get("reference_month_day", "09-01"),
        synthetic=bool(entry.get("synthetic", False)),
        aliases=read_aliases(raw, region_id),
    )


def read_aliases(raw: Path, region_id: str) -> Aliases:
    """A region's own headers: a file of two columns, the contract's header and the region's. No file: none.

    Raises RegionsError for a header that the contract does not know, and for an alias that already means another column.
    """
    path = raw / region_id / ALIASES
    if not path.is_file():
        return ()
    if not is_within(raw, path):
        raise RegionsError(f"{path}：链接指向 {raw} 之外，不读：请把文件本身放进来")
    try:
        rows = [[cell.strip() for cell in row] for row in text_rows(path)]
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
    """The regions by id. Raises RegionsError where the file is missing, unreadable or contradicts itself."""
    path = raw / REGIONS
    if not path.is_file():
        raise RegionsError(f"找不到 {path}：请在 raw 文件夹放一份 regions.yml，写明各区域的 id、name_zh 和 counties")
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RegionsError(f"{path} 不是有效的 YAML：{error}") from error
    if DAMAGED in text:
        line = text[: text.index(DAMAGED)].count("\n") + 1
        raise RegionsError(f"{path} 第 {line} 行有转换时丢失的字符：请重新输入，存为 UTF-8")
    entries = document.get("regions") if isinstance(document, dict) else document
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RegionsError(f"{path}：顶层应是 regions: 下的一个列表，每个区域一项")
    regions: dict[str, Region] = {}
    owner: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        region = _region(entry, f"{path} 第 {number} 个区域", raw)
        if region.id in regions:
            raise RegionsError(f"{path}：区域 id“{region.id}”出现了两次")
        for code in region.counties:
            if code in owner:
                raise RegionsError(f"{path}：县 {code} 同时属于 {owner[code]} 和 {region.id}，一个县只能属于一个区域")
            owner[code] = region.id
        regions[region.id] = region
    return regions


def find_strays(raw: Path) -> dict[Path, int]:
    """Folders whose extracts belong to no partition and so are not read, each with how many files; in order."""
    known = {raw / CELL_MAP, *(region / ALIASES for region in raw.iterdir() if region.is_dir())}
    strays: dict[Path, int] = {}
    for path in sorted(raw.rglob("*")):
        parts = path.relative_to(raw).parts
        is_in_partition = len(parts) > 2 and (YEAR.fullmatch(parts[1]) or parts[1] == SCENARIOS)
        is_hidden = any(part.startswith((".", "~$")) for part in parts)
        if path.suffix.lower() in TEXT + WORKBOOK and not is_in_partition and not is_hidden and path not in known:
            strays[path.parent] = strays.get(path.parent, 0) + 1
    return strays


def find_partitions(raw: Path) -> list[tuple[str, int]]:
    """Every <region>/<school_year> folder in raw/, sorted; a region that is not in regions.yml included.

    Raises RegionsError for a folder whose name cannot be a part of a Dagster partition key.
    """
    found = sorted(
        (region.name, int(year.name))
        for region in raw.iterdir()
        if region.is_dir() and not region.name.startswith(".")
        for year in region.iterdir()
        if year.is_dir() and YEAR.fullmatch(year.name)
    )
    for name, _ in found:
        if NO_KEY.search(name):
            raise RegionsError(f"{raw} 里的文件夹 {name!a} 不能是区域：请按 regions.yml 中的 id 改名")
    return found
