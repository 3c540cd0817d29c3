"""Each thing is told once, by mail and by webhook, until it changes; who could not be reached is tried again; no address is written anywhere."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apprise
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from helpers import command, environment, junheng, write_regions
from three_regions import REGIONS, hand_in

from dagster_project import settings
from dagster_project.orchestration import messages, notices
from dagster_project.orchestration.notices import Notice, words
from dagster_project.orchestration.summary import survey
from dagster_project.warehouse import last_run

SECRET = "s3cr3t-T0ken"


class Post(Sink):
    """Every mail that was delivered."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        super().__init__()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain", "html"))
        assert body is not None
        self.mails.append(f"{mail['subject']}\n{body.get_content()}")
        return "250 OK"


class Receiver(ThreadingHTTPServer):
    """Every message that was posted; answers with `status`."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.posted.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the console."""


@pytest.fixture
def post() -> Iterator[tuple[Post, str]]:
    """A mail server, and its address for a message."""
    handler = Post()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"mailto://127.0.0.1:{port}?from=junheng@example.com&to=office@example.com"
    controller.stop()


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    """A webhook, and its address, which holds a token."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, f"json://user:{SECRET}@127.0.0.1:{server.server_address[1]}/{SECRET}"
    server.shutdown()
    server.server_close()


def rejected(file: str, text: str = "打不开") -> Notice:
    return Notice("file_rejected", "jia", 2023, file, text)


def test_each_thing_is_told_once_until_it_changes(
    tmp_path: Path, post: tuple[Post, str], receiver: tuple[Receiver, str]
) -> None:
    """Also what has gone and comes again; a service that failed is told later what the other has had."""
    mails, server = post[0].mails, receiver[0]
    (tmp_path / messages.ADDRESSES).write_text(f"# 通知\n{post[1]}\n{receiver[1]}\n", "utf-8")

    def send(*notices: Notice) -> list[str]:
        return messages.send(tmp_path, notices)

    assert send() == [] and not mails and not server.posted
    assert send(rejected("a.csv")) == [] and send(rejected("a.csv")) == []
    assert len(mails) == len(server.posted) == 1
    assert "均衡 Junheng：1 件事" in mails[0] and "【文件没能载入】a.csv：打不开" in mails[0]
    assert server.posted[0]["message"] == "【文件没能载入】a.csv：打不开"

    assert send(rejected("a.csv"), rejected("b.csv")) == []
    assert "b.csv" in mails[1] and "a.csv" not in mails[1], "only what is new"
    assert send(rejected("a.csv", "是空的"), rejected("b.csv")) == []
    assert "a.csv：是空的" in mails[2] and "b.csv" not in mails[2]
    assert send(rejected("b.csv")) == [] and len(mails) == 3
    assert send(rejected("a.csv", "是空的"), rejected("b.csv")) == [] and "a.csv" in mails[3]

    server.status = 500
    failures = send(rejected("c.csv"))
    assert len(mails) == 5 and failures == ["第 2 个通知地址（JSON）送不到：1 件事没有送到，下次再送"]
    server.status = 200
    assert send(rejected("c.csv")) == []
    assert len(mails) == 5 and server.posted[-1]["message"].startswith("【文件没能载入】c.csv")
    assert SECRET not in (tmp_path / messages.TOLD).read_text("utf-8")


def test_the_variable_goes_before_the_file_and_a_wrong_address_is_told_without_its_words(
    tmp_path: Path, post: tuple[Post, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / messages.ADDRESSES).write_text("json://127.0.0.1:1/never\n", "utf-8")
    monkeypatch.setenv(messages.VARIABLE, f"{post[1]} htps://{SECRET}")
    (failure,) = messages.send(tmp_path, [rejected("a.csv")])
    assert failure.startswith("第 2 个通知地址认不得：应写成 mailtos://") and SECRET not in failure
    assert len(post[0].mails) == 1


@pytest.mark.parametrize(
    "address", ["mailtos://u:p@example.com", "wecombot://botkey", "dingtalk://token12345", "feishu://token12345"]
)
def test_the_addresses_that_we_name_are_known(address: str) -> None:
    assert isinstance(apprise.Apprise.instantiate(address), apprise.NotifyBase)


def test_every_kind_has_its_word() -> None:
    kinds = {
        "run_failed", "release_damaged", "disk_low", "partition_blocked", "region_stale", "file_rejected", "deadline_missed",
        "filed_late", "signature_broken",
    }  # fmt: skip
    assert set(words()) == kinds
    assert [kind for kind in kinds if not Notice(kind, None, None, "x", "y").is_open] == ["filed_late"]


def test_files_that_lie_for_long_without_a_refresh_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By when they came to lie there, not by the date that a copied file bears."""
    for name in ("JUNHENG_RAW", "JUNHENG_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    settings.use(tmp_path / "raw", tmp_path / "home")
    write_regions(tmp_path / "raw", REGIONS)
    hand_in(tmp_path / "raw", "jia", 2023)
    os.utime(tmp_path / "raw" / "jia" / "2023" / "schools.csv", (0, 0))
    assert notices.gather(survey()) == []
    monkeypatch.setattr(notices, "STALE", timedelta(0))
    [notice] = notices.gather(survey())
    assert (notice.kind, notice.subject, notice.is_open) == ("region_stale", "jia市 2023", True)
    assert "还没有载入：请运行 junheng refresh" in notice.text


@pytest.mark.parametrize(("megabytes", "is_low"), [(300, True), (1500, False)])
def test_a_disk_that_is_nearly_full_is_told_before_it_is(tmp_path: Path, megabytes: int, is_low: bool) -> None:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    script = f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" && exec "$@"'
    write_regions(tmp_path / "raw", REGIONS)
    (tmp_path / "home").mkdir()
    if shutil.which("unshare") is None or subprocess.run([*mount, script, tmp_path / "home", "true"]).returncode:
        pytest.skip("no user namespaces here")
    asked = command("status", "--raw", tmp_path / "raw", "--home", tmp_path / "home")
    told = subprocess.run(
        [*mount, script, tmp_path / "home", *asked], env=environment(), capture_output=True, text=True, timeout=300
    )
    assert ("所在的磁盘：可用的不到 1 GB，下一次刷新可能写不下：请清出空间" in told.stdout) == is_low, (
        told.stdout + told.stderr
    )
    assert "Traceback" not in told.stderr and (not is_low or told.returncode == 1)


def test_a_run_that_did_not_end_is_told_with_its_reason(tmp_path: Path) -> None:
    assert last_run.problem(tmp_path) is None
    last_run.begin(tmp_path)
    assert "进程已不在" in (last_run.problem(tmp_path) or "")
    last_run.fail(tmp_path, "models：\n没有通过检查")
    last_run.fail(tmp_path, "后来的")
    assert (last_run.problem(tmp_path) or "").endswith("没有做完：models： 没有通过检查")
    last_run.end(tmp_path)
    assert last_run.problem(tmp_path) is None


def test_a_refresh_tells_what_it_found_and_status_leaves_with_1(
    tmp_path: Path, post: tuple[Post, str], receiver: tuple[Receiver, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A region held back by a gate, a file that is none, a disk told of, a release damaged, a process killed; each in status and by mail."""
    raw, home, mails = tmp_path / "raw", tmp_path / "home", post[0].mails
    monkeypatch.setenv(messages.VARIABLE, f"{post[1]} {receiver[1]}")
    write_regions(raw, REGIONS)
    for region_id in ("jia", "yi"):
        for year in (2022, 2023):
            hand_in(raw, region_id, year)

    def run(command: str) -> tuple[int, str]:
        outcome = junheng(command, "--raw", raw, "--home", home)
        assert SECRET not in outcome.stdout + outcome.stderr
        return outcome.returncode, outcome.stdout + outcome.stderr

    assert run("refresh")[0] == 0 and run("status")[0] == 0 and not mails

    hand_in(raw, "jia", 2023, count=3)  # of ten last year: a gate refuses it
    (raw / "yi" / "2023" / "teachers.xlsx").write_bytes(b"no workbook")
    assert run("refresh")[0] == 1
    assert (
        len(mails) == 1 and "【没有更新】jia市 2023" in mails[0] and "【文件没能载入】yi/2023/teachers.xlsx" in mails[0]
    )
    code, told = run("status")
    assert code == 1 and "【文件没能载入】yi/2023/teachers.xlsx" in told and "未更新：jia 2023" in told
    page = (home / "live.js").read_text("utf-8")
    assert '"partition_blocked"' in page and '"file_rejected"' in page
    assert run("refresh")[0] == 1 and len(mails) == 1, "nothing new, nothing told"
    assert len(receiver[0].posted) == 1

    hand_in(raw, "jia", 2023)
    (raw / "yi" / "2023" / "teachers.xlsx").unlink()
    assert run("refresh")[0] == 0 and run("status")[0] == 0 and len(mails) == 1

    last_run.begin(home)  # as by a run whose process is gone
    form = next((home / "releases" / "current" / "forms").rglob("*.xlsx"))
    form.chmod(0o644)
    form.write_bytes(b"x")
    code, told = run("status")
    assert code == 1 and "【刷新没有做完】" in told and "已损坏" in told
    assert run("refresh")[0] == 0 and run("status")[0] == 0

    for path in home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    shutil.rmtree(home)
