"""Does a refresh give what a build from nothing gives? Random changes, a refresh after each, and a comparison every few.

    python tests/soak.py [--steps 300] [--every 10] [--seed N] [--work DIR] [--mutate MODEL …]

A copy of the project works in a folder of its own on a reduced copy of the demo's raw/. A step is one change of raw/, or of a
seed (soak_changes.py), and a refresh: of all, of one region, of one year; some are killed and run again. As under `junheng
serve` a service takes the refreshes, while the seeds are those that it knows; what is killed and what is built from nothing
works by itself. At a comparison
all is refreshed, and the release is held to that of a new home built from the same raw/: all marts, row for row and every
column, floats to the last bit; the cells of the forms; the data of the page; what the manifest says of regions and files.
Each new release is held to the one before (attribution.py): every published figure that changed is told, no other, each with
its right cause. Now and then the release before is said to have been made by another version of a library. All releases have to
verify and to be had again, some at each comparison, every one at the end.
A refresh that refuses (exit code 1) has its step, and the ones since the last full refresh, undone, and must then go through.

Differences are told with mart, key, column and both values (the refresh's first), and with the steps since the last comparison
that was equal; the soak then goes on from the new home. The same seed makes the same changes; only the moment of a kill
depends on the machine. --mutate takes the window (years_before, years_after, partition_by) out of a model's config in the
copy: a soak that then finds nothing in it would not find the real thing either.
Exit code 0 only when nothing differed, nothing got stuck and no one was shown a traceback or an error of SQL.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

import duckdb
from attribution import misattributed
from python_calamine import CalamineWorkbook
from soak_changes import change
from soak_files import Place, folders, reduce

from dagster_project.release.history import snapshot_of, verify
from dagster_project.release.store import MANIFEST, TOLD, listed, read_manifest
from dagster_project.whole import write_whole

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ("dagster_project", "dbt", "expectations")
WINDOW = "years_before|years_after|partition_by"  # how far a model's config says that a change reaches
SHOWN = 5  # of the rows of a mart that differ
DEFECT = re.compile(r"Traceback|\b[A-Z][a-z]+ Error: ")  # what no refusal says: Python's or DuckDB's own words
LONGEST = 900  # seconds that a refresh may take
OF_A_RELEASE = Path("data", "release.js")  # of the page: names the release and its time


class Outcome(NamedTuple):
    """A refresh as it ended: its exit code, all that it said, seconds."""

    code: int
    said: str
    seconds: float

    @property
    def reason(self) -> str:
        """What it said first of what went wrong."""
        lines = [line for line in self.said.splitlines() if line.startswith(("错误", "没能载入"))]
        return lines[0] if lines else self.said.strip()[-200:]


class Stuck(Exception):
    """A refresh that should go through did not; the message says which and what it said."""


def mutate(dbt: Path, model: str) -> None:
    """Take the window out of a model's config: what a change touches beyond its own region and year is then forgotten."""
    [path] = dbt.rglob(f"models/**/{model}.sql")
    text = path.read_text("utf-8")
    mutated = re.sub(rf"({WINDOW})\s*=\s*(\[[^]]*\]|[^,()]*(\([^()]*\))?[^,()]*),?\s*", "", text)
    mutated = mutated.replace("{{ config() }}", "")  # dbt takes no empty one
    if mutated == text:
        raise SystemExit(f"{model} 的 config 里没有 years_before、years_after 或 partition_by")
    path.write_text(mutated, "utf-8")


def compare(one: Path, other: Path) -> list[str]:
    """In what two releases differ, a line each; empty: in nothing but their names and times."""
    return [*_marts(one, other), *_forms(one, other), *_page(one, other), *_manifests(one, other)]


