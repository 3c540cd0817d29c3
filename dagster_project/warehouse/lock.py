"""One writer a home, and one service."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class Busy(RuntimeError):
    """A service has this home; the message is Chinese and says what to do."""


def is_free(home: Path) -> bool:
    """Whether nobody writes to this home at the moment."""
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "refresh.lock", blocking=False):
            return True
    except Timeout:
        return False


@contextmanager
def hold(home: Path, say: Callable[[str], None]) -> Generator[None]:
    """Be the one that writes to this home; wait for another that already does, and say which process it is."""
    home.mkdir(parents=True, exist_ok=True)
    holder = home / "refresh.pid"
    lock = FileLock(home / "refresh.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"另一次刷新正在进行（进程 {holder.read_text() if holder.exists() else '不明'}），等它结束……")
        lock.acquire()
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def serving(home: Path) -> Generator[None]:
    """Be the one service of this home, or keep any from it; raises Busy where there is one."""
    lock = FileLock(home / "serve.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise Busy(f"{home} 有一个 junheng serve 在运行：请先结束它") from None
    try:
        yield
    finally:
        lock.release()
