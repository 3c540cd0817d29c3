"""Publishing: the marts become a finished, checked, read-only folder behind a pointer that switches at once.

    releases/<release_id>/junheng.duckdb         schema marts, in a storage version that older readers know
    releases/<release_id>/parquet/<mart>.parquet the same rows in the same order, zstd
    releases/<release_id>/forms/<region>/        the papers of every county, newest year: application form, schools' self-assessment
    releases/<release_id>/briefing/index.html    the director's page, which opens from disk without a server or a network
    releases/<release_id>/dictionary.{html,xlsx} what every table and column means
    releases/<release_id>/manifest.json          what is inside, from which source files, with a sha256 each
    releases/current                             symbolic link to the newest release

A release is built under another name and renamed when it is whole: at any moment a reader finds the old one
or the new one, and nothing that is published changes in place.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.fingerprint import sha256
from dagster_project.release import briefing
from dagster_project.release.dictionary import write_dictionary
from dagster_project.release.forms import write_forms
from dagster_project.release.store import ReleaseError, content_hash, current_release, verify
from dagster_project.sql import quote, quote_name

STORAGE_VERSION = "v1.0.0"  # DuckDB 1.0 and later, and the BI drivers that lag behind
_STAMP = "%Y%m%dT%H%M%SZ"
_RELEASE_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_LEFTOVERS = (".building-*", ".removing-*", ".current-*")
# Space for a release, as a multiple of the warehouse: up to 1 for the snapshot, less than that for Parquet.
_SPACE_FACTOR = 1.5


@dataclass(frozen=True)
class Release:
    """The release that readers get now; not is_new: the content was the same and nothing was made."""

    release_id: str
    path: Path
    is_new: bool


def publish(home: Path, code_version: str, keep: int = 5) -> Release:
    """Publish the marts of <home>/warehouse.duckdb and keep the newest `keep` releases.

    The caller holds the refresh lock and has closed the warehouse. If marts, source files and code version
    are those of the current release, that one is returned; of one that is damaged no file is taken over. On any
    failure readers keep what they had and ReleaseError says why.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    home = home.resolve()
    warehouse, releases = home / "warehouse.duckdb", home / "releases"
    if not warehouse.exists():
        raise ReleaseError(f"没有数仓文件 {warehouse}：请先运行 junheng refresh")
    building = releases / ".building-release"
    try:
        releases.mkdir(parents=True, exist_ok=True)
        for pattern in _LEFTOVERS:
            for leftover in releases.glob(pattern):
                _remove(leftover)
        _check_space(warehouse, releases)
        current = current_release(home)
        try:
            manifest = _build(warehouse, building, code_version, None if current and verify(current) else current)
            manifest["previous"] = current.name if current else None
            release = _find(releases, manifest) or _finish(building, manifest)
        finally:
            if building.exists():
                _remove(building)
        is_new = release != current
        if is_new:
            _point(releases, release)
        _retire(releases, release, keep)
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


def _build(warehouse: Path, building: Path, code_version: str, previous: Path | None) -> dict[str, Any]:
    """Write snapshot and Parquet into `building`; return the manifest, not yet dated nor named.

    What is the same as in `previous` is linked to it.
    """
    (building / "parquet").mkdir(parents=True)
    snapshot = building / "junheng.duckdb"
    with duckdb.connect(config={"temp_directory": str(building / "spill")}) as connection:
        connection.execute("PRAGMA disable_progress_bar")
        # The alias is the one dbt knows the file by, so that views in marts find their tables.
        connection.execute(f"ATTACH {quote(warehouse)} AS warehouse (READ_ONLY)")
        connection.execute(f"ATTACH {quote(snapshot)} AS junheng (STORAGE_VERSION '{STORAGE_VERSION}')")
        marts = _describe(connection)
        if not marts:
            raise ReleaseError("数仓的 marts 中没有任何表，未发布")
        connection.execute("BEGIN; CREATE SCHEMA junheng.marts")
        for mart in marts:
            connection.execute(_create_statement(mart))
            table = quote_name(mart["name"])
            # A total order makes equal content equal bytes, whatever order dbt inserted it in.
            (mart["rows"],) = _row(
                connection, f"INSERT INTO junheng.marts.{table} FROM warehouse.marts.{table} ORDER BY ALL"
            )
        connection.execute("COMMIT; DETACH junheng")
        # Read back what reached the disk: Parquet comes from the finished snapshot and must hold every row.
        connection.execute(f"ATTACH {quote(snapshot)} AS junheng (READ_ONLY)")
        for mart in marts:
            mart["file"] = f"parquet/{mart['name']}.parquet"
            target = quote(building / mart["file"])
            table = quote_name(mart["name"])
            (copied,) = _row(connection, f"COPY junheng.marts.{table} TO {target} (FORMAT parquet, COMPRESSION zstd)")
            if copied != mart["rows"]:
                raise ReleaseError(f"{mart['name']} 写入 {mart['rows']} 行，读回 {copied} 行，未发布")
            mart["sha256"] = sha256(building / mart["file"])
        regions = _records(
            connection,
            "SELECT region_id, region_name_zh AS name, is_synthetic FROM warehouse.raw.region ORDER BY ALL",
        )
        sources = _records(
            connection,
            """
            SELECT source_file AS path, sheet, region_id, school_year, "extract", sha256, rows_in,
                rows_loaded AS loaded, rows_quarantined AS quarantined, rows_skipped AS skipped,
                status, reason
            FROM warehouse.raw.source_file ORDER BY ALL
            """,
        )
        blocked = _records(
            connection,
            "SELECT region_id, school_year, reason, since_release FROM warehouse.raw.blocked_partition ORDER BY ALL",
        )
        has_forms = any(mart["name"] == "mart_application_form" for mart in marts)
        forms = write_forms(connection, building, previous, code_version) if has_forms else []
        for form in forms:
            form["sha256"] = sha256(building / form["file"])
        notice, page = _notice(regions), []
        if briefing.MARTS.issubset(mart["name"] for mart in marts):
            page = briefing.write_briefing(connection, building, previous, notice, [form["file"] for form in forms])
    words = write_dictionary(building, previous, code_version, {mart["name"] for mart in marts})
    shutil.rmtree(building / "spill", ignore_errors=True)
    manifest = {
        "release_id": None,
        "created_at": None,
        "previous": None,
        "code_version": code_version,
        "duckdb_version": duckdb.__version__,
        "notice": notice,
        "regions": regions,
        "source_files": sources,
        "blocked": blocked,
        "marts": marts,
        "forms": forms,
        "briefing": page,
        "dictionary": words,
        "snapshot": {"file": snapshot.name, "sha256": sha256(snapshot)},
    }
    return {**manifest, "content_sha256": content_hash(manifest)}


