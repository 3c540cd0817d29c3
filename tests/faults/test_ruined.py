"""Faults 17 to 27 in one raw folder, after one refresh: hostile names, impossible figures, strange files, personal data."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import openpyxl
import pytest
from bad_files import CLASS, FACT, TEACHER, as_csv, put, texts
from helpers import (
    grid,
    junheng,
    schools,
    write_csv,
    write_regions,
    write_schools,
    write_workbook,
)

from dagster_project.gates import suites
from dagster_project.release.read import connect
from dagster_project.release.store import current_release

# What a refresh makes of a whole folder of faults: 17, 19, 23, 24, 26, 27

REGION_NAME = '\'; DROP TABLE raw.schools; -- <b>"㐂𠮷"</b> 😀'
COUNTY_NAME = "东昌府<script>alert(1)</script>'区"
SCHOOL_NAMES = [
    "'; DROP TABLE raw.schools; --",
    '"引号" <img src=x onerror=alert(1)> & 😀',
    "㐂𠮷小学",
    '=HYPERLINK("http://x","y")',
    "@SUM(1)",
    "-1+1|cmd",
    "＝1+1",
    "\\',\n换行",
]
FORMULAS = SCHOOL_NAMES[3:7]
IDENTITY, IDENTITY_X, PHONE, NAME = "370102198801011234", "37010219880101123X", "13812345678", "欧阳玄机"
FULL_WIDTH = IDENTITY.translate({ord(str(i)): chr(0xFF10 + i) for i in range(10)})
DOUBLE = float(IDENTITY)  # an identity number that Excel took for a number keeps fifteen digits
SECRETS = (
    IDENTITY,
    IDENTITY_X,
    IDENTITY[:15],
    PHONE,
    "138 1234 5678",
    "138-1234-5678",
    FULL_WIDTH,
    NAME,
    "3.70102198801",
)


@dataclass(frozen=True)
class Ruined:
    """A raw folder of many faults, and what one refresh made of it."""

    raw: Path
    home: Path
    said: str
    code: int

    def query(self, sql: str) -> list[tuple]:
        with connect(self.home) as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def ruined(tmp_path_factory: pytest.TempPathFactory) -> Ruined:
    folder = tmp_path_factory.mktemp("ruined")
    raw, home = folder / "raw", folder / "home"
    entry = {"id": "demo", "name_zh": REGION_NAME, "counties": {"371502": COUNTY_NAME}}
    write_regions(raw, json.dumps({"regions": [entry]}, ensure_ascii=False))
    hostile_names(raw)
    impossible_figures(raw)
    strange_files(raw, folder)
    personal_data(raw)
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert "已发布" in outcome.stdout, outcome.stdout + outcome.stderr
    return Ruined(raw, home, outcome.stdout + outcome.stderr, outcome.returncode)


def hostile_names(raw: Path) -> None:
    """2011: the first eight schools of sixteen carry names that are code elsewhere."""
    rows = schools(16)
    for row, name in zip(rows, SCHOOL_NAMES, strict=False):
        row["学校名称"] = row["乡镇街道"] = name
    table = [{"乡镇街道": ""} | row for row in rows]
    write_csv(raw / "demo" / "2011" / "schools.csv", table)


def impossible_figures(raw: Path) -> None:
    """2014: a school a fault, and rosters that would fan out."""
    changes: dict[int, dict[str, object]] = {
        1: {"小学在校生数": 0},
        2: {"小学在校生数": -5},
        3: {"小学在校生数": ""},
        4: {"小学在校生数": "", "初中在校生数": 300, "办学类型": "九年一贯制学校"},
        5: {"小学高于规定学历专任教师数": 99},
        6: {"教学及辅助用房面积": 299},
        7: {"教学仪器设备资产值": ""},
        8: {"小学在校生数": "1234567890123456789"},
        9: {"小学在校生数": 20001},
        10: {"教学仪器设备资产值": 500_000_000},
        11: {"学校标识码": "3715020012"},
        12: {},
    }
    rows = schools(20)
    for number, change in changes.items():
        rows[number - 1].update(change)
    table = [{"初中在校生数": ""} | row for row in rows]
    folder = raw / "demo" / "2014"
    write_csv(folder / "schools.csv", table)
    rosters = [CLASS | {"学校标识码": "3715020013", "班号": str(i)} for i in range(1, 11)]
    absurd = {
        "单位类型": "学校",
        "单位代码": "3715020010",
        "事实编号": "explained_unit_jump",
        "值": "好让它过了载入的关",
    }
    write_csv(folder / "facts.csv", [absurd])
    wrong = [CLASS | {"学校标识码": "3715020014", "班级学生数": 400}, rosters[0], CLASS | {"学校标识码": "3715029999"}]
    write_csv(folder / "classes.csv", [*rosters, *wrong])
    people = [TEACHER | {"教师编号": f"T{i}", "学校标识码": "3715020013"} for i in range(1, 31)]
    write_csv(folder / "teachers.csv", [*people, people[0], TEACHER | {"教师编号": "T99", "学校标识码": "3715029999"}])
    money = {"单位代码": "3715020013", "经费项目": "公用经费", "金额": 500_000, "口径": "决算"}
    write_csv(folder / "funding.csv", [money, money | {"口径": "预算"}, money])


def strange_files(raw: Path, folder: Path) -> None:
    """2023: links, names and folders that are none of ours, beside six good schools, four of them named like formulas."""
    inside = raw / "demo" / "2023"
    write_schools(raw, *({"学校名称": name} for name in FORMULAS))
    outside = write_csv(folder / "outside" / "2023" / "schools.csv", [schools(1)[0] | {"学校名称": "别处小学"}])
    (inside / "classes_out.csv").symlink_to(outside)
    (inside / "classes_gone.csv").symlink_to("nothing.csv")
    (inside / "classes_folder").symlink_to("/")
    (raw / "linked").symlink_to(outside.parent.parent)
    for name in ("facts_\x1b]0;hacked\x07.csv", "facts_\n假.csv", os.fsdecode("教师.csv".encode("gbk"))):
        put(raw, name, as_csv(grid([FACT])))
    put(raw, "facts_20230901123000999.csv", as_csv(grid([FACT, FACT])))
    put(raw, "funding.csv", "单位代码,经费项目,金额,口径\n371502,公用经费,\x1b[31m5\x07,决算\n")
    write_csv(raw / "'; DROP TABLE x; -- 😀" / "2023" / "schools.csv", schools(1))


def personal_data(raw: Path) -> None:
    """2017: identity numbers, telephone numbers and a name wherever a clerk may put them."""
    folder = raw / "demo" / "2017"
    rows = [row | {"备注": f"校长{NAME}，电话{PHONE}"} for row in schools(12)]
    rows[0]["学校名称"] = f"第1小学 联系人{PHONE}"
    rows[1]["乡镇街道"] = f"柳园街道 {IDENTITY}"
    rows[2]["城乡类型"] = IDENTITY_X
    rows[3]["小学在校生数"] = PHONE
    rows[4]["学校标识码"] = IDENTITY
    rows[5]["图书册数"] = PHONE
    rows[6]["运动场地面积"] = IDENTITY
    rows[7]["教学及辅助用房面积"] = "3800.17999999999"  # no telephone number, though it looks like one
    table = [{"乡镇街道": "", f"备注{PHONE}": NAME} | row for row in rows]
    write_csv(folder / f"schools_{PHONE}.csv", table)
    other = schools(13)[12] | {"学校名称": IDENTITY}
    write_workbook(folder / "schools_b.xlsx", {f"表{IDENTITY}": [[f"填表人{NAME}，{PHONE}"], *grid([other])]})
    person = {
        "教师编号": IDENTITY,
        "姓名": NAME,
        "身份证号": IDENTITY,
        "电话": PHONE,
        "学校标识码": "3715020009",
        "学段": "小学",
    }
    wrong: list[dict[str, object]] = [
        {"任教学科": f"数学（{PHONE}）"},
        {"任教学科": "138 1234 5678"},
        {"任教学科": f"+86{PHONE}"},
        {"岗位": f"证件{IDENTITY_X}"},
        {"岗位": FULL_WIDTH},
        {"岗位": DOUBLE},
        {"学段": IDENTITY},
        {"学历": "138-1234-5678"},
        {"学校标识码": IDENTITY},
        {"出生年份": DOUBLE},
        {"年工资收入": PHONE + "元"},
    ]
    empty = {"任教学科": "", "岗位": "", "学历": "", "出生年份": "", "年工资收入": ""}
    people = [person | empty | change | {"教师编号": f"{IDENTITY}{i}"} for i, change in enumerate([{}, *wrong])]
    write_workbook(folder / "teachers.xlsx", {"名册": grid(people)})
    put_at = folder / f"teachers_{IDENTITY}.csv"
    short = ",".join(["T7", NAME, "3715020009", "小学", PHONE])
    put_at.write_text(
        f"教师编号,学校标识码,学段,任教学科\n{short}\nT8,3715020009,大学,语文\n注：{NAME} {PHONE},,,\n", "utf-8"
    )
    write_csv(folder / "facts.csv", [FACT | {"佐证": f"见{IDENTITY_X}号档案"}, FACT | {"事实编号": PHONE}])
    (folder / f"名单{PHONE}.csv").write_text(f"{NAME}\n", "utf-8")


def test_17_no_join_fans_out(ruined: Ruined) -> None:
    """A row a school and stage, with rosters and funds of many rows beside it; the roster counts each once."""
    assert ruined.query(
        """select count(*), count(distinct school_id), max(roster_classes), max(roster_pupils),
            max(roster_full_time_teachers), max(public_funds_yuan)
        from fct_school_stage where school_year = 2014 and stage = 'primary'"""
    ) == [(14, 14, 10, 400, 30, 500_000)]
    per_school = (
        "select school_id, indicator_id from fct_school_indicator where school_year = 2014 and stage = 'primary'"
    )
    assert ruined.query(f"select count(*) from ({per_school} group by all having count(*) > 1)") == [(0,)]
    assert ruined.query("select school_count from mart_county_verdict where school_year = 2011") == [(16,)]


def test_19_an_impossible_figure_is_null_with_a_reason_or_quarantined(ruined: Ruined) -> None:
    said = dict(
        ruined.query(
            "select row_number - 1, reason from mart_quarantine where school_year = 2014 and extract = 'schools'"
        )
    )
    assert {number: reason.split("：")[0] for number, reason in said.items()} == {
        2: "“小学在校生数”为“-5”，不能小于 0",
        3: "没有任何学段的在校生数",
        8: "“小学在校生数”为“（已隐去）”，应为整数",
        9: "“小学在校生数”为“20001”，不能大于 20000",
        11: "学校标识码 3715020012 有两行",
        12: "学校标识码 3715020012 有两行",
    }
    assert ruined.query(
        "select school_id, stage, exclusion_reason from fct_school_stage where school_year = 2014 and is_in_scope is null order by all"
    ) == [("3715020001", "primary", "填报在校生0人，却有班级或教师"), ("3715020004", "primary", "在校生数缺失")]
    nulls = ruined.query(
        """select school_id, indicator_id, null_reason from fct_school_indicator
        where school_year = 2014 and school_id in ('3715020005', '3715020006', '3715020007', '3715020010')
            and is_met is null and value is null and indicator_id in (select indicator_id from dim_indicator where is_national)
        order by all"""
    )
    assert nulls == [
        ("3715020005", "higher_degree_teachers_per_100", "数据矛盾：高于规定学历专任教师数大于专任教师数"),
        ("3715020006", "teaching_area_per_pupil", "数据矛盾：室内体育用房面积大于教学及辅助用房面积"),
        ("3715020007", "equipment_value_per_pupil", "缺少数据：教学仪器设备资产值"),
        ("3715020010", "equipment_value_per_pupil", "数据超出可信范围：教学仪器设备资产值"),
    ]
    assert ruined.query(
        """select count(*) from fct_school_indicator
        where not isfinite(value) or value <= 0 or pupils <= 0 or (value is null) <> (null_reason is not null)"""
    ) == [(0,)]
    with connect(ruined.home) as con:
        doubles = con.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and data_type = 'DOUBLE'"
        ).fetchall()
        for table, column in doubles:
            assert con.execute(f"select count(*) from {table} where not isfinite({column})").fetchone() == (0,), table
    assert ruined.query(
        "select reason from mart_quarantine where school_year = 2014 and extract = 'classes' order by row_number"
    )[0] == ("“班级学生数”为“400”，不能大于 200：请改正",)


def test_23_hostile_names_are_stored_and_shown_literally(ruined: Ruined) -> None:
    stored = ruined.query("select school_name, township from dim_school where school_year = 2011 order by school_id")
    assert stored[:8] == [(name, name) for name in SCHOOL_NAMES] and len(stored) == 16
    assert ruined.query("select region_name_zh, county_name_zh from dim_county") == [(REGION_NAME, COUNTY_NAME)]
    release = current_release(ruined.home)
    assert release is not None
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    assert [region["name"] for region in manifest["regions"]] == [REGION_NAME]
    shown = junheng("sql", "select school_name from dim_school where school_year = 2011", "--home", ruined.home)
    assert all(name.replace("\n", "\\n") in shown.stdout for name in SCHOOL_NAMES)
    pages = "".join(page.read_text("utf-8") for page in (ruined.home / "data_docs").rglob("*.html"))
    assert pages and "<script>" not in pages and "<img" not in pages


def test_23_data_docs_escape_what_they_quote(ruined: Ruined, tmp_path: Path) -> None:
    """A gate that fails quotes codes of the data: none becomes a part of the page."""
    database = shutil.copy(ruined.home / "warehouse.duckdb", tmp_path)
    with duckdb.connect(database) as con:
        con.execute("update raw.county set county_name_zh = ' ', county_code = '<img src=x onerror=alert(1)>'")
    suites.validate(Path(database), "marts", None, tmp_path / "data_docs")
    page = (tmp_path / "data_docs" / "marts.html").read_text("utf-8")
    assert "县=&lt;img src=x" in page and "<img" not in page


def test_24_what_lies_outside_raw_is_not_read_and_nothing_stops(ruined: Ruined) -> None:
    refused = dict(ruined.query("select source_file, reason from mart_source_file where status = 'quarantined'"))
    out, gone, name = "链接指向这个文件夹之外", "链接指向的文件不存在", "文件名里有看不见的控制字符，或不是 UTF-8 编码"
    expected = {
        "demo/2023/classes_out.csv": out,
        "demo/2023/classes_folder": out,
        "demo/2023/classes_gone.csv": gone,
        "demo/2023/facts_□]0;hacked□.csv": name,
        "demo/2023/facts_□假.csv": name,
        "demo/2023/□□ʦ.csv": name,
        "linked/2023": "区域“linked”没有登记",
        "'; DROP TABLE x; -- 😀/2023/schools.csv": "区域“'; DROP TABLE x; -- 😀”没有登记",
    }
    assert {file: reason.split("：")[0] for file, reason in refused.items() if "/2017/" not in file} == expected
    assert ruined.code == 1 and all(file in ruined.said for file in expected)
    assert "Traceback" not in ruined.said
    assert not [char for char in ruined.said if char in "\x1b\x07\r"], "the terminal is told nothing"
    with connect(ruined.home) as con:
        assert "别处小学" not in texts(con)


def test_24_a_region_folder_whose_name_cannot_be_a_key_is_named(county: Callable[..., Path], tmp_path: Path) -> None:
    raw, names = county(), ["a|b", "a...b", "a\nb", os.fsdecode("聊城".encode("gbk"))]
    for name in names:
        write_csv(raw / name / "2023" / "schools.csv", schools(1))
    outcome = junheng("refresh", "--raw", raw, "--home", tmp_path / "home")
    assert outcome.returncode == 1 and "Traceback" not in outcome.stderr
    for name in names:
        assert f"里的文件夹 {name!a} 不能是区域：请按 regions.yml 中的 id 改名" in outcome.stderr


def test_26_a_formula_leaves_as_text_and_a_number_as_it_is(ruined: Ruined) -> None:
    query = """select school_name, s.township, -1 as n, -1.5 as d, -pupils as p
        from dim_school as s join fct_school_stage using (region_id, school_year, school_id, school_name)
        where school_year = 2011 order by school_id"""
    outcome = junheng("sql", query, "--home", ruined.home, "--format", "csv")
    assert outcome.returncode == 0, outcome.stderr
    header, *rows = csv.reader(io.StringIO(outcome.stdout, newline=""))
    assert header == ["school_name", "township", "n", "d", "p"] and len(rows) == 16
    for (name, township, *numbers), said in zip(rows, SCHOOL_NAMES, strict=False):
        assert name == township == (f"'{said}" if said[0] in "=@-＝" else said)
        assert numbers[:2] == ["-1", "-1.5"] and int(numbers[2]) < -400
    assert outcome.stdout.count("\n'") == 4


def test_26_no_workbook_of_a_release_holds_a_formula(ruined: Ruined) -> None:
    """Names that begin like one stand in the forms as they were handed in, as text."""
    release = current_release(ruined.home)
    assert release is not None
    texts_of_books: set[object] = set()
    for path in release.rglob("*.xlsx"):
        for sheet in openpyxl.load_workbook(path):
            cells = [cell for row in sheet.iter_rows() for cell in row]
            assert [cell.coordinate for cell in cells if cell.data_type == "f"] == [], (path.name, sheet.title)
            texts_of_books.update(cell.value for cell in cells)
    assert {*FORMULAS} <= texts_of_books


def test_27_nothing_personal_stays_anywhere(ruined: Ruined) -> None:
    """Not a byte of the home folder, nor of what compressed files unpack to; and what was refused is said."""
    release = current_release(ruined.home)
    assert release is not None
    looked = 0
    for path in ruined.home.rglob("*"):
        if path.is_file():
            looked += 1
            content = path.read_bytes()
            assert [secret for secret in SECRETS if secret.encode() in content] == [], path
    assert looked > 30
    for database in (ruined.home / "warehouse.duckdb", release / "junheng.duckdb"):
        with duckdb.connect(str(database), read_only=True) as con:
            everything = texts(con)
        assert [secret for secret in SECRETS if secret in everything] == []
    assert [secret for secret in SECRETS if secret in ruined.said] == []
    query = """select source_file.replace('demo/2017/', ''), list(row_number order by row_number), {} as columns
        from {} where school_year = 2017 group by all order by all"""
    assert ruined.query(query.format("column_names", "mart_quarantine")) == [
        ("facts.csv", [3], "事实编号"),
        ("schools_b.xlsx", [3], "学校名称"),
        ("schools_（已隐去）.csv", [2], "学校名称"),
        ("schools_（已隐去）.csv", [5], "小学在校生数"),
        ("schools_（已隐去）.csv", [6], "学校标识码"),
        ("teachers.xlsx", [9], "学段"),
        ("teachers.xlsx", [11], "学校标识码"),
        ("teachers_（已隐去）.csv", [2], None),
        ("teachers_（已隐去）.csv", [3], "学段"),
        ("名单（已隐去）.csv", [None], None),
    ]
    with duckdb.connect(str(ruined.home / "warehouse.duckdb"), read_only=True) as con:
        unread = con.execute(query.format("column_zh", "raw.unread_cell")).fetchall()
    assert unread == [
        ("facts.csv", [2], "依据"),
        ("schools_（已隐去）.csv", [3], "乡镇街道"),
        ("schools_（已隐去）.csv", [4], "城乡类型"),
        ("schools_（已隐去）.csv", [7], "图书册数"),
        ("schools_（已隐去）.csv", [8], "运动场地面积"),
        ("teachers.xlsx", [3, 4, 5], "任教学科"),
        ("teachers.xlsx", [6, 7, 8], "岗位"),
        ("teachers.xlsx", [10], "学历"),
        ("teachers.xlsx", [12], "出生年份"),
        ("teachers.xlsx", [13], "年工资收入"),
    ]
    unknown = ruined.query(
        "select unknown_columns from mart_source_file where school_year = 2017 and unknown_columns <> ''"
    )
    assert {text for row in unknown for text in row[0].split("、")} == {
        "备注（已隐去）",
        "备注",
        "姓名",
        "身份证号",
        "电话",
    }


def test_a_second_refresh_of_the_same_faults_changes_nothing(ruined: Ruined) -> None:
    again = junheng("refresh", "--raw", ruined.raw, "--home", ruined.home)
    assert "文件没有变化" in again.stdout, again.stdout + again.stderr
