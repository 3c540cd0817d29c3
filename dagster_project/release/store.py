"""Where the releases lie: which there are, which one is current, and whether one is as its manifest says.

A release is whole, or thinned: marked so, and without the snapshot, the Parquet files and the page that later releases give back
(history.py).
"""

import hashlib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dagster_project.fingerprint import sha256

PARTS = (
    "forms",
    "briefing",
    "dictionary",
    "changes",
    "data_docs",
)  # of a manifest: files that lie in a release beside its marts
MANIFEST, SNAPSHOT = "manifest.json", "junheng.duckdb"
THINNED = "thinned"  # an empty file that marks a release as thinned
PACKED = "briefing.tar.xz"  # in a thinned release: the files of its page that the release after it has not
CHECKED = (
    "checked"  # of a home: the Data Docs of the checks that the run under way has passed, which go into its release
)
OPENED = "opened"  # of a home: thinned releases that somebody asked for, made again
SIGNED = (
    "signed"  # of a home: a folder a release of which a region and year was signed; such a release is never removed
)
TOLD = (
    "mart_release",
    "mart_release_change",
)  # marts that tell of releases: filled as one is published, from all that lies before
_RELEASE_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


class ReleaseError(RuntimeError):
    """A release cannot be made or read; the message is Chinese and meant for the user."""


def current_release(home: Path) -> Path | None:
    """The real folder of the release that readers get now, None before the first one."""
    pointer = home / "releases" / "current"
    return pointer.resolve() if pointer.exists() else None


def require_release(home: Path) -> Path:
    """The folder of the current release; raises ReleaseError before the first one."""
    if release := current_release(home):
        return release
    raise ReleaseError(f"{home / 'releases'} 中还没有发布版本：请先运行 junheng refresh")


def listed(releases: Path) -> list[Path]:
    """All releases, oldest first; whatever else lies in the folder is none of ours."""
    if not releases.is_dir():
        return []
    return sorted(path for path in releases.iterdir() if _RELEASE_ID.fullmatch(path.name) and path.is_dir())


def find_release(home: Path, name: str) -> Path:
    """A release by its id, the beginning of it, or its version; the newest of several. Raises ReleaseError."""
    found = listed(home / "releases")
    versions = {path: said.get("version") for path, said in manifests(found).items()}
    named = [path for path in found if name in (path.name, versions.get(path))]
    if named := named or [path for path in found if path.name.startswith(name)]:
        return named[-1]
    raise ReleaseError(f"没有版本“{name}”：junheng releases 列出现有的 {len(found)} 个")


def manifests(releases: Iterable[Path]) -> dict[Path, dict[str, Any]]:
    """The manifests of those releases whose manifest can be read; verify tells of the others."""
    found = {}
    for release in releases:
        with suppress(ReleaseError):
            found[release] = read_manifest(release)
    return found


def read_manifest(release: Path) -> dict[str, Any]:
    """Raises ReleaseError."""
    try:
        return json.loads((release / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise ReleaseError(f"版本 {release.name} 的清单 manifest.json 缺失或损坏：{error}") from error


def is_whole(release: Path) -> bool:
    return (release / SNAPSHOT).is_file() and not (release / THINNED).exists()


def is_signed(release: Path) -> bool:
    return (release.parent.parent / SIGNED / release.name).exists()


def code_version(release: Path) -> str | None:
    """By which code a release was made; None where its manifest does not say."""
    try:
        return read_manifest(release)["code_version"]
    except (ReleaseError, KeyError, TypeError):
        return None


def verify(release: Path) -> list[str]:
    """What is wrong with a release, in Chinese; empty when every file is as its manifest says.

    Of a thinned one the marts and the page may be missing: whether they can be had again history.verify tells.
    """
    try:
        manifest = json.loads((release / MANIFEST).read_bytes())
        marts = {mart["file"]: mart["sha256"] for mart in manifest["marts"]}
        marts[manifest["snapshot"]["file"]] = manifest["snapshot"]["sha256"]
        page = {file["file"] for file in manifest.get("briefing", [])}
        recorded = marts | {file["file"]: file["sha256"] for part in PARTS for file in manifest.get(part, [])}
        is_same = manifest["content_sha256"] == content_hash(manifest)
        is_same = is_same and manifest["release_id"].endswith(f"-{manifest['content_sha256'][:8]}")
        is_named = manifest["release_id"] == release.name
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"清单 manifest.json 缺失或损坏：{error!r}"]
    problems = [] if is_same else ["清单 manifest.json 的内容与其校验值不符，可能已被改动"]
    if not is_named:
        problems.append(f"文件夹名 {release.name} 与清单中的版本号 {manifest['release_id']} 不符")
    present = {path.relative_to(release).as_posix() for path in release.rglob("*") if not path.is_dir()}
    problems += [
        f"多出清单中没有的文件：{name}" for name in sorted(present - recorded.keys() - {MANIFEST, THINNED, PACKED})
    ]
    if THINNED in present:
        recorded = {name: digest for name, digest in recorded.items() if name in present or name not in {*marts, *page}}
    for name, digest in sorted(recorded.items()):
        try:
            if sha256(release / name) != digest:
                problems.append(f"文件已损坏（sha256 与清单不符）：{name}")
        except OSError as error:
            problems.append(f"文件缺失或无法读取：{name}（{error.strerror}）")
    return problems


def content_hash(manifest: dict[str, Any]) -> str:
    """sha256 over what a release holds and comes from; not over when it was made, by what files are written, nor what came before it.

    A manifest of before there were digests has the sha256 of its Parquet files in their place.
    """
    content = {key: manifest[key] for key in ("code_version", "regions", "source_files", "notice")}
    content["marts"] = [
        {key: mart[key] for key in mart if "digest" not in mart or key not in ("file", "sha256")}
        for mart in manifest["marts"]
        if mart["name"] not in TOLD
    ]
    if signed := manifest.get("signed"):  # forms and page show it
        content["signed"] = signed
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
