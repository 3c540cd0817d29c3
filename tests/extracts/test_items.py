"""Fill-in forms with one item a row: the 68 items of a school, a workbook a school, and the 20 of a county."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pytest
from helpers import REGION, read, reasons, value, write_csv, write_schools, write_workbook

from dagster_project.extracts.regions import Region
from dagster_project.warehouse import tables

HEADER = ["序号", "类别", "填报项目", "单位", "填报值", "是否必填", "备注说明"]
BANDS = ["25人以下", "26-30人", "31-35人", "36-40人", "41-45人", "46-50人", "51-55人", "56-60人", "61-65人", "66人以上"]
SCHOOL = {
    ("学校名称", ""): "实验小学", ("学校类型", ""): "小学", ("学校代码", ""): "3715020001", ("建校时间", "年"): "2008年",
    ("是否2010年及之前规划并建成", ""): "是", ("小学学生人数", "人"): 700, ("初中学生人数", "人"): None,
    ("进城务工人员随迁子女在校生人数", "人"): 50, ("家庭住址在划片范围内的在校学生人数（小学）", "人"): 690, ("班级总数", "个"): 18,
    **dict.fromkeys([(f"每班{band}班级个数", "个") for band in BANDS], 0),
    ("每班36-40人班级个数", "个"): 15, ("每班46-50人班级个数", "个"): 2, ("每班56-60人班级个数", "个"): 1,
    ("专任教师总人数", "人"): 40, ("专科学历教师人数（小学）", "人"): 5, ("本科学历教师人数（小学）", "人"): 30,
    ("本科学历教师人数（初中）", "人"): None, ("硕士学历教师人数（小学）", "人"): 2, ("博士研究生学历教师人数（小学）", "人"): None,
    ("县级及以上骨干教师数", "人"): 9, ("持有教师资格证的专任教师人数", "人"): 40, ("近5年培训满360学时专任教师人数", "人"): 39,
    ("体育专任教师人数", "人"): 4, ("音乐专任教师人数", "人"): 2, ("美术专任教师人数", "人"): 2, ("艺术专任教师人数", "人"): None,
    ("体育交流轮岗/兼职/走教教师人数", "人"): 1, ("教学及辅助用房总面积", "平方米"): 4000, ("室内体育用房面积", "平方米"): 600,
    ("学校体育馆面积", "平方米"): 600, ("校内体育场面积", "平方米"): "6000平方米", ("校外租赁场馆面积", "平方米"): 300,
    ("校内其他体育场面积", "平方米"): 200, ("教学仪器设备资产值（账面原值）", "万元"): 150.5, ("网络多媒体教室间数", "间"): 20,
    ("音乐教室总间数", "间"): 2, ("单间面积≥96㎡的音乐教室间数", "间"): 2,
}  # fmt: skip
Items = Mapping[tuple[str, str], object]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with tables.connect(tmp_path / "home") as connection:
        yield connection


def hand_in(raw: Path, items: Items, name: str = "forms/实验小学.xlsx") -> Path:
    rows = [
        [i, "基本情况", item, unit, said, "是", ""] for i, ((item, unit), said) in enumerate(items.items(), start=1)
    ]
    return write_workbook(raw / "demo" / "2023" / name, {"学校填报表格": [["学校填报表格"], HEADER, *rows]})


def remarks(con: duckdb.DuckDBPyConnection) -> str:
    [(said,)] = con.execute("select remarks from raw.source_file").fetchall()
    return said or ""


def test_the_items_of_a_school_are_read(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Sums of items, classes by size, units and the only county of the region."""
    hand_in(raw, SCHOOL)
    assert read(con, raw).loaded == 1, reasons(con)
    expected = {
        "school_name": "实验小学", "school_type": "211", "county_code": "371502", "built_year": 2008, "primary_pupils": 700,
        "migrant_pupils": 50, "primary_catchment_pupils": 690, "primary_classes": 18, "primary_oversized_classes": 3,
        "primary_full_time_teachers": 40, "primary_higher_degree_teachers": 37, "primary_backbone_teachers": 9,
        "primary_certified_teachers": 40, "primary_trained_teachers": 39, "primary_pe_arts_teachers": 8,
        "primary_visiting_pe_arts_teachers": 1, "teaching_area_m2": 4000, "indoor_sports_area_m2": 600,
        "sports_ground_area_m2": 6000, "rented_sports_area_m2": 300, "converted_sports_area_m2": 200,
        "equipment_value_wan_yuan": 150.5, "multimedia_rooms": 20, "music_rooms": 2,
        "junior_pupils": None, "junior_classes": None, "junior_higher_degree_teachers": None,
    }  # fmt: skip
    assert {column: value(con, column) for column in expected} == expected
    assert con.execute("select cell from raw.source_cell where column_name = 'primary_pupils'").fetchall() == [("E8",)]
    said = remarks(con)
    assert said == "填报表里没有 城乡类型、举办者、是否寄宿制：请在表后加行，填报项目写这些名称"


