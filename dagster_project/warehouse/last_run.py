"""How the last refresh of a home ended, whoever started it: <home>/last_run.json is begun with it and ended when it has published."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_project.whole import write_whole

KEPT = "last_run.json"
LONGEST_REASON = 300


def begin(home: Path) -> None:
    """Note that a refresh begins; until it ends, it counts as one that was not finished."""
    _write(home, {"began": datetime.now().astimezone().isoformat(timespec="seconds"), "failed": None, "ended": None})


def fail(home: Path, reason: str) -> None:
    """Note why a step failed, on one line; the first reason stays."""
    found = _read(home)
    if found and not found["failed"]:
        _write(home, {**found, "failed": " ".join(reason.split())[:LONGEST_REASON]})


def end(home: Path) -> None:
    """Note that all of it was published, as far as the gates let it."""
    if found := _read(home):
        _write(home, {**found, "failed": None, "ended": datetime.now().astimezone().isoformat(timespec="seconds")})


def problem(home: Path) -> str | None:
    """Why the last refresh did not come to its end; null: it did, or there was none. The caller holds the lock: none is under way."""
    found = _read(home)
    if not found or found["ended"]:
        return None
    began = datetime.fromisoformat(found["began"])
    return f"{began:%Y-%m-%d %H:%M} 开始的刷新没有做完：{found['failed'] or '进程已不在（被强行结束或断电）'}"


def _read(home: Path) -> dict[str, Any] | None:
    """Null: there is none, or one that was cut off as it was written."""
    try:
        found = json.loads((home / KEPT).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and {"began", "failed", "ended"} <= found.keys() else None


def _write(home: Path, found: dict[str, Any]) -> None:
    write_whole(home / KEPT, json.dumps(found, ensure_ascii=False))
