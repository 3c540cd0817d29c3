"""The application form: every number of it derived a second time, from the raw extracts alone; what lacks data is blank and named."""

import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from county_by_hand import (
    FAILING,
    PASSING,
    STAGES,
    THRESHOLDS,
    County,
    number,
    paper_of,
    rounded,
    row,
)
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.release.forms import file_names
from dagster_project.release.paper import read_layout
from dagster_project.release.read import connect


@pytest.fixture(scope="module", params=[PASSING, FAILING])
def county(request: pytest.FixtureRequest) -> County:
    return County(request.param)


@pytest.fixture(scope="module")
def book(county: County, demo_home: Path) -> openpyxl.Workbook:
    code = county.schools["县级行政区划代码"].iloc[0]
    return openpyxl.load_workbook(paper_of(demo_home, code))


def same(found: list[Any], expected: list[Decimal]) -> bool:
    return [Decimal(str(value)) for value in found] == expected


def test_table_1_counts_what_was_handed_in(county: County, book: openpyxl.Workbook) -> None:
    sheet, schools = book["表Ⅰ"], county.schools
    said = [fact for fact in ("population_wan", "agricultural_population_wan")]
    whole = (
        "townships",
        "villages",
        "gdp_per_capita_yuan",
        "fiscal_revenue_per_capita_yuan",
        "rural_income_yuan",
        "urban_income_yuan",
    )
    expected = [rounded(county.fact(fact), 2) for fact in said] + [rounded(county.fact(fact), 0) for fact in whole]
    assert same(row(sheet, 7, 1, 8), expected)
    types = schools["办学类型"]
    points = schools[types == "小学教学点"]
    counts = [
        int((types == name).sum())
        for name in ("小学", "九年一贯制学校", "初级中学", "完全中学", "十二年一贯制学校", "特殊教育学校")
    ]
    counts += [len(points), int((points["小学在校生数"].astype(int) >= 50).sum())]
    assert row(sheet, 7, 9, 16) == counts
    ordinary = schools[types != "特殊教育学校"]
    sums = [
        int(sum(map(number, ordinary[f"{stage}{name}"])))
        for name in ("班级数", "在校生数")
        for stage in ("小学", "初中")
    ]
    for stage, staff in (("小学", "primary_staff"), ("初中", "junior_staff")):
        sums += [int(county.fact(staff)), int(sum(map(number, ordinary[f"{stage}专任教师数"])))]
    assert row(sheet, 7, 17, 24) == sums
    assert row(sheet, 6, 1, 24) == [f"L{i}" for i in range(1, 25)]
    assert (
        sheet.cell(8, 1).value == "注：“人口总数”和“农业人口数”按常住人口统计，数字保留两位小数。L5-L8列数字保留整数。"
    )


def test_tables_2_and_3_follow_from_the_schools(county: County, book: openpyxl.Workbook) -> None:
    lines = []
    for i, stage in enumerate(("小学", "初中")):
        sections = county.sections[stage]
        met = [sum(values[k] >= Fraction(THRESHOLDS[stage][k]) for _, _, values in sections) for k in range(7)]
        met.append(sum(county.passes(stage, values) for _, _, values in sections))
        assert row(book["表Ⅱ-1"], 5 + 2 * i, 3, 10) == met
        assert same(row(book["表Ⅱ-1"], 6 + 2 * i, 3, 10), [rounded(Fraction(100 * m, len(sections)), 1) for m in met])
        found = county.coefficients(stage)
        assert same(row(book["表Ⅲ"], 5 + 2 * i, 3, 9), [rounded(mean, 2) for mean, _ in found])
        cvs = [cv for _, cv in found]
        assert same(row(book["表Ⅲ"], 6 + 2 * i, 3, 10), [rounded(cv, 3) for cv in [*cvs, sum(cvs) / 7]])
        for n, (school, pupils, values) in enumerate(sections, start=1):
            combined = school["办学类型"] in ("九年一贯制学校", "十二年一贯制学校", "完全中学")
            lines.append([
                n, school["学校名称"] + (f"（{stage}部）" if combined else ""),
                {"县级教育部门": 7, "民办": 10}[school["举办者"]], int(pupils), int(school[f"{stage}年级数"]), int(school[f"{stage}班级数"]),
                *(rounded(value, 2) for value in values), "是" if county.passes(stage, values) else "否", remark(stage, values),
            ])  # fmt: skip
    sheet = book["表Ⅱ-2"]
    given = [row(sheet, 5 + i, 1, 15) for i in range(len(lines))]
    assert [[*line[:6], *(Decimal(str(value)) for value in line[6:13]), *line[13:]] for line in given] == lines
    assert row(sheet, 4, 1, 14) == [f"L{i}" for i in range(1, 15)]
    assert {sheet.cell(4, column).alignment.horizontal for column in range(1, 15)} == {"center"}
    assert row(sheet, 3, 1, 15)[0] == "序号" and str(row(sheet, 3, 1, 15)[14]).startswith("备注")
    note = str(sheet.cell(5 + len(lines), 1).value)
    assert note.startswith(f"注：1.小学学校总数{len(county.sections['小学'])}所（其中：一贯制学校的小学部有")
    assert f"初中学校总数{len(county.sections['初中'])}所" in note and note.endswith("3.L7-L13数值均保留两位小数。")
    assert all(book["表Ⅲ"].cell(line, 10).value == "——" for line in (5, 7))


