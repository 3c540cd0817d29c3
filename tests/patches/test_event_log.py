"""When patches/event_log.py can go."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import event
from sqlalchemy.pool import Pool

from dagster_project.patches.event_log import KeptSqliteEventLog

RUN = "a-run"
EVENTS = 20


def logged(number: int) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None, level=20, user_message=f"event {number}", run_id=RUN, timestamp=time.time(), dagster_event=None
    )


@contextmanager
def connections() -> Generator[list[object]]:
    """What SQLAlchemy opens meanwhile."""
    opened: list[object] = []

    def note(connection: object, _: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    yield opened
    event.remove(Pool, "connect", note)


def opened_for(log: SqliteEventLogStorage) -> int:
    """Connections that a begun log opens for so many more events."""
    log.store_event(logged(0))
    with connections() as opened:
        for number in range(1, 1 + EVENTS):
            log.store_event(logged(number))
    return len(opened)


def test_kept_connections_are_still_needed(tmp_path: Path) -> None:
    """When this fails, Dagster keeps them by itself: delete patches/event_log.py, its name in console.py and this file."""
    log = SqliteEventLogStorage(str(tmp_path))
    assert opened_for(log) >= EVENTS, (
        "Dagster now keeps the connections of its event log: delete patches/event_log.py, event_log_storage in console.py and this file"
    )
    log.dispose()


def test_connections_are_kept_and_dagster_reads_what_they_wrote(tmp_path: Path) -> None:
    log = KeptSqliteEventLog(str(tmp_path))
    assert opened_for(log) == 0
    log.dispose()
    again = SqliteEventLogStorage(str(tmp_path))
    assert [entry.user_message for entry in again.get_logs_for_run(RUN)] == [f"event {n}" for n in range(1 + EVENTS)]
    again.dispose()


def test_during_a_run_an_asset_is_known_as_it_was_last_made(tmp_path: Path) -> None:
    """Each asset is made twice, in two runs; what the log says in the second, before and after, is what is in its files."""
    config = {"module": "dagster_project.patches.event_log", "class": "KeptSqliteEventLog", "config": {"base_dir": str(tmp_path / "log")}}  # fmt: skip
    seen: list[tuple[int | None, int | None]] = []

    def last(context: dg.AssetExecutionContext, log: SqliteEventLogStorage) -> int | None:
        [*records] = log.get_asset_records([dg.AssetKey("first")])
        return records[0].asset_entry.last_materialization_storage_id if records else None

    @dg.asset
    def first(context: dg.AssetExecutionContext) -> None:
        note(context)

    @dg.asset(deps=[first])
    def second(context: dg.AssetExecutionContext) -> None:
        note(context)

    def note(context: dg.AssetExecutionContext) -> None:
        plain = SqliteEventLogStorage(str(tmp_path / "log"))
        kept = context.instance.event_log_storage
        assert isinstance(kept, KeptSqliteEventLog)
        seen.append((last(context, kept), last(context, plain)))
        plain.dispose()

    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"event_log_storage": config}), "utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        for _ in range(2):
            assert dg.materialize([first, second], instance=instance).success
        assert instance.event_log_storage.get_asset_records([dg.AssetKey("second")])
    assert [kept for kept, _ in seen] == [plain for _, plain in seen]
    assert seen[0][0] is None and len({kept for kept, _ in seen}) == 3
