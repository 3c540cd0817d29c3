"""Measure a refresh against the floor: what one changed file costs until its checked release can be read.

    python bench/run.py [--counties 1 136] [--repeat 3]

For each size, in a temporary folder and with generated data of one region and one year:
  floor      bench/floor.py, one DuckDB script from CSV to Parquet; also after each change
  cold       junheng refresh into a new home
  refresh    junheng refresh after one school's number of pupils changed
  resident   the same in a process that stays up, seconds of the second change and later ones
A measure is a whole process: wall seconds, CPU seconds with its children, peak memory of the process and of
its largest child (the worker that imports Great Expectations), ratios to the floor of the same run. The seconds
by step come from Dagster's own event log.
Speed is reported, never asserted; the exit code is 1 when marts and floor differ (bench/compare.py).
"""

import argparse
import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unicodedata import east_asian_width

BENCH = Path(__file__).resolve().parent
STEPS = {
    "start": "启动：导入、Dagster 就绪 · imports, Dagster start",
    "region_tables": "区域表 · regions",
    "extracts": "载入 · load",
    "extract_expectations": "检查原始表 · GX raw",
    "models": "计算与测试 · dbt",
    "mart_expectations": "检查指标表 · GX marts",
    "release": "发布 · release",
    "between": "步骤之间 · between the steps",
    "end": "汇总、退出 · summary, exit",
    "events": "Dagster 事件，条 · its events, count",
}


class Measure(NamedTuple):
    """One process: wall and CPU seconds, peak memory of itself and of its largest child in MB."""

    wall: float
    cpu: float
    main: float
    child: float


def python(*arguments: object) -> list[str]:
    """A command of this interpreter."""
    return [sys.executable, *map(str, arguments)]


def environment() -> dict[str, str]:
    """For every child: the product of this checkout, byte-compiled once, as after an installation."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(BENCH.parent)}


def call(command: list[str], may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command that is not measured."""
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    if done.returncode and not may_fail:
        raise SystemExit(done.stdout + done.stderr)
    return done


def measure(command: list[str]) -> Measure:
    """Run a command to its end; its output is shown only when it fails."""
    peaks: dict[int, float] = {}
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=subprocess.STDOUT)
        watcher = threading.Thread(target=watch, args=(process.pid, peaks))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watcher.join()
        if process.returncode:
            output.seek(0)
            raise SystemExit(output.read().decode())
    main = peaks.pop(process.pid, 0.0)
    return Measure(wall, usage.ru_utime + usage.ru_stime, main, max(peaks.values(), default=0.0))


def watch(root: int, peaks: dict[int, float]) -> None:
    """Note the peak memory (VmHWM) of a process and its children, 20 times a second, until it has ended.

    Not ru_maxrss: it begins with what the parent held when it forked, and tells only the largest of a tree.
    """
    with suppress(OSError):  # the process has ended and is gone
        while "VmHWM" in Path(f"/proc/{root}/status").read_text():
            children = [task.read_text().split() for task in Path(f"/proc/{root}/task").glob("*/children")]
            for pid in (root, *map(int, chain(*children))):
                with suppress(OSError):  # a child that has ended
                    if peak := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
                        peaks[pid] = int(peak[1]) / 1024
            time.sleep(0.05)


def change(raw: Path) -> None:
    """One more pupil in the first primary school."""
    path = next(raw.glob("*/*/schools.csv"))
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    column = rows[0].index("小学在校生数")
    row = next(row for row in rows[1:] if row[column])
    row[column] = str(int(row[column]) + 1)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def profile(home: Path, began: float, ended: float) -> dict[str, float]:
    """Seconds by step of the newest run, from its event log, between two moments outside; and its events."""
    logs = [path for path in (home / "dagster/history/runs").glob("*.db") if path.name != "index.db"]
    with sqlite3.connect(max(logs, key=lambda path: path.stat().st_mtime)) as con:
        events = con.execute(
            "select dagster_event_type, step_key, json_extract(event, '$.timestamp') from event_logs"
        ).fetchall()
    begin = {step: at for kind, step, at in events if kind == "STEP_START"}
    seconds = {step: at - begin[step] for kind, step, at in events if kind == "STEP_SUCCESS"}
    first, last = min(begin.values()), max(at for kind, _, at in events if kind == "STEP_SUCCESS")
    seconds |= {"start": first - began, "end": ended - last, "between": last - first - sum(seconds.values())}
    return seconds | {"events": len(events)}


