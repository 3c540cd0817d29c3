"""A year of nights and looks in a home, at the pace of a disk: does what Dagster remembers stay as large as it is?

    python bench/year.py HOME [DAYS]

HOME has refreshed under `junheng serve` at least once. Its newest run is written again for every night, event by event, into Dagster's
own storage with the time of that night; the 2,880 looks of a day are rows like the newest look. After each day the service's own
tidying runs as if it were that day. A line a month: what lies on the disk, and how long Dagster's page would ask for its lists.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.schedules.schema import JobTickTable
from dagster._core.utils import make_new_run_id
from sqlalchemy import insert, select, update

from dagster_project import settings
from dagster_project.orchestration.runs import forget_old_logs, forget_old_runs

DAY, LOOKS = 86_400, 1_440


def main(home: Path, days: int) -> None:
    settings.use(None, home)
    begin = time.time() - days * DAY
    with dg.DagsterInstance.get() as instance:
        [record] = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1)
        run, events = record.dagster_run, instance.all_logs(record.dagster_run.run_id)
        first = events[0].timestamp
        sensors = [s for s in instance.all_instigator_state() if s.instigator_type == InstigatorType.SENSOR]
        tell(instance, home, 0, 0.0)
        for day in range(1, days + 1):
            night = begin + day * DAY
            again = run._replace(run_id=make_new_run_id())
            instance.run_storage.add_run(again)
            with instance.run_storage.connect() as con:  # ty: ignore[missing-attribute]
                moment = datetime.fromtimestamp(night, UTC).replace(tzinfo=None)
                mine = RunsTable.c.run_id == again.run_id
                con.execute(update(RunsTable).where(mine).values(create_timestamp=moment, update_timestamp=moment))
            for event in events:
                later = event._replace(run_id=again.run_id, timestamp=night + event.timestamp - first)
                instance.event_log_storage.store_event(later)
            instance.event_log_storage.dispose()  # as a run's process does when it ends
            for sensor in sensors:
                look_all_day(instance, sensor.selector_id, night)
            began = time.monotonic()
            forget_old_logs(home)
            forget_old_runs(instance, home, night)
            if day % 30 == 0 or day == days:
                tell(instance, home, day, time.monotonic() - began)


def look_all_day(instance: dg.DagsterInstance, selector_id: str, now: float) -> None:
    """The looks of a sensor in a day, all but one with nothing to do; then what Dagster does after each of them: the old ones go."""
    storage = instance.schedule_storage
    assert storage is not None
    with storage.connect() as con:  # ty: ignore[missing-attribute]
        ours = select(JobTickTable).where(JobTickTable.c.selector_id == selector_id)
        newest = con.execute(ours.order_by(JobTickTable.c.id.desc()).limit(1)).mappings().one()
        row = {name: value for name, value in newest.items() if name != "id"}
        rows = [
            {
                **row,
                "status": "SUCCESS" if n == 0 else "SKIPPED",
                "timestamp": datetime.fromtimestamp(now - 60 * n, UTC).replace(tzinfo=None),
            }
            for n in range(LOOKS)
        ]
        con.execute(insert(JobTickTable), rows)
    for status, days in instance.get_tick_retention_settings(InstigatorType.SENSOR).items():
        if days > 0:
            storage.purge_ticks(row["job_origin_id"], selector_id, now - days * DAY, [status])


def tell(instance: dg.DagsterInstance, home: Path, day: int, tidying: float) -> None:
    files = [path for path in (home / "dagster").rglob("*") if path.is_file()]
    began = time.monotonic()
    instance.get_run_records(limit=25)
    for sensor in instance.all_instigator_state():
        instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id, limit=25)
    listed = time.monotonic() - began
    began = time.monotonic()
    latest = instance.event_log_storage.get_latest_storage_id_by_partition(
        dg.AssetKey(["raw", "schools"]), dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    asked = time.monotonic() - began
    print(
        f"day {day:>3}: {sum(p.stat().st_size for p in files) / 1e6:6.1f} MB in {len(files)} files, {instance.get_runs_count()} runs, "
        f"{len(latest)} partitions shown; lists {listed * 1e3:.0f} ms, partitions {asked * 1e3:.0f} ms, tidying {tidying * 1e3:.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 365)