FUNDS = {
    ("上一年度公用经费预算总额", "万元"): 80.5,
    ("上一年度公用经费决算总额", "元"): "790,000",
    ("上一年度教师培训经费预算总额", ""): 4,
}


def test_what_a_school_had_the_year_before_is_funding(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """In yuan, of the calendar year before the school year, beside the flat extract; what is no number is put aside where it stands."""
    hand_in(raw, {**SCHOOL, **FUNDS})
    account = read(con, raw)
    assert (account.loaded, account.quarantined) == (4, 0), reasons(con)
    funds = "select entity_id, item, account, amount_yuan, fiscal_year from raw.funding order by all"
    assert con.execute(funds).fetchall() == [
        ("3715020001", "public_funds", "budget", 805000, 2022),
        ("3715020001", "public_funds", "final", 790000, 2022),
        ("3715020001", "teacher_training", "budget", 40000, 2022),
    ]
    cells = con.execute(
        "select column_name, header, sheet, cell, said from raw.source_cell where extract = 'funding' order by all limit 1"
    )
    row = len(SCHOOL) + 3
    assert cells.fetchall() == [
        ("public_funds_budget_yuan", "上一年度公用经费预算总额", "学校填报表格", f"E{row}", "80.5")
    ]
    money = {"单位代码": "3715020001", "经费项目": "公用经费", "口径": "预算", "金额": 1}
    write_csv(raw / "demo/2023/funding.csv", [{**money, "年度": ""}, {**money, "年度": 2022}])
    hand_in(raw, {**SCHOOL, **FUNDS, ("上一年度公用经费决算总额", "元"): "约79万"})
    account = read(con, raw)
    assert (account.loaded, account.quarantined) == (1 + 2, 3)
    said = reasons(con)
    assert any(f"第 {row + 1} 行：“金额”为“约79万”，应为数字：请改正" in line for line in said)
    assert sum("单位代码、经费项目、年度、口径相同的有两行" in line for line in said) == 2


def test_an_unit_that_the_form_states_is_that_of_the_value(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    items = {key: said for key, said in SCHOOL.items() if key[0] != "教学仪器设备资产值（账面原值）"}
    hand_in(raw, {**items, ("教学仪器设备资产值（账面原值）", "元"): 1505000})
    read(con, raw)
    assert value(con, "equipment_value_wan_yuan") == 150.5


def test_rows_that_a_bureau_adds_are_read_and_people_are_not(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    added = {
        ("城乡类型", ""): "镇区",
        ("举办者", ""): "教育部门",
        ("是否寄宿制", ""): "否",
        ("校长", ""): "张三",
        ("联系电话", ""): "13812345678",
    }
    hand_in(raw, {**SCHOOL, **added})
    read(con, raw)
    assert [value(con, column) for column in ("urban_rural_code", "organiser", "is_boarding")] == ["121", "7", False]
    assert remarks(con) == "不认识的项目，没有读取：校长、联系电话"
    stored = (
        con.execute("select * from raw.schools").fetchall() + con.execute("select * from raw.source_cell").fetchall()
    )
    assert "张三" not in str(stored) and "13812345678" not in str(stored)


def test_what_has_no_stage_is_not_split(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """A nine-year school: degrees say their stage, classes and teachers do not, until a row says it."""
    nine = {
        **SCHOOL,
        ("学校类型", ""): "九年一贯制",
        ("初中学生人数", "人"): 300,
        ("本科学历教师人数（初中）", "人"): 20,
    }
    hand_in(raw, nine)
    read(con, raw)
    empty = (
        "primary_classes",
        "junior_classes",
        "primary_oversized_classes",
        "primary_full_time_teachers",
        "junior_pe_arts_teachers",
    )
    assert [value(con, column) for column in empty] == [None] * len(empty)
    assert (value(con, "primary_higher_degree_teachers"), value(con, "junior_higher_degree_teachers")) == (37, 20)
    said = remarks(con)
    assert "班级总数、每班46-50人班级个数等、" in said and "填报项目写 小学班级数、初中班级数、小学超班额班级数" in said
    hand_in(raw, {**nine, ("小学班级数", "个"): 12, ("初中班级数", "个"): 6})
    read(con, raw)
    assert (value(con, "primary_classes"), value(con, "junior_classes")) == (12, 6)
    assert "班级总数" not in remarks(con)


def test_only_stages_that_a_school_has_are_asked_for(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """A complete secondary school: the form does not ask its senior pupils, without whom nothing shared can be split."""
    items = {(item, unit): said for (item, unit), said in SCHOOL.items() if "小学" not in item}
    hand_in(raw, {**items, ("学校类型", ""): "完全中学", ("初中学生人数", "人"): 300})
    read(con, raw)
    said = remarks(con)
    assert "初中班级数" in said and "小学班级数" not in said and "高中在校生数" in said


def test_items_that_do_not_add_up_are_told(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    hand_in(raw, {**SCHOOL, ("班级总数", "个"): 19, ("学校体育馆面积", "平方米"): 500})
    read(con, raw)
    said = remarks(con)
    assert "“每班25人以下班级个数”至“每班66人以上班级个数”之和为 18，“班级总数”为 19，不符：请核对" in said
    assert "“学校体育馆面积”为 500，“室内体育用房面积”为 600，不符：请核对" in said


def test_whose_county_is_not_known_is_told_what_to_add(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    two = Region(
        "demo",
        "示范区",
        {"371502": "东昌府区", "371503": "茌平区"},
        REGION.school_id_pattern,
        None,
        (),
        "09-01",
        synthetic=False,
    )
    hand_in(raw, SCHOOL)
    assert read(con, raw, two).quarantined == 1
    assert "表里看不出是哪个县：请在表后加一行，填报项目写“区县代码”，填报值写六位代码，如 371502" in reasons(con)[0]
    hand_in(raw, {**SCHOOL, ("区县名称", ""): "茌平区"})
    assert read(con, raw, two).loaded == 1 and value(con, "county_code") == "371503"


def test_a_value_that_is_no_number_is_unknown(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    hand_in(raw, {**SCHOOL, ("专任教师总人数", "人"): "约40"})
    assert read(con, raw).loaded == 1
    assert value(con, "primary_full_time_teachers") is None
    [(reason,)] = con.execute("select reason from raw.unread_cell").fetchall()
    assert reason == "工作表“学校填报表格”单元格 E23（小学专任教师数）为“约40”，应为数字：请改正"


def test_a_form_in_the_place_of_a_table_is_told_where_it_belongs(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    hand_in(raw, SCHOOL, "学校.xlsx")
    read(con, raw)
    assert "这是一项一行的填报表：学校的请放进 forms 文件夹，一校一个工作簿" in reasons(con)[0]


def test_two_schools_are_two_workbooks(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    rows = [HEADER, [1, "", "学校名称", "", "甲", "", ""]]
    write_workbook(raw / "demo" / "2023" / "forms" / "两校.xlsx", {"甲": rows, "乙": rows})
    read(con, raw)
    assert "工作表“甲”、“乙”都是一项一行的填报表：一所学校一个工作簿，请分开存" in reasons(con)[0]


COUNTY = {
    ("区县名称", ""): "东昌府区", ("填报年度", ""): 2023, ("规定的小学生均公用经费标准", "元"): 1150,
    ("上年度义务教育学校教师年平均工资收入水平（不含民办学校）", "万元"): 9.6512, ("上年度当地公务员年平均工资收入", "元"): 96512,
    ("优质高中招生计划总人数", "人"): "800人", ("优质高中招生分配指标数", "人"): None, ("符合交流条件教师总数", "人"): 300,
    ("实际交流轮岗教师数", "人"): "36人", ("实际交流骨干教师数量", "人"): 9, ("特殊教育学校经费总额", "万元"): 82.5, ("特殊教育学校学生人数", "人"): 90,
    ("适龄残疾儿童少年入学总人数", "人"): 41, ("公用经费余额", "元"): 5,
}  # fmt: skip


def test_the_items_of_a_county_are_facts(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """In the facts' own units; a blank item is no fact, and one that is none is put aside where it stands."""
    write_schools(raw)
    hand_in(raw, COUNTY, "事实-区县填报表.xlsx")
    account = read(con, raw)
    facts = con.execute("select entity_type, entity_id, fact_id, value from raw.facts order by fact_id").fetchall()
    assert facts == [
        ("county", "371502", "civil_service_average_pay", "96512"),
        ("county", "371502", "disabled_children_enrolled", "41"),
        ("county", "371502", "key_high_school_places", "800"),
        ("county", "371502", "primary_public_funds_standard_yuan", "1150"),
        ("county", "371502", "rotated_backbone_teachers_total", "9"),
        ("county", "371502", "rotated_teachers_total", "36"),
        ("county", "371502", "rotation_eligible_teachers_total", "300"),
        ("county", "371502", "special_school_funds_yuan", "825000"),
        ("county", "371502", "special_school_pupils_total", "90"),
        ("county", "371502", "teacher_average_pay", "96512"),
    ]
    assert account.quarantined == 1
    assert "第 16 行：“事实编号”为“公用经费余额”，没有这项事实" in reasons(con)[0]


def test_facts_of_no_known_county_are_put_aside(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw)
    hand_in(raw, {**COUNTY, ("区县名称", ""): "茌平区"}, "facts.xlsx")
    read(con, raw)
    assert con.execute("select count(*) from raw.facts").fetchone() == (0,)
    assert "填报项目写“区县代码”，填报值写六位代码，如 371502" in reasons(con)[0]
