"""Processes beside this one, for what is slow to import or may not survive a hostile file."""

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import util
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn
from weakref import WeakSet

AGAIN = 75  # exit code of a program that is to be started again, for its code has changed

_pools: WeakSet[ProcessPoolExecutor] = WeakSet()  # one that broke is let go of, with its pipes and semaphores


def start_pool(workers: int, begin: Callable[[], None], method: str = "spawn") -> ProcessPoolExecutor:
    """A pool of processes; each calls `begin` first, leaves Ctrl-C to this process, and ends when it ends.

    method: fork, for a process that has begun nothing but has imported what they need.
    """
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(max_workers=workers, mp_context=context, initializer=_begin, initargs=(begin,))
    _pools.add(pool)
    util.Finalize(
        None, stop_pools, exitpriority=100
    )  # before the pipes are closed: a run of the service would wait for ever
    return pool


def stop_pools() -> None:
    """End every pool's processes; it happens by itself when this process ends by itself."""
    for pool in list(_pools):
        pool.shutdown(cancel_futures=True)


def leave(code: int) -> NoReturn:
    """End now: Python would take another second to dismantle a thousand modules one by one."""
    stop_pools()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def start_program(module: str, *arguments: str) -> BaseProcess:
    """Run `python -m module arguments` beside this process, in a group with all that it starts (end_program): it leaves Ctrl-C to
    this process, and does not outlive it.
    """
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_run_program, args=(module, arguments))
    process.start()
    return process


def end_program(process: BaseProcess) -> None:
    """End a program at once, and whatever it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.ident or 0, signal.SIGKILL)
    process.join()


def _run_program(module: str, arguments: tuple[str, ...]) -> None:
    os.setsid()  # Ctrl-C of a terminal does not come here; ignored it would make Dagster ignore SIGTERM too
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class Died(RuntimeError):
    """The process of a call ended without an answer, or did not answer in time."""


def call_apart(seconds: float, function: Callable[..., Any], *arguments: object) -> Any:
    """What a function returns or raises in a process of its own, which ends with this call: in time, out of time or interrupted.

    Raises Died where the process ended by itself, or did not end in so many seconds.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_answer, args=(there, function, arguments), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise Died
        is_error, answer = here.recv()
    except EOFError:
        raise Died from None
    finally:
        process.kill()
        process.join()
        here.close()
    if is_error:
        raise answer
    return answer


def _answer(there: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    _begin(lambda: None)
    try:
        there.send((False, function(*arguments)))
    except Exception as error:
        there.send((True, error))


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
