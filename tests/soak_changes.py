"""What the soak does to a raw/ folder and to the seeds: random changes as bureaus make them, each told in a line.

A change gets a place and a source of randomness and says what it did, or None where there is nothing of its kind to do.
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import yaml
from soak_files import KEYS, Place, Rows, extracts, folders, read_regions, read_rows, write_regions, write_rows

OWN = "本地"  # what a region's own header begins with
YEARS = range(2020, 2026)
FIGURES = {"unit_costs": "unit_cost_yuan", "standards": "threshold", "similarity_weights": "weight"}  # of seeds

Change = Callable[[Place, Random], str | None]


def _pick(rng: Random, paths: list[Path]) -> tuple[Path, Rows] | None:
    """One of these extracts that has rows."""
    found = [(path, rows) for path in rng.sample(paths, min(len(paths), 3)) if len(rows := read_rows(path)) > 1]
    return found[0] if found else None


def _at(rows: Rows, zh: str) -> int | None:
    """Where a column of the contract stands, whichever its header."""
    return next((i for i, header in enumerate(rows[0]) if str(header).removeprefix(OWN) == zh), None)


def _set(rows: Rows, row: list[Any], zh: str, value: str) -> None:
    """Write a cell; a column that the file has not is added."""
    if (at := _at(rows, zh)) is None:
        rows[0].append(zh)
        for other in rows[1:]:
            other.append("")
        at = len(rows[0]) - 1
    row[at] = value


def _told(place: Place, path: Path) -> str:
    return path.relative_to(place.raw).as_posix()


def _move(files: Iterable[Path], source: Path, target: Path) -> None:
    for path in files:
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, to)


def _of_year(path: Path, and_later: bool) -> list[Path]:
    """The extracts of a region in the year of one of them, or from that year on."""
    years = [year for year in folders(path.parents[2]) if year.parent == path.parents[1]]
    return [
        file
        for year in years
        if year == path.parent or (and_later and year.name > path.parent.name)
        for file in sorted(year.iterdir())
    ]


def value(place: Place, rng: Random) -> str | None:
    if not (picked := _pick(rng, extracts(place.raw))):
        return None
    path, rows = picked
    columns = [i for i, header in enumerate(rows[0]) if str(header).removeprefix(OWN) not in KEYS]
    number, at = rng.randrange(1, len(rows)), rng.choice(columns)
    old = rows[number][at]
    match rng.random(), _as_number(old):
        case (chance, _) if chance < 0.06:
            new: Any = "不详"
        case (chance, _) if chance < 0.14:
            new = ""
        case _, int() | float() as figure:
            new = round(figure * rng.uniform(0.6, 1.5), 0 if figure == int(figure) else 2)
            new = int(new) if new == int(new) else new
        case _:
            others = sorted({str(row[at] or "") for row in rows[1:]} - {str(old or "")})
            new = rng.choice(others) if others else ""
    rows[number][at] = new
    write_rows(path, rows)
    return f"{_told(place, path)} 第 {number + 1} 行 {rows[0][at]}：{old} → {new}"


def _as_number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def row_removed(place: Place, rng: Random, name: str = "*") -> str | None:
    if not (picked := _pick(rng, extracts(place.raw, name))) or len(picked[1]) < 4:
        return None
    path, rows = picked
    row = rows.pop(rng.randrange(1, len(rows)))
    write_rows(path, rows)
    return f"{_told(place, path)} 删去一行 {row[:4]}"


def row_added(place: Place, rng: Random, name: str = "*") -> str | None:
    """A copy of a row under a code of its own; where rows have none, of another unit."""
    if not (picked := _pick(rng, extracts(place.raw, name))):
        return None
    path, rows = picked
    row = list(rng.choice(rows[1:]))
    if path.stem == "schools":
        _set(rows, row, "学校标识码", _new_code(rng, str(row[_at(rows, "县级行政区划代码") or 0])))
    for zh in ("教师编号", "班号"):
        if (at := _at(rows, zh)) is not None:
            row[at] = f"{row[at]}{rng.randrange(100, 1000)}"
    if (at := _at(rows, "单位代码")) is not None:
        kind = _at(rows, "单位类型")
        row[at] = rng.choice([other for other in rows[1:] if kind is None or other[kind] == row[kind]])[at]
    rows.insert(rng.randrange(1, len(rows) + 1), row)
    write_rows(path, rows)
    return f"{_told(place, path)} 添一行 {row[:4]}"


def fact_removed(place: Place, rng: Random) -> str | None:
    return row_removed(place, rng, "facts")


def fact_added(place: Place, rng: Random) -> str | None:
    return row_added(place, rng, "facts")


def _new_code(rng: Random, county: str) -> str:
    return f"{county[:6]}{rng.randrange(5000, 10000)}"


def file_withdrawn(place: Place, rng: Random) -> str | None:
    files = extracts(place.raw)
    if len(files) < 20:
        return None
    path = rng.choice(files)
    _move([path], place.raw, place.shelf)
    return f"{_told(place, path)} 撤回"


def file_returned(place: Place, rng: Random) -> str | None:
    if not (files := extracts(place.shelf)):
        return None
    path = rng.choice(files)
    _move([path], place.shelf, place.raw)
    return f"{path.relative_to(place.shelf).as_posix()} 交回"


def year_withdrawn(place: Place, rng: Random) -> str | None:
    if len(years := folders(place.raw)) < 6:
        return None
    year = rng.choice(years)
    _move(sorted(year.iterdir()), place.raw, place.shelf)
    year.rmdir()
    return f"{_told(place, year)} 整年撤回"


def year_returned(place: Place, rng: Random) -> str | None:
    if not (files := extracts(place.shelf)):
        return None
    year = rng.choice(files).parent
    _move(sorted(year.iterdir()), place.shelf, place.raw)
    return f"{year.relative_to(place.shelf).as_posix()} 整年交回"


def year_added(place: Place, rng: Random) -> str | None:
    """A year that a region has not handed in: the files of its nearest one."""
    if not (years := folders(place.raw)):
        return None
    near = rng.choice(years)
    year = near.with_name(str(int(near.name) + rng.choice((-1, 1))))
    if year.exists() or int(year.name) not in YEARS:
        return None
    shutil.copytree(near, year)
    return f"{_told(place, year)} 新交，同 {near.name}"


def school_renamed(place: Place, rng: Random) -> str | None:
    if not (picked := _pick(rng, extracts(place.raw, "schools"))):
        return None
    path, rows = picked
    row, at = rng.choice(rows[1:]), _at(rows, "学校名称")
    if at is None:
        return None
    old = row[at]
    row[at] = f"{old}（更名{rng.randrange(10)}）"
    write_rows(path, rows)
    return f"{_told(place, path)} {old} 改名 {row[at]}"


def school_moved(place: Place, rng: Random) -> str | None:
    """A school's county: another of its region, or one that the region has not."""
    if not (picked := _pick(rng, extracts(place.raw, "schools"))):
        return None
    path, rows = picked
    at = _at(rows, "县级行政区划代码")
    if at is None:
        return None
    row = rng.choice(rows[1:])
    old, others = row[at], sorted({str(other[at]) for other in rows[1:]} - {str(row[at])})
    row[at] = "371599" if rng.random() < 0.15 or not others else rng.choice(others)
    write_rows(path, rows)
    return f"{_told(place, path)} {row[_at(rows, '学校标识码') or 0]} 改属县 {old} → {row[at]}"


