"""What changed between releases and why: many seeded changes of a small raw/, of seeds and libraries, each figure held to the truth.

The truth is known apart from the code that is tested: which files lie in raw/ before and after, and what the warehouse held.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import soak_files
from attribution import Files, changed, differing, state, told_by
from helpers import ROOT
from soak_changes import row_added, row_removed, value
from soak_files import Place, extracts, read_rows, reduce, write_rows

from dagster_project import fingerprint
from dagster_project.extracts.regions import read_regions
from dagster_project.release.causes import find_causes, reaching
from dagster_project.release.history import snapshot_of, verify
from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import find_release, listed
from dagster_project.transform import build, project, replay
from dagster_project.warehouse import ledger, load, tables

STEPS = int(os.environ.get("JUNHENG_STEPS", "12"))
KEPT = {"liaocheng": ("371521",), "wenshang": ("370830",)}


def lying_in(raw: Path) -> Files:
    return {
        path.relative_to(raw).as_posix(): (path.parent.relative_to(raw).as_posix(), fingerprint.sha256(path))
        for path in extracts(raw)
    }


def refresh(home: Path, raw: Path, is_whole: bool = False) -> bool:
    """What a refresh does between raw/ and the release; whether there is a new one."""
    regions = read_regions(raw)
    with tables.connect(home) as con:
        tables.write_regions(con, {}, regions)
        for one in load.find_changes(con, raw, regions, "key", None):
            load.apply_change(con, raw, one, regions.get(one.region_id), "key")
    (build.build if is_whole else replay.rebuild)(home)
    published = publish(home, "v", whole=2)
    with tables.connect(home) as con:
        ledger.accept(con)
    return published.is_new


def withdraw(place: Place, rng: Random) -> str | None:
    path = rng.choice([path for path in extracts(place.raw) if path.stem != "schools"])
    to = place.shelf / path.relative_to(place.raw)
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, to)
    return f"withdrawn {path}"


def withdraw_year(place: Place, rng: Random) -> str | None:
    years = soak_files.folders(place.raw)
    if len(years) < 5:
        return None
    for path in extracts((chosen := rng.choice(years)).parents[1]):
        if path.parent == chosen:
            to = place.shelf / path.relative_to(place.raw)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, to)
    chosen.rmdir()
    return f"withdrawn {chosen}"


def bring_back(place: Place, rng: Random) -> str | None:
    for path in extracts(place.shelf):
        to = place.raw / path.relative_to(place.shelf)
        if not list(to.parent.glob(f"{to.stem.partition('_')[0]}*")):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, to)
    return "brought back"


def ruin(place: Place, rng: Random) -> str | None:
    path = rng.choice([path for path in extracts(place.raw) if path.suffix == ".csv" and path.stem == "funding"])
    path.write_bytes(b"\x00\x01" * 400)
    return f"ruined {path}"


def rename(place: Place, rng: Random) -> str | None:
    path = rng.choice(extracts(place.raw))
    path.rename(path.with_name(f"{path.stem}_{rng.randrange(1000)}{path.suffix}"))
    return f"renamed {path}"


def two_of(place: Place, rng: Random) -> str | None:
    return f"{value(place, rng)} {value(place, rng)}"


MOVES: list[Callable[[Place, Random], str | None]] = [
    *(value, value, row_removed, rename, row_added, withdraw, two_of, bring_back, ruin, value, withdraw_year, rename),
    *(bring_back, two_of, row_removed, value),
]


def assert_told(home: Path, before: dict[tuple, str], files: set[str], others: set[str], what: str) -> int:
    """The release tells of every figure that changed and of no other, each with its causes; how many."""
    truth, told = changed(before, state(home / "warehouse.duckdb")), []
    for figure, region, year, kinds, zh in told_by(home / "releases" / "current" / "junheng.duckdb"):
        told.append(figure)
        assert kinds != "unknown", (what, figure, zh)
        named = {path for path in files if f" {path}" in zh}
        assert (named and all(path.startswith(f"{region}/") for path in named)) or others, (what, zh)
        assert {path for path in files if path.startswith(f"{region}/{year}/")} <= named, (what, zh)
        assert all(other in zh for other in others), (what, zh)
        assert sum(zh.count(f" {region_id}/") for region_id in KEPT if region_id != region) == 0, (what, zh)
    assert set(told) == truth and len(told) == len(truth), (what, truth.symmetric_difference(told))
    return len(told)


WORKINGS = {"code": "a" * 64, "seeds": {"standards": "1", "unit_costs": "1"}, "libraries": {"python-calamine": "0.9.0"}}


def manifest(*files: tuple[str, str], **workings: object) -> dict[str, Any]:
    """A manifest of files, each a path and its sha256."""
    records = [
        {"path": path, "sheet": None, "region_id": path.split("/")[0], "school_year": int(path.split("/")[1])}
        | {"extract": "schools", "sha256": sha256, "status": "quarantined" if sha256 == "bad" else "loaded"}
        for path, sha256 in files
    ]
    return {"code_version": "v", "source_files": records, "regions": [], "workings": WORKINGS | workings}


def test_a_cause_reaches_its_own_region_and_the_years_that_its_model_looks_at() -> None:
    older = manifest(("a/2021/schools.csv", "1"), ("a/2022/schools.csv", "1"), ("b/2022/schools.csv", "1"))
    newer = manifest(("a/2021/schools.csv", "2"), ("a/2022/schools_1.csv", "1"), ("b/2022/schools.csv", "bad"))
    causes = find_causes(older, newer)
    assert list(map(str, causes)) == ["重报 a/2021/schools.csv", "没能载入 b/2022/schools.csv"]
    indicator, target = reaching("fct_school_indicator", causes), reaching("mart_target_progress", causes)
    restated = ("file_restated", "重报 a/2021/schools.csv")
    assert indicator("a", 2021) == indicator("a", 2022) == restated
    assert indicator("a", 2023)[0] == "unknown" and target("a", 2023) == restated
    assert indicator("b", 2022) == ("file_rejected", "没能载入 b/2022/schools.csv")
    assert reaching("mart_area_balance", causes)("a", 2022) == (
        "file_restated;file_rejected",
        "重报 a/2021/schools.csv；没能载入 b/2022/schools.csv",
    ), "of all regions together"


def test_a_seed_reaches_what_reads_it_and_code_and_libraries_everything() -> None:
    older = manifest()
    newer = manifest(seeds={"standards": "1", "unit_costs": "2"}, libraries={"python-calamine": "0.9.1"})
    causes = find_causes(older, newer)
    assert reaching("mart_plan_step", causes)("a", 2022)[0] == "seed;library"
    assert reaching("fct_school_indicator", causes)("a", 2022) == (
        "library",
        "程序库换了版本：python-calamine 0.9.0 → 0.9.1",
    )
    [code] = find_causes(older, manifest(code="b" * 64))
    assert str(code) == "程序有改动：aaaaaaaaaaaa → bbbbbbbbbbbb"
    before = {key: value for key, value in older.items() if key != "workings"}
    assert [cause.kind for cause in find_causes(before | {"code_version": "u"}, older)] == ["code"]
    assert find_causes(before, older) == [] == find_causes(older, older)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Place, Path]]:
    """A county in each of two regions, three years; the project's seeds are a copy, its first release is published."""
    monkeypatch.setattr(soak_files, "KEPT", KEPT)
    copy = tmp_path / "dbt"
    shutil.copytree(ROOT / "dbt", copy, ignore=shutil.ignore_patterns("target"))
    monkeypatch.setattr(fingerprint, "PROJECT", copy)
    monkeypatch.setattr(project, "PROJECT", copy)
    monkeypatch.setattr(project, "TARGET", copy / "target" / "junheng")
    place = Place(tmp_path / "raw", tmp_path / "shelf", copy / "seeds")
    reduce(ROOT / "raw", place.raw)
    refresh(tmp_path / "home", place.raw, is_whole=True)
    yield place, tmp_path / "home"


