"""What Dagster remembers: as much as the page shows, and no run for ever."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.utils import make_new_run_id
from helpers import write_regions

from dagster_project import settings
from dagster_project.console import prepare
from dagster_project.extracts.regions import RegionsError
from dagster_project.orchestration import runs
from dagster_project.orchestration.assets import note_failure
from dagster_project.orchestration.automation import AGAIN
from dagster_project.release.store import ReleaseError
from dagster_project.transform.project import BuildFailed
from dagster_project.warehouse import last_run


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["a", "b"]), check_specs=[dg.AssetCheckSpec("sound", asset="table")]
)
def table() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("JUNHENG_RAW", "JUNHENG_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    write_regions(tmp_path / "raw", "regions: []\n")
    settings.use(tmp_path / "raw", tmp_path / "home")
    prepare()
    return tmp_path / "home"


def test_old_runs_are_forgotten_but_for_those_that_the_page_shows(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        ids = [dg.materialize([table], instance=instance, partition_key=key).run_id for key in ("a", "b", "b")]
        history = home / "dagster" / "history" / "runs"
        runs.forget_old_runs(instance, home, time.time() + (runs.KEPT_DAYS - 1) * 86400)
        assert instance.get_runs_count() == 3
        runs.forget_old_runs(instance, home, time.time() + (runs.KEPT_DAYS + 1) * 86400)
        assert {run.run_id for run in instance.get_runs()} == {ids[0], ids[2]}  # a has nothing newer, b has
        assert {path.stem for path in history.glob("*-*-*-*-*.db")} == {ids[0], ids[2]}
        with closing(sqlite3.connect(history / "index.db")) as con:
            for name in ("event_logs", "asset_check_executions"):
                kept = {run_id for (run_id,) in con.execute(f"select run_id from {name}")}
                assert kept == {ids[0], ids[2]}, name
        shown = instance.event_log_storage.get_materialized_partitions(dg.AssetKey("table"))
        assert shown == {"a", "b"}


def test_a_run_that_goes_on_is_not_forgotten(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        dg.materialize([table], instance=instance, partition_key="a")
        [run] = instance.get_runs()
        going = run._replace(run_id=make_new_run_id(), status=dg.DagsterRunStatus.STARTED)
        instance.run_storage.add_run(going)
        dg.materialize([table], instance=instance, partition_key="a")
        runs.forget_old_runs(instance, home, time.time() + 1000 * 86400)
        kept = {kept.run_id for kept in instance.get_runs()}
        assert going.run_id in kept and run.run_id not in kept and len(kept) == 2


def test_looks_with_nothing_to_do_are_kept_for_a_day(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert kept[TickStatus.SKIPPED] == 1 and all(0 < days <= runs.KEPT_DAYS for days in kept.values())


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (None, False),  # a gate that blocks
        (dg.Failure("没有通过检查", allow_retries=False), False),
        (BuildFailed("没有通过检查", ["test.junheng.a"]), False),
        (RegionsError("regions.yml 写错了"), False),
        (BuildFailed("database is full"), True),
        (ReleaseError("发布未完成：磁盘满了"), True),
        (OSError(28, "No space left on device"), True),
    ],
)
def test_what_would_fail_the_same_way_is_not_tried_again(
    home: Path, error: Exception | None, is_tried_again: bool
) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("expectations", asset="judged", blocking=True)])
    def judged() -> dg.MaterializeResult:
        if error:
            raise error
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False)])

    job = dg.define_asset_job("judge", [judged], hooks={note_failure}, executor_def=dg.in_process_executor)
    resolved = dg.Definitions(assets=[judged], jobs=[job]).resolve_job_def("judge")
    last_run.begin(home)
    with dg.DagsterInstance.get() as instance:
        run_id = resolved.execute_in_process(instance=instance, tags=AGAIN, raise_on_error=False).run_id
        run = instance.get_run_by_id(run_id)
        assert run
        asked = auto_reexecution_should_retry_run(instance, run, RunFailureReason.STEP_FAILURE)
    assert asked == is_tried_again
    assert ("judged：没有通过检查：judged" in (last_run.problem(home) or "")) == (error is None)


def test_the_record_of_an_older_dagster_is_brought_up_and_a_later_one_says_what_to_do(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        run_id = dg.materialize([table], instance=instance, partition_key="a").run_id
        instance.run_storage._alembic_downgrade("-12")  # ty: ignore[missing-attribute]
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as con:
        older = con.execute("select sql from sqlite_master order by name").fetchall()
    with dg.DagsterInstance.get() as instance:
        runs.upgrade(instance, home)
        for store in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
            assert store
            found, newest = store.alembic_version() or (None, None)
            assert found == newest is not None
        assert [run.run_id for run in instance.get_runs()] == [run_id]
        dg.materialize([table], instance=instance, partition_key="b")
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as con:
        assert con.execute("select sql from sqlite_master order by name").fetchall() != older
    (home / "dagster" / "version").write_text("0.1")
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs.db")) as con:
        con.execute("update alembic_version set version_num = 'ffffffffffff'")
        con.commit()
    with dg.DagsterInstance.get() as instance, pytest.raises(settings.Damaged, match="请移走这个文件夹再运行"):
        runs.upgrade(instance, home)
