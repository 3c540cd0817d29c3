"""What is lawful goes out: no gate stops a county for having nobody of a kind, nor for what it has not handed in yet. Each case is
阳谷县 of the demo as a region of its own, with one thing changed in the files of its newest year."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from helpers import junheng
from yanggu import SOUND, YEARS, Tables, code, write_region

from dagster_project.release.read import connect

OF_NOBODY = [
    "disabled_children",
    "migrant_children",
    "poor_rural_pupils",
    "new_heads",
    "key_high_school_places",
    "valid_questionnaires",
    "residential_school_projects",
]


def counted_zero(fact: str) -> Callable[[Tables], None]:
    """A number that others are divided by is 0, and what is counted among them too."""

    def change(tables: Tables) -> None:
        tables["facts"] = [row for row in tables["facts"] if row["事实编号"] != fact]
        tables["facts"].append(
            {**tables["facts"][0], "单位类型": "县", "单位代码": "371521", "事实编号": fact, "值": "0"}
        )

    return change


def everywhere(column: str, value: str) -> Callable[[Tables], None]:
    """The same for all teachers."""

    def change(tables: Tables) -> None:
        for row in tables["teachers"]:
            row[column] = value

    return change


def no_pupils_of_a_stage(tables: Tables) -> None:
    """A school whose upper stage has not opened yet: 0 pupils, and neither classes nor teachers of it."""
    school = next(row for row in tables["schools"] if row["学校标识码"] == SOUND)
    school.update({"办学类型": "九年一贯制学校", "初中在校生数": "0", "初中班级数": "0", "初中专任教师数": "0"})


def without(name: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        del tables[name]

    return change


CASES = {
    **{f"{fact} = 0": counted_zero(fact) for fact in OF_NOBODY},
    "nobody eligible for rotation": everywhere("是否符合交流条件", "否"),
    "no head with two terms": everywhere("本校任职届数", "1"),
    "a stage with 0 pupils": no_pupils_of_a_stage,
    "no facts yet": without("facts"),
    "no funding yet": without("funding"),
    "no scores yet": without("scores"),
    "no teachers yet": without("teachers"),
    "no classes yet": without("classes"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of all cases; the last region hands in its first year, without facts."""
    folder = tmp_path_factory.mktemp("lawful")
    regions = []
    for number, change in enumerate([*CASES.values(), without("facts")], start=1):
        years = YEARS if number <= len(CASES) else YEARS[-1:]
        write_region(folder / "raw", number, change, years)
        regions.append(
            {"id": f"case{number:02}", "name_zh": f"第{number}例", "counties": {code(number): "阳谷县"}, "school_id_pattern": r"^\d{10}$",
             "documents": ["LC"]}
        )  # fmt: skip
    (folder / "raw" / "regions.yml").write_text(yaml.safe_dump({"regions": regions}, allow_unicode=True), "utf-8")
    outcome = junheng("refresh", "--raw", folder / "raw", "--home", folder / "home", timeout=900, from_nothing=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return folder / "home"


def test_every_case_is_published_and_what_cannot_be_judged_says_why(home: Path) -> None:
    with connect(home) as con:
        verdicts = con.execute(
            "select region_id, verdict, reasons from mart_county_verdict where school_year = 2023"
        ).fetchall()
        silent = con.execute(
            "select region_id, item_id from mart_standard_item where is_judged and is_met is null and coalesce(reason, '') = ''"
        ).fetchall()
        unnamed = con.execute(
            """select region_id, target_id from mart_target_progress
            where school_year = 2023 and status = 'not_evaluable' and coalesce(missing, '') = ''"""
        ).fetchall()
    assert len(verdicts) == len(CASES) + 1 and all(reasons for _, verdict, reasons in verdicts if verdict != "达标")
    assert silent == unnamed == []


def test_nobody_of_a_kind_is_told_as_that(home: Path) -> None:
    with connect(home) as con:
        reason = con.execute(
            """select reason from mart_standard_item
            where region_id = 'case02' and school_year = 2023 and criterion_id = 'G15-2'"""
        ).fetchall()
    assert reason == [("无法判定：没有适用的对象（分母为0）",)]


def test_a_stage_that_has_not_opened_keeps_nothing_from_being_judged(home: Path) -> None:
    number = list(CASES).index("a stage with 0 pupils") + 1
    with connect(home) as con:
        undecided = con.execute(
            "select * from mart_missing_school where region_id = ? and school_year = 2023", [f"case{number:02}"]
        ).fetchall()
        counted = con.execute(
            "select stage, is_in_scope from fct_school_stage where region_id = ? and school_year = 2023 and school_id like '%0001' order by 1",
            [f"case{number:02}"],
        ).fetchall()
        unsaid = con.execute(
            """select item_id, reason from mart_standard_item
            where region_id = ? and school_year = 2023 and item_id in ('G5', 'G9', 'G12') and is_met is null""",
            [f"case{number:02}"],
        ).fetchall()
    assert undecided == unsaid == [] and ("junior", False) in counted
