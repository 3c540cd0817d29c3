"""Which runs still have a process, which still have a log, and which are still remembered.

Only one may run at a time, so one that died without a word would let no other start. A run writes 2 MB of log, and a thousand
rows where Dagster looks for the newest of everything.
"""

import io
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from filelock import FileLock, Timeout

from dagster_project.settings import Damaged
from dagster_project.whole import write_whole

KEPT_LOGS = 100
KEPT_DAYS = 90
A_LOOK = 20  # so many old runs are forgotten at one look, which may not take long
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


def upgrade(instance: dg.DagsterInstance, home: Path) -> None:
    """Bring the record of runs that another version of Dagster has left to the tables of this one. Raises Damaged."""
    mark = home / "dagster" / "version"
    if mark.exists() and mark.read_text() == dg.__version__:
        return
    try:
        with redirect_stdout(io.StringIO()):
            instance.upgrade()
    except Exception as error:  # of a later version, or damaged: whatever the tool that does it may say
        raise Damaged(
            f"{home / 'dagster'} 里的运行记录用不了（{str(error).splitlines()[0]}）：请移走这个文件夹再运行，会新建；报表、结果和已发布的版本都不在里面"
        ) from error
    write_whole(mark, dg.__version__)


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


def forget_old_runs(instance: dg.DagsterInstance, home: Path, now: float) -> None:
    """Forget the runs that ended long ago, but for those that a partition's rows on Dagster's page come from."""
    before = datetime.fromtimestamp(now - KEPT_DAYS * 86400, UTC)
    filters = dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=before)
    if not instance.get_runs_count(filters):
        return
    shown = _shown(home)
    oldest = instance.get_run_records(filters, limit=len(shown) + A_LOOK, ascending=True)
    old = [record.dagster_run.run_id for record in oldest if record.dagster_run.run_id not in shown]
    for run_id in old[:A_LOOK]:
        instance.delete_run(run_id)
        shutil.rmtree(home / "dagster" / "storage" / run_id, ignore_errors=True)


def _shown(home: Path) -> set[str]:
    """The runs whose rows are the newest of a table's partition."""
    con = sqlite3.connect(f"file:{home / 'dagster' / 'history' / 'runs' / 'index.db'}?mode=ro", uri=True)
    try:
        rows = con.execute(
            """select run_id from event_logs where id in (
                select max(id) from event_logs
                where dagster_event_type = 'ASSET_MATERIALIZATION' and partition is not null
                group by asset_key, partition
            )"""
        )
        return {run_id for (run_id,) in rows}
    finally:
        con.close()


def _lock(home: Path, run_id: str) -> Path:
    return home / "dagster" / "alive" / f"{run_id}.lock"
