"""The director's page: its data files say what the marts say, and a browser opens it from disk, with nothing but files."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Download, Page, expect

from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import verify
from dagster_project.release.trace import find, sources

REGION, COUNTY, SCHOOL = "liaocheng", "371522", "3715220001"
VIEWS = {"home": "", "region": REGION, "county": f"{REGION}/{COUNTY}", "school": f"{REGION}/{COUNTY}/{SCHOOL}"}
TERMS = "名词解释"
A4 = int(186 / 25.4 * 96)  # CSS pixels between the margins of a sheet
SAME = "using (region_id, school_year, county_code, school_id, stage, indicator_id)"
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


def changed(release: Path, folder: Path, name: str, cells: dict[tuple[str, str], Any]) -> Path:
    """A folder with the page, in which one data file has other values in whole columns of its tables."""
    if not (folder / "briefing").exists():
        shutil.copytree(release / "briefing", folder / "briefing")
    path = folder / "briefing/data" / f"{name}.js"
    head, _, tables = path.read_text("utf-8").removesuffix(");\n").partition(", ")
    found = json.loads(tables)
    for (table, column), value in cells.items():
        for row in found[table]["rows"]:
            row[found[table]["columns"].index(column)] = value
    path.chmod(0o644)
    path.write_text(f"{head}, {json.dumps(found)});\n", "utf-8")
    return folder


def marts(home: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        return con.execute(query).fetchall()


def records(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_the_data_files_hold_the_rows_of_the_marts(demo_home: Path) -> None:
    tables = data(demo_home / "releases/current", f"regions/{REGION}/{COUNTY}")
    where = f"where region_id = '{REGION}' and county_code = '{COUNTY}'"
    for name, mart, also in (
        ("verdicts", "mart_county_verdict", ""),
        ("shares", "mart_variance_share", "and school_year = 2023 and variance_rank <= 10"),
        ("totals", "mart_county_plan", "and school_year = 2023"),
        ("gaps", "mart_county_gap", "and school_year = 2023"),
        ("plans", "mart_gap_plan", "and school_year = 2023"),
        ("outlays", "mart_county_outlay", "and school_year = 2023"),
        ("steps", "mart_plan_step", "and school_year = 2023 and plan = 'both'"),
        ("items", "mart_standard_item", "and school_year = 2023 and standard_id = 'quality_2017'"),
        (
            "values",
            f"fct_school_indicator left join (select * exclude (value, reason) from mart_similar_standing) {SAME}",
            "and school_year = 2023",
        ),
        ("checks", "mart_data_check", "and school_year = 2023"),
        ("sentences", "mart_county_explanation", "and school_year = 2023"),
        ("actions", "mart_county_action", "and school_year = 2023"),
        ("reasons", "mart_county_reason", "and school_year = 2023"),
        ("parts", "mart_item_verdict", "and school_year = 2023"),
        ("transfers", "mart_transfer_plan", "and school_year = 2023"),
        ("moves", "mart_transfer_move", "and school_year = 2023"),
        ("layout", "mart_layout_option", "and school_year = 2023"),
        ("trends", "mart_indicator_trend", "and school_year = 2023"),
        ("enrolment", "mart_enrolment_projection", "and school_year = 2023"),
        ("horizons", "mart_projected_plan", "and school_year = 2023"),
        ("funding", "mart_county_funding", ""),
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
    assert listed == present and len([name for name in listed if name.count("/") == 4]) == 2 * 19
    assert verify(second) == []
    for name in listed - {"briefing/data/release.js"}:
        assert (first / name).samefile(second / name), name
    page = second / "briefing/app.js"
    page.chmod(0o644)
    page.write_text("changed", "utf-8")
    assert any("briefing/app.js" in problem for problem in verify(second))


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window of its own; its test fails if the page logs a fault, throws, or asks for anything but files. A copy of a page may miss
    the live file, which lies outside of the release."""
    faults: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.location["url"].endswith("/live.js"):
            faults.append(message.text)

    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", listen)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(("file:", "blob:")) else faults.append(asked.url))
    yield page
    context.close()
    assert faults == []


