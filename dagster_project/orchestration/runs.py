"""Which runs still have a process, and which still have a log.

Only one may run at a time, so one that died without a word would let no other start. A run writes 2 MB of log.
"""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

KEPT_LOGS = 100
UNENDED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@contextmanager
def alive(home: Path, run_id: str) -> Generator[None]:
    """Hold a lock of the run's own, which the system lets go when this process ends, however it ends."""
    path = _lock(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def end_dead(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark as failed the runs that count as running and whose process is gone; their ids."""
    dead = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=UNENDED)):
        path = _lock(home, run.run_id)
        if not path.exists():
            continue
        try:
            with FileLock(path, blocking=False):
                instance.report_run_failed(run, "进程已不在（被强行结束或断电），这次刷新没有做完")
        except Timeout:
            continue
        path.unlink(missing_ok=True)
        dead.append(run.run_id)
    return dead


def forget_old_logs(home: Path) -> None:
    """Delete the logs of all but the newest runs; that they ran, how they ended and what they made stays on record."""
    logs = sorted((home / "dagster" / "history" / "runs").glob("*-*-*-*-*.db"), key=lambda path: path.stat().st_mtime)
    for log in logs[:-KEPT_LOGS]:
        for path in log.parent.glob(f"{log.name}*"):
            path.unlink()
        shutil.rmtree(home / "dagster" / "storage" / log.stem, ignore_errors=True)


def _lock(home: Path, run_id: str) -> Path:
    return home / "dagster" / "alive" / f"{run_id}.lock"
