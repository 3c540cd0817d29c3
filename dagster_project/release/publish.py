"""Publishing: the marts become a finished, checked, read-only folder behind a pointer that switches at once.

    releases/<release_id>/junheng.duckdb         schema marts, in a storage version that older readers know
    releases/<release_id>/parquet/<mart>.parquet the same rows in the same order, zstd
    releases/<release_id>/forms/<region>/        the papers of every county, newest year: application form, schools' self-assessment
    releases/<release_id>/briefing/index.html    the director's page, which opens from disk without a server or a network
    releases/<release_id>/dictionary.{html,xlsx} what every table and column means
    releases/<release_id>/data_docs/*.html       what Great Expectations checked before it was published, and what it found
    releases/<release_id>/changes/<mart>.parquet what differs from the release before (history.py, tell.py)
    releases/<release_id>/manifest.json          what is inside, from which source files, with a sha256 each
    releases/current                             symbolic link to the newest release

A release is built under another name and renamed when it is whole: at any moment a reader finds the old one
or the new one, and nothing that is published changes in place.
"""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.fingerprint import computing, libraries, seeds, sha256
from dagster_project.release import briefing, briefing_tables, live, signing
from dagster_project.release.content import create_statement, digest, one_row, parquet, records
from dagster_project.release.dictionary import write_dictionary
from dagster_project.release.forms import write_forms
from dagster_project.release.history import STORAGE_VERSION, WHOLE, forget_opened, remove, retire
from dagster_project.release.store import (
    CHECKED,
    MANIFEST,
    SNAPSHOT,
    TOLD,
    ReleaseError,
    content_hash,
    current_release,
    is_whole,
    listed,
    read_manifest,
    verify,
)
from dagster_project.release.tell import fill, write_changes
from dagster_project.sql import quote, quote_name

_STAMP = "%Y%m%dT%H%M%SZ"
_LEFTOVERS = (".building-*", ".removing-*", ".packing-*", ".current-*")
# Space for a release, as a multiple of the warehouse: up to 1 for the snapshot, less than that for Parquet.
_SPACE_FACTOR = 1.5


@dataclass(frozen=True)
class Release:
    """The release that readers get now; not is_new: the content was the same and nothing was made."""

    release_id: str
    path: Path
    is_new: bool


def publish(home: Path, code_version: str, keep: int | None = None, whole: int = WHOLE) -> Release:
    """Publish the marts of <home>/warehouse.duckdb; keep at least the newest `keep` releases (None: all), `whole` of them unthinned.

    The caller holds the refresh lock and has closed the warehouse. If marts, source files and code version
    are those of the current release, that one is returned; of one that is damaged no file is taken over, and the new one is compared
    with the newest sound one. On any failure readers keep what they had and ReleaseError says why.
    """
    if whole < 1 or (keep is not None and keep < 1):
        raise ValueError("keep and whole must be at least 1")
    home = home.resolve()
    warehouse, releases = home / "warehouse.duckdb", home / "releases"
    if not warehouse.exists():
        raise ReleaseError(f"没有数仓文件 {warehouse}：请先运行 junheng refresh")
    building = releases / ".building-release"
    try:
        releases.mkdir(parents=True, exist_ok=True)
        for pattern in _LEFTOVERS:
            for leftover in releases.glob(pattern):
                remove(leftover)
        _check_space(warehouse, releases)
        current = current_release(home)
        try:
            (building / "parquet").mkdir(parents=True)
            with duckdb.connect(config={"temp_directory": str(building / "spill")}) as connection:
                connection.execute("SET enable_progress_bar = false")
                manifest = _write_marts(connection, warehouse, building, code_version)
                release = _find(releases, manifest, current)
                if not release:
                    older = _comparable(releases, current)
                    manifest["previous"] = older.name if older else None
                    _name(releases, manifest)
                    manifest["data_docs"] = _take_checks(home, building)
                    _complete(connection, building, manifest, older)
            release = release or _finish(building, manifest)
        finally:
            if building.exists():
                remove(building)
        is_new = release != current
        if is_new:
            _point(releases, release)
        retire(releases, release, keep, whole)
        forget_opened(home, datetime.now())
        live.write_live(home)
    except (OSError, duckdb.Error) as error:
        served = current_release(home)
        state = f"读者看到的是 {served.name}" if served else "尚无可读的版本"
        raise ReleaseError(f"发布未完成，{state}：{error}") from error
    return Release(release.name, release, is_new)


def _check_space(warehouse: Path, releases: Path) -> None:
    needed, free = int(warehouse.stat().st_size * _SPACE_FACTOR), shutil.disk_usage(releases).free
    if free < needed:
        raise ReleaseError(
            f"磁盘空间不足，未发布：{releases} 可用 {free / 1e6:,.1f} MB，发布约需 {needed / 1e6:,.1f} MB"
            f"（数仓文件的 {_SPACE_FACTOR} 倍）；原发布版本不受影响"
        )


