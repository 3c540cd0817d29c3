"""The self-assessment form of each school: every number of it derived a second time, from the raw extracts alone."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from county_by_hand import FAILING, PASSING, STAGE_NAMES, STAGES, THRESHOLDS, County, number, paper_of, rounded, row

from dagster_project.release import forms
from dagster_project.release.paper import read_layout
from dagster_project.release.read import connect


@pytest.fixture(scope="module", params=[PASSING, FAILING])
def county(request: pytest.FixtureRequest) -> County:
    return County(request.param)


def school_lines(county: County, school: pd.Series) -> list[tuple[str, str | None]]:
    """The twelve rows of a school's self-assessment form: its figures, and whether every stage of it meets them."""
    code, classes = school["学校标识码"], county.classes
    judged = {
        stage: next((found for found in county.sections[stage] if found[0]["学校标识码"] == code), None)
        for stage in STAGE_NAMES
    }

    def of_stages(unit: str, figure: Callable[[str], Any]) -> str:
        return "；".join(f"{stage}{figure(stage)}{unit}" for stage in STAGE_NAMES) + "。"

    def value(i: int) -> Callable[[str], str]:
        return lambda stage: str(rounded(found[2][i], 2)) if (found := judged[stage]) else "＿＿"

    def handed_in(name: str) -> Callable[[str], str]:
        return lambda stage: str(school[f"{stage}{name}"]) if pd.notna(school[f"{stage}{name}"]) else "＿＿"

    def plain(column: str) -> str:
        return f"{float(school[column]):.15g}"

    def met(i: int) -> str:
        found = [(stage, section[2][i]) for stage, section in judged.items() if section]
        return "—" if not found else "是" if all(x >= Fraction(THRESHOLDS[stage][i]) for stage, x in found) else "否"

    staff = [
        (
            f"学校拥有{name}：{of_stages('人', handed_in(column))}每百名学生拥有{name}：{of_stages('人', value(i))}",
            met(i),
        )
        for i, (name, column) in enumerate(
            (
                ("高于规定学历教师数", "高于规定学历专任教师数"),
                ("县级以上骨干教师数", "县级及以上骨干教师数"),
                ("体育、艺术（美术、音乐）专任教师数", "体育艺术专任教师数"),
            )
        )
    ]
    area, indoor, ground = (
        number(school[column]) for column in ("教学及辅助用房面积", "室内体育用房面积", "运动场地面积")
    )
    shared = [
        f"学校拥有教学辅助用房面积：{float(area - indoor):.15g}平方米。生均教学及辅助用房面积：{of_stages('平方米', value(3))}",
        f"学校拥有体育场馆面积：{float(ground + indoor):.15g}平方米（其中：体育场{float(ground):.15g}平方米、体育馆{float(indoor):.15g}平方米、"
        f"校园其他专用运动场地面积＿＿平方米、校外周边租借体育场馆面积＿＿平方米）。生均体育运动场馆面积：{of_stages('平方米', value(4))}",
        f"学校教学仪器设备值{plain('教学仪器设备资产值')}万元。生均教学仪器设备值：{of_stages('元', value(5))}",
        f"学校共有{plain('网络多媒体教室数')}间多媒体教室。每百名学生拥有网络多媒体教室数：{of_stages('间', value(6))}",
    ]
    pupils = {stage: number(school[f"{stage}在校生数"]) for stage in STAGES}
    total, compulsory = sum(pupils.values()), pupils["小学"] + pupils["初中"]
    kind = school["办学类型"]
    limit = 2500 if "一贯制" in kind else 2000
    mine = classes[classes["学校标识码"] == code].assign(n=lambda table: table["班级学生数"].astype(int))
    over = {stage: int((mine[mine["学段"] == stage]["n"] > most).sum()) for stage, most in (("小学", 45), ("初中", 50))}
    largest = int(mine[mine["学段"] != "高中"]["n"].max())
    all_classes = int(sum(number(school[f"{stage}班级数"]) for stage in STAGES))
    is_judged = any(judged.values())
    rooms = [(int(school[f"{room}专用教室数"]), school[f"最小{room}专用教室面积"]) for room in ("音乐", "美术")]
    enough = all(
        12 * count >= all_classes and number(smallest) >= least
        for (count, smallest), least in zip(rooms, (96, 90), strict=True)
    )
    blanks = "，".join(["＿＿"] * 6)
    said_rooms = [
        f"{count}间，面积分别为：{blanks}平方米（最小的一间{f'{float(smallest):.15g}' if count else '＿＿'}平方米）"
        for count, smallest in rooms
    ]
    said = lambda stage: str(pupils[stage]) if pupils[stage] else "＿＿"  # noqa: E731
    asked = {"小学": kind.startswith("小学") or "一贯制" in kind or kind == "特殊教育学校"}
    asked["初中"] = not kind.startswith("小学")
    few, special = total < 100 and kind != "特殊教育学校", kind == "特殊教育学校"
    funds = county.money(pd.Series([code]))
    money = f"上年学生数{total}人，上年度拨付定额公用经费{float(rounded(funds / 10000, 2)):.15g}万元；生均公用经费{rounded(funds / total, 0)}元。"
    empty = "上年学生数＿＿人，上年度拨付定额公用经费＿＿万元；生均公用经费＿＿元。"
    standard = number(county.facts.get("public_funds_standard_yuan"))
    return [
        *staff,
        *((text, met(i)) for i, text in enumerate(shared, start=3)),
        (f"全校教学班数{all_classes}个。配备音乐专用教室{said_rooms[0]}；美术专用教室{said_rooms[1]}。",
         "—" if not is_judged else "是" if enough else "否"),
        (f"全校中小学生数{total}人。其中：小学{said('小学')}人、初中{said('初中')}人、高中{said('高中')}人。",
         "—" if not is_judged else "是" if compulsory <= limit else "否"),
        (f"最大班额学生数{largest}人，超过45人的小学班级{over['小学'] if asked['小学'] else '＿＿'}个，"
         f"超过50人的初中班级{over['初中'] if asked['初中'] else '＿＿'}个。", "否" if sum(over.values()) else "是"),
        (money if few else empty, ("是" if funds >= 100 * standard else "否") if few else "—"),
        (money if special else empty, ("是" if funds >= 8000 * total else "否") if special else "—"),
    ]  # fmt: skip


