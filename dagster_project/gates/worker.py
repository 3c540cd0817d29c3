"""The gates in a process of their own: importing GX takes seconds, which so overlap the loading, and GX leaves database
engines open, which would keep every other connection of the process out of the warehouse. The worker opens the warehouse
read-only, computes inside DuckDB, lets go of the file, and ends with its parent.
"""

import atexit
import os
import sys
import threading
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from pathlib import Path

from dagster_project.extracts.regions import Partition
from dagster_project.gates.results import Room, TableResult
from dagster_project.gates.suites import validate
from dagster_project.processes import start_pool

_worker: ProcessPoolExecutor | None = None


def start_worker() -> ProcessPoolExecutor:
    """The worker process, started when there is none; returns at once, while it still imports GX."""
    global _worker
    if _worker is None:
        _worker = start_pool(1, _begin_work, "fork" if "great_expectations" in sys.modules else "spawn")
        _worker.submit(os.getpid)  # a pool starts its process with the first task
    return _worker


def stop_worker() -> None:
    """End the worker; it happens by itself when this process ends."""
    global _worker
    if _worker is not None:
        _worker.shutdown(cancel_futures=True)
        _worker = None


def validate_in_worker(
    database: Path,
    room: Room,
    partitions: Collection[Partition] | None = None,
    docs: Path | None = None,
    region_id: str | None = None,
) -> list[TableResult]:
    """`validate` in the worker. The caller holds no connection to the warehouse meanwhile.

    Raises what `validate` raises, and BrokenProcessPool when the worker was killed; the next call starts
    another.
    """
    try:
        return start_worker().submit(validate, database, room, partitions, docs, region_id).result()
    except BrokenProcessPool:
        stop_worker()
        raise


def blame(
    database: Path, room: Room, partitions: Collection[Partition], regions: Collection[str], results: list[TableResult]
) -> dict[str, list[str]]:
    """Which of the regions failed which expectations, in Chinese, by the results for all partitions.

    The rows that an expectation returned say whose they are. Where they do not, each region is judged by itself.
    """
    failures: dict[str, list[str]] = {}
    unsaid = set()
    for result in results:
        for found in result.failed:
            for region_id, observed in found.regions.items():
                failures.setdefault(region_id, []).append(f"{found.expectation}：{observed}")
            if not found.regions:
                unsaid.add((result.table, found.expectation))
    for region_id in regions if unsaid else ():
        own = [partition for partition in partitions if partition[0] == region_id]
        for result in validate_in_worker(database, room, own, region_id=region_id):
            for found in result.failed:
                if (result.table, found.expectation) in unsaid:
                    failures.setdefault(region_id, []).append(f"{found.expectation}：{found.observed}")
    return failures


def _begin_work() -> None:
    """In the worker: import GX while waiting."""
    atexit.register(os._exit, 0)  # clearing GX from memory would hold up the parent's end for a second
    threading.Thread(target=import_module, args=("great_expectations",), daemon=True).start()