def _comparable(releases: Path, current: Path | None) -> Path | None:
    """The release to compare with: the current one, or where that is damaged the newest that is whole and sound."""
    others = [release for release in reversed(listed(releases)) if release != current]
    return next((r for r in (*([current] if current else []), *others) if is_whole(r) and not verify(r)), None)


def _write_marts(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, building: Path, code_version: str
) -> dict[str, Any]:
    """Write the snapshot and Parquet into `building`; return the manifest of what decides the content, not yet dated nor named."""
    # The alias is the one dbt knows the file by, so that views in marts find their tables.
    connection.execute(f"ATTACH {quote(warehouse)} AS warehouse (READ_ONLY)")
    connection.execute(f"ATTACH {quote(building / SNAPSHOT)} AS junheng (STORAGE_VERSION '{STORAGE_VERSION}')")
    marts = _describe(connection)
    if not marts:
        raise ReleaseError("数仓的 marts 中没有任何表，未发布")
    connection.execute("BEGIN; CREATE SCHEMA junheng.marts")
    for mart in marts:
        connection.execute(create_statement(mart, "junheng.marts"))
        table = quote_name(mart["name"])
        # A total order makes equal content equal bytes, whatever order dbt inserted it in.
        (mart["rows"],) = one_row(
            connection, f"INSERT INTO junheng.marts.{table} FROM warehouse.marts.{table} ORDER BY ALL"
        )
    connection.execute("COMMIT; DETACH junheng")
    # Read back what reached the disk: Parquet comes from the finished snapshot and must hold every row.
    connection.execute(f"ATTACH {quote(building / SNAPSHOT)} AS junheng (READ_ONLY)")
    for mart in marts:
        _write_parquet(connection, building, mart)
    connection.execute("USE junheng.marts")
    marks = signing.marks(connection, warehouse.parent)
    connection.execute("USE memory; DETACH junheng")
    regions = records(
        connection,
        """
        SELECT region_id, region_name_zh AS name, is_synthetic, documents, rules_of,
            (SELECT list(county_code ORDER BY county_code) FROM warehouse.raw.county AS c WHERE c.region_id = r.region_id)
                AS counties
        FROM warehouse.raw.region AS r ORDER BY ALL
        """,
    )
    manifest = {
        "release_id": None,
        "version": None,
        "created_at": None,
        "previous": None,
        "code_version": code_version,
        "workings": {"code": computing(), "seeds": seeds(), "libraries": libraries()},
        "duckdb_version": duckdb.__version__,
        "notice": _notice(regions),
        "signed": {f"{region_id}/{school_year}": mark for (region_id, school_year), mark in marks.items()},
        "regions": regions,
        "source_files": records(
            connection,
            """
            SELECT source_file AS path, sheet, region_id, school_year, "extract", sha256, rows_in,
                rows_loaded AS loaded, rows_quarantined AS quarantined, rows_skipped AS skipped,
                status, reason
            FROM warehouse.raw.source_file ORDER BY ALL
            """,
        ),
        "partitions": records(
            connection,
            "SELECT region_id, school_year, fingerprint FROM warehouse.raw.loaded_partition ORDER BY ALL",
        ),
        "blocked": records(
            connection,
            "SELECT region_id, school_year, reason, since_release FROM warehouse.raw.blocked_partition ORDER BY ALL",
        ),
        "marts": marts,
    }
    return {**manifest, "content_sha256": content_hash(manifest)}


def _write_parquet(connection: duckdb.DuckDBPyConnection, building: Path, mart: dict[str, Any]) -> None:
    mart["file"] = f"parquet/{mart['name']}.parquet"
    table, target = quote_name(mart["name"]), quote(building / mart["file"])
    (copied,) = one_row(connection, f"COPY junheng.marts.{table} TO {target} (FORMAT parquet, COMPRESSION zstd)")
    if copied != mart["rows"]:
        raise ReleaseError(f"{mart['name']} 写入 {mart['rows']} 行，读回 {copied} 行，未发布")
    mart["sha256"] = sha256(building / mart["file"])
    mart["digest"] = digest(connection, parquet(building / mart["file"]), mart["columns"])


def _take_checks(home: Path, building: Path) -> list[dict[str, Any]]:
    """Bring the Data Docs of the checks that this content has passed into the release; each with its sha256. None: nothing was checked."""
    files = []
    for page in sorted((home / CHECKED).glob("*.html")):
        (building / "data_docs").mkdir(exist_ok=True)
        shutil.copyfile(page, building / "data_docs" / page.name)
        files.append({"file": f"data_docs/{page.name}", "sha256": sha256(page)})
    return files


