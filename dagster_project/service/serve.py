"""The service: what a bureau leaves running, day and night. One process tree; the parent starts each program again where it ends.

code       a server of Dagster's for the project's assets and sensors; the runs are its processes
daemon     asks the sensors every minute and starts runs
web        Dagster's page: lineage, partitions, runs
pages      the published pages (pages.py)
ready      what `junheng refresh` hands its work to (cli/ready.py)
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import yaml
from sqlalchemy.exc import OperationalError

from dagster_project.console import full_disk
from dagster_project.processes import AGAIN, end_program, start_program
from dagster_project.service.clock import mend_clock
from dagster_project.warehouse import lock

LOOK = 1.0  # seconds between two looks at the programs
FIRST_PAUSE, LONGEST_PAUSE = 5, 300  # seconds before a program that ended is started again; twice as many each time
STEADY = 600  # seconds after which a program counts as well again
MEND = 60  # seconds between two looks at the clock
TO_END = 60  # seconds that the programs have to end, a run at work included


@dataclass
class Program:
    """One program of the service, and when it may be started again."""

    name_zh: str
    module: str
    arguments: tuple[str, ...]
    process: BaseProcess | None = None
    began: float = 0
    pause: float = FIRST_PAUSE
    due: float = field(default=0)

    def start(self) -> None:
        self.process, self.began = start_program(self.module, *self.arguments), time.monotonic()

    def ended(self) -> int | None:
        """The exit code of a program that ended by itself, minus the signal that ended it; None: it runs, or waits."""
        return None if self.process is None else self.process.exitcode


def programs(folder: Path, host: str, port: int, ui_port: int) -> list[Program]:
    """What belongs to the service, in the order in which it starts. Dagster's page has no log-in: it is of this machine alone.

    The code has the name that it has under `junheng ui`: Dagster keeps under it what a sensor has seen.
    """
    socket, workspace = folder / "code", folder / "workspace.yaml"
    server = {"socket": str(socket), "location_name": "dagster_project.definitions"}
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    code = ("-w", str(workspace))
    quiet = ("--log-level", "warning")
    definitions = ("-m", "dagster_project.definitions", "--socket", str(socket))
    web = ("-h", "127.0.0.1", "-p", str(ui_port))
    return [
        Program("流程代码", "dagster", ("api", "grpc", *definitions, *quiet)),
        Program("定时", "dagster._daemon", ("run", *code, *quiet)),
        Program("流程网页", "dagster_webserver", (*code, *web, *quiet, "--dagster-log-level", "warning")),
        Program("成果网页", "dagster_project.service.pages", (host, str(port))),
        Program("手动刷新", "dagster_project.cli.ready", ()),
    ]


def serve(home: Path, host: str, port: int, ui_port: int, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT, then end every program; raises Busy where another service has this home."""
    asked = threading.Event()
    with lock.serving(home), TemporaryDirectory(prefix="junheng-") as folder:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked.set())
        running, socket = programs(Path(folder), host, port, ui_port), Path(folder) / "code"
        _mend_clock(say)  # and make Dagster's files: several that make the same new ones at once would spoil them
        try:
            for program in running:
                program.start()
                while program is running[0] and not socket.exists() and program.ended() is None:
                    if asked.wait(0.2):  # the others ask the code as soon as they start
                        return
            say(
                f"成果网页 http://{host}:{port}　流程网页 http://127.0.0.1:{ui_port}（进程 {os.getpid()}，按 Ctrl+C 结束）"
            )
            _watch(running, asked, say)
        finally:
            _end(running, say)
            say("已结束")


def _watch(running: list[Program], asked: threading.Event, say: Callable[[str], None]) -> None:
    """Start again what ended, after a pause that doubles while it keeps ending; let the sensors look where the clock was set back."""
    looked = 0.0
    while not asked.wait(LOOK):
        now = time.monotonic()
        for program in running:
            if (code := program.ended()) is not None and program.process is not None:
                end_program(program.process)
                if now - program.began > STEADY:
                    program.pause = FIRST_PAUSE
                program.process, program.due = None, now
                if code != AGAIN:
                    say(f"{program.name_zh}意外结束（退出码 {code}），{program.pause:.0f} 秒后重新启动")
                    program.due += program.pause
                    program.pause = min(2 * program.pause, LONGEST_PAUSE)
            elif program.process is None and now >= program.due:
                program.start()
        if now - looked > MEND:
            looked = now
            try:
                _mend_clock(say)
            except OperationalError as error:  # the pages go on
                say(f"Dagster 的记录读写不了：{full_disk(str(error)) or error.orig}")


def _mend_clock(say: Callable[[str], None]) -> None:
    with dg.DagsterInstance.get() as instance:
        for name in mend_clock(instance, time.time()):
            say(f"时钟被调回，{name} 从现在起重新计时")


def _end(running: list[Program], say: Callable[[str], None]) -> None:
    """Ask every program to end, and a run at work to finish; after a while, make them. What a run has not done, the next one does."""
    alive = [program.process for program in running if program.process is not None]
    for process in alive:
        process.terminate()
    until = time.monotonic() + TO_END
    for process in alive:
        process.join(max(0.0, until - time.monotonic()))
        if process.exitcode is None:
            say(f"正在进行的刷新 {TO_END} 秒没有做完，强行结束：下次启动会重做，已发布的版本不受影响")
        end_program(process)
