"""A refresh that is handed to the service is the refresh that the command would have done: figures, words, exit code, Ctrl-C."""

import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import command, environment, query, schools, write_csv, write_regions

from dagster_project import fingerprint
from dagster_project.cli import ready
from dagster_project.release.store import current_release, read_manifest

REGION = "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, Path, subprocess.Popen[bytes]]]:
    """A region, its home, and the process that takes work for it."""
    raw, home = tmp_path / "raw", tmp_path / "home"
    write_regions(raw, REGION)
    write_csv(raw / "demo/2023/schools.csv", schools())
    home.mkdir()
    here = {**environment(), "JUNHENG_HOME": str(home), "JUNHENG_SERVICE": str(home / "service.sock")}
    process = subprocess.Popen([sys.executable, "-m", "dagster_project.cli.ready"], env=here)
    while not (home / "service.sock").exists():
        assert process.poll() is None
        time.sleep(0.1)
    yield raw, home, process
    process.kill()
    process.wait()


def refresh(raw: Path, home: Path, *more: str, said: str | None = None) -> subprocess.CompletedProcess[str]:
    here = environment() | ({"JUNHENG_SERVICE": said} if said is not None else {})
    here = {name: value for name, value in here.items() if said is not None or name != "JUNHENG_SERVICE"}
    return subprocess.run(
        command("refresh", "--raw", raw, "--home", home, *more), env=here, capture_output=True, text=True, timeout=300
    )


def test_the_service_refreshes_as_the_command_does(
    served: tuple[Path, Path, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    raw, home, process = served
    alone = tmp_path / "alone"
    assert stat.S_IMODE((home / "service.sock").stat().st_mode) == 0o600
    idle = children(process.pid)  # what Python keeps beside it
    for pupils in (401, 402):
        write_csv(raw / "demo/2023/schools.csv", [{**schools()[0], "小学在校生数": pupils}, *schools()[1:]])
        handed, own = refresh(raw, home), refresh(raw, alone, "--no-service")
        assert handed.returncode == own.returncode == 0, handed.stderr
        assert children(process.pid) == idle
        [theirs, mine] = [
            read_manifest(release)["content_sha256"] for folder in (home, alone) if (release := current_release(folder))
        ]
        assert theirs == mine
        assert words(handed, home) == words(own, alone)
    missing = [
        refresh(raw, place, "--region", "nowhere", *more) for place, more in ((home, ()), (alone, ("--no-service",)))
    ]
    assert [(done.returncode, done.stderr) for done in missing] == [
        (1, missing[1].stderr)
    ] * 2 and "nowhere" in missing[0].stderr


def words(done: subprocess.CompletedProcess[str], home: Path) -> list[str]:
    """What a refresh said, without its id, its folder and its time."""
    release = current_release(home)
    assert release
    return [
        line.replace(str(home), "HOME").replace(release.name, "RELEASE")
        for line in done.stdout.splitlines()
        if not line.startswith("用时")
    ]


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_ctrl_c_goes_to_whoever_works_and_nothing_published_is_lost(
    served: tuple[Path, Path, subprocess.Popen[bytes]],
) -> None:
    raw, home, _ = served
    assert refresh(raw, home).returncode == 0
    before = current_release(home)
    write_csv(raw / "demo/2023/schools.csv", [{**schools()[0], "小学在校生数": 444}, *schools()[1:]])
    here = {name: value for name, value in environment().items() if name != "JUNHENG_SERVICE"}
    asked = subprocess.Popen(
        command("refresh", "--raw", raw, "--home", home),
        env=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored by what runs in the background
    )
    while not (home / "refresh.pid").exists():
        assert asked.poll() is None
        time.sleep(0.01)
    asked.send_signal(signal.SIGINT)
    said, _ = asked.communicate(timeout=60)
    assert asked.returncode == 130 and "已中断" in said
    assert current_release(home) == before
    assert refresh(raw, home).returncode == 0
    assert query(home, "select pupils from fct_school_stage order by school_id limit 1") == [(444,)]


def test_a_service_of_other_code_works_for_nobody_and_ends(
    served: tuple[Path, Path, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    _, home, process = served
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUNHENG_SERVICE", str(home / "service.sock"))
        with socket.socket(socket.AF_UNIX) as gone:  # who asks nothing, and has gone
            gone.connect(str(home / "service.sock"))
        assert ready.hand_over(["--version"]) == 0
        patch.setattr(fingerprint, "running", lambda: "other code")
        assert ready.hand_over(["--version"]) is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0 and not (home / "service.sock").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUNHENG_SERVICE", str(home / "service.sock"))
        assert ready.hand_over(["--version"]) is None
        socket.socket(socket.AF_UNIX).bind(str(home / "service.sock"))  # left by one that was killed
        assert ready.hand_over(["--version"]) is None