def remark(stage: str, values: list[Fraction]) -> str:
    """Which columns of the form, L7 to L13, meet, reach 85 %, or do not."""
    kinds: dict[str, list[str]] = {"达到要求": [], "达到85%": [], "低于85%": []}
    for i, (value, threshold) in enumerate(zip(values, map(Fraction, THRESHOLDS[stage]), strict=True)):
        kind = "达到要求" if value >= threshold else "达到85%" if value >= threshold * Fraction("0.85") else "低于85%"
        floor = threshold * Fraction("0.85")
        bound = threshold if value >= floor else floor
        told = next((shown for n in range(3, 7) if (shown := rounded(value, n)) < bound), rounded(value, 6))
        onto = f"（{told}，未达到{float(bound):g}）" if value < bound <= rounded(value, 2) else ""
        kinds[kind].append(f"L{i + 7}{onto}")
    return "；".join(f"{kind}：{'、'.join(columns)}" for kind, columns in kinds.items() if columns)


def items(sheet: Worksheet) -> dict[int, tuple[Any, Any]]:
    """What stands beside each numbered item of tables Ⅳ and Ⅴ: its value, and whether it is met."""
    numbered = ((re.match(r"(\d+)\.", str(line[0])), line) for line in sheet.iter_rows(min_row=4, values_only=True))
    return {int(found[1]): (line[1], line[2]) for found, line in numbered if found}


def texts(sheet: Worksheet) -> dict[int, str]:
    return {number: value for number, (value, _) in items(sheet).items()}


