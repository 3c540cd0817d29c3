"""The soak itself, six steps of it, and that what it would find is told."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import duckdb
import openpyxl
import pytest
from attribution import FIGURES, misattributed
from helpers import ROOT
from soak import WINDOW, compare, mutate
from soak_changes import CHANGES, Change, change, file_withdrawn, nothing, year_withdrawn
from soak_files import Place, extracts, reduce

from dagster_project.extracts.contract import contract

SEED = 5  # a year leaves, an extract of it returns, a school is renamed, a refresh is killed, one is of a region


def test_a_refresh_gives_what_a_build_from_nothing_gives() -> None:
    arguments = ["--seed", str(SEED), "--steps", "6", "--every", "3"]
    outcome = subprocess.run(
        [sys.executable, ROOT / "tests" / "soak.py", *arguments], capture_output=True, text=True, timeout=1800
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "6 步，比较 2 次，0 次不同" in outcome.stdout
    assert re.search(r"版本 [1-9]\d* 个，说了 [1-9]\d* 个有变化的数，0 个不对", outcome.stdout)


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reduced demo, nothing on the shelf, and the seeds; a test copies it before it changes it."""
    folder = tmp_path_factory.mktemp("reduced")
    reduce(ROOT / "raw", folder / "raw")
    (folder / "shelf").mkdir()
    shutil.copytree(ROOT / "dbt" / "seeds", folder / "seeds")
    return folder


def copy(reduced: Path, to: Path) -> Place:
    shutil.copytree(reduced, to)
    return Place(to / "raw", to / "shelf", to / "seeds")


def test_the_reduced_demo_has_every_kind_of_file(reduced: Path) -> None:
    names = {path.name for path in extracts(reduced / "raw")}
    for kind in (".csv", ".xlsx"):
        assert {"schools", "teachers"} <= {name.removesuffix(kind) for name in names if name.endswith(kind)}
    assert {path.stem for path in extracts(reduced / "raw")} == set(contract().extracts) - {
        "rooms"
    }  # the demo lists none


def test_the_same_seed_makes_the_same_changes(reduced: Path, tmp_path: Path) -> None:
    told = []
    for name in ("first", "second"):
        where, rng = copy(reduced, tmp_path / name), Random(7)
        told.append([change(where, rng) for _ in range(40)])
    assert told[0] == told[1]
    assert len(set(told[0])) > 35


@pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)
def test_every_change_can_be_made(reduced: Path, tmp_path: Path, make: Change) -> None:
    """What was withdrawn can return; a year that is there is no new one."""
    where, rng = copy(reduced, tmp_path / "place"), Random(3)
    file_withdrawn(where, rng)
    year_withdrawn(where, rng)
    before = bytes_of(tmp_path / "place")
    tries = (make(where, rng) for _ in range(30))
    assert any(told and (make is nothing or bytes_of(tmp_path / "place") != before) for told in tries)


def bytes_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def release(folder: Path, value: float, cell: str, said: str) -> Path:
    """The files of a release that a comparison reads."""
    (folder / "forms" / "demo").mkdir(parents=True)
    (folder / "briefing" / "data").mkdir(parents=True)
    with duckdb.connect(str(folder / "junheng.duckdb")) as con:
        con.execute(
            "create schema marts; create table marts.mart_x (school_year integer, school_id varchar, figure double)"
        )
        con.execute("insert into marts.mart_x values (2022, 'A', 1), (2023, 'A', ?), (2023, 'B', 1)", [value])
    book = openpyxl.Workbook()
    book.worksheets[0]["B2"] = cell
    book.save(folder / "forms" / "demo" / "某县_2023_申报表.xlsx")
    (folder / "briefing" / "data" / "release.js").write_text(said)
    (folder / "briefing" / "data" / "index.js").write_text(f"say({said})")
    (folder / "manifest.json").write_text(json.dumps({"release_id": said, "source_files": [said]}))
    return folder


def test_a_difference_is_told_with_its_place_and_both_values(tmp_path: Path) -> None:
    one = release(tmp_path / "one", 0.1 + 0.2, "达标", "A")
    assert compare(one, one) == []
    assert compare(one, release(tmp_path / "other", 0.3, "不达标", "B")) == [
        "mart_x（school_year=2023, school_id=A）：figure 0.30000000000000004 / 0.3",
        "forms/demo/某县_2023_申报表.xlsx 工作表“Sheet”第 2 行第 2 列：'达标' / '不达标'",
        "briefing/data/index.js：…say(A)… / …say(B)…",
        "manifest.json：source_files 不同",
    ]


