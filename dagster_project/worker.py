"""Processes beside this one, for what is slow to import or may not survive a hostile file."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from weakref import WeakSet

_pools: WeakSet[ProcessPoolExecutor] = WeakSet()  # one that broke is let go of, with its pipes and semaphores


def start_pool(workers: int, begin: Callable[[], None]) -> ProcessPoolExecutor:
    """A pool of processes; each calls `begin` first, leaves Ctrl-C to this process, and ends when it ends."""
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max_workers=workers, mp_context=spawn, initializer=_begin, initargs=(begin,))
    _pools.add(pool)
    return pool


def stop_pools() -> None:
    """End every pool's processes; it happens by itself when this process ends by itself."""
    for pool in list(_pools):
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin()


def _end_with_parent() -> None:
    """Wait for the parent's end, then end this process at once: a pool's worker does not notice that its parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