def test_table_4_says_what_government_guarantees(county: County, book: openpyxl.Workbook) -> None:
    said, schools, teachers = texts(book["表Ⅳ"]), county.schools, county.teachers
    pupils = schools[["小学在校生数", "初中在校生数", "高中在校生数"]].map(number).sum(axis=1)
    size = county.classes.assign(n=county.classes["班级学生数"].astype(int))
    over = [int((size[size["学段"] == stage]["n"] > limit).sum()) for stage, limit in (("小学", 45), ("初中", 50))]
    assert said[4] == "超过2000人的小学0所，初中0所，超过2500人的一贯制学校0所" and pupils.max() <= 2000
    assert said[5] == f"超过45人的小学班级{over[0]}个，超过50人的初中班级{over[1]}个"
    small = schools[(pupils < 100) & (schools["办学类型"] != "特殊教育学校")]["学校标识码"]
    few = int(pupils[schools["学校标识码"].isin(small)].sum())
    assert said[6] == f"不足100人的规模较小学校学生数{few}人，公用经费{rounded(county.money(small), 0)}元。"
    special = schools[schools["办学类型"] == "特殊教育学校"]
    if len(special):
        many, funds = pupils[special.index].sum(), county.money(special["学校标识码"])
        shown = f"特殊教育学校公用经费为{rounded(funds / 10000, 0)}万元，特殊教育学生数为{many}人，特殊教育学校生均公用经费为{rounded(funds / many, 0)}元"
        assert said[7] == shown
    pay = [rounded(county.fact(name), 0) for name in ("teacher_average_pay", "civil_service_average_pay")]
    assert said[8] == f"全县义务教育学校教师年平均工资收入为{pay[0]}元，当地公务员年平均工资收入{pay[1]}元"
    all_of_them, trained = len(teachers), int((teachers["五年培训学时"].astype(int) >= 360).sum())
    assert (
        said[9]
        == f"完成360学时培训的教师{trained}人，全县教师{all_of_them}人，教师培训完成率{rounded(Fraction(100 * trained, all_of_them), 1)}%"
    )
    before = county.teachers_of("2022")
    eligible, moved = int((before["是否符合交流条件"] == "是").sum()), before[before["本年是否交流轮岗"] == "是"]
    this_year = [int((teachers[column] == "是").sum()) for column in ("是否符合交流条件", "本年是否交流轮岗")]
    assert [eligible, len(moved)] != this_year, "the two years could not be told apart"
    assert book["表Ⅳ"].cell(19, 1).value == (
        "注：表中所有比例数值保留一位小数，其余保留整数。第11项各数按表中“上一年度”取上一学年；是否达标按本学年的交流轮岗判定。"
    )
    backbone = int(moved["骨干教师级别"].isin(["县级", "市级", "省级"]).sum())
    assert said[11] == (
        f"全县符合交流轮岗条件教师总数{eligible}名，上一年度交流轮岗教师{len(moved)}名，交流轮岗教师占符合交流轮岗条件教师总数的比例{rounded(Fraction(100 * len(moved), eligible), 1)}%；"
        f"交流轮岗的骨干教师{backbone}名，占交流轮岗教师总数的比例{rounded(Fraction(100 * backbone, len(moved)), 1)}%"
    )
    certified = int((teachers["是否持有教师资格证"] == "是").sum())
    assert (
        said[12]
        == f"全县在岗专任教师{all_of_them}人，其中持有教师资格证的专任教师{certified}人，占比{rounded(Fraction(100 * certified, all_of_them), 1)}%"
    )
    near = [
        rounded(100 * county.fact(f"nearby_{stage}_entrants") / county.fact(f"public_{stage}_entrants"), 1)
        for stage in ("primary", "junior")
    ]
    assert said[13] == f"城区和镇区公办小学、初中（均不含寄宿制学校）就近划片入学比例分别{near[0]}%、{near[1]}%。"
    places, allotted, rural = (
        county.fact(name) for name in ("key_high_school_places", "allotted_places", "rural_allotted_places")
    )
    assert said[14] == (
        f"全县优质高中招生名额总数{places}人，分配名额{allotted}人，占比{rounded(100 * allotted / places, 1)}%。"
        f"其中分配农村学校的名额{rural}人，占分配名额总数的{rounded(100 * rural / allotted, 1)}%。"
    )
    children, public, bought = (
        county.fact(f"migrant_children{part}") for part in ("", "_in_public", "_in_bought_places")
    )
    assert said[15] == (
        f"全县符合条件的随迁子女数{children}人，在公办学校就读{public}人，在政府购买服务的民办学校就读{bought}人，合计{public + bought}人，"
        f"占比{rounded(100 * (public + bought) / children, 1)}%"
    )


