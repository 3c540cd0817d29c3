"""Measure the reading of large files against pandas: a roster in GB18030, a workbook of schools.

    python bench/read.py [--teachers 1000000] [--schools 50000] [--repeat 3]

    pandas     pandas reads the file as text, and keeps nothing
    read       ours reads it, types and judges every row by the contract, and accounts for each
    load       the same, and replaces the partition in a warehouse on disk
A measure is a whole process: wall and CPU seconds, peak memory of the process and of its largest child (the worker
that opens workbooks), rows a second. Speed is reported, never asserted.
"""

import argparse
import csv
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from run import measure, python, show

from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import Region, partition_files
from dagster_project.warehouse import load, tables
from dagster_project.warehouse.reading import read_files

REGION = Region("bench", "测试省", {}, r"^\d{10}$", None, (), "09-01", synthetic=True)
SCHOOLS_OF_THE_ROSTER = 2000


def schools(count: int) -> Iterator[list[object]]:
    """Header and rows of a schools extract: every column of a primary school."""
    columns = contract().extracts["schools"].columns
    yield [column.zh for column in columns]
    dice = random.Random(7)
    for i in range(count):
        pupils = dice.randint(100, 2000)
        given: dict[str, object] = {
            column.name: pupils * dice.choice((2, 5.25))
            for column in columns
            if column.type == "number" or column.name in ("books", "computers", "multimedia_rooms", "classrooms")
        }
        given |= {name: int(value) for name, value in given.items() if not name.endswith(("m2", "yuan"))}  # ty: ignore[invalid-argument-type]
        given |= {
            f"primary_{name}": pupils // part
            for name, part in (("classes", 40), ("full_time_teachers", 15), ("higher_degree_teachers", 18))
        }
        given |= {"school_id": f"{3715000000 + i}", "school_name": f"第{i}小学", "county_code": f"{410001 + i % 136}"}
        given |= {
            "school_type": "小学",
            "urban_rural_code": "111",
            "township": f"{i % 900}街道",
            "primary_pupils": pupils,
        }
        yield [given.get(column.name, "") for column in columns]


def teachers(count: int) -> Iterator[list[object]]:
    """Header and rows of a roster with every column filled."""
    columns = contract().extracts["teachers"].columns
    yield [column.zh for column in columns]
    dice = random.Random(7)
    for i in range(count):
        yield [
            f"T{i:07}",
            f"{3715000000 + i % SCHOOLS_OF_THE_ROSTER}",
            "小学",
            dice.choice(("本科", "专科", "研究生")),
            "是",
            dice.choice(("语文", "数学", "音乐", "体育")),
            "一级",
            dice.choice(("", "县级")),
            1966 + i % 40,
            "专任教师",
            i % 20,
            "",
            "否",
            "否",
            360,
            96000 + i % 5000,
            "是",
        ]


def write_csv(path: Path, rows: Iterator[list[object]], encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows(rows)


def write_workbook(path: Path, rows: Iterator[list[object]]) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("学校")
    for row in rows:
        sheet.append([None if value == "" else value for value in row])
    book.save(path)


def read_with_pandas(path: Path) -> None:
    import pandas as pd

    if path.suffix == ".csv":
        pd.read_csv(path, encoding="gb18030", dtype=str)
    else:
        pd.read_excel(path, engine="calamine", dtype=str)


def read_with_ours(raw: Path, home: Path, into_warehouse: bool) -> None:
    with tables.connect(home) as con:
        if into_warehouse:
            print(load.apply_change(con, raw, load.Change("bench", 2023, "of this measure"), REGION, "key"))
        else:
            read_files(con, raw, partition_files(raw, "bench", 2023), REGION, 2023, "key")


def main() -> None:
    """Make the files, measure each way of reading them, print a table a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--teachers", type=int, default=1_000_000)
    parser.add_argument("--schools", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("teachers.csv", args.teachers), ("schools.xlsx", args.schools)):
            raw = Path(folder, name, "raw")
            partition = raw / "bench" / "2023"
            partition.mkdir(parents=True)
            if name == "teachers.csv":
                write_csv(partition / "schools.csv", schools(SCHOOLS_OF_THE_ROSTER), "utf-8")
                write_csv(partition / name, teachers(count), "gb18030")
            else:
                write_workbook(partition / name, schools(count))
            compare(partition / name, count, raw, args.repeat)


def compare(path: Path, count: int, raw: Path, repeat: int) -> None:
    """Print what each way costs; the ways take turns, so that a busy moment falls on all of them."""
    ways = {
        "pandas": ["--pandas", path],
        "读取 read": ["--read", raw, raw.parent / "home"],
        "载入 load": ["--load", raw, raw.parent / "home"],
    }
    measured = {way: [] for way in ways}
    for _ in range(repeat):
        for way, arguments in ways.items():
            measured[way].append(measure(python(__file__, *map(str, arguments))))
    figures = {way: [median(each) for each in zip(*runs, strict=True)] for way, runs in measured.items()}
    floor = figures["pandas"][0]
    rows = {way: [*each, count / each[0] / 1000, each[0] / floor] for way, each in figures.items()}
    title = f"{path.name}，{count} 行，{path.stat().st_size / 1e6:.1f} MB，{repeat} 次中位数 median"
    show(title, ["wall s", "CPU s", "main MB", "child MB", "k rows/s", "× wall"], rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--pandas", path]:
            read_with_pandas(Path(path))
        case ["--read" | "--load" as way, raw, home]:
            read_with_ours(Path(raw), Path(home), way == "--load")
        case _:
            main()