def test_every_school_has_its_own_form(county: County, demo_home: Path) -> None:
    """附件4: both stages of a combined school in each cell, 是 only where each of them meets; a first sheet lists them all."""
    code = county.schools["县级行政区划代码"].iloc[0]
    book = openpyxl.load_workbook(paper_of(demo_home, code, "学校自评表"))
    contents, *sheets = book.worksheets
    schools = [school for _, school in county.schools.sort_values("学校标识码").iterrows()]
    assert [sheet.title for sheet in sheets] == [f"{i} {school['学校名称']}" for i, school in enumerate(schools, 1)]
    for i, (school, sheet) in enumerate(zip(schools, sheets, strict=True)):
        lines = school_lines(county, school)
        assert [(sheet.cell(line, 3).value, sheet.cell(line, 4).value) for line in range(4, 16)] == lines
        assert row(contents, 5 + i, 1, 15) == [
            i + 1,
            school["学校名称"],
            school["办学类型"],
            *(met for _, met in lines),
        ]
        assert contents.cell(5 + i, 2).hyperlink.location == f"'{sheet.title}'!A1"
        assert str(sheet.cell(2, 1).value).startswith(f"{school['学校名称']}（{school['办学类型']}）　建校于＿＿年")
        assert "4.未报送、无法判定的：没有。" in str(sheet.cell(16, 1).value)


def test_a_workbook_has_so_many_sheets_as_can_be_opened(
    county: County, demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lists every school all the same, and says that not each has its sheet."""
    monkeypatch.setattr(forms, "MOST_SHEETS", 3)
    code, layout = county.schools["县级行政区划代码"].iloc[0], read_layout("self_assessment_layout")
    with connect(demo_home) as con:
        forms.write_self_assessments(con, layout, "liaocheng", code, 2023, "", tmp_path / "book.xlsx")
    contents, *sheets = openpyxl.load_workbook(tmp_path / "book.xlsx").worksheets
    assert len(sheets) == 3 and "学校太多，只有前3所的表" in str(contents.cell(2, 1).value)
    assert [contents.cell(5 + i, 2).value for i in range(len(county.schools))] == [
        *county.schools.sort_values("学校标识码")["学校名称"]
    ]
    assert not contents.cell(8, 2).hyperlink
