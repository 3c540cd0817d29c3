"""Releases of before: the newest stay whole, older ones are thinned to what changed, and any can be had again.

    releases/<release_id>/changes/<mart>.parquet  the rows added since the release before (_copies 1) and removed (−1)
    releases/<release_id>/briefing.tar.xz         of a thinned one: the files of its page that the release after it has not
    opened/<release_id>/                          beside releases/: a thinned release that somebody asked for, as it was published but for
                                                  Parquet; forgotten when nobody has read it for KEPT_OPEN

A mart of a release is that of a later one, less what all changes since came to. Where a mart's columns became others, or it was dropped,
the older release keeps its Parquet file. A release that was signed, or that no later one was compared with, stays whole.
"""

import hashlib
import lzma
import os
import shutil
import tarfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from dagster_project.release.content import create_statement, insert_earlier
from dagster_project.release.store import (
    MANIFEST,
    OPENED,
    PACKED,
    SNAPSHOT,
    THINNED,
    TOLD,
    ReleaseError,
    current_release,
    is_signed,
    is_whole,
    listed,
    manifests,
    read_manifest,
)
from dagster_project.release.store import verify as verify_files
from dagster_project.sql import quote

STORAGE_VERSION = "v1.0.0"  # DuckDB 1.0 and later, and the BI drivers that lag behind
KEPT_OPEN = timedelta(days=7)
WHOLE = 3  # so many of the newest releases keep their snapshot and Parquet files


def snapshot_of(release: Path) -> Path:
    """A DuckDB file with a release's marts, its page beside it: its own, or made of the later releases. Raises ReleaseError."""
    if is_whole(release):
        return release / SNAPSHOT
    opened = release.parent.parent / OPENED / release.name
    if not opened.exists():
        with _made_again(release) as folder:
            for name in ("forms", "dictionary", "data_docs"):
                for file in read_manifest(release).get(name, []):
                    (folder / file["file"]).parent.mkdir(parents=True, exist_ok=True)
                    os.link(release / file["file"], folder / file["file"])
            os.link(release / MANIFEST, folder / MANIFEST)
            (folder / SNAPSHOT).chmod(0o444)
            try:
                folder.rename(opened)
            except OSError:
                if not opened.exists():  # else another process was faster, and made the same
                    raise
    with suppress(OSError):  # who may only read does not keep it open for longer
        os.utime(opened / SNAPSHOT)
    return opened / SNAPSHOT


def forget_opened(home: Path, now: datetime) -> None:
    """Delete the opened releases that nobody has asked for or read for KEPT_OPEN, and what a killed process left. An open reader keeps its file."""
    for path in (home / OPENED).glob("*"):
        stat = (path / SNAPSHOT if (path / SNAPSHOT).exists() else path).stat()
        if now - datetime.fromtimestamp(max(stat.st_atime, stat.st_mtime)) > KEPT_OPEN:
            remove(path)


def verify(release: Path) -> list[str]:
    """What is wrong with a release, in Chinese; a thinned one is made again to see that its marts and page are those of its manifest."""
    problems = verify_files(release)
    if problems or is_whole(release):
        return problems
    try:
        with _made_again(release):
            return []
    except ReleaseError as error:
        return [str(error)]


@contextmanager
def _made_again(release: Path) -> Generator[Path]:
    """A thinned release's marts and page in a new folder, each held to its manifest; the folder goes where it is not moved away."""
    manifest, later = read_manifest(release), list(_later(release))
    opened = release.parent.parent / OPENED
    try:
        opened.mkdir(exist_ok=True)
        with TemporaryDirectory(prefix=".building-", dir=opened) as building:
            folder = Path(building) / release.name
            folder.mkdir()
            with duckdb.connect(config={"temp_directory": f"{building}/spill"}) as con:
                con.execute("SET enable_progress_bar = false")
                con.execute(f"ATTACH {quote(folder / SNAPSHOT)} AS junheng (STORAGE_VERSION '{STORAGE_VERSION}')")
                con.execute("BEGIN; CREATE SCHEMA junheng.marts")
                for mart in manifest["marts"]:
                    con.execute(create_statement(mart, "junheng.marts"))
                    insert_earlier(con, "junheng.marts", mart, *_sources(release, later, mart))
                con.execute("COMMIT")
            _unpack(folder, manifest, [release, *(place for place, _ in later)])
            yield folder
    except (OSError, duckdb.Error, tarfile.TarError, lzma.LZMAError, ReleaseError) as error:
        raise ReleaseError(f"已精简的版本 {release.name} 没能还原：{error}") from error


def _unpack(folder: Path, manifest: dict[str, Any], places: list[Path]) -> None:
    """Bring the files of a page into a folder, each from the first release that has it. Raises ReleaseError."""
    missing = {file["file"]: file["sha256"] for file in manifest["briefing"]}
    for place in places:
        found = {name: (place / name).read_bytes() for name in missing if (place / name).exists()}
        if (place / PACKED).exists():
            with tarfile.open(place / PACKED) as packed:
                for member in packed:
                    if member.name in missing and (file := packed.extractfile(member)):
                        found[member.name] = file.read()
        for name, content in found.items():
            if hashlib.sha256(content).hexdigest() != missing.pop(name):
                raise ReleaseError(f"{name} 还原出来与清单不符")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    if missing:
        raise ReleaseError(f"缺少 {min(missing)}")