def _marts(one: Path, other: Path) -> Iterator[str]:
    with duckdb.connect() as con:
        for name, release in (("one", one), ("other", other)):
            con.execute(f"attach '{release / 'junheng.duckdb'}' as {name} (read_only)")
        listing = "select table_name, column_name, data_type from duckdb_columns() where database_name = '{}' order by table_name, column_index"
        tables: list[dict[str, list[str]]] = [{}, {}]
        for columns, name in zip(tables, ("one", "other"), strict=True):
            for table, column, kind in con.execute(listing.format(name)).fetchall():
                columns.setdefault(table, []).append(f'"{column}" {kind}')
        for mart in sorted({*tables[0], *tables[1]}.difference(TOLD)):
            if tables[0].get(mart) != tables[1].get(mart):
                yield f"{mart}：列不同：{tables[0].get(mart)} / {tables[1].get(mart)}"
            else:
                yield from _rows(con, mart, [column.split('"')[1] for column in tables[0][mart]])


def _rows(con: duckdb.DuckDBPyConnection, mart: str, columns: list[str]) -> Iterator[str]:
    """The rows of a mart that differ, by its key: the fewest leading columns that tell its rows apart."""
    sides = [f"{database}.marts.{mart}" for database in ("one", "other")]
    mine, theirs = (
        con.execute(f"from {a} except all from {b} order by all").fetchall() for a, b in (sides, sides[::-1])
    )
    if not mine and not theirs:
        return
    depth = next(
        (n for n in range(1, len(columns)) if all(_is_key(con, side, columns[:n]) for side in sides)), len(columns)
    )
    by_key: dict[tuple, list[tuple | None]] = {}
    for side, rows in enumerate((mine, theirs)):
        for row in rows:
            by_key.setdefault(row[:depth], [None, None])[side] = row
    for key, (left, right) in list(by_key.items())[:SHOWN]:
        told = ", ".join(f"{name}={value}" for name, value in zip(columns, key, strict=False))
        if left is None or right is None:
            yield f"{mart}（{told}）：只在{'刷新' if right is None else '重建'}里有"
        else:
            cells = zip(columns, left, right, strict=True)
            yield f"{mart}（{told}）：" + "；".join(f"{name} {a!r} / {b!r}" for name, a, b in cells if a != b)
    if len(by_key) > SHOWN:
        yield f"{mart}：…… 共 {len(by_key)} 行不同"


def _is_key(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> bool:
    listed = ", ".join(f'"{column}"' for column in columns)
    return con.execute(f"select 1 from {table} group by {listed} having count(*) > 1 limit 1").fetchone() is None


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _forms(one: Path, other: Path) -> Iterator[str]:
    mine, theirs = _files(one / "forms"), _files(other / "forms")
    for name in sorted(mine.keys() ^ theirs.keys()):
        yield f"forms/{name}：只在{'刷新' if name in mine else '重建'}里有"
    for name in sorted(mine.keys() & theirs.keys()):
        left, right = _cells(mine[name]), _cells(theirs[name])
        places = [place for place in sorted({*left, *right}) if left.get(place) != right.get(place)]
        for place in places[:SHOWN]:
            yield f"forms/{name} {place}：{left.get(place)!r} / {right.get(place)!r}"


def _cells(path: Path) -> dict[str, Any]:
    """Every cell of a workbook, by sheet, row and column."""
    book = CalamineWorkbook.from_path(path)
    return {
        f"工作表“{name}”第 {r} 行第 {c} 列": cell
        for name in book.sheet_names
        for r, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1)
        for c, cell in enumerate(row, start=1)
    }


