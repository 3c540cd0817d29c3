"""A region and year is provisional until it is signed; what changes afterwards is told everywhere, and what was signed is kept."""

import json
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest
from helpers import junheng, write_regions
from playwright.sync_api import Browser
from three_regions import REGIONS, hand_in

from dagster_project.release import signing
from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import code_version, current_release, verify
from dagster_project.settings import Damaged


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two regions and a release of them; a test copies it."""
    folder = tmp_path_factory.mktemp("signing")
    write_regions(folder / "raw", REGIONS)
    for region_id in ("jia", "yi"):
        hand_in(folder / "raw", region_id, 2023)
    refresh(folder)
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published, tmp_path / "signing", symlinks=True)
    shutil.rmtree(tmp_path / "signing" / "home" / "dagster")
    return tmp_path / "signing"


def refresh(folder: Path) -> None:
    outcome = junheng("refresh", "--raw", folder / "raw", "--home", folder / "home")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def sign(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return junheng("sign", *arguments, "--home", folder / "home")


def status(folder: Path) -> subprocess.CompletedProcess[str]:
    return junheng("status", "--raw", folder / "raw", "--home", folder / "home")


def current(folder: Path) -> Path:
    release = current_release(folder / "home")
    assert release is not None and verify(release) == []
    return release


def heading(book: Path) -> set[str]:
    return {str(sheet.cell(2, 1).value).partition("\n")[0] for sheet in openpyxl.load_workbook(book).worksheets}


def mark_of_page(release: Path, region_id: str) -> str:
    text = (release / "briefing" / "data" / "regions" / f"{region_id}.js").read_text("utf-8")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])["mark"]


def live(folder: Path) -> dict[str, list[dict[str, str]]]:
    text = (folder / "home" / "live.js").read_text("utf-8")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def test_what_changes_after_signing_is_told_everywhere(folder: Path) -> None:
    first = current(folder)
    form = "forms/jia/某县_2023_申报表.xlsx"
    assert all(line.endswith("暂定（未签署）") for line in heading(first / form))
    assert all("暂定（未签署）" in line for line in heading(first / form.replace("申报表", "学校自评表")))
    assert mark_of_page(first, "jia") == "暂定（未签署）" and "2023 暂定（未签署）" in status(folder).stdout

    outcome = sign(folder, "jia", "2023", "--name", "张三")
    assert outcome.returncode == 0, outcome.stderr
    assert current(folder) == first, "nothing that is published changes"
    signed = folder / "home" / "signed" / first.name
    record = json.loads((signed / "jia_2023.json").read_text("utf-8"))
    manifest = json.loads((first / "manifest.json").read_text("utf-8"))
    assert record["inputs"] == {f["path"]: f["sha256"] for f in manifest["source_files"] if f["region_id"] == "jia"}
    certificate = (signed / "jia_2023.html").read_text("utf-8")
    assert all(said in certificate for said in ("张三", first.name, *record["inputs"].values(), *record["results"]))
    mark = f"已签署：张三，{record['signed_at'][:10]}"
    assert all(line.endswith(mark) for line in heading(signed / "jia_2023" / "某县_2023_申报表.xlsx"))
    assert [r["mark"] for r in live(folder)["signed"]] == [mark]
    assert f"    2023 {mark}" in status(folder).stdout

    hand_in(folder / "raw", "yi", 2023, count=9)
    refresh(folder)
    second = current(folder)
    assert second != first and all(line.endswith(mark) for line in heading(second / form)), "of another region"
    assert mark_of_page(second, "jia") == mark and mark_of_page(second, "yi") == "暂定（未签署）"

    hand_in(folder / "raw", "jia", 2023, 小学在校生数=500)
    refresh(folder)
    third = current(folder)
    changed = f"签署后数据有变化：张三 {record['signed_at'][:10]} 签署的是版本 {first.name}，现在不同的有 报表 1 个（jia/2023/schools.csv）"
    assert all(changed in line and "mart_county_balance" in line for line in heading(third / form))
    assert changed in mark_of_page(third, "jia") and changed in live(folder)["signed"][0]["mark"]
    told = status(folder)
    assert changed in told.stdout
    assert changed in sign(folder, "--list").stdout

    hand_in(folder / "raw", "jia", 2023)  # as it was signed
    refresh(folder)
    fourth = current(folder)
    assert mark_of_page(fourth, "jia") == mark
    assert sign(folder, "jia", "2023", "--name", "李四").returncode == 0
    assert f"李四，{record['signed_at'][:10]}" in sign(folder, "--list").stdout, "the newest signature counts"


def test_the_page_says_what_was_signed_since_it_was_made(folder: Path, chromium: Browser) -> None:
    """And what needs somebody to act now; a copy of it that lies elsewhere says what was so when it was made."""
    (folder / "home" / "notices.json").write_text(
        json.dumps(
            [
                {
                    "kind": "file_rejected",
                    "region_id": "jia",
                    "school_year": 2023,
                    "subject": "<b>a.csv",
                    "text": "打不开",
                    "is_open": True,
                }
            ]
        ),
        "utf-8",
    )
    release = current(folder)
    page = chromium.new_page()
    address = f"file://{release}/briefing/index.html#/jia"

    def said() -> str:
        page.goto("about:blank")
        page.goto(address)
        return page.locator("#signed").inner_text()

    assert "暂定（未签署）" in said()
    sign(folder, "jia", "2023", "--name", "张三")
    assert "已签署：张三" in said() and "签署单" in said()
    assert page.locator("details", has_text="要处理的事（1件）").locator("td", has_text="<b>a.csv").count() == 1
    link = page.locator("#signed a").get_attribute("href")
    assert link and (release / "briefing" / link).resolve().is_file()
    shutil.copytree(release / "briefing", folder / "elsewhere" / "briefing")
    address = f"file://{folder}/elsewhere/briefing/index.html#/jia"
    assert "暂定（未签署）" in said() and page.locator("details", has_text="要处理的事").count() == 0
    page.close()


def test_a_release_that_was_signed_is_kept_and_an_unsigned_form_is_linked(folder: Path) -> None:
    home, first = folder / "home", current(folder)
    sign(folder, "jia", "2023", "--name", "张三")
    version = code_version(first)
    assert version is not None
    second = publish(home, version, keep=1).path
    assert second != first and verify(first) == verify(second) == []
    forms = [f"forms/{region}/某县_2023_申报表.xlsx" for region in ("jia", "yi")]
    is_linked = [(first / form).samefile(second / form) for form in forms]
    assert is_linked == [False, True], "the mark is part of what a form shows"
    assert publish(home, version, keep=1).path == second


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("jia", "2022", "--name", "张三"), "里没有 jia 2022 学年的结论，不能签署"),
        (("jia", "2023", "--name", " "), "签署人的姓名应是一行文字"),
        (("jia", "2023"), "请写明区域、学年和签署人"),
    ],
)
def test_what_cannot_be_signed_is_said(published: Path, arguments: tuple[str, ...], said: str) -> None:
    outcome = sign(published, *arguments)
    assert outcome.returncode == 1 and said in outcome.stderr
    assert not (published / "home" / "signed").exists()


def test_a_damaged_release_or_signature_says_so(folder: Path) -> None:
    release = current(folder)
    sign(folder, "jia", "2023", "--name", "张三")
    record = folder / "home" / "signed" / release.name / "jia_2023.json"
    record.write_text("{", "utf-8")
    with pytest.raises(Damaged, match="请从备份恢复"), connect(folder / "home") as con:
        signing.marks(con, folder / "home")
    form = release / "forms/jia/某县_2023_申报表.xlsx"
    form.chmod(0o644)
    form.write_bytes(b"x")
    outcome = sign(folder, "yi", "2023", "--name", "张三")
    assert outcome.returncode == 1 and "已损坏，不能签署" in outcome.stderr