def open_page(page: Page, release: Path, address: str, unfolded: bool = False) -> None:
    """Open an address of the page anew, from disk, and wait until it stands."""
    page.goto("about:blank")
    page.goto(f"{(release.resolve() / 'briefing/index.html').as_uri()}#/{address}")
    page.wait_for_selector("main h1")
    if unfolded:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")


def heading(page: Page) -> Any:
    """The name of the page, without what stands small beside it."""
    return page.evaluate("document.querySelector('h1').firstChild.textContent")


def download(page: Page, table: str) -> tuple[Download, list[list[str]]]:
    """Press a table's button: what arrives, and its lines."""
    with page.expect_download() as arriving:
        page.get_by_role("button", name=f"下载 {table} CSV", exact=True).click()
    content = arriving.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return arriving.value, list(csv.reader(content.decode("utf-8-sig").splitlines()))


def drawn(page: Page) -> str:
    """The first trend line as a picture, once it is there."""
    page.wait_for_function(
        "(e => e.getContext('2d').getImageData(0, 0, e.width, e.height).data.some(x => x))(document.querySelector('.trend'))"
    )
    return page.evaluate("document.querySelector('.trend').toDataURL()")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this text or label has the focus, and shows it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        at = "document.activeElement"
        if name in (page.evaluate(f"{at}.textContent"), page.evaluate(f"{at}.getAttribute('aria-label')")):
            assert page.evaluate(f"getComputedStyle({at}).outlineStyle") == "solid"
            return
    pytest.fail(f"{name} is not reached by Tab")


def beyond(page: Page, width: int) -> list[str]:
    """What stands to the right of a width; not what only a screen reader gets."""
    return page.evaluate(
        """width => [...document.querySelectorAll('main *, header *, footer *')]
            .filter(e => !e.closest('.unseen') && getComputedStyle(e.closest('thead') || e).position !== 'absolute')
            .filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 200))""",
        width,
    )


def test_region_county_school_from_disk_with_files_alone(page: Page, demo_home: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, demo_home / "releases/current", "")
    [(school,)] = marts(
        demo_home, f"select school_name from dim_school where school_id = '{SCHOOL}' and school_year = 2023"
    )
    for view, name in {"region": "聊城市", "county": "莘县", "school": school}.items():
        page.locator(f"main a[href='#/{VIEWS[view]}']").first.click()
        expect(page.locator("nav [aria-current=page]")).to_have_text(name)
        assert heading(page) == name
        expect(page.locator("#notice")).to_contain_text("合成（虚构）数据")
        expect(page.locator("#release")).to_contain_text("发布版本")
        target = page.locator("#release a").first.evaluate("link => link.href")
        assert Path(target.removeprefix("file://")).resolve().is_file() and target.endswith("/dictionary.html")
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
        assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert {url.rpartition("/")[2].partition("#")[0] for url in asked} >= {"index.js", f"{REGION}.js", f"{COUNTY}.js"}


def test_verdict_and_reasons_are_those_of_the_mart(page: Page, demo_home: Path) -> None:
    words = {"met": "✓ 达标", "not_met": "✗ 未达标", "not_evaluable": "？ 无法判定"}
    counties = marts(
        demo_home,
        "select region_id, county_code, county_name_zh, verdict, reasons from mart_county_verdict inner join dim_county"
        " using (region_id, county_code) where school_year = 2023 and county_code in ('371502', '371522', '370830')",
    )
    for region, code, name, verdict, reasons in counties:
        open_page(page, demo_home / "releases/current", f"{region}/{code}")
        assert heading(page) == name
        expect(page.locator("#verdict")).to_have_text(words[verdict])
        said = page.locator("main > .verdict .reasons li").all_text_contents()
        assert sorted("；".join(said).split("；")) == sorted((reasons or "").split("；"))
        told = marts(
            demo_home,
            f"select sentence from mart_county_explanation where region_id = '{region}' and county_code = '{code}'"
            " and school_year = 2023 order by sentence_no",
        )
        assert page.locator(".sentences li").all_text_contents() == [sentence for (sentence,) in told] != []
        done = marts(
            demo_home,
            "select label_zh || sentence from mart_county_action inner join dim_label on dim_label.kind = 'action' and code = mart_county_action.kind"
            f" where region_id = '{region}' and county_code = '{code}' and school_year = 2023 order by action_no",
        )
        assert page.locator(".actions li").all_text_contents() == [sentence for (sentence,) in done] != []
        papers = page.evaluate("[...document.querySelectorAll(\"a[href*='/forms/']\")].map((link) => link.href)")
        assert [Path(unquote(paper).removeprefix("file://")).is_file() for paper in papers] == [True, True]
    assert len(counties) == 3