def show(title: str, headings: list[str], rows: dict[str, list[float | None]], digits: int = 2) -> None:
    """A table; a Chinese character is two columns wide."""
    lines = [(title, headings)]
    lines += [(name, ["" if x is None else f"{x:.{digits}f}" for x in cells]) for name, cells in rows.items()]
    print()
    for name, cells in lines:
        width = 50 - sum(east_asian_width(character) in "WF" for character in name)
        print(f"{name:{width}}" + "".join(f"{cell:>10}" for cell in cells))


def bench(counties: int, repeat: int, folder: Path) -> bool:
    """Measure one size and print its tables; True when marts and floor agree after every refresh."""
    raw, home, out = folder / "raw", folder / "home", folder / "floor"
    call(python(BENCH / "generate.py", "--counties", counties, "--years", 2023, "--out", raw))
    floor = python(BENCH / "floor.py", next(raw.glob("*/2023")), out)
    refresh = python("-m", "dagster_project.cli", "refresh", "--raw", raw, "--home", home)
    compare = python(BENCH / "compare.py", out, home / "releases/current/parquet")

    floors, refreshes, steps = [measure(floor)], [], []
    cold = measure(refresh)
    compared = [call(compare, may_fail=True)]
    for _ in range(repeat):
        change(raw)
        floors.append(measure(floor))
        began = time.time()
        refreshes.append(measure(refresh))
        steps.append(profile(home, began, time.time()))
        compared.append(call(compare, may_fail=True))
    later = json.loads(call(python(BENCH / "resident.py", raw, home, repeat)).stdout.splitlines()[-1])
    floors.append(measure(floor))
    compared.append(call(compare, may_fail=True))

    base = [median(figures) for figures in zip(*floors, strict=True)]
    rows: dict[str, list[float | None]] = {}
    for name, measured in (("底线 floor", floors), ("首次 cold", [cold]), ("改一处 refresh", refreshes)):
        figures = [median(each) for each in zip(*measured, strict=True)]
        rows[name] = [*figures, figures[0] / base[0], figures[1] / base[1]]
    wall = median(each["wall"] for each in later)
    rows["常驻进程 resident"] = [wall, None, None, None, wall / base[0], None]
    size = sum(path.stat().st_size for path in raw.rglob("*.csv")) / 1e6
    title = f"{counties} 县 counties，{size:.1f} MB CSV，{repeat} 次中位数 median"
    show(title, ["wall s", "CPU s", "main MB", "child MB", "× wall", "× CPU"], rows)
    rows = {label: [median(each[step] for each in m) for m in (steps, later)] for step, label in STEPS.items()}
    show("各步秒数 seconds by step", ["refresh", "resident"], rows)
    bad = [each for each in compared if each.returncode]
    print(f"\n核对 values：{len(compared)} 次中 {len(bad)} 次不同 differ\n{(bad or compared)[-1].stdout}")
    return not bad


def main() -> int:
    """Measure every size; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--counties", type=int, nargs="+", default=[1, 136], help="sizes, in counties")
    parser.add_argument("--repeat", type=int, default=3, help="changes, each followed by a refresh")
    args = parser.parse_args()
    names = ("duckdb", "dagster", "dbt-core", "great-expectations")
    print(f"{os.cpu_count()} 核 cores，{'，'.join(f'{name} {version(name)}' for name in names)}")
    agree = []
    for counties in args.counties:
        with tempfile.TemporaryDirectory() as folder:
            agree.append(bench(counties, args.repeat, Path(folder)))
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