def test_a_row_of_one_release_alone_is_told(tmp_path: Path) -> None:
    one, other = (release(tmp_path / name, 1, "", "") for name in ("one", "other"))
    with duckdb.connect(str(other / "junheng.duckdb")) as con:
        con.execute("delete from marts.mart_x where school_id = 'B'")
    assert compare(one, other) == ["mart_x（school_year=2023, school_id=B）：只在刷新里有"]


def test_a_mutation_takes_the_window_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "dbt" / "models", tmp_path / "models")
    mutated = 0
    for path in sorted(tmp_path.rglob("*.sql")):
        config = re.compile(rf"{{{{ config\(({WINDOW})=.*\) }}}}")
        if config.search(text := path.read_text("utf-8")):
            mutate(tmp_path, path.stem)
            assert path.read_text("utf-8") == config.sub("", text)
            mutated += 1
    assert mutated >= 10


RESTATED = "重报 a/2022/schools.csv"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([("a", 2022, "2", "3", RESTATED)], None),
        ([], "变了，没有说"),
        ([("a", 2022, "2", "3", RESTATED), ("b", 2022, "2", "3", RESTATED)], "没有变，却说变了"),
        ([("a", 2022, "2", "9", RESTATED)], "没有变，却说变了"),
        ([("a", 2022, "2", "3", "重报 a/2022/teachers.csv")], "的原因不对"),
        ([("a", 2022, "2", "3", f"{RESTATED}；标准数据有改动：standards.csv")], "的原因不对"),
        ([("a", 2022, "2", "3", f"{RESTATED}；重报 b/2022/schools.csv")], "的原因不对"),
        ([("a", 2022, "2", "3", "区域登记有变化：regions.yml 的 a")], "的原因不对"),
    ],
)
def test_a_change_that_is_told_wrongly_is_found(tmp_path: Path, told: list[tuple], found: str | None) -> None:
    """Of two regions with one file each, one is restated."""
    columns = "mart, region_id, school_year, county_code, school_id, stage, stage_zh, item, figure, change, old, new, kinds, zh"
    for name, value, sha in (("older", 2, "1"), ("newer", 3, "2")):
        (tmp_path / name).mkdir()
        files = [
            {
                "path": f"{region}/2022/schools.csv",
                "region_id": region,
                "school_year": 2022,
                "sha256": sha if region == "a" else "0",
            }
            for region in ("a", "b")
        ]
        workings = {"code": "c", "seeds": {"standards": "1"}, "libraries": {}}
        manifest = {"source_files": files, "regions": [], "partitions": [], "workings": workings}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
        with duckdb.connect(str(tmp_path / name / "junheng.duckdb")) as con:
            con.execute("create schema marts")
            for mart, (key, figures) in FIGURES.items():
                listed = [*(f"null as {name}" for name in key.split(", ")), *(f"null as {name}" for name in figures)]
                con.execute(f"create table marts.{mart} as select 'a' as region_id, {', '.join(listed)} where false")
            key = "'a', 2022, 's', 'primary', 'books_per_pupil'"
            con.execute("drop table marts.fct_school_indicator")
            con.execute(
                "create table marts.fct_school_indicator (region_id text, school_year int, school_id text, stage text, indicator_id text, value double, is_met bool)"
            )
            con.execute(f"insert into marts.fct_school_indicator values ({key}, {value}, null)")
            con.execute(
                f"create table marts.mart_release_change ({', '.join(c + (' int' if c == 'school_year' else ' text') for c in columns.split(', '))})"
            )
            for region, year, old, new, zh in told:
                con.execute(
                    "insert into marts.mart_release_change values ('fct_school_indicator', ?, ?, null, 's', 'primary', '小学', 'books_per_pupil', 'value', 'changed', ?, ?, 'file_restated', ?)",
                    [region, year, old, new, zh],
                )
    problems = misattributed(tmp_path / "older", tmp_path / "newer")
    assert problems == [] if found is None else any(found in problem for problem in problems), problems
