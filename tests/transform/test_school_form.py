"""Forms with one item a row, carried to the marts: what a bureau holds of its schools is judged."""

from collections.abc import Iterator

import duckdb
import pytest
from helpers import read, write_csv, write_workbook

from dagster_project.transform import build
from dagster_project.warehouse import tables

HEADER = ["序号", "类别", "填报项目", "单位", "填报值", "是否必填", "备注说明"]
PRIMARY = {
    "学校类型": "小学", "小学学生人数": 700, "专任教师总人数": 40, "持有教师资格证的专任教师人数": 40, "班级总数": 18, "每班41-45人班级个数": 18,
    "每班46-50人班级个数": 0, "家庭住址在划片范围内的在校学生人数（小学）": 693, "近5年培训满360学时专任教师人数": 38, "建校时间": 2008,
    "校外租赁场馆面积": 300, "校内其他体育场面积": 200,
}  # fmt: skip
JUNIOR = {
    "学校类型": "初级中学", "初中学生人数": 300, "专任教师总人数": 20, "持有教师资格证的专任教师人数": 19, "班级总数": 6, "每班41-45人班级个数": 5,
    "每班51-55人班级个数": 1, "本届毕业学生人数": 100, "毕业年级初一时在校学生数": 102, "毕业年级三年转入学生数": 3, "毕业年级三年转出学生数": 4,
    "毕业年级三年死亡学生数": 1,
}  # fmt: skip
SIDE = {"城乡类型": "镇区", "举办者": "教育部门", "是否寄宿制": "否"}


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A county of a primary and a junior school that handed in their forms, and one list of rooms."""
    folder = tmp_path_factory.mktemp("school_form")
    year = folder / "raw" / "demo" / "2023"
    for number, items in enumerate((PRIMARY, JUNIOR), start=1):
        said = {"学校名称": f"第{number}学校", "学校代码": f"371502000{number}", **items, **SIDE}
        rows = [[i, "", item, "", value, "", ""] for i, (item, value) in enumerate(said.items(), start=1)]
        write_workbook(year / "forms" / f"{number}.xlsx", {"填报": [HEADER, *rows]})
    rooms = [("3715020001", "音乐", "1", 96), ("3715020001", "音乐", "2", 95.5), ("3715020001", "美术", "1", 90)]
    write_csv(
        year / "rooms.csv",
        [dict(zip(("学校标识码", "教室类别", "教室编号", "面积"), room, strict=True)) for room in rooms],
    )
    home = folder / "home"
    with tables.connect(home) as con:
        assert read(con, folder / "raw").quarantined == 0
    build.build(home)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        con.execute("use marts")
        yield con


def criterion(marts: duckdb.DuckDBPyConnection, school: str, criterion_id: str) -> tuple[object, ...] | None:
    """Value and verdict of a school on a criterion."""
    return marts.execute(
        "select value, is_met, is_eased from mart_school_criterion where school_id = ? and criterion_id = ?",
        [f"371502000{school}", criterion_id],
    ).fetchone()


def test_class_sizes_are_judged_by_the_classes_above_the_limit(marts: duckdb.DuckDBPyConnection) -> None:
    """The form has bands, no largest class: none above the limit is met, one is not; that is no easing."""
    assert criterion(marts, "1", "G5-1") == (None, True, False)
    assert criterion(marts, "2", "G5-2") == (None, False, False)
    blanks = (
        "select measure_id, value from mart_application_form where measure_id like 'oversized%' order by measure_id"
    )
    assert marts.execute(blanks).fetchall() == [("oversized_junior_classes", 1), ("oversized_primary_classes", 0)]


def test_rooms_are_counted_and_measured_one_by_one(marts: duckdb.DuckDBPyConnection) -> None:
    assert criterion(marts, "1", "G3-1") == (pytest.approx(2 * 12 / 18), True, False)
    assert criterion(marts, "1", "G3-2") == (pytest.approx(1 * 12 / 18), False, False)
    assert criterion(marts, "1", "G3-3") == (95.5, False, False)
    assert criterion(marts, "1", "G3-4") == (90, True, False)
    assert criterion(marts, "2", "G3-1") == (None, None, False)
    printed = "select music_rooms, music_room_areas, art_room_areas, converted_sports_area_m2, rented_sports_area_m2"
    row = marts.execute(f"{printed} from mart_self_assessment where school_id = '3715020001'").fetchone()
    assert row == (2, "96，95.5", "90", 200, 300)


def test_a_county_is_what_its_schools_add_up_to(marts: duckdb.DuckDBPyConnection) -> None:
    """Reported totals stand in for rosters, and the schools' figures for facts that the county did not hand in."""
    items = (
        "select criterion_id, actual, is_met from mart_standard_item where criterion_id in ('G9', 'G12', 'G13-1', 'Q1')"
    )
    found = {criterion_id: (actual, is_met) for criterion_id, actual, is_met in marts.execute(items).fetchall()}
    assert found["G12"] == (pytest.approx(59 / 60), False)
    assert found["G9"][1] is None  # the junior school did not say
    assert found["G13-1"] == (pytest.approx(0.99), False)
    assert found["Q1"] == (pytest.approx((100 - 3 + 4) / (102 - 1)), True)
