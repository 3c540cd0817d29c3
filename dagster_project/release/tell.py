"""What a release tells of itself and of those before it: the rows of its changes, mart_release and mart_release_change."""

from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.fingerprint import sha256
from dagster_project.release.content import COPIES, Columns, digest, parquet, without
from dagster_project.release.difference import WITH_CAUSES, Difference, Side, difference, next_version, table_of
from dagster_project.release.history import snapshot_of
from dagster_project.release.store import TOLD, ReleaseError, find_release, read_manifest, require_release
from dagster_project.sql import quote, quote_name


def in_folder(release: Path, manifest: dict[str, Any]) -> Side:
    """A release that is whole, by its Parquet files."""
    return Side(manifest, lambda mart: parquet(release / f"parquet/{mart}.parquet"))


def of_any_two(
    con: duckdb.DuckDBPyConnection, home: Path, older: str | None, newer: str | None
) -> tuple[str, str, Difference]:
    """Compare two releases, the newer by default the current one, the older the one that was before it; who they are, and the difference.

    Leaves what `difference` leaves. Raises ReleaseError.
    """
    second = find_release(home, newer) if newer else require_release(home)
    manifest = read_manifest(second)
    if not older and not manifest["previous"]:
        raise ReleaseError(f"版本 {second.name} 没有可比的上一版：请写明与哪一版相比，如 junheng diff 1.0 1.1")
    first = find_release(home, older or manifest["previous"])
    sides = []
    for alias, release in (("older_release", first), ("newer_release", second)):
        con.execute(f"ATTACH {quote(snapshot_of(release))} AS {alias} (READ_ONLY)")
        sides.append(Side(read_manifest(release), partial(_in_snapshot, alias)))
    said, next_said = (f"{side.manifest['release_id']}（{side.manifest.get('version', '—')}）" for side in sides)
    return said, next_said, difference(con, *sides)


def _in_snapshot(alias: str, mart: str) -> str:
    return f"{alias}.marts.{quote_name(mart)}"


def write_changes(
    con: duckdb.DuckDBPyConnection, building: Path, manifest: dict[str, Any], older: Path | None
) -> Difference | None:
    """Write the rows that a release's marts differ by from the release before; note them, and its version, in its manifest.

    Raises ReleaseError where a difference, taken back, does not come to the release before.
    """
    manifest["changes"], manifest["difference"], manifest["version"] = [], None, next_version(None, False)
    if older is None:
        return None
    before = read_manifest(older)
    found = difference(con, in_folder(older, before), in_folder(building, manifest))
    (building / "changes").mkdir()
    marts = {mart["name"]: mart for mart in manifest["marts"]}
    earlier = {mart["name"]: mart for mart in before["marts"]}
    for name, (added, removed) in found.counts.items():
        columns, file = marts[name]["columns"], f"changes/{name}.parquet"
        con.execute(f"COPY {table_of(name)} TO {quote(building / file)} (FORMAT parquet, COMPRESSION zstd)")
        was = earlier[name].get("digest") or digest(con, parquet(older / earlier[name]["file"]), columns)
        taken_back = without(con, marts[name]["digest"], parquet(building / file), columns)
        if (taken_back, marts[name]["rows"] - added + removed) != (was, earlier[name]["rows"]):
            raise ReleaseError(f"{name} 与上一版 {older.name} 的差异算不出来（{COPIES} 加回去对不上），未发布")
        said = {"file": file, "mart": name, "added": added, "removed": removed}
        manifest["changes"].append(said | {"sha256": sha256(building / file)})
    manifest["version"] = next_version(before.get("version", "1.0"), found.is_major)
    manifest["difference"] = {
        "redefined": found.redefined,
        "added": found.added,
        "changed_figure_count": found.figure_count,
        "causes": [cause._asdict() for cause in found.causes],
        "said": found.said,
    }
    return found


def fill(
    con: duckdb.DuckDBPyConnection, manifest: dict[str, Any], older: Path | None, found: Difference | None
) -> None:
    """Fill TOLD in the snapshot, which is open for writing as junheng; found: what differs, null: nothing to compare with."""
    marts = {mart["name"]: mart["columns"] for mart in manifest["marts"] if mart["name"] in TOLD}
    release, change = TOLD
    if change in marts and found:
        con.execute(f"INSERT INTO junheng.marts.{change} BY NAME {WITH_CAUSES}")
    if release in marts:
        if older and (file := older / f"parquet/{release}.parquet").exists():
            _copy_those_before(con, release, file, marts[release])
        counts = [found and sum(pair[side] for pair in found.counts.values()) for side in (0, 1)]
        con.execute(
            f"INSERT INTO junheng.marts.{release} VALUES (?, ?, ?, ?::TIMESTAMPTZ AT TIME ZONE 'UTC', ?, ?, ?, ?, ?, ?)",
            [
                *(manifest["release_id"], manifest["previous"], manifest["version"], manifest["created_at"]),
                *(manifest["code_version"], found and len(found.counts), *counts),
                *(found and found.figure_count, found and found.said),
            ],
        )


def _copy_those_before(con: duckdb.DuckDBPyConnection, mart: str, file: Path, columns: Columns) -> None:
    """The rows that the release before has, as far as their columns are still there."""
    had = {row[0] for row in con.execute(f"DESCRIBE FROM {parquet(file)}").fetchall()}
    cells = ", ".join(column["name"] for column in columns if column["name"] in had)
    con.execute(f"INSERT INTO junheng.marts.{mart} BY NAME SELECT {cells} FROM {parquet(file)} ORDER BY ALL")
