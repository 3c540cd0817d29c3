"""What the tests share: the junheng command as a process, small extract folders, a question put to a release."""

import atexit
import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import openpyxl
import pytest
import xlwt

from dagster_project import fingerprint
from dagster_project.extracts.regions import Region
from dagster_project.release.read import connect
from dagster_project.transform import build, project
from dagster_project.warehouse import load, tables

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
SEEDS = ROOT / "dbt" / "seeds"
REGION = Region("demo", "示范区", {"371502": "东昌府区"}, r"^\d{10}$", None, (), "09-01", synthetic=False)

Table = Sequence[Mapping[str, Any]]
Grid = Sequence[Sequence[Any]]


def junheng(
    *arguments: str | Path, timeout: float = 300, from_nothing: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, and wait for it.

    Unless from nothing, a first refresh begins with what dbt makes of no files, and every refresh is handed to a service, as where
    `junheng serve` runs: what it comes to is the same (test_ready.py).
    """
    if arguments[0] == "refresh" and "--home" in arguments and not from_nothing:
        home = Path(arguments[arguments.index("--home") + 1])
        if not home.exists():
            shutil.copytree(_begun().name, home)
    service = {} if from_nothing or arguments[0] != "refresh" else {"JUNHENG_SERVICE": str(_service())}
    return subprocess.run(
        command(*arguments), env=environment() | service, capture_output=True, text=True, timeout=timeout
    )


@cache
def _service() -> Path:
    """The socket of a process that takes refreshes, one for each process of the tests, and ended with it."""
    folder = TemporaryDirectory(prefix="service-")
    address = Path(folder.name) / "service.sock"
    here = {**environment(), "JUNHENG_HOME": folder.name, "JUNHENG_SERVICE": str(address)}
    process = subprocess.Popen([sys.executable, "-m", "dagster_project.cli.ready"], env=here)
    atexit.register(_end, process, folder)
    while not address.exists():
        assert process.poll() is None
        time.sleep(0.1)
    return address


def _end(process: subprocess.Popen[bytes], folder: TemporaryDirectory[str]) -> None:
    process.terminate()
    process.wait()
    folder.cleanup()


@cache
def _begun() -> TemporaryDirectory[str]:
    """A home of which dbt has built everything from no files, once a process: a first refresh spends 8 seconds on it."""
    folder = TemporaryDirectory(prefix="begun-")
    home = Path(folder.name)
    with tables.connect(home):
        pass
    build.build(home)
    with tables.connect(home) as con:
        tables.note_build(con, fingerprint.building())
    return folder


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "dagster_project.cli", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def write_csv(path: Path, rows: Table) -> Path:
    """A CSV as a bureau hands it in: UTF-8, the keys of the first row as header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def grid(rows: Table) -> list[list[Any]]:
    """A table as the cells of a sheet, its header first."""
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def write_workbook(path: Path, sheets: Mapping[str, Grid]) -> Path:
    """A workbook of either generation; the suffix says which."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xls":
        old = xlwt.Workbook(encoding="utf-8")
        for name, rows in sheets.items():
            page = old.add_sheet(name)
            for i, row in enumerate(rows):
                for j, cell in enumerate(row):
                    page.write(i, j, cell)
        old.save(str(path))
        return path
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(list(row))
    book.save(path)
    return path


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a dbt seed."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@contextmanager
def built_with(
    folder: Path, rows: Mapping[str, str], changed: Mapping[str, str], fill: Callable[[duckdb.DuckDBPyConnection], None]
) -> Generator[duckdb.DuckDBPyConnection]:
    """A dbt build of what `fill` puts into raw tables, in a project that differs in its seeds alone: rows are added, then whole ones changed."""
    copy = folder / "dbt"
    shutil.copytree(ROOT / "dbt", copy, ignore=shutil.ignore_patterns("target"))
    for name in {*rows, *changed}:
        path = copy / "seeds" / f"{name}.csv"
        path.write_text(changed.get(name, path.read_text("utf-8")) + rows.get(name, ""), "utf-8")
    home = folder / "home"
    with tables.connect(home) as con:
        fill(con)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "PROJECT", copy)
        patch.setattr(project, "TARGET", copy / "target" / "junheng")
        build.build(home)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        con.execute("use marts")
        yield con


def write_regions(raw: Path, text: str) -> None:
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "regions.yml").write_text(text, encoding="utf-8")


def schools(count: int = 6, county: str = "371502") -> list[dict[str, Any]]:
    """A county of primary schools with all that the seven indicators need, each school a little different."""
    return [
        {
            "学校标识码": f"37150200{i:02}",
            "学校名称": f"第{i}小学",
            "县级行政区划代码": county,
            "办学类型": "小学",
            "城乡类型": ("111", "121", "220")[i % 3],
            "小学在校生数": 400 + 37 * i,
            "小学班级数": 10,
            "小学专任教师数": 30 + i,
            "小学高于规定学历专任教师数": 25 + i,
            "小学县级及以上骨干教师数": 6 + i % 3,
            "小学体育艺术专任教师数": 5 + i % 2,
            "教学及辅助用房面积": 3000 + 100 * i,
            "室内体育用房面积": 300,
            "运动场地面积": 5000,
            "教学仪器设备资产值": 120.5,
            "网络多媒体教室数": 14,
            "图书册数": 9000 + i,
        }
        for i in range(1, count + 1)
    ]


def read(con: duckdb.DuckDBPyConnection, raw: Path, region: Region | None = REGION) -> tables.Account:
    """Load demo/2023 into a warehouse."""
    return load.apply_change(con, raw, load.Change("demo", 2023, "of this test"), region, "key")


def reasons(con: duckdb.DuckDBPyConnection) -> list[str]:
    """What was put aside of demo/2023 and why, a line each."""
    return tables.rejects(con, ("demo", 2023), 1000)


def value(con: duckdb.DuckDBPyConnection, column: str, school_id: str = "3715020001") -> object:
    """One loaded value of a school."""
    row = con.execute(f"select {column} from raw.schools where school_id = ?", [school_id]).fetchone()
    assert row is not None
    return row[0]


def write_schools(raw: Path, *changes: Mapping[str, object]) -> Path:
    """Six good schools; each change is laid over one of them, from the first on."""
    rows = schools()
    for row, change in zip(rows, changes, strict=False):
        row.update(change)
    return write_csv(raw / "demo" / "2023" / "schools.csv", rows)


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """What the current release answers."""
    with connect(home) as con:
        return con.execute(sql).fetchall()
