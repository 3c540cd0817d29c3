"""Measure the director's page of a large region: writing it, and opening it from disk in Chromium.

    python bench/page.py [--counties 136] [--repeat 5] [--home DIR]    DIR: a home with a release, instead of making one

    floor      DuckDB writes the marts that the page reads as JSON, a file each; a process
    write      ours writes the page of every county and school; a process
    empty      Chromium opens an empty page with a heading
    region …   Chromium opens a page of ours, until its heading stands and the page answers
Speed is reported, never asserted.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
from playwright.sync_api import sync_playwright
from run import BENCH, call, measure, python, show

from dagster_project.release.briefing import write_briefing, write_release
from dagster_project.release.briefing_tables import MARTS


def main() -> None:
    """Make the release, write and open its page, print a table each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--counties", type=int, default=136)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--home", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raw, home, out = Path(folder, "raw"), args.home or Path(folder, "home"), Path(folder, "out")
        if not args.home:
            call(python(BENCH / "generate.py", "--counties", args.counties, "--years", 2023, "--out", raw))
            call(python("-m", "dagster_project.cli", "refresh", "--raw", raw, "--home", home))
        ways = {"底线 floor": "--floor", "写 write": "--write"}
        measured = {name: [] for name in ways}
        for _ in range(args.repeat):
            for name, way in ways.items():
                shutil.rmtree(out / way, ignore_errors=True)
                measured[name].append(measure(python(__file__, way, home / "releases/current", out / way)))
        figures = {name: [median(each) for each in zip(*runs, strict=True)] for name, runs in measured.items()}
        base = figures["底线 floor"][0]
        sizes = {way: [path.stat().st_size for path in (out / way).rglob("*.js*")] for way in ways.values()}
        rows = {
            name: [*figures[name], len(sizes[way]), sum(sizes[way]) / 1e6, figures[name][0] / base]
            for name, way in ways.items()
        }
        title = f"写页面，{args.repeat} 次中位数 median"
        show(title, ["wall s", "CPU s", "main MB", "child MB", "files", "MB", "× wall"], rows)
        opened = open_pages(out / "--write", args.repeat)
        empty = opened["空页 empty"][0]
        show(
            "打开页面 opening",
            ["median s", "max s", "× empty"],
            {name: [*times, times[0] / empty] for name, times in opened.items()},
        )


def write_floor(release: duckdb.DuckDBPyConnection, out: Path) -> None:
    """The marts of the page, every column, straight to JSON."""
    out.mkdir(parents=True)
    for mart in sorted(MARTS):
        release.execute(f"copy junheng.marts.{mart} to '{out / mart}.json' (array true)")


def write_ours(release: duckdb.DuckDBPyConnection, out: Path) -> None:
    write_briefing(release, out, None, None, {}, {})
    write_release(release, out, {"release_id": "bench", "created_at": "2026-01-01T00:00:00+00:00", "data_docs": []})


def open_pages(release: Path, repeat: int) -> dict[str, list[float]]:
    """Median and slowest seconds until a page stands and answers, each in a window of its own."""
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not executable:
        raise SystemExit("没有 Chromium，不测打开 no Chromium: opening is not measured")
    empty = release / "empty.html"
    empty.write_text("<!doctype html><main><h1>空</h1></main>", "utf-8")
    county = max((release / "briefing/data/regions").glob("*/*.js"), key=lambda path: path.stat().st_size)
    tables = json.loads(county.read_text("utf-8").partition(", ")[2].removesuffix(");\n"))["schools"]
    school = tables["rows"][0][tables["columns"].index("school_id")]
    page = (release / "briefing/index.html").as_uri()
    region = f"{page}#/{county.parent.name}"
    addresses = {
        "空页 empty": empty.as_uri(),
        "区域 region": region,
        "最大的县 largest county": f"{region}/{county.stem}",
        "学校 school": f"{region}/{county.stem}/{school}",
    }
    seconds: dict[str, list[float]] = {name: [] for name in addresses}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for turn in range(repeat + 1):
            for name, address in addresses.items():
                window = browser.new_page()
                began = time.perf_counter()
                window.goto(address)
                window.wait_for_selector("main h1")
                window.evaluate("new Promise(requestAnimationFrame)")
                if turn:  # the first turn warms the browser
                    seconds[name].append(time.perf_counter() - began)
                window.close()
        browser.close()
    return {name: [median(each), max(each)] for name, each in seconds.items()}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--floor" | "--write" as way, path, out]:
            with duckdb.connect() as con:
                con.execute(f"attach '{Path(path) / 'junheng.duckdb'}' as junheng (read_only)")
                {"--floor": write_floor, "--write": write_ours}[way](con, Path(out))
        case _:
            main()
