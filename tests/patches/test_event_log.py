"""When patches/event_log.py can go."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
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