def _page(one: Path, other: Path) -> Iterator[str]:
    mine, theirs = _files(one / "briefing"), _files(other / "briefing")
    for name in sorted({*mine, *theirs} - {OF_A_RELEASE.as_posix()}):
        if name not in mine or name not in theirs:
            yield f"briefing/{name}：只在{'刷新' if name in mine else '重建'}里有"
        elif (left := mine[name].read_bytes()) != (right := theirs[name].read_bytes()):
            at = next(
                (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
            )
            shown = [
                side[max(0, at - 60) : at + 60].decode("utf-8", "replace").replace("\n", " ") for side in (left, right)
            ]
            yield f"briefing/{name}：…{shown[0]}… / …{shown[1]}…"


def _manifests(one: Path, other: Path) -> Iterator[str]:
    mine, theirs = (json.loads((release / "manifest.json").read_text("utf-8")) for release in (one, other))
    for part in ("regions", "source_files", "notice"):
        if mine.get(part) != theirs.get(part):
            yield f"manifest.json：{part} 不同"


def changes(release: Path) -> int:
    """How many changed figures a release tells."""
    with duckdb.connect(str(release / "junheng.duckdb"), read_only=True) as con:
        [(count,)] = con.execute("select count(*) from marts.mart_release_change").fetchall()
    return count


def size(home: Path) -> int:
    """Bytes that the releases take, a file that several share once."""
    files = {
        (stat.st_ino, stat.st_size)
        for path in (home / "releases").rglob("*")
        if path.is_file()
        for stat in [path.stat()]
    }
    return sum(bytes_ for _, bytes_ in files)


class Soak:
    """One soak at work in a folder; what it found is in `findings`, what it did in the counts."""

    def __init__(self, work: Path, seed: int, models: list[str]) -> None:
        self.work, self.rng, self.moment, self.libraries = work, Random(seed), Random(seed + 1), Random(seed + 2)
        self.project, self.homes = work / "project", 0
        for name in PROJECT:
            shutil.copytree(ROOT / name, self.project / name, ignore=shutil.ignore_patterns("target", "__pycache__"))
        for model in models:
            mutate(self.project / "dbt", model)
        self.place = Place(work / "raw", work / "shelf", self.project / "dbt" / "seeds")
        reduce(ROOT / "raw", self.place.raw)
        self.place.shelf.mkdir()
        self.findings: list[str] = []
        self.since: list[str] = []  # steps after the last comparison that was equal
        self.comparisons = self.differed = self.refused = self.killed = 0
        self.attributed = self.figures = self.misattributed = 0  # releases, changed figures that they tell, wrong ones
        self.is_whole = True  # the last refresh was one of all
        self.usual = 20.0  # seconds of the last refresh
        self.home = work  # until the first is built
        self.service: subprocess.Popen[bytes] | None = None
        self.seen: set[Path] = set()

    def say(self, text: str) -> None:
        print(text, flush=True)

    def find(self, text: str, *details: str) -> None:
        """Something is wrong: tell it, with the steps that led there."""
        self.findings.append(text)
        self.say(f"！ {text}")
        for line in (*details, *(f"之前的步骤 {step}" for step in self.since)):
            self.say(f"    {line}")

    def call(self, home: Path, *chosen: str, kill_after: float | None = None) -> Outcome | None:
        """`junheng refresh` as a process; None where it was killed before it ended."""
        command = [sys.executable, "-m", "dagster_project.cli", "refresh"]
        where = ["--raw", self.place.raw, "--home", home]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("JUNHENG_")}
        environment |= {"PYTHONPATH": str(self.project), "JUNHENG_HASH_KEY": "soak", "PYTHONIOENCODING": "utf-8"}
        environment["PYTHONDONTWRITEBYTECODE"] = ""  # the copy is compiled once
        alone = kill_after is not None or home != self.home
        environment["JUNHENG_SERVICE"] = "" if alone else self.served(environment)
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, *where, *chosen],
            cwd=self.project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=LONGEST if kill_after is None else kill_after)
        except BaseException as error:  # of the clock, or of who stops the soak: nothing of it runs on
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            if kill_after is None:
                raise Stuck(f"刷新 {LONGEST} 秒没有结束：{said[-400:]}") from None
            return None
        self.attribute(home)
        outcome = Outcome(process.returncode, said, time.monotonic() - started)
        if DEFECT.search(said) or outcome.code not in (0, 1):
            self.find(f"刷新的退出码是 {outcome.code}，输出如下", *said.splitlines()[-30:])
        return outcome

    def served(self, environment: dict[str, str]) -> str:
        """The socket of a service, which is started where there is none, or its seeds were other ones; nobody waits for it."""
        address = str(self.work / "service.sock")
        if self.service is None or self.service.poll() is not None:
            here = {**environment, "JUNHENG_HOME": str(self.work), "JUNHENG_SERVICE": address}
            self.service = subprocess.Popen(
                [sys.executable, "-m", "dagster_project.cli.ready"], cwd=self.project, env=here
            )
        return address

    def refresh(self, *chosen: str) -> Outcome:
        """A refresh that is let run to its end."""
        outcome = self.call(self.home, *chosen)
        assert outcome is not None
        return outcome

    def attribute(self, home: Path) -> None:
        """Hold what each new release says of its changes to the release before; `seen` are those that were held already."""
        for release in listed(home / "releases"):
            older = read_manifest(release)["previous"]
            if release in self.seen:
                continue
            self.seen.add(release)
            if older:
                problems = misattributed(release.with_name(older), release)
                self.attributed, self.misattributed = self.attributed + 1, self.misattributed + len(problems)
                self.figures += changes(release)
                if problems:
                    self.find(f"{release.name}：{len(problems)} 个数的变化说得不对", *problems[:SHOWN])

    def other_library(self) -> str:
        """Let the current release say that another version of a library made it; told in a line."""
        release = (self.home / "releases" / "current").resolve()
        manifest = read_manifest(release)
        version = f"0.0.{self.libraries.randrange(100)}"
        manifest["workings"]["libraries"]["python-calamine"] = version
        release.chmod(0o755)
        write_whole(release / MANIFEST, json.dumps(manifest, ensure_ascii=False))
        release.chmod(0o555)
        return f"，程序库 python-calamine 原是 {version}"

    def had_again(self, releases: list[Path]) -> None:
        """Hold releases to their manifests, and open them."""
        for release in releases:
            for problem in verify(release):
                self.find(f"{release.name} 核对不符：{problem}")
            with duckdb.connect(str(snapshot_of(release)), read_only=True) as con:
                [(count,)] = con.execute("select count(*) from marts.mart_county_verdict").fetchall()
            if not count:
                self.find(f"{release.name} 还原后是空的")

    def new_home(self) -> Path:
        """Build a home from nothing; raises Stuck where it cannot be built, as a refresh accepted what it is built from."""
        self.homes += 1
        home = self.work / f"home-{self.homes}"
        outcome = self.call(home)
        if outcome is None or outcome.code:
            raise Stuck(f"从头建不成：{outcome.reason if outcome else ''}")
        return home

    def keep(self) -> None:
        """Note raw/, shelf and seeds as they are now: a full refresh accepted them."""
        shutil.rmtree(self.work / "good", ignore_errors=True)
        for name, folder in vars(self.place).items():
            shutil.copytree(folder, self.work / "good" / name)

    def undo(self) -> None:
        """Back to what was last accepted; where it is not accepted again, go on from a new home."""
        for name, folder in vars(self.place).items():
            shutil.rmtree(folder)
            shutil.copytree(self.work / "good" / name, folder)
        if (outcome := self.refresh()).code:
            self.find(f"撤销被拒绝的改动后，刷新仍不成：{outcome.reason}", *outcome.said.splitlines()[-12:])
            shutil.rmtree(self.home)
            self.home, self.since = self.new_home(), []
        self.is_whole = True

    def step(self, number: int, steps: int) -> None:
        """One change and its refresh."""
        told = change(self.place, self.rng)
        if self.libraries.random() < 0.05:
            told += self.other_library()
        chosen, is_killed = self.scope(), self.rng.random() < 0.12
        if is_killed:
            moment = self.moment.uniform(0.5, self.usual)
            self.killed += self.call(self.home, *chosen, kill_after=moment) is None
            told += f"（{moment:.1f} 秒时强行结束，再刷新）"
        self.since.append(f"{number}：{told} ‖ refresh {' '.join(chosen)}")
        outcome = self.refresh(*chosen)
        self.usual, self.is_whole = outcome.seconds, not chosen
        self.say(f"[{number}/{steps}] {outcome.seconds:.1f} 秒 {told} ‖ refresh {' '.join(chosen)}")
        if outcome.code:
            self.reject(outcome)
        elif not chosen:
            self.keep()

    def reject(self, outcome: Outcome) -> None:
        """A refresh refused: undo what led to it."""
        self.refused += 1
        self.say(f"    没有接受，撤销：{outcome.reason}")
        self.since[-1] += "（没有接受，已撤销）"
        self.undo()

    def scope(self) -> list[str]:
        """Of all, mostly; else of one region or one year that is there."""
        chance, place = self.rng.random(), self.rng.choice(folders(self.place.raw))
        if chance < 0.15:
            return ["--region", place.parent.name]
        return ["--year", place.name] if chance < 0.3 else []

    def compare(self) -> None:
        """Hold the release to that of a new home, all refreshed; where they differ, go on from the new one."""
        if not self.is_whole and (outcome := self.refresh()).code:
            self.reject(outcome)
        self.keep()
        older = listed(self.home / "releases")
        self.had_again(self.libraries.sample(older, min(3, len(older))))
        clean = self.new_home()
        self.comparisons += 1
        differences = compare(*(home / "releases" / "current" for home in (self.home, clean)))
        if differences:
            self.differed += 1
            self.find(f"第 {self.comparisons} 次比较：刷新 / 重建有 {len(differences)} 处不同", *differences)
            self.home, clean = clean, self.home
        else:
            self.say(f"    第 {self.comparisons} 次比较：相同")
        shutil.rmtree(clean)
        self.since = []

    def run(self, steps: int, every: int) -> None:
        try:
            self.home = self.new_home()
            self.keep()
            for number in range(1, steps + 1):
                self.step(number, steps)
                if number % every == 0 or number == steps:
                    self.compare()
            self.had_again(listed(self.home / "releases"))
        except Stuck as error:
            self.find(str(error))
        finally:
            if self.service:
                self.service.terminate()
                self.service.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--every", type=int, default=10, help="steps between two comparisons")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="default: another every time")
    parser.add_argument(
        "--work", type=Path, help="a new folder to work in and to leave behind; default: a temporary one"
    )
    parser.add_argument("--mutate", metavar="MODEL", action="append", default=[], help="a dbt model; may be repeated")
    asked = parser.parse_args()
    started = time.monotonic()
    again = f"python tests/soak.py --seed {asked.seed} --steps {asked.steps} --every {asked.every}"
    print(again + "".join(f" --mutate {model}" for model in asked.mutate), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        soak = Soak(asked.work or Path(temporary) / "soak", asked.seed, asked.mutate)
        soak.run(asked.steps, asked.every)
        print(
            f"{asked.steps} 步，比较 {soak.comparisons} 次，{soak.differed} 次不同；拒绝 {soak.refused} 步，"
            f"强行结束 {soak.killed} 次；{(time.monotonic() - started) / 60:.1f} 分钟；种子 {asked.seed}"
        )
        releases = len(listed(soak.home / "releases"))
        print(
            f"版本 {soak.attributed} 个，说了 {soak.figures} 个有变化的数，{soak.misattributed} 个不对；"
            f"现有 {releases} 版，共 {size(soak.home) / 1e6:.1f} MB"
        )
    for finding in soak.findings:
        print(f"！ {finding}")
    return 1 if soak.findings else 0


if __name__ == "__main__":
    sys.exit(main())