def _describe(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every table and view of marts: name, comment, and its columns with type, is_nullable and comment."""
    marts = _records(
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
    columns = _records(
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


def _create_statement(mart: dict[str, Any]) -> str:
    table = f"junheng.marts.{quote_name(mart['name'])}"
    columns, comments = [], []
    if mart["comment"] is not None:
        comments.append(f"COMMENT ON TABLE {table} IS {quote(mart['comment'])}")
    for column in mart["columns"]:
        name = quote_name(column["name"])
        columns.append(f"{name} {column['type']}{'' if column['is_nullable'] else ' NOT NULL'}")
        if column["comment"] is not None:
            comments.append(f"COMMENT ON COLUMN {table}.{name} IS {quote(column['comment'])}")
    return ";\n".join([f"CREATE TABLE {table} ({', '.join(columns)})", *comments])


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


def _find(releases: Path, manifest: dict[str, Any]) -> Path | None:
    """An undamaged release with this content: the current one, or a later one that a crash left behind."""
    for release in _listed(releases):
        is_candidate = manifest["previous"] is None or release.name >= manifest["previous"]
        if is_candidate and release.name.endswith(manifest["content_sha256"][:8]) and not verify(release):
            recorded = json.loads((release / "manifest.json").read_bytes())
            if recorded["content_sha256"] == manifest["content_sha256"]:
                return release
    return None


def _finish(building: Path, manifest: dict[str, Any]) -> Path:
    """Date and name the release, bring it to the disk, make it read-only, and give it its final name."""
    releases = building.parent
    now = stamp = datetime.now(UTC)
    if listed := _listed(releases):
        # Names sort by age even if the clock was set back or two releases fall into one second.
        newest = datetime.strptime(listed[-1].name[:16], _STAMP).replace(tzinfo=UTC)
        stamp = max(now, newest + timedelta(seconds=1))
    manifest["release_id"] = f"{stamp.strftime(_STAMP)}-{manifest['content_sha256'][:8]}"
    manifest["created_at"] = now.isoformat(timespec="seconds")
    if manifest["briefing"]:
        manifest["briefing"].append(briefing.write_release(building, manifest["release_id"], manifest["created_at"]))
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (building / "manifest.json").write_text(f"{text}\n", encoding="utf-8")
    for path in [*building.rglob("*"), building]:
        _sync(path)
        path.chmod(path.stat().st_mode & ~0o222)
    release = releases / manifest["release_id"]
    building.rename(release)
    _sync(releases)
    return release


def _point(releases: Path, release: Path) -> None:
    """Switch `current` in one step. The target is relative: a home that is moved as a whole stays good."""
    temporary = releases / f".current-{release.name}"
    temporary.symlink_to(release.name)
    os.replace(temporary, releases / "current")
    _sync(releases)


def _retire(releases: Path, current: Path, keep: int) -> None:
    """Remove the oldest releases beyond `keep`, never the current one; an open reader keeps its file."""
    others = [release for release in _listed(releases) if release.name != current.name]
    for release in others[: max(0, len(others) + 1 - keep)]:
        removing = releases / f".removing-{release.name}"
        release.rename(removing)
        _remove(removing)


def _listed(releases: Path) -> list[Path]:
    """All releases, oldest first; whatever else lies in the folder is none of ours."""
    return sorted(path for path in releases.iterdir() if _RELEASE_ID.fullmatch(path.name) and path.is_dir())


def _remove(path: Path) -> None:
    """Remove a link, or a folder that may be read-only."""
    if path.is_symlink():
        path.unlink()
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o755)
    shutil.rmtree(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _records(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = connection.execute(query)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _row(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[Any, ...]:
    return connection.execute(statement).fetchall()[0]
