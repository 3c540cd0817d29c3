"""The folders that a soak works in: their extracts and regions.yml, and the reduced demo that it begins with."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import yaml

KEYS = ("学校标识码", "单位代码", "教师编号", "事实编号", "单位类型", "县级行政区划代码", "班号", "前身学校标识码")
KEPT = {"liaocheng": ("371503", "371521"), "qingyuan": ("441821", "441825"), "wenshang": ("370830",)}

Rows = list[list[Any]]


@dataclass(frozen=True)
class Place:
    """What changes: raw/, what was withdrawn from it and may return, and the seeds of the project."""

    raw: Path
    shelf: Path
    seeds: Path


def reduce(demo: Path, raw: Path) -> None:
    """The demo with some regions and counties only: every kind of file, a tenth of the rows."""
    raw.mkdir(parents=True)
    for path in sorted(demo.glob("*/*/*.*")):
        region, year, name = path.relative_to(demo).parts
        if region in KEPT:
            header, *rows = read_rows(path)
            unit = next(header.index(zh) for zh in KEYS if zh in header)
            kept = [row for row in rows if not row[unit][:6].isdigit() or row[unit][:6] in KEPT[region]]
            write_rows(raw / region / year / name, [header, *kept])
    listed = yaml.safe_load((demo / "regions.yml").read_text("utf-8"))
    listed["regions"] = [region for region in listed["regions"] if region["id"] in KEPT]
    for region in listed["regions"]:
        region["counties"] = {code: name for code, name in region["counties"].items() if code in KEPT[region["id"]]}
    write_regions(raw, listed)


def read_rows(path: Path) -> Rows:
    """The cells of an extract, its header first; a blank one is None in a workbook and '' in a CSV."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.reader(stream))
    return [list(row) for row in openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)]


def write_rows(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        return
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(path)


def extracts(raw: Path, name: str = "*") -> list[Path]:
    """Every extract in the folder of a region and year; name: schools, facts …"""
    return sorted(raw.glob(f"*/[0-9][0-9][0-9][0-9]/{name}.*"))


def folders(raw: Path) -> list[Path]:
    """The folders of a region and year."""
    return sorted(path for path in raw.glob("*/[0-9][0-9][0-9][0-9]"))


def read_regions(raw: Path) -> dict[str, Any]:
    return yaml.safe_load((raw / "regions.yml").read_text("utf-8"))


def write_regions(raw: Path, listed: dict[str, Any]) -> None:
    (raw / "regions.yml").write_text(yaml.safe_dump(listed, allow_unicode=True, sort_keys=False), "utf-8")
