"""阳谷县 of the demo, which fails on one school alone: a region of its own for each way to change what it hands in."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from helpers import ROOT, write_csv

COUNTY, FAILING, SOUND = "371521", "3715210006", "3715210001"
YEARS = (2022, 2023)

Row = dict[str, str]
Tables = dict[str, list[Row]]


def set_to(column: str, value: str) -> Callable[[Tables], None]:
    """One cell of the failing school."""

    def change(tables: Tables) -> None:
        next(row for row in tables["schools"] if row["学校标识码"] == FAILING)[column] = value

    return change


def drop_row(tables: Tables) -> None:
    tables["schools"] = [row for row in tables["schools"] if row["学校标识码"] != FAILING]


def drop_everywhere(tables: Tables) -> None:
    """As if there had never been such a school this year."""
    for name, rows in tables.items():
        tables[name] = [row for row in rows if FAILING not in row.values()]


def explain(tables: Tables) -> None:
    """A fact says that the school rightly left."""
    drop_everywhere(tables)
    tables["facts"].append(
        {"单位类型": "学校", "单位代码": FAILING, "事实编号": "closed_school", "值": "是", "依据": "阳教字1号"}
    )


def county(year: int) -> Tables:
    """All that the demo hands in of 阳谷县."""
    tables = {}
    for path in sorted((ROOT / "raw" / "liaocheng" / str(year)).iterdir()):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        tables[path.stem] = [row for row in rows if any(cell.startswith(COUNTY) for cell in row.values())]
    return tables


def write_region(raw: Path, number: int, change: Callable[[Tables], None], years: Sequence[int] = YEARS) -> None:
    """A region of its own for a case: its county has a code of its own, and so have its schools."""
    for year in years:
        tables = county(year)
        if year == YEARS[-1]:
            change(tables)
        for name, rows in tables.items():
            own = [{key: cell.replace(COUNTY, code(number)) for key, cell in row.items()} for row in rows]
            write_csv(raw / f"case{number:02}" / str(year) / f"{name}.csv", own)


def code(number: int) -> str:
    return f"37{number:04}"
