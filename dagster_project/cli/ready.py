"""A process that has imported everything: `junheng refresh` hands its work to it, over a socket of the owner, and saves the imports.

    python -m dagster_project.cli.ready

Each refresh is a fork of it and ends with it, so that nothing stays from one to the next. It works for its owner alone, and only
by the very code that it has imported: to anybody else it says no, and they work by themselves. When the code changes it ends, and is
started again.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from dagster_project import fingerprint, settings
from dagster_project.processes import AGAIN, leave

LOOK = 10.0  # seconds between two looks whether the code has changed
LONGEST = 100  # bytes of a socket's address; the service of a home with a longer name takes no work
LENGTH, CODE = struct.Struct("!I"), struct.Struct("!i")
REFUSED = -1 << 31  # instead of an exit code


def hand_over(arguments: Sequence[str]) -> int | None:
    """Let the service of this home run the command, on this terminal; its exit code. None: there is none, or it has other code."""
    address = settings.service()
    if address is None or len(os.fsencode(address)) > LONGEST or not address.exists():
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
        except OSError:
            return None
        if _peer(connection) != os.getuid():
            return None
        request = json.dumps({
            "code": fingerprint.running(),
            "arguments": list(arguments),
            "environment": dict(os.environ),
            "umask": _umask(),
            "encoding": sys.stdout.encoding,
        }).encode()  # fmt: skip
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        try:
            socket.send_fds(connection, [LENGTH.pack(len(request))], [0, 1, 2])
            connection.sendall(request)
            return _await(connection)
        except (BrokenPipeError, ConnectionResetError):
            return None


def _await(connection: socket.socket) -> int | None:
    """The exit code; Ctrl-C is passed on, and what comes of it awaited."""
    while True:
        try:
            answer = connection.recv(CODE.size, socket.MSG_WAITALL)
            break
        except KeyboardInterrupt:
            connection.shutdown(socket.SHUT_WR)
    code = CODE.unpack(answer)[0] if len(answer) == CODE.size else 1
    return None if code == REFUSED else code


def serve(address: Path) -> NoReturn:
    """Take work until SIGTERM, until who started it has ended, or the code is another; then wait for what is at work."""
    code, parent = fingerprint.running(), os.getppid()
    _import_everything()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    answering: list[int] = []
    try:
        with _listen(address) as listener:
            while fingerprint.running() == code and os.getppid() == parent:
                if select.select([listener], [], [], LOOK)[0]:
                    connection, _ = listener.accept()
                    answering.append(_fork(_answer, connection, code))
                    connection.close()
                answering = [process for process in answering if os.waitpid(process, os.WNOHANG) == (0, 0)]
    finally:
        address.unlink(missing_ok=True)
        for process in answering:
            os.waitpid(process, 0)
    sys.exit(AGAIN)


def _import_everything() -> None:
    """What a refresh imports, in its process and in that of the gates, and the compiled project."""
    import gc

    import great_expectations  # noqa: F401
    import pypinyin  # noqa: F401

    import dagster_project.definitions
    import dagster_project.orchestration.refresh
    import dagster_project.orchestration.summary  # noqa: F401
    from dagster_project.transform import project

    project.parsed()
    project.nodes()
    gc.collect()
    gc.freeze()  # so that a fork shares this memory


def _listen(address: Path) -> socket.socket:
    """Be the one that takes work at this address; only the owner gets there."""
    address.unlink(missing_ok=True)  # of a service that was killed: another that lives is kept away by lock.serving
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(str(address))
    finally:
        os.umask(before)
    listener.listen()
    return listener


def _fork(function: Callable[..., NoReturn], *arguments: object) -> int:
    """Call a function in a fork, which ends with it: nothing of what this process has still to do is done there. Its id."""
    process = os.fork()
    if process:
        return process
    try:
        function(*arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _answer(connection: socket.socket, code: str) -> NoReturn:
    """In a fork: run what is asked in another, interrupt it where whoever asked has gone, and tell how it ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _peer(connection) != os.getuid():
        os._exit(1)
    head, streams, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    request = json.loads(connection.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL))
    if request["code"] != code:
        connection.sendall(CODE.pack(REFUSED))
        os._exit(0)
    worker = _fork(_work, request, streams)
    for stream in streams:
        os.close(stream)
    ended, watched = os.pidfd_open(worker), [connection]
    while ended not in (found := select.select([ended, *watched], [], [])[0]):
        if found and not connection.recv(1):
            os.kill(worker, signal.SIGINT)
            watched = []
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    with suppress(OSError):  # whoever asked may have gone
        connection.sendall(CODE.pack(status if status >= 0 else 128 - status))
    os._exit(0)


def _work(request: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    """Become the command that was asked for: its terminal and its environment; the paths in both are whole."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdout = os.fdopen(1, "w", 1 if os.isatty(1) else -1, request["encoding"], closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, request["encoding"], closefd=False)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.umask(request["umask"])
    time.tzset()
    from dagster_project.cli import main
    from dagster_project.gates.worker import start_worker

    start_worker()
    code = 1
    try:
        main(request["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        leave(code)


def _peer(connection: socket.socket) -> int:
    """Whose process is at the other end."""
    return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[1]


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


if __name__ == "__main__":
    where = settings.service()
    if where is None or len(os.fsencode(where)) > LONGEST:
        signal.pause()  # nobody can ask it
    else:
        serve(where)