def test_tables_5_and_6_and_what_is_missing(county: County, book: openpyxl.Workbook) -> None:
    said, f = texts(book["表Ⅴ"]), county.fact
    parts = [
        f(f"junior_{name}")
        for name in ("graduates", "entrants_3y_ago", "transfers_in_3y", "deaths_3y", "transfers_out_3y")
    ]
    rate = 100 * (parts[0] - parts[2] + parts[4]) / (parts[1] - parts[3])
    assert said[1] == (
        f"全县初中毕业班学生数为{parts[0]}人，三年前该年级入学学生数为{parts[1]}人，毕业年级三年转入学生数为{parts[2]}人，死亡学生数为{parts[3]}人，"
        f"转出学生数为{parts[4]}人，全县初中三年巩固率为{rounded(rate, 1)}%"
    )
    children, enrolled, special = (
        f("disabled_children"),
        f("disabled_children_enrolled"),
        f("disabled_children_in_special_schools"),
    )
    shares = rounded(100 * enrolled / children, 1), rounded(100 * special / enrolled, 1)
    assert (
        said[2]
        == f"全县残疾儿童少年为{children}人，入学{enrolled}人，入学率为{shares[0]}%。其中，在特殊教育学校就读{special}人，占比{shares[1]}%。"
    )
    subjects = {"语文": "chinese", "数学": "maths", "科学": "science", "体育": "pe", "艺术": "arts", "德育": "moral"}
    assert said[9] == "；".join(
        f"{name}{county.facts[f'achievement_level_{subject}']}级、校际差异率{rounded(f(f'difference_rate_{subject}'), 3)}"
        for name, subject in subjects.items()
    )
    for line, prefix in ((7, ""), (8, "parent_")):
        asked, valid, content, visited, pleased = (
            f(prefix + name)
            for name in (
                "questionnaires",
                "valid_questionnaires",
                "satisfied_questionnaires",
                "visited_people",
                "satisfied_visited_people",
            )
        )
        shares = rounded(100 * content / valid, 1), rounded(100 * pleased / visited, 1)
        expected = [rounded(x, 0) for x in (asked, valid, content)] + [
            shares[0],
            rounded(visited, 0),
            rounded(pleased, 0),
            shares[1],
        ]
        assert same(row(book["表Ⅵ"], line, 2, 8), expected)
    assert [line[0] for line in book["表Ⅵ"].iter_rows(min_row=7, values_only=True)] == ["计", "其中：家长"]
    assert row(book["表Ⅵ"], 6, 2, 8) == [f"L{i}" for i in range(1, 8)]
    spans = {str(cells) for cells in book["表Ⅵ"].merged_cells.ranges}
    assert {"B3:D3", "C4:D4", "F3:G3", "E3:E5", "H3:H5"} < spans
    missing = [line[1:] for line in book["缺少的数据"].iter_rows(min_row=4, values_only=True)]
    blanks = sum(text.count("＿＿") for name in ("表Ⅳ", "表Ⅴ") for text in texts(book[name]).values())
    if "特殊教育学校" in set(county.schools["办学类型"]):
        assert missing == [("没有", None)] and blanks == 0
    else:
        assert missing == [("生均公用经费", "没有适用的数据")] and blanks == 1


def test_the_form_says_who_passes(demo_home: Path) -> None:
    def column(code: str, sheet: str) -> list[Any]:
        book = openpyxl.load_workbook(paper_of(demo_home, code))
        return [is_met for _, is_met in items(book[sheet]).values()]

    assert column(PASSING, "表Ⅳ") == ["是"] * 15 and column(PASSING, "表Ⅴ") == ["是"] * 9
    assert "否" in column(FAILING, "表Ⅳ")


def test_a_conclusion_names_the_schools(county: County, book: openpyxl.Workbook) -> None:
    """不符合要求 alone would leave an inspector to look for whom."""
    said = texts(book["表Ⅳ"])[3]
    classes = county.schools[[f"{stage}班级数" for stage in STAGES]].map(number).sum(axis=1)
    judged = ~county.schools["办学类型"].isin(["特殊教育学校", "小学教学点"])
    lacking = county.schools[judged & (county.schools["音乐专用教室数"].map(number) * 12 < classes)]["学校名称"]
    if said == "符合要求":
        assert lacking.empty
    else:
        names = said.removeprefix("不符合要求：每12个班级的音乐专用教室数不足1间：").partition("，")[0]
        assert set(names.split("、")) == set(lacking) != set()


def test_every_sheet_says_that_its_data_are_made_up(county: County, demo_home: Path) -> None:
    """And which page it is, in letters of nine points at least; before them a cover, to be signed and stamped."""
    code = county.schools["县级行政区划代码"].iloc[0]
    for kind in ("申报表", "学校自评表"):
        book = openpyxl.load_workbook(paper_of(demo_home, code, kind))
        for sheet in book:
            assert str(sheet.cell(2, 1).value).endswith("暂定（未签署）　合成数据，不反映任何学校的实际情况")
            assert sheet.oddFooter.center.text == "第 &P 页，共 &N 页"
            paper = 8.27 if sheet.page_setup.orientation == "portrait" else 11.69  # inches of A4
            margins = sheet.page_margins.left + sheet.page_margins.right
            across = sum(7 * column.width + 5 for column in sheet.column_dimensions.values()) / 96
            assert 10 * (paper - margins) / across >= 9, sheet.title
        cover = [cell for line in book.worksheets[0].iter_rows(min_row=3, values_only=True) for cell in line if cell]
        assert kind != "申报表" or cover == [
            "填报单位（公章）",
            "填表人",
            "审核人",
            "单位负责人",
            "填报日期",
            "＿＿年＿＿月＿＿日",
        ]


