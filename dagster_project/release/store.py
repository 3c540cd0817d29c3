"""Where the releases lie: which one is current, and whether one is as its manifest says."""

import hashlib
import json
from pathlib import Path
from typing import Any

from dagster_project.fingerprint import sha256

PARTS = ("forms", "briefing", "dictionary")  # of a manifest: files that lie in a release beside its marts


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


def code_version(release: Path) -> str | None:
    """By which code a release was made; None where its manifest does not say."""
    try:
        return json.loads((release / "manifest.json").read_bytes())["code_version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def verify(release: Path) -> list[str]:
    """What is wrong with a release, in Chinese; empty when every file is as its manifest says."""
    try:
        manifest = json.loads((release / "manifest.json").read_bytes())
        recorded = {mart["file"]: mart["sha256"] for mart in manifest["marts"]}
        recorded |= {file["file"]: file["sha256"] for part in PARTS for file in manifest.get(part, [])}
        recorded[manifest["snapshot"]["file"]] = manifest["snapshot"]["sha256"]
        is_same = manifest["content_sha256"] == content_hash(manifest)
        is_same = is_same and manifest["release_id"].endswith(f"-{manifest['content_sha256'][:8]}")
        is_named = manifest["release_id"] == release.name
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"清单 manifest.json 缺失或损坏：{error!r}"]
    problems = [] if is_same else ["清单 manifest.json 的内容与其校验值不符，可能已被改动"]
    if not is_named:
        problems.append(f"文件夹名 {release.name} 与清单中的版本号 {manifest['release_id']} 不符")
    present = {path.relative_to(release).as_posix() for path in release.rglob("*") if not path.is_dir()}
    problems += [f"多出清单中没有的文件：{name}" for name in sorted(present - recorded.keys() - {"manifest.json"})]
    for name, digest in sorted(recorded.items()):
        try:
            if sha256(release / name) != digest:
                problems.append(f"文件已损坏（sha256 与清单不符）：{name}")
        except OSError as error:
            problems.append(f"文件缺失或无法读取：{name}（{error.strerror}）")
    return problems


def content_hash(manifest: dict[str, Any]) -> str:
    """sha256 over what a release holds and comes from; not over when it was made."""
    content = {key: manifest[key] for key in ("code_version", "regions", "source_files", "marts", "notice")}
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
