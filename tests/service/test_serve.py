"""`junheng serve` as a bureau leaves it running: real processes, ended by their ids."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from helpers import command, environment, junheng, query, schools, write_csv, write_regions

from dagster_project.orchestration import automation
from dagster_project.service.clock import mend_clock

REGION = "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n"


class Service:
    """The service over one small region; what it says, and the processes that belong to it."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.home, self.log = folder / "raw", folder / "home", folder / "log"
        self.port, self.ui_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ports = ("--port", str(self.port), "--ui-port", str(self.ui_port))
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                command("serve", "--raw", self.raw, "--home", self.home, *ports),
                env=environment(),
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(90)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""

    def page(self, path: str = "/") -> tuple[int, str, str]:
        """Status, address after redirects, and text of a page; 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.url or "", error.read().decode()
        except OSError:
            return 0, "", ""

    def looks(self) -> float:
        """When a sensor looked last; 0: never."""
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return max((data.last_tick_start_timestamp or 0 for _, data in sensors(instance)), default=0)

    def runs(self) -> list[dg.DagsterRun]:
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return list(instance.get_runs())


def sensors(instance: dg.DagsterInstance) -> list[tuple[InstigatorState, SensorInstigatorData]]:
    """What Dagster keeps of each sensor."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    return [(s, s.instigator_data) for s in states if isinstance(s.instigator_data, SensorInstigatorData)]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(look: Callable[[], Any], seconds: float, what: str) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.5)
    pytest.fail(f"no {what} within {seconds} seconds")


def below(pid: int) -> dict[int, str]:
    """The processes that a process has started, and theirs: id and command line."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, waiting = {}, [pid]
    while waiting:
        mine = waiting.pop()
        children = [child for child, parent in parents.items() if parent == mine]
        waiting += children
        found |= {child: command_line(child) for child in children}
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def open_files(pid: int) -> set[str]:
    try:
        return {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("serve")
    found = Service(folder)
    write_regions(found.raw, REGION)
    write_csv(found.raw / "demo" / "2023" / "schools.csv", schools())
    time.sleep(automation.STILL + 1)  # they have lain there before the service was first started
    found.start()
    yield found
    if found.process and found.process.poll() is None:
        left = below(found.process.pid)
        found.process.kill()
        found.process.wait()
        for pid in left:
            if command_line(pid):
                os.kill(pid, signal.SIGKILL)


def test_what_lay_there_is_loaded_at_once_and_the_pages_follow(service: Service) -> None:
    """Before the first release the page says so; the first look loads; then it leads to the release by name."""
    status, _, text = wait_for(lambda: (found := service.page())[0] and found, 180, "page")
    assert status == 503 and "还没有发布的版本" in text
    first_look = wait_for(lambda: service.runs(), 180, "run")
    assert len(first_look) == 1
    status, url, text = wait_for(lambda: (found := service.page())[0] == 200 and found, 300, "release")
    release = (service.home / "releases" / "current").resolve().name
    assert url == f"http://127.0.0.1:{service.port}/{release}/briefing/index.html" and "均衡" in text
    assert service.page("/current/manifest.json")[2] == (
        service.home / "releases" / "current" / "manifest.json"
    ).read_text("utf-8")
    [run] = service.runs()
    assert "new_files" in run.tags.values()
    with dg.DagsterInstance.from_config(str(service.home / "dagster")) as instance:
        [state] = [state for state, _ in sensors(instance) if state.name == "new_files"]
        looks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    assert min(looks, key=lambda look: look.timestamp).run_ids == [run.run_id]


@pytest.mark.parametrize(
    "path", ["/.building-release/manifest.json", "/../hash.key", "/..%2f..%2fhash.key", "/%2e%2e/hash.key", "/nothing"]
)
def test_the_pages_are_those_of_releases_alone(path: str, service: Service) -> None:
    (service.home / "releases" / ".building-release").mkdir(exist_ok=True)
    (service.home / "releases" / ".building-release" / "manifest.json").write_text("{}")
    status, _, text = service.page(path)
    assert status == 404 and "看最新的版本" in text
    release = (service.home / "releases" / "current").resolve().name
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}/{release}/manifest.json", b"{}", method="PUT")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(request, timeout=10)


def test_a_second_service_of_the_home_is_refused(service: Service) -> None:
    told = junheng("serve", "--raw", service.raw, "--home", service.home)
    assert told.returncode == 1 and "有一个 junheng serve 在运行" in told.stderr
    told = junheng("serve", "--raw", service.raw, "--home", service.home, "--host", "0.0.0.0")
    assert told.returncode == 1 and "不绑定 0.0.0.0" in told.stderr


def test_a_program_that_is_killed_is_started_again(service: Service) -> None:
    """kill -9 of the page server and of Dagster's: said, and there again; the release is there all the time it is served."""
    wait_for(lambda: len(below(service.pid)) >= 6, 60, "programs")
    before = below(service.pid)
    programs = [pid for pid, line in before.items() if "spawn_main" in line and os.getpgid(pid) == pid]
    assert len(programs) == 5
    looked = service.looks()
    for pid in programs[1:]:  # all but the code
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: all(
            f"{name}意外结束（退出码 -9），5 秒后重新启动" in service.said()
            for name in ("定时", "流程网页", "成果网页", "手动刷新")
        ),
        30,
        "word",
    )
    assert wait_for(lambda: service.page()[0], 60, "page again") == 200
    wait_for(lambda: service.looks() > looked, 180, "look of a sensor again")