def test_every_county_has_its_form_and_the_manifest_knows_it(demo_home: Path) -> None:
    release = demo_home / "releases/current"
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    files = {path.relative_to(release.resolve()).as_posix() for path in release.resolve().rglob("forms/*/*.xlsx")}
    assert {form["file"] for form in manifest["forms"]} == files and len(files) == 2 * 19
    mine = [form["file"] for form in manifest["forms"] if form["county_code"] == FAILING]
    assert mine == [f"forms/liaocheng/莘县_2023_{kind}.xlsx" for kind in ("申报表", "学校自评表")]


def test_counties_of_one_name_have_files_of_their_own() -> None:
    """With the code, in both; in another region the name is enough; what has no name is called by its code, and no name leads elsewhere."""
    with duckdb.connect() as con:
        con.execute("create table dim_county (region_id varchar, county_code varchar, county_name_zh varchar)")
        con.executemany(
            "insert into dim_county values (?, ?, ?)",
            [
                ("a", "1", "市辖区"),
                ("a", "2", "市辖区"),
                ("a", "3", None),
                ("b", "1", "市辖区"),
                ("b", "2", "../甲:县"),
            ],
        )
        assert file_names(con) == {
            ("a", "1"): "市辖区1", ("a", "2"): "市辖区2", ("a", "3"): "3", ("b", "1"): "市辖区", ("b", "2"): ".. 甲 县"
        }  # fmt: skip


def test_a_remark_begins_with_what_it_says(demo_home: Path) -> None:
    """Also where a school meets nothing; what rounds onto a bound without meeting it is told with as many digits as show it."""
    with connect(demo_home) as con:
        remarks = con.execute(
            "select remark, school_label from mart_application_form_school join mart_school_verdict using (region_id, school_year, school_id, stage)"
            " where met_count = 0"
        ).fetchall()
        [(onto,)] = con.execute(
            "select remark from mart_application_form_school where (school_year, school_label) = (2023, '城西镇初级中学')"
            " and county_code = '371522'"
        ).fetchall()
    assert remarks and all(remark.startswith(("达到85%：", "低于85%：")) for remark, _ in remarks)
    assert "达到85%：L8（0.997，未达到1）；" in onto


def test_every_figure_has_its_place(demo_home: Path) -> None:
    """The layout holds each blank of the mart and each item of tables Ⅳ and Ⅴ once, and names nothing that the marts do not have."""
    fields = [
        (sheet, *found)
        for sheet, places in read_layout("application_form_layout").items()
        for place in places
        for found in re.findall(r"{(.+?)(?::(.+?))?}", place.text)
        if place.style not in ("schools", "missing")
    ]
    with connect(demo_home) as con:
        figures = con.execute(
            "select distinct '表' || form_table, row_no || '.' || blank_no, '' from mart_application_form order by all"
        ).fetchall()
        items = con.execute("select distinct item_id from mart_item_verdict where item_id[1] in ('G', 'Q')").fetchall()
        columns = con.execute("from mart_application_form_school limit 0").description or []
    assert sorted(row for row in fields if row[1][0].isdigit()) == figures
    assert sorted(row[1] for row in fields if row[2] == "yes_no") == sorted(item for (item,) in items)
    assert {row[1:] for row in fields if row[2] == "conclusion"} < {(item, "conclusion") for (item,) in items}
    assert {row[2] for row in fields} == {"", "yes_no", "conclusion"}
    listed = {
        place.text.strip("{}").partition(":")[0]
        for place in read_layout("application_form_layout")["表Ⅱ-2"]
        if place.style == "schools"
    }
    assert listed <= {column[0] for column in columns} and len(listed) == 15


def test_every_verdict_of_a_school_has_its_place(demo_home: Path) -> None:
    """The layout of the self-assessment form names columns of its mart alone, and each verdict on the form and in the list of schools."""
    layout = read_layout("self_assessment_layout")
    named = {
        sheet: set(re.findall(r"{(.+?)(?::.+?)?(?:\|.+?)?}", " ".join(place.text for place in places)))
        for sheet, places in layout.items()
    }
    with connect(demo_home) as con:
        columns = {column[0] for column in con.execute("from mart_self_assessment limit 0").description or []}
    contents, form = named.values()
    verdicts = {column for column in columns if column.endswith("_verdict")}
    assert contents <= columns and form <= columns | {"county", "years"}
    assert len(verdicts) == 12 and verdicts <= contents & form
    assert columns - form == {"region_id", "school_year", "county_code", "school_id", "row_no"}