def _complete(
    connection: duckdb.DuckDBPyConnection, building: Path, manifest: dict[str, Any], older: Path | None
) -> None:
    """Add to a new release what changed, what it tells of itself, its forms, page and dictionary.

    What is the same as in the release before, if it is sound, is linked to it.
    """
    found = write_changes(connection, building, manifest, older)
    snapshot = quote(building / SNAPSHOT)
    connection.execute(f"ATTACH {snapshot} AS junheng")
    fill(connection, manifest, older, found)
    connection.execute(f"DETACH junheng; ATTACH {snapshot} AS junheng (READ_ONLY)")
    had = {mart["file"]: mart["sha256"] for mart in read_manifest(older)["marts"]} if older else {}
    for mart in manifest["marts"]:
        if mart["name"] in TOLD:
            (mart["rows"],) = one_row(connection, f"SELECT count(*) FROM junheng.marts.{mart['name']}")
            _write_parquet(connection, building, mart)
        elif older and had.get(mart["file"]) == mart["sha256"]:
            (building / mart["file"]).unlink()
            os.link(older / mart["file"], building / mart["file"])
    marts, code_version = {mart["name"] for mart in manifest["marts"]}, manifest["code_version"]
    marks = {(r, int(y)): mark for key, mark in manifest["signed"].items() for r, _, y in [key.rpartition("/")]}
    forms = write_forms(connection, building, older, code_version, marks) if "mart_application_form" in marts else []
    for form in forms:
        form["sha256"] = sha256(building / form["file"])
    manifest["forms"], manifest["briefing"] = forms, []
    if briefing_tables.MARTS.issubset(marts):
        papers: dict[tuple[str, ...], list[str]] = {}
        for form in forms:
            papers.setdefault((form["region_id"], form["county_code"]), []).append(form["file"])
        manifest["briefing"] = briefing.write_briefing(connection, building, older, manifest["notice"], papers, marks)
        manifest["briefing"].append(briefing.write_release(connection, building, manifest))
    manifest["dictionary"] = write_dictionary(building, older, code_version, marts)
    connection.execute("USE memory; DETACH junheng")
    shutil.rmtree(building / "spill", ignore_errors=True)
    manifest["snapshot"] = {"file": SNAPSHOT, "sha256": sha256(building / SNAPSHOT)}


def _describe(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every table and view of marts: name, comment, and its columns with type, is_nullable and comment."""
    marts = records(
        connection,
        """
        SELECT table_name AS name, comment FROM duckdb_tables()
        WHERE database_name = 'warehouse' AND schema_name = 'marts'
        UNION ALL
        SELECT view_name, comment FROM duckdb_views()
        WHERE database_name = 'warehouse' AND schema_name = 'marts'
        ORDER BY ALL
        """,
    )
    columns = records(
        connection,
        """
        SELECT table_name, column_name AS name, data_type AS type, is_nullable, comment FROM duckdb_columns()
        WHERE database_name = 'warehouse' AND schema_name = 'marts'
        ORDER BY table_name, column_index
        """,
    )
    for mart in marts:
        mart["columns"] = []
    by_name = {mart["name"]: mart["columns"] for mart in marts}
    for column in columns:
        by_name[column.pop("table_name")].append(column)
    return marts


def _notice(regions: list[dict[str, Any]]) -> str | None:
    """The sentence that has to stand beside every number of a release with made-up data."""
    names = "、".join(region["name"] or region["region_id"] for region in regions if region["is_synthetic"])
    if not names:
        return None
    return (
        f"本发布含合成（虚构）数据：{names}。这些数字不反映任何真实学校，不得用于评估或申报。 "
        f"This release contains synthetic data ({names}): the figures describe no real school and must "
        "not be used for any assessment."
    )


def _find(releases: Path, manifest: dict[str, Any], current: Path | None) -> Path | None:
    """An undamaged release with this content: the current one, or a later one that a crash left behind."""
    for release in listed(releases):
        is_candidate = current is None or release.name >= current.name
        if is_candidate and release.name.endswith(manifest["content_sha256"][:8]) and not verify(release):
            recorded = read_manifest(release)
            if recorded["content_sha256"] == manifest["content_sha256"] and is_whole(release):
                return release
    return None


def _name(releases: Path, manifest: dict[str, Any]) -> None:
    """Date and name a release: names sort by age even if the clock was set back or two releases fall into one second."""
    now = stamp = datetime.now(UTC)
    if found := listed(releases):
        newest = datetime.strptime(found[-1].name[:16], _STAMP).replace(tzinfo=UTC)
        stamp = max(now, newest + timedelta(seconds=1))
    manifest["release_id"] = f"{stamp.strftime(_STAMP)}-{manifest['content_sha256'][:8]}"
    manifest["created_at"] = now.isoformat(timespec="seconds")


def _finish(building: Path, manifest: dict[str, Any]) -> Path:
    """Bring a release to the disk, make it read-only, and give it its name."""
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (building / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
    for path in [*building.rglob("*"), building]:
        _sync(path)
        path.chmod(path.stat().st_mode & ~0o222)
    release = building.parent / manifest["release_id"]
    building.rename(release)
    _sync(building.parent)
    return release


def _point(releases: Path, release: Path) -> None:
    """Switch `current` in one step. The target is relative: a home that is moved as a whole stays good."""
    temporary = releases / f".current-{release.name}"
    temporary.symlink_to(release.name)
    os.replace(temporary, releases / "current")
    _sync(releases)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
