"""The director's page: its data files say what the marts say, and a browser opens it from disk, with nothing but files."""

import csv
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.release.publish import publish, verify

REGION, COUNTY, SCHOOL = "liaocheng", "371522", "3715220001"
HOSTILE = "=1+1<script>document.title='x'</script><img src=x onerror=alert(1)>"


def data(release: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of a data file, as the page reads them."""
    text = (release / "briefing/data" / f"{name}.js").read_text("utf-8")
    assert text.startswith(f'junheng.load("{name}", ') and text.endswith(");\n")
    found = json.loads(text.partition(", ")[2].removesuffix(");\n"))
    return {
        key: [dict(zip(value["columns"], row, strict=True)) for row in value["rows"]]
        for key, value in found.items()
        if isinstance(value, dict)
    }


def marts(home: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        return con.execute(query).fetchall()


def test_the_data_files_hold_the_rows_of_the_marts(demo_home: Path) -> None:
    tables = data(demo_home / "releases/current", f"regions/{REGION}/{COUNTY}")
    where = f"where region_id = '{REGION}' and county_code = '{COUNTY}'"
    for name, mart, also in (
        ("verdicts", "mart_county_verdict", ""),
        ("shares", "mart_variance_share", "and school_year = 2023 and variance_rank <= 10"),
        ("gaps", "mart_county_gap", "and school_year = 2023"),
        ("plans", "mart_gap_plan", "and school_year = 2023"),
        ("items", "mart_standard_item", "and school_year = 2023 and standard_id = 'quality_2017'"),
        ("values", "fct_school_indicator", "and school_year = 2023"),
        ("checks", "mart_data_check", "and school_year = 2023"),
    ):
        columns = list(tables[name][0]) if tables[name] else ["*"]
        expected = marts(demo_home, f"select {', '.join(columns)} from {mart} {where} {also}")
        assert sorted(map(repr, (tuple(row.values()) for row in tables[name]))) == sorted(map(repr, expected)), name
    balance = marts(
        demo_home, f"select count(*) from mart_county_balance semi join (from dim_indicator where is_national) using (indicator_id) {where}"
    )  # fmt: skip
    assert balance == [(len(tables["balance"]),)] == [(42,)]


def test_the_manifest_knows_every_file_and_the_same_file_is_linked(demo_home: Path, tmp_path: Path) -> None:
    shutil.copy(demo_home / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    first, second = publish(tmp_path, "one").path, publish(tmp_path, "two").path
    listed = {file["file"] for file in json.loads((second / "manifest.json").read_text("utf-8"))["briefing"]}
    present = {path.relative_to(second).as_posix() for path in second.rglob("briefing/**/*") if path.is_file()}
    assert listed == present and len([name for name in listed if name.count("/") == 4]) == 19
    assert verify(second) == []
    for name in listed - {"briefing/data/release.js"}:
        assert (first / name).samefile(second / name), name
    page = second / "briefing/app.js"
    page.chmod(0o644)
    page.write_text("changed", "utf-8")
    assert any("briefing/app.js" in problem for problem in verify(second))


class Browser:
    """A Chromium of its own profile, with what the page logged and asked for."""

    def __init__(self, window: Any, downloads: Path) -> None:
        self.window, self.downloads = window, downloads

    def open(self, release: Path, address: str, width: int = 1200) -> None:
        self.window.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        self.window.get("about:blank")
        self.window.get(f"{(release.resolve() / 'briefing/index.html').as_uri()}#/{address}")

    def run(self, script: str) -> Any:
        return self.window.execute_script(script)

    def heading(self, text: str) -> None:
        """Wait until the page of this name stands."""
        self.wait(lambda: self.run("return document.querySelector('h1')?.firstChild.textContent") == text, text)

    def wait(self, look: Callable[[], Any], what: str) -> Any:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if found := look():
                return found
            time.sleep(0.1)
        pytest.fail(f"no {what} within 20 seconds: {self.run('return document.body.innerText')[:500]}")

    def tab_to(self, text: str) -> None:
        """Press Tab until the element of this text has the focus."""
        for _ in range(60):
            self.press("\ue004")
            if self.run("return document.activeElement.textContent") == text:
                assert self.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        pytest.fail(f"{text} is not reached by Tab")

    def press(self, key: str) -> None:
        self.window.switch_to.active_element.send_keys(key)

    def click(self, css: str) -> None:
        self.window.find_element("css selector", css).click()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: the page is not opened in a browser")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver: the page is not opened in a browser")
    downloads = tmp_path_factory.mktemp("downloads")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-sync"):
            options.add_argument(f"--{flag}")
        for flag in ("disable-background-networking", "disable-component-update", f"user-data-dir={profile}"):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        window = webdriver.Chrome(options, webdriver.ChromeService(driver))
        try:
            window.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
            yield Browser(window, downloads)
        finally:
            window.quit()


def test_region_county_school_from_disk_with_files_alone(browser: Browser, demo_home: Path) -> None:
    release = demo_home / "releases/current"
    browser.window.get_log("browser"), browser.window.get_log("performance")
    browser.open(release, "")
    browser.heading("各区域")
    for address, name in ((REGION, "聊城市"), (f"{REGION}/{COUNTY}", "莘县"), (f"{REGION}/{COUNTY}/{SCHOOL}", None)):
        browser.click(f"main a[href='#/{address}']")
        [(school,)] = marts(
            demo_home, f"select school_name from dim_school where school_id = '{SCHOOL}' and school_year = 2023"
        )
        browser.heading(name or school)
        assert "合成（虚构）数据" in browser.run("return document.getElementById('notice').innerText")
        levels = browser.run("return [...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
        assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert [entry for entry in browser.window.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.window.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert len(asked) > 6 and [url for url in asked if not url.startswith(("file:", "about:"))] == []


def test_verdict_and_reasons_are_those_of_the_mart(browser: Browser, demo_home: Path) -> None:
    words = {"met": "✓ 达标", "not_met": "✗ 未达标", "not_evaluable": "？ 无法判定"}
    counties = marts(
        demo_home,
        "select region_id, county_code, county_name_zh, verdict, reasons from mart_county_verdict inner join dim_county"
        " using (region_id, county_code) where school_year = 2023 and county_code in ('371502', '371522', '370830')",
    )
    for region, code, name, verdict, reasons in counties:
        browser.open(demo_home / "releases/current", f"{region}/{code}")
        browser.heading(name)
        assert browser.run("return document.getElementById('verdict').textContent") == words[verdict]
        told = browser.run(
            "return [...document.querySelectorAll('main > .verdict .reasons li')].map(li => li.textContent)"
        )
        assert "；".join(told) == (reasons or "")
        form = browser.run("return document.querySelector(\"a[href$='.xlsx']\").href")
        assert Path(form.removeprefix("file://")).is_file()
    assert len(counties) == 3


@pytest.mark.parametrize("address", ["", REGION, f"{REGION}/{COUNTY}", f"{REGION}/{COUNTY}/{SCHOOL}"])
def test_a_phone_needs_no_sideways_scroll(browser: Browser, demo_home: Path, address: str) -> None:
    browser.open(demo_home / "releases/current", address, width=375)
    browser.wait(lambda: browser.run("return document.querySelector('main table')"), "table")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert browser.run("return document.documentElement.scrollWidth") <= 375


def test_the_keyboard_reaches_a_county(browser: Browser, demo_home: Path) -> None:
    browser.open(demo_home / "releases/current", "")
    browser.heading("各区域")
    browser.tab_to("跳到正文")
    browser.press("\ue007")
    assert browser.run("return document.activeElement.id") == "main"
    for name in ("聊城市", "莘县"):
        browser.tab_to(name)
        browser.press("\ue007")
        browser.heading(name)
        assert browser.run("return document.activeElement.tagName") == "H1"


def test_what_comes_from_data_stays_text_on_the_page_and_in_the_download(
    browser: Browser, demo_home: Path, tmp_path: Path
) -> None:
    release = demo_home / "releases/current"
    shutil.copytree(release / "briefing", tmp_path / "briefing")
    path = tmp_path / f"briefing/data/regions/{REGION}/{COUNTY}.js"
    [(school,)] = marts(
        demo_home, f"select school_name from dim_school where school_id = '{SCHOOL}' and school_year = 2023"
    )
    path.chmod(0o644)
    path.write_text(path.read_text("utf-8").replace(school, HOSTILE), "utf-8")
    browser.open(tmp_path, f"{REGION}/{COUNTY}")
    browser.heading("莘县")
    assert HOSTILE in browser.run("return document.querySelector('main').textContent")
    assert browser.run("return document.querySelectorAll('main script, main img').length") == 0
    browser.click("button[aria-label='下载 全部学校 CSV']")
    file = browser.downloads / "莘县_学校.csv"
    browser.wait(file.is_file, "download")
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(content.decode("utf-8-sig").splitlines())
    shown = data(release, f"regions/{REGION}/{COUNTY}")["schools"]
    assert header[:2] == ["学校", "标识码"] and [row[1] for row in rows] == [row["school_id"] for row in shown]
    assert rows[0][0] == f"'{HOSTILE}"


def test_an_address_that_is_nowhere_says_so(browser: Browser, demo_home: Path) -> None:
    for address in ("nowhere", f"{REGION}/999999", "%E0%A4%A", f"{REGION}/..%2F..%2Fapp"):
        browser.open(demo_home / "releases/current", address)
        browser.heading("打不开这一页")