def test_a_killed_run_is_tried_again(service: Service) -> None:
    """kill -9 of the run's process: nothing of it is published, the page is the old one, the next try publishes what was handed in."""
    before = (service.home / "releases" / "current").resolve().name
    programs = set(below(service.pid))
    write_csv(service.raw / "demo" / "2023" / "schools.csv", schools(5))
    lock = str(service.home / "refresh.lock")
    run = wait_for(
        lambda: next((pid for pid in set(below(service.pid)) - programs if lock in open_files(pid)), None),
        240,
        "run",
    )
    os.kill(run, signal.SIGKILL)
    assert (service.home / "releases" / "current").resolve().name == before
    wait_for(
        lambda: query(service.home, "select count(distinct school_id) from dim_school") == [(5,)],
        300,
        "release of the next try",
    )
    tried, died, *_ = service.runs()
    assert (died.status, tried.parent_run_id) == (dg.DagsterRunStatus.FAILURE, died.run_id)
    wait_for(lambda: service.runs()[0].is_success, 30, "end of the run")
    wait_for(
        lambda: len(below(service.pid)) <= 7, 60, "end of the run's processes"
    )  # five programs, two of Python's own


def test_after_days_off_and_with_the_clock_set_back_one_run_catches_up(service: Service) -> None:
    """SIGTERM ends every process. Three days later two hours have passed thrice: one run. The clock then stands three days back: a look at once."""
    mine = below(service.pid)
    assert service.end() == 0 and "已结束" in service.said()
    assert {pid: command_line(pid) for pid in mine if command_line(pid) == mine[pid]} == {}
    write_regions(service.raw, REGION.replace("}}", "}, refresh: '0 2 * * *'}"))
    runs, three_days = len(service.runs()), 3 * 86400
    with dg.DagsterInstance.from_config(str(service.home / "dagster")) as instance:
        [(due, data)] = [(state, data) for state, data in sensors(instance) if state.name == "due_regions"]
        ahead = time.time() + three_days
        data = data._replace(
            cursor=str(time.time() - three_days), last_tick_timestamp=ahead, last_tick_start_timestamp=ahead
        )
        instance.update_instigator_state(due.with_data(data))
        assert mend_clock(instance, time.time() + three_days) == []
    service.start()
    wait_for(lambda: "时钟被调回，due_regions 从现在起重新计时" in service.said(), 60, "word of the clock")

    def caught_up() -> list[str]:
        return [run.run_id for run in service.runs() if run.tags.get("dagster/sensor_name") == "due_regions"]

    wait_for(caught_up, 240, "run of the region whose hour came")
    wait_for(lambda: service.runs()[0].is_finished, 240, "end of the run")
    time.sleep(70)  # one more look of each sensor
    assert (
        len(caught_up()) == 1 and len(service.runs()) <= runs + 2
    )  # and one for the entry of the region, which changed


def test_nothing_outlives_a_service_that_is_killed(service: Service) -> None:
    mine = below(service.pid)
    assert service.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not any(command_line(pid) == line for pid, line in mine.items()), 30, "end of all programs")


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    import shutil

    written = junheng("serve", "--unit", "--raw", tmp_path / "报表 100%", "--home", tmp_path / "home")
    assert written.returncode == 0, written.stderr
    assert f'--raw "{tmp_path}/报表 100%%"' in written.stdout
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze on this machine")
    unit = tmp_path / "junheng.service"
    unit.write_text(written.stdout, "utf-8")
    seen = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert (seen.returncode, seen.stderr) == (0, "")


def test_the_compose_file_is_sound() -> None:
    import yaml
    from helpers import ROOT

    folder = ROOT / "dagster_project" / "service"
    service = yaml.safe_load((folder / "compose.yaml").read_text("utf-8"))["services"]["junheng"]
    assert service["restart"] == "always" and all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (folder / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert json.dumps(service["volumes"])
