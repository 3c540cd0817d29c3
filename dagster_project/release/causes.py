"""Why a figure is another than in the release before: what the two manifests say was handed in, set or installed in between.

What could have changed a figure is named, all of it: a file of its region and of a year that its model looks at, a seed that its
model reads, the code and the libraries always.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from dagster_project.fingerprint import LOADING_SEEDS
from dagster_project.transform import project

Manifest = Mapping[str, Any]
KINDS = {
    "file_added": "新交",
    "file_withdrawn": "撤回",
    "file_restated": "重报",
    "file_rejected": "没能载入",
    "region": "区域登记有变化",
    "seed": "标准数据有改动",
    "code": "程序有改动",
    "library": "程序库换了版本",
}
DECIDING = ("documents", "rules_of", "counties")  # of a region's entry; a manifest of before may not say
UNKNOWN = "unknown", "原因不明"  # no release should have one


class Cause(NamedTuple):
    """What changed between two releases. region_id, school_year: whose files, null: of all; seed: its name, null: not a seed."""

    kind: str
    what: str
    region_id: str | None = None
    school_year: int | None = None
    seed: str | None = None

    def __str__(self) -> str:
        return f"{KINDS[self.kind]}{self.what}"


def find_causes(older: Manifest, newer: Manifest) -> list[Cause]:
    """All that changed between two releases and may change a figure; a file that only goes by another name is none."""
    files, workings = _files(older, newer), _workings(older, newer)
    entries = _entries(older, newer)
    if not workings and not entries:
        entries = _readings(older, newer, {(cause.region_id, cause.school_year) for cause in files})
    return [*files, *entries, *workings]


def _files(older: Manifest, newer: Manifest) -> list[Cause]:
    before, after = _sheets(older), _sheets(newer)
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    renamed = {_same(before[sheet]) for sheet in gone} & {_same(after[sheet]) for sheet in come}
    causes = set()
    for sheet in gone | come | {sheet for sheet in before.keys() & after.keys() if _differ(before, after, sheet)}:
        file = after.get(sheet) or before[sheet]
        if _same(file) in renamed and (sheet in gone or sheet in come):
            continue
        kind = "file_withdrawn" if sheet in gone else "file_added" if sheet in come else "file_restated"
        if sheet in after and file["status"] == "quarantined":
            kind = "file_rejected"
        causes.add(Cause(kind, f" {file['path']}", file["region_id"], file["school_year"]))
    return sorted(causes, key=lambda cause: (cause.what, cause.kind))


def _sheets(manifest: Manifest) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(file["path"], file["sheet"]): file for file in manifest["source_files"]}


def _same(file: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(file[key] for key in ("region_id", "school_year", "sheet", "extract", "sha256"))


def _differ(before: Mapping[Any, dict[str, Any]], after: Mapping[Any, dict[str, Any]], sheet: Any) -> bool:
    return before[sheet]["sha256"] != after[sheet]["sha256"]


def _entries(older: Manifest, newer: Manifest) -> list[Cause]:
    """Regions whose entry in regions.yml is another."""
    before, after = ({region["region_id"]: region for region in of["regions"]} for of in (older, newer))
    return [
        Cause("region", f"：regions.yml 的 {region_id}", region_id)
        for region_id in sorted(before.keys() & after.keys())
        if any(before[region_id].get(key, after[region_id][key]) != after[region_id][key] for key in DECIDING)
    ]


def _readings(older: Manifest, newer: Manifest, explained: set[tuple[str | None, int | None]]) -> list[Cause]:
    """Regions whose files were read in another way, though files, code, seeds and libraries are the same."""
    before, after = (
        {(of["region_id"], of["school_year"]): of["fingerprint"] for of in manifest.get("partitions", ())}
        for manifest in (older, newer)
    )
    read_anew = {p[0] for p in (before.keys() & after.keys()) - explained if before[p] != after[p]}
    return [
        Cause("region", f"：{region_id} 的 aliases.csv、单元格对照表或 hash.key", region_id)
        for region_id in sorted(read_anew)
    ]


def _workings(older: Manifest, newer: Manifest) -> list[Cause]:
    if "workings" not in older:
        is_other = older["code_version"] != newer["code_version"]
        return [Cause("code", "：上一版没有分别记下程序、标准数据和程序库")] if is_other else []
    before, after = older["workings"], newer["workings"]
    causes = [
        Cause("seed", f"：{name}.csv", seed=name)
        for name in sorted(before["seeds"].keys() | after["seeds"].keys())
        if before["seeds"].get(name) != after["seeds"].get(name)
    ]
    if before["code"] != after["code"]:
        causes.append(Cause("code", f"：{before['code'][:12]} → {after['code'][:12]}"))
    versions = before["libraries"], after["libraries"]
    return causes + [
        Cause("library", f"：{name} {versions[0].get(name, '无')} → {versions[1].get(name, '无')}")
        for name in sorted(versions[0].keys() | versions[1].keys())
        if versions[0].get(name) != versions[1].get(name)
    ]


def reaching(mart: str, causes: list[Cause]) -> Callable[[str | None, int | None], tuple[str, str]]:
    """A function that says which of the causes may have changed a mart's figure of a region and year: their kinds, and Chinese words."""
    nodes = project.nodes()
    model = next((n for n in nodes.values() if n["resource_type"] == "model" and n["name"] == mart), None)
    columns, before, after = _window(model)
    seeds = _seeds_of(model, nodes)
    possible = [cause for cause in causes if cause.seed is None or seeds is None or cause.seed in seeds]

    def reaches(cause: Cause, region_id: str | None, school_year: int | None) -> bool:
        if "region_id" in columns and None not in (cause.region_id, region_id) and cause.region_id != region_id:
            return False
        if cause.school_year is None or school_year is None or "school_year" not in columns:
            return True
        # one more year: a year's list of schools says which should be there in the next, its figures what is plausible then
        return cause.school_year - before <= school_year <= cause.school_year + 1 + after

    @cache
    def say(region_id: str | None, school_year: int | None) -> tuple[str, str]:
        found = [cause for cause in possible if reaches(cause, region_id, school_year)]
        if not found:
            return UNKNOWN
        return ";".join(dict.fromkeys(cause.kind for cause in found)), "；".join(map(str, found))

    return say


def _window(model: dict[str, Any] | None) -> tuple[tuple[str, ...], int, int]:
    """By which columns a mart's rows are rebuilt, and how many years of them before and after the one that changed."""
    config = model["config"] if model else {}
    columns = tuple(config.get("partition_by") or ("region_id", "school_year"))
    return columns, config.get("years_before") or 0, config.get("years_after") or 0


def _seeds_of(model: dict[str, Any] | None, nodes: dict[str, Any]) -> set[str] | None:
    """The seeds that decide a mart's rows: those it reads, however much lies between, and those by which files are read; null: not known."""
    if model is None:
        return None
    found, todo, seen = set(LOADING_SEEDS), [model["unique_id"]], set()
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        if node := nodes.get(key):
            todo += node["depends_on"].get("nodes", ())
            if node["resource_type"] == "seed":
                found.add(node["name"])
    return found
