"""The pages over HTTP: of a thinned release they say how they are had again."""

import asyncio
import os
from pathlib import Path

import pytest

from dagster_project.release.store import OPENED, THINNED
from dagster_project.service.pages import pages

THINNED_ONE, WHOLE_ONE = "20260101T000000Z-0000000a", "20260102T000000Z-0000000b"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A thinned release, and the current one."""
    monkeypatch.setenv("JUNHENG_HOME", str(tmp_path))
    for name in (THINNED_ONE, WHOLE_ONE):
        (tmp_path / "releases" / name).mkdir(parents=True)
        (tmp_path / "releases" / name / "manifest.json").write_text("{}")
    (tmp_path / "releases" / THINNED_ONE / THINNED).touch()
    os.symlink(WHOLE_ONE, tmp_path / "releases" / "current")
    return tmp_path


def get(path: str) -> tuple[int, str]:
    """Status and text of an address."""
    sent: list[dict] = []

    async def receive() -> dict:
        await asyncio.Event().wait()  # nobody hangs up
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": [], "query_string": b""}
    asyncio.run(pages()(scope, receive, send))  # ty: ignore[invalid-argument-type]
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


def test_a_thinned_release_says_how_its_page_is_had_again(home: Path) -> None:
    assert get(f"/{THINNED_ONE}/manifest.json") == (200, "{}")
    status, text = get(f"/{THINNED_ONE}/briefing/index.html")
    assert status == 404 and f"junheng releases --open {THINNED_ONE}" in text
    opened = home / OPENED / THINNED_ONE / "briefing"
    opened.mkdir(parents=True)
    (opened / "index.html").write_text("as it was")
    assert get(f"/{THINNED_ONE}/briefing/index.html") == (200, "as it was")
    status, text = get(f"/{WHOLE_ONE}/briefing/nothing.html")
    assert status == 404 and "看最新的版本" in text
    (home / OPENED / ".building-x").mkdir()
    (home / OPENED / ".building-x" / "secret").write_text("half")
    assert get("/.building-x/secret")[0] == get("/../opened/.building-x/secret")[0] == 404