def school_recoded(place: Place, rng: Random) -> str | None:
    """A school's code from a year on, with its predecessor named; or in the schools' file alone, which leaves the rest behind."""
    if not (picked := _pick(rng, extracts(place.raw, "schools"))):
        return None
    path, rows = picked
    at = _at(rows, "学校标识码")
    if at is None:
        return None
    old = str(rng.choice(rows[1:])[at])
    new, is_alone = _new_code(rng, old), rng.random() < 0.25
    for file in [path] if is_alone else _of_year(path, and_later=True):
        _recode(file, old, new)
    return f"{_told(place, path)} 学校 {old} 换码 {new}" + ("，其他表未改" if is_alone else "")


def schools_merged(place: Place, rng: Random) -> str | None:
    """Two schools of a county become one from a year on: its predecessor named, pupils and roster joined."""
    if not (picked := _pick(rng, extracts(place.raw, "schools"))) or len(picked[1]) < 8:
        return None
    path, rows = picked
    at, county = _at(rows, "学校标识码"), _at(rows, "县级行政区划代码")
    if at is None or county is None:
        return None
    goes = rng.choice(rows[1:])
    others = [row for row in rows[1:] if row[county] == goes[county] and row[at] != goes[at]]
    if not others:
        return None
    stays, gone = str(rng.choice(others)[at]), str(goes[at])
    for file in _of_year(path, and_later=True):
        if file.stem == "schools":
            _merge(file, stays, gone)
        else:
            _recode(file, gone, stays)
    return f"{_told(place, path)} 学校 {gone} 并入 {stays}"


def _recode(path: Path, old: str, new: str) -> None:
    rows = read_rows(path)
    at = next((i for zh in ("学校标识码", "单位代码") if (i := _at(rows, zh)) is not None), None)
    if at is None or not (found := [row for row in rows[1:] if row[at] == old]):
        return
    for row in found:
        row[at] = new
        if path.stem == "schools":
            _set(rows, row, "前身学校标识码", old)
    write_rows(path, rows)


