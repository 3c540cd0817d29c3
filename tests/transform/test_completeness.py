"""A verdict stands on everything that should have been handed in: 阳谷县 of the demo fails on one school alone; whatever happens to
that school's row, the county never passes."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest
import yaml
from helpers import junheng, write_csv
from yanggu import FAILING, SOUND, Tables, code, drop_everywhere, drop_row, explain, set_to, write_region

from dagster_project.release.read import connect


def mend(tables: Tables) -> None:
    """The one thing that the school lacks."""
    set_to("小学体育艺术专任教师数", "1")(tables)


def merge_into_another(tables: Tables) -> None:
    drop_everywhere(tables)
    next(row for row in tables["schools"] if row["学校标识码"] == SOUND)["前身学校标识码"] = FAILING


def repeat_with(column: str, value: str) -> Callable[[Tables], None]:
    """The row once more, with one cell different."""

    def change(tables: Tables) -> None:
        row = next(row for row in tables["schools"] if row["学校标识码"] == FAILING)
        tables["schools"].append({**row, column: value})

    return change


UNREADABLE = {
    column: set_to(column, value)
    for column, value in {
        "学校标识码": "3715-210006",
        "学校名称": "",
        "县级行政区划代码": "999999",
        "办学类型": "村小",
        "举办者": "不详",
        "城乡类型": "不详",
        "是否寄宿制": "不详",
        "是否乡镇驻地": "?",
        "学校状态": "不清楚",
        "教学及辅助用房面积": "约300",
        "室内体育用房面积": "三十",
        "运动场地面积": "待核",
        "教学仪器设备资产值": "16万左右",
        "网络多媒体教室数": "约5",
        "普通教室数": "约5",
        "音乐专用教室数": "-3",
        "最小音乐专用教室面积": "九十六",
        "美术专用教室数": "1间多",
        "图书册数": "1,77八",
        "教学用计算机台数": "7.5",
        "小学在校生数": "约60",
        "小学班级数": "六",
        "小学年级数": "一至六",
        "小学专任教师数": "4人左右",
        "小学高于规定学历专任教师数": "缺",
        "小学县级及以上骨干教师数": "？",
        "小学体育艺术专任教师数": "不详",
        "小学中级及以上职称教师数": "2或3",
    }.items()
}
MISLEADING = {
    "another code": set_to("学校标识码", "3715210099"),
    "a code of another school": set_to("学校标识码", SOUND),
    "no pupils": set_to("小学在校生数", ""),
    "0 pupils": set_to("小学在校生数", "0"),
    "too few pupils to be judged": set_to("小学在校生数", "38"),
    "a type that is not judged": set_to("办学类型", "特殊教育学校"),
    "closed": set_to("学校状态", "停办"),
    "row gone": drop_row,
    "gone from every file": drop_everywhere,
    "a second name": repeat_with("学校名称", "河口镇希望小学"),
}
RIGHTLY = {"mended": mend, "said to have left": explain, "merged": merge_into_another}
CASES = {**UNREADABLE, **MISLEADING, **RIGHTLY, "as it is": lambda tables: None}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of all cases, a region each."""
    folder = tmp_path_factory.mktemp("completeness")
    regions = []
    for number, change in enumerate(CASES.values(), start=1):
        write_region(folder / "raw", number, change)
        regions.append(
            {"id": f"case{number:02}", "name_zh": f"第{number}例", "counties": {code(number): "阳谷县"}, "school_id_pattern": r"^\d{10}$"}
        )  # fmt: skip
    (folder / "raw" / "regions.yml").write_text(yaml.safe_dump({"regions": regions}, allow_unicode=True), "utf-8")
    outcome = junheng("refresh", "--raw", folder / "raw", "--home", folder / "home", timeout=900, from_nothing=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return folder / "home"


@pytest.fixture(scope="module")
def verdicts(home: Path) -> dict[str, tuple[str, str, int, str]]:
    """Verdict, verdict on resources, schools missing and reasons of each case."""
    with connect(home) as con:
        rows = con.execute(
            "select region_id, verdict, resource_verdict, missing_school_count, coalesce(reasons, '')"
            " from mart_county_verdict where school_year = 2023 order by region_id"
        ).fetchall()
    return {name: row[1:] for name, row in zip(CASES, rows, strict=True)}


@pytest.mark.parametrize("case", [*UNREADABLE, *MISLEADING])
def test_one_wrong_cell_never_turns_the_verdict(case: str, verdicts: dict[str, tuple[str, str, int, str]]) -> None:
    verdict, resource_verdict, _, reasons = verdicts[case]
    assert (verdict, resource_verdict) != ("met", "met")
    assert verdict != "met" and resource_verdict != "met"
    assert reasons


def test_the_county_passes_once_the_school_is_mended_or_is_known_to_have_left(
    verdicts: dict[str, tuple[str, str, int, str]],
) -> None:
    """So the cases above can fail: without the one school everything else passes."""
    assert verdicts["as it is"][:3] == ("not_met", "not_met", 0)
    for case in RIGHTLY:
        assert verdicts[case] == ("met", "met", 0, ""), case


def test_what_is_missing_is_the_first_reason_and_says_where_it_stands(
    verdicts: dict[str, tuple[str, str, int, str]],
) -> None:
    missing = {case: reasons for case, (_, _, count, reasons) in verdicts.items() if count}
    assert missing["小学在校生数"].startswith("缺1所学校：“河口乡小学教学点”（schools.csv第")
    assert "“小学在校生数”为“约60”" in missing["小学在校生数"]
    assert "上学年有，本学年学校表里没有" in missing["row gone"]
    assert "上学年是小学教学点，今年填作特殊教育学校" in missing["a type that is not judged"]
    assert all(reasons.startswith("缺") for reasons in missing.values())


def test_a_cell_that_identifies_nothing_leaves_its_school_in(verdicts: dict[str, tuple[str, str, int, str]]) -> None:
    """The school still fails, or cannot be judged; it is not missing."""
    for column in ("是否寄宿制", "普通教室数", "举办者", "教学及辅助用房面积", "小学体育艺术专任教师数"):
        assert verdicts[column][2] == 0, column
    assert verdicts["是否寄宿制"][:2] == ("not_met", "not_met")
    assert verdicts["小学体育艺术专任教师数"][1] == "not_met", "the teacher roster stands in for what was not reported"


@pytest.fixture
def case_of(home: Path) -> Iterator[Callable[[str, str], list[tuple]]]:
    """What the release says of a case: a query over the rows of its region and newest year, $region."""
    with connect(home) as con:
        yield lambda case, query: con.execute(query, {"region": f"case{[*CASES].index(case) + 1:02}"}).fetchall()


def test_a_coefficient_over_fewer_schools_judges_nothing(case_of: Callable[[str, str], list[tuple]]) -> None:
    query = """select bool_or(is_met is not null), min(missing_school_count), any_value(reason) from mart_county_balance
        where region_id = $region and school_year = 2023 and stage = 'primary' and limit_value is not null"""
    [(judged, missing, reason)] = case_of("row gone", query)
    assert not judged and missing == 1 and "缺1所学校" in reason
    assert case_of("as it is", query) == [(True, 0, None)]


def test_the_county_says_how_complete_it_is(case_of: Callable[[str, str], list[tuple]]) -> None:
    query = """select expected_school_count - handed_in_school_count, rejected_school_count, absent_school_count, is_complete
        from mart_completeness where region_id = $region and school_year = 2023 and extract = 'schools'"""
    assert case_of("as it is", query) == [(0, 0, 0, True)]
    assert case_of("小学在校生数", query) == [(1, 1, 0, False)]
    assert case_of("row gone", query) == [(1, 0, 1, False)]
    assert case_of("said to have left", query) == [(0, 0, 0, True)]


def test_rows_that_wait_are_counted_under_their_cause(case_of: Callable[[str, str], list[tuple]]) -> None:
    query = "select kind, waiting_zh from mart_missing_school where region_id = $region and school_year = 2023"
    [(kind, waiting)] = case_of("小学在校生数", query)
    assert kind == "rejected" and waiting.startswith("教师") and "班级6" in waiting


def test_the_form_of_an_incomplete_county_says_so_on_every_page(home: Path) -> None:
    number = [*CASES].index("row gone") + 1
    path = home / "releases" / "current" / "forms" / f"case{number:02}" / "阳谷县_2023_申报表.xlsx"
    book = openpyxl.load_workbook(path)
    assert all("缺1所学校" in str(sheet["A2"].value) for sheet in book)
    assert book["表Ⅲ"]["C6"].value in (None, "")


def test_a_sentence_never_speaks_for_a_school_that_is_missing(case_of: Callable[[str, str], list[tuple]]) -> None:
    query = """select string_agg(sentence, '' order by sentence_no) from mart_county_explanation
        where region_id = $region and school_year = 2023"""
    [(told,)] = case_of("gone from every file", query)
    assert told.startswith("缺1所学校，以下各句只就其余学校而言。") and "各校都已达标" not in told


def test_a_school_of_the_year_before_is_expected_after_a_refresh_as_after_a_rebuild(home: Path, tmp_path: Path) -> None:
    """Last year's table gets a school: this year lacks it, though nothing of this year changed."""
    shutil.copytree(home.parent / "raw" / "case01", tmp_path / "raw" / "case01")
    regions = yaml.safe_load((home.parent / "raw" / "regions.yml").read_text("utf-8"))["regions"][:1]
    (tmp_path / "raw" / "regions.yml").write_text(yaml.safe_dump({"regions": regions}, allow_unicode=True), "utf-8")
    for path in (tmp_path / "raw" / "case01").rglob("schools.csv"):
        text = path.read_text("utf-8")
        path.write_text(text.replace("3715-210006", f"{code(1)}0006"), "utf-8")
    assert junheng("refresh", "--raw", tmp_path / "raw", "--home", tmp_path / "home").returncode == 0
    before = tmp_path / "raw" / "case01" / "2022" / "schools.csv"
    rows = list(csv.DictReader(before.open(encoding="utf-8", newline="")))
    write_csv(before, [*rows, {**rows[0], "学校标识码": f"{code(1)}0098", "学校名称": "旧校"}])
    assert junheng("refresh", "--raw", tmp_path / "raw", "--home", tmp_path / "home").returncode == 0
    with connect(tmp_path / "home") as con:
        found = con.execute("select school_name, kind from mart_missing_school where school_year = 2023").fetchall()
    assert found == [("旧校", "absent")]