def _sources(release: Path, later: list[tuple[Path, dict[str, Any]]], mart: dict[str, Any]) -> tuple[Path, list[Path]]:
    """The first Parquet file of a mart in a release or a later one, and the changes that lie between."""
    changes: list[Path] = []
    if (release / mart["file"]).exists():
        return release / mart["file"], changes
    for place, said in later:
        changes += [place / file["file"] for file in said["changes"] if file["mart"] == mart["name"]]
        if (place / mart["file"]).exists():
            return place / mart["file"], changes
    raise ReleaseError(f"缺少 {mart['file']}")


def _later(release: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The releases that were compared one with the next from this one on, up to the first that is whole."""
    newer = manifests(_newer(release))
    while not is_whole(release):
        following = [path for path, said in newer.items() if said["previous"] == release.name]
        if not following:
            return
        release = following[-1]
        yield release, newer[release]


def _newer(release: Path) -> list[Path]:
    return [path for path in listed(release.parent) if path.name > release.name]


def lines(home: Path) -> Iterator[str]:
    """Every release, newest first, in two lines of Chinese: when, how large beside what older ones hold already, whole or thinned; what changed."""
    found, current, seen = listed(home / "releases"), current_release(home), set()
    sizes, said = {}, manifests(found)
    for release in found:
        files = {(stat.st_ino, stat.st_size) for path in release.rglob("*") if path.is_file() for stat in [path.stat()]}
        sizes[release] = sum(size for _, size in files - seen)
        seen |= files
    for release in reversed(found):
        if release not in said:
            yield f"{release.name}　清单 manifest.json 缺失或损坏"
            continue
        manifest = said[release]
        made = datetime.fromisoformat(manifest["created_at"]).astimezone()
        marks = [
            "完整" if is_whole(release) else "已精简",
            *["已签"] * is_signed(release),
            *["当前"] * (release == current),
        ]
        yield f"{release.name}　版本 {manifest.get('version', '—')}　{made:%Y-%m-%d %H:%M}　{sizes[release] / 1e6:,.1f} MB　{'、'.join(marks)}"
        yield f"    {(manifest.get('difference') or {}).get('said') or '没有与上一版比较'}"


def retire(releases: Path, current: Path, keep: int | None, whole: int) -> None:
    """Thin all but the newest releases, and remove the oldest beyond `keep` (None: none); never the current one or a signed one.

    An open reader keeps its file. What another release is made again from stays too.
    """
    others = [release for release in listed(releases) if release != current]
    if keep is not None:
        held: set[Path] = set()
        for release in others[: max(0, len(others) + 1 - keep)]:
            if is_signed(release):
                held.update(path for path, _ in _later(release))
            elif release not in held:
                removing = releases / f".removing-{release.name}"
                release.rename(removing)
                remove(removing)
    others = [release for release in listed(releases) if release != current]
    for release in others[: max(0, len(others) + 1 - whole)]:
        _thin(release)


def _thin(release: Path) -> None:
    """Leave of a release what no later one can give back; nothing where it is signed, none was compared with it, or it is thinned."""
    if not (release / SNAPSHOT).exists() or is_signed(release):
        return
    manifest = manifests([release]).get(release)
    following = [said for said in manifests(_newer(release)).values() if said["previous"] == release.name]
    if not manifest or not following or any("digest" not in mart for mart in manifest["marts"]):
        return
    kept = {*TOLD, *(name for said in following for name in said["difference"]["redefined"])}
    folders = [release, *(path for path in release.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o755)
    (release / THINNED).touch(mode=0o444)
    if not (release / PACKED).exists():
        _pack(release, manifest, following[-1])
    for mart in manifest["marts"]:
        if mart["name"] not in kept:
            (release / mart["file"]).unlink(missing_ok=True)
    if (release / "briefing").exists():
        remove(release / "briefing")
    (release / SNAPSHOT).unlink()  # the last: while it is there, this is not done
    for folder in folders:
        if folder.exists():
            folder.chmod(0o555)


def _pack(release: Path, manifest: dict[str, Any], next_manifest: dict[str, Any]) -> None:
    """Pack the files of a page that the next release has not, all or nothing."""
    same = {(file["file"], file["sha256"]) for file in next_manifest["briefing"]}
    packing = release.parent / f".packing-{release.name}"
    with tarfile.open(packing, "w:xz", preset=4) as packed:
        for file in manifest["briefing"]:
            if (file["file"], file["sha256"]) not in same:
                packed.add(release / file["file"], file["file"])
    packing.chmod(0o444)
    packing.rename(release / PACKED)


def remove(path: Path) -> None:
    """Remove a link or a file, or a folder that may be read-only."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o755)
    shutil.rmtree(path)