def test_every_figure_that_changed_has_its_cause_and_no_other_is_told(small: tuple[Place, Path]) -> None:
    place, home = small
    rng, counts = Random(16), []
    for step in range(STEPS):
        before, files = state(home / "warehouse.duckdb"), lying_in(place.raw)
        what = next(said for _ in range(50) if (said := MOVES[step % len(MOVES)](place, rng)) or rng.random() < 2)
        touched, renamed = differing(files, lying_in(place.raw))
        if not refresh(home, place.raw):
            assert state(home / "warehouse.duckdb") == before and not touched | renamed, what
            continue
        counts.append(assert_told(home, before, touched, set(), f"{step} {what}"))
        assert touched or counts[-1] == 0, what
        if renamed and not touched:
            with connect(home) as con:
                [(said,)] = con.execute(
                    "select change_zh from mart_release order by release_id desc limit 1"
                ).fetchall()
            assert not any(word in said for word in ("新交", "撤回", "重报")), what
    assert sum(map(bool, counts)) > STEPS // 3 and 0 in counts

    before = state(home / "warehouse.duckdb")
    rows = read_rows(place.seeds / "standards.csv")
    at = rows[0].index("threshold")
    rows[1][at] = str(float(rows[1][at]) * 1.2)
    write_rows(place.seeds / "standards.csv", rows)
    refresh(home, place.raw, is_whole=True)
    assert assert_told(home, before, set(), {"标准数据有改动：standards.csv"}, "a standard") > 0
    last = listed(home / "releases")[-1]
    with connect(home) as con:  # an indicator means something else
        versions = [
            text.split(".")
            for (text,) in con.execute("select version from mart_release order by release_id").fetchall()
        ]
    assert versions[-1] == [str(int(versions[-2][0]) + 1), "0"] and versions[0] == ["1", "0"]
    assert len(versions) == len(set(map(tuple, versions))) == len(listed(home / "releases"))

    manifest = json.loads(
        (last / "manifest.json").read_text("utf-8")
    )  # as if it had been read by another python-calamine
    manifest["workings"]["libraries"]["python-calamine"] = "0.9.0"
    (last / "manifest.json").chmod(0o644)
    (last / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")
    before, files = state(home / "warehouse.duckdb"), lying_in(place.raw)
    path = next(path for path in extracts(place.raw, "schools") if path.suffix == ".csv")
    rows = read_rows(path)
    at = rows[0].index("运动场地面积")
    rows[1][at] = float(rows[1][at]) / 2
    write_rows(path, rows)
    refresh(home, place.raw)
    library = f"程序库换了版本：python-calamine 0.9.0 → {fingerprint.libraries()['python-calamine']}"
    assert assert_told(home, before, differing(files, lying_in(place.raw))[0], {library}, "a library") > 0

    for release in listed(home / "releases"):
        assert verify(release) == [], release
    with connect(home, "1.0") as con:
        assert con.execute("select count(*) from mart_release").fetchall() == [(1,)]
    first = find_release(home, "1.0")
    assert first == listed(home / "releases")[0] and not (first / "briefing").exists()
    assert (snapshot_of(first).parent / "briefing/index.html").is_file()
