"""Dagster's event log in SQLite with its connections kept, and nothing left of a run that is deleted: named in dagster.yaml, used by every Dagster process."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import AssetKey, DagsterEventType, EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.base import AssetRecord
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

ENDS = (DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED)
FULL = ("disk is full", "disk I/O error")  # how SQLite says it


class FullDisk(RuntimeError):
    """An event could not be written; Dagster prints the message as it stands."""


class KeptSqliteEventLog(SqliteEventLogStorage):
    """The same files and tables; an engine a file instead of one a statement, and no wait for the disk in between.

    Dagster opens and closes about seven connections an event. A refresh of one county writes 200 events, and they
    took it a third of its time. `synchronous = NORMAL` is safe in the log's WAL mode: a power cut may lose the
    last events of a run, never the file.
    """

    _records: dict[AssetKey, AssetRecord | None] | None = None  # of a run at work; None: there is none

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        return {}

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            engine = create_engine(create_db_conn_string(self._base_dir, shard), connect_args={"timeout": 15})
            event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
            self._initdb(engine)
            self._engines[shard] = engine
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Asked twice an event, of tables that stay once they are there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @cached_property
    def _tables(self) -> set[str]:
        return set()

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        try:
            with self._db_lock, self._engine(shard).begin() as connection:
                yield connection
        except OperationalError as error:
            if any(words in str(error) for words in FULL):
                raise FullDisk("磁盘满了，运行记录写不下") from error
            raise

    def store_event(self, event: EventLogEntry) -> None:
        """Also keep in mind whether a run of this process is at work: meanwhile nobody else writes of assets (one run at a time)."""
        super().store_event(event)
        kind = event.dagster_event_type
        if kind == DagsterEventType.RUN_START:
            self._records = {}
        elif kind in ENDS:
            self._records = None
        elif self._records and kind in ASSET_EVENTS and event.dagster_event and event.dagster_event.asset_key:
            self._records.pop(event.dagster_event.asset_key, None)

    def get_asset_records(self, asset_keys: Sequence[AssetKey] | None = None) -> Sequence[AssetRecord]:
        """During a run each record is read once until its asset changes: Dagster asks of every input of every step and check."""
        if self._records is None or asset_keys is None:
            return super().get_asset_records(asset_keys)
        if missing := [key for key in asset_keys if key not in self._records]:
            found = super().get_asset_records(missing if self._records else None)  # at first all, at once
            self._records |= dict.fromkeys(missing) | {record.asset_entry.asset_key: record for record in found}
        return [record for key in asset_keys if (record := self._records[key])]

    def delete_events(self, run_id: str) -> None:
        """Forget a run: Dagster leaves its file, empty, and what it noted of every check."""
        with self.index_connection() as connection:
            self.delete_events_for_run(connection, run_id)
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
        if engine := self._engines.pop(run_id, None):
            engine.dispose()
        for path in Path(self._base_dir).glob(f"{run_id}.db*"):
            path.unlink()

    def dispose(self) -> None:
        """Close the files: what stands beside them as their write-ahead logs, twice their size, goes into them."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "KeptSqliteEventLog":
        return cls(inst_data=inst_data, **config_value)
