"""What Dagster remembers: as much as the page shows, and no run for ever."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.utils import make_new_run_id
from helpers import write_regions

from dagster_project import settings
from dagster_project.console import prepare
from dagster_project.orchestration import runs


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
