"""Is every figure that changed between two releases told, with its cause, and no other? Held to the releases themselves and what they came from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.release.store import SNAPSHOT, read_manifest

FIGURES = {  # of a mart: its key, and what of it is published
    "fct_school_indicator": ("school_year, school_id, stage, indicator_id", ("value", "is_met")),
    "mart_county_balance": (
        "school_year, county_code, stage, indicator_id",
        ("county_mean", "difference_coefficient", "is_met"),
    ),
    "mart_county_verdict": ("school_year, county_code", ("verdict", "resource_verdict")),
    "mart_item_verdict": ("school_year, county_code, item_id", ("is_met",)),
    "mart_school_verdict": ("school_year, school_id, stage", ("is_passed",)),
    "mart_target_progress": ("school_year, target_id", ("actual", "status")),
    "mart_basic_balance_verdict": ("school_year, county_code", ("verdict",)),
}
Files = dict[str, tuple[str, str]]  # path: region / year, sha256
Figures = dict[tuple, str]


def state(database: Path) -> Figures:
    """Every published figure of a database that has a value, with twelve digits."""
    found = {}
    with duckdb.connect(str(database), read_only=True) as con:
        for mart, (key, figures) in FIGURES.items():
            for figure in figures:
                rows = con.execute(f"select region_id, {key}, {figure} from marts.{mart} where {figure} is not null")
                for *place, said in rows.fetchall():
                    found[mart, figure, *place] = f"{said:.12g}" if isinstance(said, float) else str(said).lower()
    return found


def differing(before: Files, after: Files) -> tuple[set[str], set[str]]:
    """The paths of files with other content than before, or without any; and those by another name alone."""
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    same = {before[path] for path in gone} & {after[path] for path in come}
    renamed = {p for p in gone if before[p] in same} | {p for p in come if after[p] in same}
    other = {p for p in before.keys() & after.keys() if before[p] != after[p]}
    return (gone | come | other) - renamed, renamed


def told_by(database: Path) -> Iterator[tuple[tuple, str | None, int | None, str, str]]:
    """Each row of a release's list of changes: the figure with its old and new value as `state` has them, region, year, kinds, words."""
    with duckdb.connect(str(database), read_only=True) as con:
        rows = con.execute("from marts.mart_release_change").fetchall()
    for mart, region, year, county, school, stage, stage_zh, item, figure, change, old, new, kinds, zh in rows:
        columns = FIGURES[mart][0].split(", ")
        here = {"school_year": year, "county_code": county, "school_id": school, "stage": stage}
        place = [here.get(name, str(item).split("/")[-1]) for name in columns]
        said = [text if text is None or not is_number(text) else f"{float(text):.12g}" for text in (old, new)]
        assert {"primary": "小学", "junior": "初中", None: None}[stage] == stage_zh
        assert change == "changed" or None in (old, new)
        yield (mart, figure, region, *place, *said), region, year, kinds, zh


def changed(before: Figures, after: Figures) -> set[tuple]:
    """The figures that are other than before, each with its old and new value; null: there was or is none."""
    both = {(*key, before.get(key), after.get(key)) for key in before.keys() | after.keys()}
    return {row for row in both if row[-2] != row[-1]}


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def misattributed(older: Path, newer: Path) -> list[str]:
    """What is wrong with what a release says of its difference from another, whole both, a line each.

    A figure that changed and is not told, or is told and did not change; a cause that is none, is of another region, or is missing:
    a file of the figure's own region and year, the only thing that changed at all.
    """
    before, after = read_manifest(older), read_manifest(newer)
    truth, told, problems = changed(state(older / SNAPSHOT), state(newer / SNAPSHOT)), set(), []
    files, _ = differing(_files(before), _files(after))
    general = _general(before["workings"], after["workings"])
    own = {region["region_id"] for region in after["regions"] if region not in before["regions"]} | _read_anew(
        before, after
    )
    for figure, region, year, kinds, zh in told_by(newer / SNAPSHOT):
        told.add(figure)
        causes = set(zh.split("；"))
        named = {path for path in files if any(cause.endswith(f" {path}") for cause in causes)}
        entries = {
            cause for cause in causes if cause.startswith("区域登记有变化") and region in own and f"{region}" in cause
        }
        strange = {c for c in causes - entries - general if not any(c.endswith(f" {path}") for path in named)}
        if strange or "unknown" in kinds or any(not path.startswith(f"{region}/") for path in named):
            problems.append(f"{figure} 的原因不对：{zh}")
        elif missing := {path for path in files if path.startswith(f"{region}/{year}/")} - named:
            problems.append(f"{figure} 的原因里没有 {'、'.join(sorted(missing))}：{zh}")
        elif not files and not own and len(general) == 1 and causes != general:
            problems.append(f"{figure} 的原因应是 {general}：{zh}")
    problems += [f"{figure} 变了，没有说" for figure in sorted(truth - told, key=str)]
    problems += [f"{figure} 没有变，却说变了" for figure in sorted(told - truth, key=str)]
    return problems


def _files(manifest: Mapping[str, Any]) -> Files:
    return {
        file["path"]: (f"{file['region_id']}/{file['school_year']}", file["sha256"])
        for file in manifest["source_files"]
    }


def _general(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """What changed for all regions, in the words that a reader gets."""
    seeds, libraries = ({**before[part], **after[part]} for part in ("seeds", "libraries"))
    found = {f"标准数据有改动：{n}.csv" for n in seeds if before["seeds"].get(n) != after["seeds"].get(n)}
    versions = ((n, before["libraries"].get(n, "无"), after["libraries"].get(n, "无")) for n in libraries)
    found |= {f"程序库换了版本：{name} {old} → {new}" for name, old, new in versions if old != new}
    if before["code"] != after["code"]:
        found.add(f"程序有改动：{before['code'][:12]} → {after['code'][:12]}")
    return found


def _read_anew(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The regions of which a year was read from the same files in another way."""
    was, now = (
        {(p["region_id"], p["school_year"]): p["fingerprint"] for p in m["partitions"]} for m in (before, after)
    )
    return {key[0] for key in was.keys() & now.keys() if was[key] != now[key]}