def _merge(path: Path, stays: str, gone: str) -> None:
    rows = read_rows(path)
    by_code = {str(row[_at(rows, "学校标识码") or 0]): row for row in rows[1:]}
    if not {stays, gone} <= by_code.keys():
        return
    kept, left = by_code[stays], by_code[gone]
    for zh in ("小学在校生数", "初中在校生数"):
        at = _at(rows, zh)
        if at is not None and (_as_number(kept[at]) or _as_number(left[at])):
            kept[at] = int((_as_number(kept[at]) or 0) + (_as_number(left[at]) or 0))
    _set(rows, kept, "前身学校标识码", gone)
    rows.remove(left)
    write_rows(path, rows)


def header_renamed(place: Place, rng: Random) -> str | None:
    """A header becomes the region's own, declared in its aliases.csv; or the contract's again."""
    if not (picked := _pick(rng, extracts(place.raw))):
        return None
    path, rows = picked
    at = rng.randrange(len(rows[0]))
    old = str(rows[0][at])
    standard, aliases = old.removeprefix(OWN), path.parents[1] / "aliases.csv"
    rows[0][at] = standard if old != standard else OWN + standard
    declared = read_rows(aliases) if aliases.exists() else [["标准列名", "本地列名"]]
    if [standard, OWN + standard] not in declared:
        write_rows(aliases, [*declared, [standard, OWN + standard]])
    write_rows(path, rows)
    return f"{_told(place, path)} 列名 {old} → {rows[0][at]}"


def region_edited(place: Place, rng: Random) -> str | None:
    """A region's name, its documents, or a county's name."""
    listed = read_regions(place.raw)
    if not listed["regions"]:
        return None
    region = rng.choice(listed["regions"])
    match rng.randrange(3):
        case 0:
            region["name_zh"] += str(rng.randrange(10))
            told = f"改名 {region['name_zh']}"
        case 1:
            region["documents"] = rng.sample(["LC", "HM", "WS", "QY", "JZ"], rng.randrange(3))
            told = f"文件 {region['documents']}"
        case _:
            code = rng.choice(sorted(region["counties"]))
            region["counties"][code] += str(rng.randrange(10))
            told = f"县 {code} 改名 {region['counties'][code]}"
    write_regions(place.raw, listed)
    return f"regions.yml {region['id']} {told}"


def region_unlisted(place: Place, rng: Random) -> str | None:
    """A region leaves regions.yml and its folder stays; or the one that left comes back."""
    listed, kept = read_regions(place.raw), place.shelf / "region.yml"
    if kept.exists():
        region = yaml.safe_load(kept.read_text("utf-8"))
        listed["regions"].append(region)
        kept.unlink()
        told = "重新登记"
    else:
        region = listed["regions"].pop(rng.randrange(len(listed["regions"])))
        place.shelf.mkdir(parents=True, exist_ok=True)
        kept.write_text(yaml.safe_dump(region, allow_unicode=True), "utf-8")
        told = "除名，文件夹还在"
    write_regions(place.raw, listed)
    return f"regions.yml {region['id']} {told}"


def seed_edited(place: Place, rng: Random) -> str | None:
    """A figure of the project's own rules."""
    name = rng.choice(sorted(FIGURES))
    path = place.seeds / f"{name}.csv"
    rows = read_rows(path)
    at = rows[0].index(FIGURES[name])
    row = rng.choice([row for row in rows[1:] if row[at]])
    old, row[at] = row[at], f"{float(row[at]) * rng.uniform(0.8, 1.3):.4g}"
    if name == "unit_costs":
        row[at] = str(max(1, round(float(row[at]))))
    write_rows(path, rows)
    return f"seeds/{name}.csv {row[:4]} {FIGURES[name]}：{old} → {row[at]}"


def nothing(place: Place, rng: Random) -> str | None:
    return "没有改动"


CHANGES: dict[Change, int] = {  # and how often, of all
    value: 14,
    row_removed: 5,
    row_added: 5,
    file_withdrawn: 4,
    file_returned: 5,
    year_withdrawn: 3,
    year_returned: 4,
    year_added: 3,
    school_renamed: 3,
    school_moved: 3,
    school_recoded: 3,
    schools_merged: 3,
    header_renamed: 4,
    fact_removed: 3,
    fact_added: 3,
    region_edited: 4,
    region_unlisted: 1,
    seed_edited: 2,
    nothing: 1,
}


def change(place: Place, rng: Random) -> str:
    """Make one change, whichever can be made."""
    while True:
        [make] = rng.choices(list(CHANGES), list(CHANGES.values()))
        if told := make(place, rng):
            return told