def test_pictures_show_the_figures_of_the_marts(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"])
    where = f"where county_code = '{COUNTY}' and school_year = 2023"
    for stage, word in (("primary", "小学"), ("junior", "初中")):
        cells = marts(
            demo_home,
            "select school_name, list(percent_of_threshold order by sort_order), list(is_met order by sort_order), list(is_floor_met order by sort_order)"
            " from fct_school_indicator inner join dim_indicator using (indicator_id) inner join dim_school using (region_id, school_year, school_id)"
            f" where fct_school_indicator.county_code = '{COUNTY}' and school_year = 2023 and stage = '{stage}' and is_national group by school_name",
        )
        table = page.get_by_role("table", name=f"{word}：每校每项是标准的百分之几")
        shown = {
            row.locator("th").inner_text(): row.locator("td").all_inner_texts()
            for row in table.locator("tbody tr").all()
        }
        assert shown.keys() == {name for name, *_ in cells}
        for name, percents, met, above in cells:
            signs = ["✓" if is_met else "△" if is_above else "✗" for is_met, is_above in zip(met, above, strict=True)]
            assert [text[0] for text in shown[name]] == signs, name
            for text, percent, is_met in zip(shown[name], percents, met, strict=True):
                bound = text[1:].partition("<")[2]
                assert percent < float(bound) if bound else abs(float(text[1:]) - percent) <= 0.5
                assert is_met or bound or float(text[1:]) < 100
        coefficients = marts(
            demo_home,
            "select difference_coefficient, is_met from mart_county_balance inner join dim_indicator using (indicator_id)"
            f" {where} and stage = '{stage}' and is_national order by sort_order",
        )
        foot = table.locator("tfoot td").all_inner_texts()
        assert [text[0] for text in foot] == ["✓" if is_met else "✗" for _, is_met in coefficients]
        assert [float(text[1:]) for text in foot] == [pytest.approx(value, abs=0.0005) for value, _ in coefficients]
    for part, title in (("government", "政府保障程度"), ("quality", "教育质量")):
        items = marts(
            demo_home, f"select item_number, is_met from mart_item_verdict {where} and part = '{part}' order by 1"
        )
        squares = page.locator(".tile", has_text=title).locator(".squares li > :first-child").all_inner_texts()
        assert squares == [f"{'' if is_met else '✗'}{number}" for number, is_met in items]


def test_what_judges_nothing_is_never_green(page: Page, demo_home: Path, tmp_path: Path) -> None:
    """Where a school is missing a coefficient is there and judges nothing; the page says so, and why."""
    release, unjudged = demo_home / "releases/current", {("balance", "is_met"): None}
    changed(release, tmp_path, f"regions/{REGION}/{COUNTY}", unjudged | {("balance", "reason"): "缺1所学校"})
    changed(release, tmp_path, f"regions/{REGION}", unjudged)
    open_page(page, tmp_path, VIEWS["county"])
    for word in ("小学", "初中"):
        foot = page.get_by_role("table", name=f"{word}：每校每项是标准的百分之几").locator("tfoot td").all_inner_texts()
        assert [text[0] for text in foot] == ["？"] * 7 and all(float(text[1:]) for text in foot)
        strips = page.get_by_role("table", name=f"{word}7项差异系数")
        assert [text[0] for text in strips.locator(".badge.none").all_inner_texts()] == ["？"] * 7
        assert strips.get_by_text("缺1所学校").count() == 7
    assert page.locator(".tile", has_text="资源配置").locator(".squares .none").count() == 14
    open_page(page, tmp_path, VIEWS["region"])
    cells = page.get_by_role("table", name="小学差异系数：县 × 指标").locator("tbody td").all_inner_texts()
    assert {text[0] for text in cells} == {"？"}


def test_a_school_is_found_by_name_code_and_initials(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", "")
    for sought, name in (
        ("sx", "莘县"),
        ("莘县完全", "莘县完全中学"),
        (SCHOOL, "城关镇中心小学"),
        ("cgzzxxx", "城关镇中心小学"),
    ):
        page.get_by_label("查学校、县").fill(sought)
        expect(page.locator("#found a", has_text=name).first).to_be_visible()
    page.get_by_label("查学校、县").fill(SCHOOL)
    page.keyboard.press("Enter")
    expect(page.locator("nav [aria-current=page]")).to_have_text("城关镇中心小学")
    expect(page.locator("#found li")).to_have_count(0)
    page.get_by_label("查学校、县").fill("没有这所学校")
    expect(page.locator("#found")).to_have_text("没有查到")


def test_a_release_of_one_county_opens_at_it(page: Page, demo_home: Path, tmp_path: Path) -> None:
    release, here = demo_home / "releases/current", tmp_path / "releases/here"
    shutil.copytree(release / "briefing", here / "briefing")
    [lonely] = marts(
        demo_home,
        "select region_id, county_code from mart_county_verdict where school_year = 2023 and region_id = 'wenshang'",
    )
    tables = data(release, "index")
    tables["regions"] = [row for row in tables["regions"] if row["region_id"] == "wenshang"]
    assert [row["only_county"] for row in tables["regions"]] == [lonely[1]]
    (here / "briefing/data/index.js").write_text(f"junheng.load('index', {json.dumps(tables)})", "utf-8")
    about = {"region_id": "wenshang", "kind": "file_rejected", "subject": "甲.csv", "text": "打不开", "is_open": True}
    live = {"current": release.resolve().name, "signed": [], "notices": [about]}
    (tmp_path / "live.js").write_text(f"junheng.load('live', {json.dumps(live)})", "utf-8")
    open_page(page, here, "")
    assert heading(page) == "汶上县"
    expect(page.get_by_text("要处理的事（1件）").first).to_be_visible()


def test_a_term_is_explained_where_it_is_used(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"])
    page.locator("main").get_by_role("link", name="限值", exact=True).first.click()
    expect(page.locator("nav [aria-current=page]")).to_have_text(TERMS)
    assert heading(page) == TERMS
    expect(page.locator("tr.sought th")).to_have_text("限值")
    page.goto("about:blank")


def test_a_filter_leaves_the_rows_that_hold_its_words_on_the_page_and_in_the_download(
    page: Page, demo_home: Path
) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"], unfolded=True)
    schools = marts(
        demo_home, f"select school_name from dim_school where county_code = '{COUNTY}' and school_year = 2023"
    )
    expected = sorted(name for (name,) in schools if "城北" in name)
    assert 0 < len(expected) < len(schools)
    page.get_by_label("筛选 全部学校").fill("城北")
    assert (
        sorted(page.get_by_role("table", name="全部学校").locator("tbody th:visible").all_text_contents()) == expected
    )
    expect(page.locator("#said")).to_have_text(f"{len(schools)}行中有{len(expected)}行")
    assert sorted(row[0] for row in download(page, "全部学校")[1][1:]) == expected
    page.get_by_label("筛选 全部学校").fill("")
    expect(page.get_by_role("table", name="全部学校").locator("tbody th:visible")).to_have_count(len(schools))


def test_another_indicator_shows_the_schools_that_make_its_gap(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"], unfolded=True)
    page.get_by_label("学段和指标").select_option(label="初中 · 生均教学及辅助用房面积")
    shares = marts(
        demo_home,
        f"select school_name, variance_share from mart_variance_share inner join dim_school using (region_id, school_year, school_id)"
        f" where mart_variance_share.county_code = '{COUNTY}' and school_year = 2023 and stage = 'junior'"
        " and indicator_id = 'teaching_area_per_pupil' and variance_rank <= 10 order by variance_rank",
    )
    file, rows = download(page, "初中 · 生均教学及辅助用房面积：影响最大的学校")
    assert file.suggested_filename == "莘县_初中_生均教学及辅助用房面积_影响最大的学校.csv"
    assert [(row[0], float(row[4])) for row in rows[1:]] == shares != []


def test_downloads_hold_the_unrounded_figures_of_the_marts(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"], unfolded=True)
    where = f"where county_code = '{COUNTY}' and school_year = 2023 and stage = 'primary'"
    named = f"(from dim_indicator where is_national) using (indicator_id) {where}"
    _, (header, *rows) = download(page, "小学7项差异系数")
    expected = marts(
        demo_home,
        "select name_zh, difference_coefficient, limit_value, county_mean, school_count, missing_school_count"
        f" from mart_county_balance inner join {named} order by sort_order",
    )
    assert header[:3] == ["指标", "差异系数", "限值"]
    assert [(row[0], *map(float, row[1:3]), *map(float, row[4:7])) for row in rows] == expected != []
    _, (header, *rows) = download(page, "小学差异系数：历年与预测")
    expected = marts(
        demo_home,
        f"select name_zh, projected_value from mart_indicator_trend inner join {named}"
        " and figure = 'difference_coefficient' and projected_year = 2028 order by sort_order",
    )
    assert [(row[0], float(row[header.index("2028 预测")])) for row in rows] == expected != []


def test_a_trend_says_what_it_rests_on_and_shows_its_interval(page: Page, demo_home: Path, tmp_path: Path) -> None:
    release = demo_home / "releases/current"
    open_page(page, release, VIEWS["county"], unfolded=True)
    expect(page.get_by_text("各项都据2021至2023的3个学年，只有3个学年有数值，太少，不给预测区间。")).to_be_visible()
    before = drawn(page)
    interval = {("trends", "interval_low"): 0.125, ("trends", "interval_high"): 0.875}
    changed(release, tmp_path, f"regions/{REGION}/{COUNTY}", interval)
    open_page(page, tmp_path, VIEWS["county"], unfolded=True)
    expect(page.get_by_role("table", name="小学差异系数：历年与预测").get_by_text("0.125—0.875").first).to_be_visible()
    assert drawn(page) != before
    _, (header, first, *_) = download(page, "小学差异系数：历年与预测")
    assert first[header.index("2028 预测区间上限")] == "0.875"


@pytest.mark.parametrize("width", [390, 640])
@pytest.mark.parametrize("view", [*VIEWS, "terms"])
def test_a_phone_and_a_page_at_twice_its_size_need_no_sideways_scroll(
    page: Page, demo_home: Path, view: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_page(page, demo_home / "releases/current", VIEWS.get(view, TERMS), unfolded=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert beyond(page, width) == []


@pytest.mark.parametrize("view", VIEWS)
def test_print_cuts_nothing_off(page: Page, demo_home: Path, view: str) -> None:
    open_page(page, demo_home / "releases/current", VIEWS[view], unfolded=True)
    sheets = page.pdf(prefer_css_page_size=True)
    assert sheets.startswith(b"%PDF") and b"/MediaBox [0 0 594.95" in sheets
    page.set_viewport_size({"width": A4, "height": 1000})
    page.emulate_media(media="print")
    assert beyond(page, A4) == []
    assert page.locator("button:visible, label:visible, nav:visible").count() == 0


def test_a_county_prints_on_one_sheet_or_whole_and_is_folded_again(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"])
    page.evaluate("window.print = () => document.body.classList.add('printed')")
    sheets = {}
    for button in ("打印一页纸", "打印全部"):
        page.get_by_role("button", name=button).click()
        page.wait_for_selector("body.printed")
        unfolded = page.locator("details[open]").count()
        assert unfolded == (0 if button == "打印一页纸" else page.locator("details:not(.later)").count())
        sheets[button] = len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))
        page.evaluate("document.body.classList.remove('printed')")
        assert page.locator("details[open], body.brief, body.whole").count() == 0
    assert sheets["打印一页纸"] == 1 < sheets["打印全部"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [*VIEWS, "terms"])
def test_axe_finds_nothing_serious(page: Page, demo_home: Path, view: str, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    open_page(page, demo_home / "releases/current", VIEWS.get(view, TERMS), unfolded=True)
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")] == []


def test_the_keyboard_reaches_everything(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", "")
    tab_to(page, "跳到正文")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for name in ("聊城市", "莘县"):
        tab_to(page, name)
        page.keyboard.press("Enter")
        expect(page.locator("nav [aria-current=page]")).to_have_text(name)
        assert page.evaluate("document.activeElement.tagName") == "H1"
    tab_to(page, "学校14所")
    page.keyboard.press("Enter")
    tab_to(page, "筛选 全部学校")
    page.keyboard.type("完全中学")
    expect(page.get_by_role("table", name="全部学校").locator("tbody th:visible")).to_have_count(1)
    tab_to(page, "下载 全部学校 CSV")
    with page.expect_download():
        page.keyboard.press("Space")
    tab_to(page, "莘县完全中学")
    page.keyboard.press("Enter")
    expect(page.locator("nav [aria-current=page]")).to_have_text("莘县完全中学")
    tab_to(page, "初中最相似的学校（10行）")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="初中最相似的学校")).to_be_visible()


def test_what_comes_from_data_stays_text_on_the_page_and_in_the_download(
    page: Page, demo_home: Path, tmp_path: Path
) -> None:
    release = demo_home / "releases/current"
    changed(release, tmp_path, f"regions/{REGION}", {("files", "unknown_columns"): HOSTILE})
    changed(release, tmp_path, f"regions/{REGION}/{COUNTY}", {("schools", "school_name"): HOSTILE})
    open_page(page, tmp_path, VIEWS["county"], unfolded=True)
    for table, said in {"全部学校": HOSTILE, "最新学年的来源文件": f"没有认出的列：{HOSTILE}"}.items():
        expect(page.get_by_role("table", name=table).get_by_text(said, exact=True).first).to_be_visible()
    assert page.locator("main script, main img").count() == 0
    file, (header, *rows) = download(page, "全部学校")
    shown = data(release, f"regions/{REGION}/{COUNTY}")["schools"]
    assert file.suggested_filename == "莘县_学校.csv"
    assert header[:2] == ["学校", "标识码"] and [row[1] for row in rows] == [row["school_id"] for row in shown]
    assert rows[0][0] == f"'{HOSTILE}"


def test_a_figure_of_a_school_leads_to_its_cells(page: Page, demo_home: Path) -> None:
    release = demo_home / "releases/current"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, release, VIEWS["school"])
    assert not any("/sources" in url for url in asked)
    title = "小学指标的数出自哪一格"
    page.get_by_text(title, exact=True).click()
    expect(page.get_by_role("table", name=title)).to_be_visible()
    _, (header, *rows) = download(page, title)
    with connect(demo_home) as con:
        names = con.execute("select indicator_id, name_zh from dim_indicator").fetchall()
        for indicator_id, name in names:
            figure = find(con, SCHOOL, 2023, ("小学", indicator_id))
            expected = [
                (
                    row["role_zh"],
                    " · ".join(filter(None, (row["source_file"], row["sheet"]))),
                    row["cell"] or "名册",
                    f"{row['row_count']} 行" if row["cell"] is None else row["said"] or "（没有填）",
                )
                for row in records(sources(con, figure))
            ]
            assert sorted(tuple(row[2:]) for row in rows if row[0] == name) == sorted(expected), name
    assert header == ["指标", "栏目", "怎样用", "文件", "单元格", "原文"] and rows
    expect(page.get_by_text(f"junheng trace {SCHOOL} 2023 小学 指标名称")).to_be_visible()


def test_a_county_lists_every_cell_of_its_newest_year(page: Page, demo_home: Path) -> None:
    open_page(page, demo_home / "releases/current", VIEWS["county"])
    page.get_by_text("数据质量与来源").click()
    page.get_by_text("每个数出自哪一格", exact=True).click()
    expect(page.get_by_role("table", name="每个数出自哪一格")).to_be_visible()
    _, (_, *rows) = download(page, "每个数出自哪一格")
    cells = marts(
        demo_home,
        "select concat_ws(' · ', source_file, sheet), cell, coalesce(said, '（没有填）') from mart_source_cell"
        f" where region_id = '{REGION}' and school_year = 2023 and starts_with(entity_id, '{COUNTY}')",
    )
    assert sorted(tuple(row[2:]) for row in rows if row[3] != "名册") == sorted(cells) != []


def test_an_address_that_is_nowhere_says_so(page: Page, demo_home: Path) -> None:
    for address in ("nowhere", f"{REGION}/999999", "%E0%A4%A", f"{REGION}/..%2F..%2Fapp"):
        open_page(page, demo_home / "releases/current", address)
        assert heading(page) == "打不开这一页"
