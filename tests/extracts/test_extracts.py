"""A file becomes typed rows and named rejects: headers, units, values, and every row accounted for."""

import re
from dataclasses import replace
from pathlib import Path

import duckdb
import openpyxl
import pytest
import xlwt
from helpers import REGION, grid, read, reasons, schools, value, write_csv, write_schools, write_workbook
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dagster_project.extracts.contract import contract
from dagster_project.extracts.headers import find_headers
from dagster_project.warehouse import load, tables


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"小学在校生数": -5}, "“小学在校生数”为“-5”，不能小于 0"),
        ({"小学在校生数": ""}, "没有任何学段的在校生数"),
        ({"小学在校生数": "四百"}, "“小学在校生数”为“四百”，应为整数"),
        ({"小学在校生数": "40.5"}, "“小学在校生数”为“40.5”，应为整数"),
        ({"学校名称": "第\ufffd小学"}, "“学校名称”里有转换时丢失的字符（显示为 □）"),
        ({"学校名称": "  "}, "“学校名称”未填"),
        ({"学校标识码": "371502001"}, "“学校标识码”为“371502001”，不合规则"),
        ({"县级行政区划代码": "371599"}, "“县级行政区划代码”为“371599”，不属于示范区"),
        ({"办学类型": "学堂"}, "“办学类型”为“学堂”，不是可用的取值"),
        ({"学校名称": "第\x0b1小学"}, "“学校名称”里有看不见的控制字符：请重新键入这一格"),
        ({"学校名称": "#REF!"}, "“学校名称”为“#REF!”，是公式出错的结果：请改好公式，或填写内容"),
    ],
)
def test_a_bad_school_is_quarantined_by_name_and_the_rest_loads(
    con: duckdb.DuckDBPyConnection, raw: Path, change: dict[str, object], message: str
) -> None:
    write_schools(raw, {}, change)
    account = read(con, raw)
    assert (account.rows_in, account.loaded, account.quarantined, account.skipped) == (6, 5, 1, 0)
    [line] = reasons(con)
    assert line.startswith("demo/2023/schools.csv 第 3 行：")
    assert message in line
    original = con.execute("select original from raw.quarantine").fetchone()
    assert original is not None and '"学校名称"' in original[0]


@pytest.mark.parametrize(
    ("change", "column", "message"),
    [
        ({"是否寄宿制": "不详"}, "is_boarding", "“是否寄宿制”为“不详”，不是可用的取值（是、否）：请改正"),
        ({"普通教室数": "约5"}, "classrooms", "“普通教室数”为“约5”，应为整数：请改正"),
        ({"运动场地面积": "nan"}, "sports_ground_area_m2", "“运动场地面积”为“nan”，应为数字：请改正"),
        ({"图书册数": "1000,5"}, "books", "“图书册数”为“1000,5”，应为整数：请改正"),
        ({"运动场地面积": "3,8"}, "sports_ground_area_m2", "“运动场地面积”为“3,8”，应为数字：请改正"),
        ({"运动场地面积": "1.000,50"}, "sports_ground_area_m2", "“运动场地面积”为“1.000,50”，应为数字：请改正"),
        ({"运动场地面积": "1e308"}, "sports_ground_area_m2", "“运动场地面积”为“1e308”，应为数字：请改正"),
        ({"乡镇街道": "柳园\x07街道"}, "township", "“乡镇街道”里有看不见的控制字符：请重新键入这一格"),
        ({"图书册数": -3}, "books", "“图书册数”为“-3”，不能小于 0：请改正"),
        ({"小学班级数": 401}, "primary_classes", "“小学班级数”为“401”，不能大于 400：请改正"),
        ({"乡镇街道": "柳\ufffd街道"}, "township", "“乡镇街道”里有转换时丢失的字符（显示为 □）：请从原系统重新导出"),
        ({"乡镇街道": "问13812345678"}, "township", "“乡镇街道”里有身份证号或手机号：不收个人信息，请删去"),
    ],
)
def test_a_bad_cell_costs_that_cell(
    con: duckdb.DuckDBPyConnection, raw: Path, change: dict[str, object], column: str, message: str
) -> None:
    """The school is loaded with all its other values, and the cell is listed with what stood in it."""
    rows = [dict.fromkeys(change, "") | row for row in schools()]
    rows[1] |= change
    write_csv(raw / "demo/2023/schools.csv", rows)
    account = read(con, raw)
    assert (account.rows_in, account.loaded, account.quarantined, account.skipped) == (6, 6, 0, 0)
    assert value(con, column, "3715020002") is None
    assert value(con, "primary_pupils", "3715020002") == 474
    [said] = map(str, change.values())
    original = re.sub("13812345678", "（已隐去）", said).replace("\ufffd", "□")
    assert con.execute("select * exclude (region_id, school_year) from raw.unread_cell").fetchall() == [
        ("demo/2023/schools.csv", None, 3, "schools", column, *change, "3715020002", message, original)
    ]
    assert reasons(con) == [f"demo/2023/schools.csv 第 3 行：{message}；按未知载入"]


def test_a_damaged_cell_that_nobody_reads_costs_nothing(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_csv(raw / "demo/2023/schools.csv", [row | {"备注": "校\ufffd长"} for row in schools()])
    assert read(con, raw).loaded == 6
    assert reasons(con) == []


def test_a_bad_cell_of_a_teacher_is_listed_under_the_school(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw)
    teacher = {"教师编号": "T1", "学校标识码": "3715020001", "学段": "小学", "学历": "博士后", "出生年份": "1890"}
    write_csv(raw / "demo/2023/teachers.csv", [teacher])
    assert read(con, raw).loaded == 7
    assert con.execute("select degree, birth_year from raw.teachers").fetchall() == [(None, None)]
    assert con.execute("select column_name, school_id, original from raw.unread_cell order by all").fetchall() == [
        ("birth_year", "3715020001", "1890"),
        ("degree", "3715020001", "博士后"),
    ]


def test_what_could_be_read_of_a_rejected_row_is_kept(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw, {"办学类型": "学堂"}, {"学校标识码": "371502199001011237"})
    write_csv(
        raw / "demo/2023/classes.csv",
        [{"学校标识码": "3715020002", "学段": "大学", "年级": 1, "班号": 1, "班级学生数": 4}],
    )
    read(con, raw)
    kept = "select extract, school_id, school_name, county_code, waits_for from raw.quarantine order by all"
    assert con.execute(kept).fetchall() == [
        ("classes", "3715020002", None, None, None),
        ("schools", "3715020001", "第1小学", "371502", None),
        ("schools", "（已隐去）", "第2小学", "371502", None),
    ]


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_a_formula_without_a_result_is_no_blank(con: duckdb.DuckDBPyConnection, raw: Path, suffix: str) -> None:
    """#N/A says that there is nothing; #DIV/0! and the like that nobody looked."""
    column = list(schools()[0]).index("图书册数")
    failed = {(1, column): "#DIV/0!", (2, column): "#N/A"}
    (raw / "demo/2023").mkdir(parents=True)
    path = raw / f"demo/2023/schools{suffix}"
    if suffix == ".xls":
        old = xlwt.Workbook(encoding="utf-8")
        page = old.add_sheet("学校")
        for i, row in enumerate(grid(schools())):
            for j, cell in enumerate(row):
                if (i, j) in failed:
                    page.row(i).set_cell_error(j, 42 if failed[i, j] == "#N/A" else failed[i, j])
                else:
                    page.write(i, j, cell)
        old.save(str(path))
    else:
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        for row in grid(schools()):
            sheet.append(row)
        for (i, j), text in failed.items():
            sheet.cell(i + 1, j + 1, text).data_type = "e"
        book.save(path)
    assert read(con, raw).loaded == 6
    said = con.execute("select row_number, original, reason from raw.unread_cell").fetchall()
    assert said == [(2, "#DIV/0!", "“图书册数”为“#DIV/0!”，应为整数：请改正")]
    assert value(con, "books", "3715020002") is None


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_sheet_that_nobody_sees_is_not_loaded_and_said(
    con: duckdb.DuckDBPyConnection, raw: Path, is_hidden: bool
) -> None:
    """It may be last year's. One that holds no table, as a list of choices, is none of our business."""
    table = grid(schools())
    path = write_workbook(
        raw / "demo/2023/schools.xlsx", {"表": table[:4], "旧": [table[0], *table[4:]], "选项": [["是"]]}
    )
    book = openpyxl.load_workbook(path)
    for name in ("旧", "选项"):
        book[name].sheet_state = "hidden" if is_hidden else "visible"
    book.save(path)
    account = read(con, raw)
    assert (account.loaded, account.quarantined) == ((3, 3) if is_hidden else (6, 0))
    said = "demo/2023/schools.xlsx 工作表“旧”：工作表是隐藏的，打开文件的人看不见：要载入请取消隐藏，不要就删去"
    assert reasons(con) == ([said] if is_hidden else [])


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_text_file_that_stops_within_a_line_is_remarked(
    con: duckdb.DuckDBPyConnection, raw: Path, encoding: str, end: str
) -> None:
    """Its last figure may be cut off: 9001 became 90."""
    path = write_csv(raw / "demo/2023/schools.csv", schools())
    path.write_bytes((path.read_text("utf-8").removesuffix("06\n") + end).encode(encoding))
    assert read(con, raw).loaded == 6 and value(con, "books", "3715020006") == 90
    [(remarks,)] = con.execute("select remarks from raw.source_file").fetchall()
    assert remarks == (None if end else "最后一行末尾没有换行，文件可能没有传完：请核对第 7 行的最后一格")


@pytest.mark.parametrize("code", ["../../../x", "/etc/x", "a\\b", "x" * 41, ".x", "a:b"])
def test_a_county_code_that_could_name_a_file_elsewhere_is_refused(
    con: duckdb.DuckDBPyConnection, raw: Path, code: str
) -> None:
    """Of a region without a list of counties, where any code is taken."""
    write_csv(
        raw / "demo/2023/schools.csv",
        [row | {"县级行政区划代码": code} for row in schools()[:1]] + schools(county="Region 10")[1:],
    )
    account = read(con, raw, replace(REGION, counties={}))
    assert (account.loaded, account.quarantined) == (5, 1)
    assert "最多 40 个字：请改正" in reasons(con)[0]


def test_a_file_that_changes_while_it_is_read_is_read_again(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """What was read is not what was hashed: nothing of it is kept, even where the file is as before in the end."""
    path = write_schools(raw)
    before = path.read_bytes()
    [change] = load.find_changes(con, raw, {"demo": REGION}, "key", None)
    for content in (before.replace(b"474", b"475"), before):
        path.write_bytes(content)
        with pytest.raises(load.StillChanging, match="还在改动"):
            load.apply_change(con, raw, change, REGION, "key")
        assert con.execute("from raw.schools").fetchall() == con.execute("from raw.loaded_partition").fetchall() == []
    [change] = load.find_changes(con, raw, {"demo": REGION}, "key", None)
    assert load.apply_change(con, raw, change, REGION, "key").loaded == 6
    assert load.find_changes(con, raw, {"demo": REGION}, "key", None) == []


@pytest.mark.parametrize(
    "text",
    ["370102 19880101 1234", "370102-19880101-1234", "３７０１０２１９８８０１０１１２３Ｘ", "370102\u200b198801011234",
     "0086138 1234 5678", "138.1234.5678", "(138)12345678", "138\u00a01234\u00a05678", "+86 138-1234-5678"],
)  # fmt: skip
def test_a_persons_number_is_found_however_it_is_written(con: duckdb.DuckDBPyConnection, raw: Path, text: str) -> None:
    write_schools(raw, {"学校名称": f"联系{text}"})
    assert read(con, raw).quarantined == 1
    [line] = reasons(con)
    assert "“学校名称”里有身份证号或手机号：不收个人信息，请删去" in line
    stored = str(con.execute("from raw.quarantine").fetchall())
    assert text not in stored and "（已隐去）" in stored


@pytest.mark.parametrize("text", ["第138中学2023年12月校区", "1985-09-01建，13800.5平方米", "0635-8412345分机"])
def test_figures_that_are_no_persons_number_stay(con: duckdb.DuckDBPyConnection, raw: Path, text: str) -> None:
    write_schools(raw, {"学校名称": text})
    assert read(con, raw).loaded == 6
    assert value(con, "school_name") == text


def test_a_line_without_end_is_no_table(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """It would be read whole, at twenty times its size."""
    write_schools(raw)
    (raw / "demo/2023/teachers.csv").write_text("教师编号," * 4_000_000, "utf-8")
    assert read(con, raw).loaded == 6
    assert reasons(con) == ["demo/2023/teachers.csv：第 1 行长到超过 16,000,000 个字：不是一行一条的表，请重新导出"]


def test_an_unknown_region_is_put_aside_whole(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw)
    read(con, raw, region=None)
    assert len(tables.refused_files(con)) == 1
    assert "区域“demo”没有登记：请在 regions.yml 中登记" in reasons(con)[0]


def test_the_items_of_a_city_s_school_form_are_known_by_their_names() -> None:
    """What it asks for in the contract's own sense; what it asks for without a stage, or as a part, is not read as the whole."""
    meant = {
        "学校名称": "school_name", "学校类型": "school_type", "学校代码": "school_id", "建校时间": "built_year",
        "小学学生人数": "primary_pupils", "初中学生人数": "junior_pupils", "教学及辅助用房总面积": "teaching_area_m2",
        "室内体育用房面积": "indoor_sports_area_m2", "校内体育场面积": "sports_ground_area_m2",
        "教学仪器设备资产值（账面原值）": "equipment_value_wan_yuan", "网络多媒体教室间数": "multimedia_rooms",
        "音乐教室总间数": "music_rooms", "美术教室总间数": "art_rooms",
        "是否人口密度过高的大城市中心城区学校": "is_dense_city_centre", "进城务工人员随迁子女在校生人数": "migrant_pupils",
        "家庭住址在划片范围内的在校学生人数（初中）": "junior_catchment_pupils", "校外租赁场馆面积": "rented_sports_area_m2",
        "校内其他体育场面积": "converted_sports_area_m2", "本届毕业学生人数": "junior_graduates",
    }  # fmt: skip
    others = ["班级总数", "专任教师总人数", "县级及以上骨干教师数", "体育专任教师人数", "单间面积≥96㎡的音乐教室间数"]
    headers = find_headers([[*meant, *others], ["1"] * (len(meant) + len(others))], contract().extracts["schools"])
    assert headers and headers.position == {column: i for i, column in enumerate(meant.values())}


def test_rows_are_named_as_excel_numbers_them(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Blank lines, a line break in a cell and a short row do not shift the numbers that follow."""
    path = write_schools(raw, {"学校名称": "第一\n小学"}, {}, {"小学在校生数": -5})
    lines = path.read_text("utf-8").splitlines()
    lines.insert(3, "")
    path.write_text("\n".join([*lines, "3715020077,短行", "合计,,,,,2500"]), encoding="utf-8")
    account = read(con, raw)
    assert (account.rows_in, account.loaded, account.quarantined, account.skipped) == (9, 5, 2, 2)
    assert "第 5 行：“小学在校生数”为“-5”" in reasons(con)[0]
    assert "第 9 行：本行有 2 格，表头有 17 格" in reasons(con)[1]


def test_a_workbook_with_a_title_above_and_english_headers_reads_the_same(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    zh_to_name = {c.zh: c.name for c in contract().extracts["schools"].columns}
    rows = schools()
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["2023 学年学校情况"])
    sheet.append([zh_to_name[zh] for zh in reversed(rows[0])])
    for row in rows:
        sheet.append([int(v) if k == "学校标识码" else v for k, v in reversed(row.items())])
    (raw / "demo" / "2023").mkdir(parents=True)
    book.save(raw / "demo" / "2023" / "schools.xlsx")
    read(con, raw)
    columns = ", ".join(zh_to_name.values())
    from_workbook = con.execute(f"select {columns} from raw.schools order by school_id").fetchall()
    assert con.execute("select min(row_number), any_value(sheet) from raw.schools").fetchone() == (3, "Sheet")
    (raw / "demo" / "2023" / "schools.xlsx").unlink()
    write_schools(raw)
    read(con, raw)
    assert con.execute(f"select {columns} from raw.schools order by school_id").fetchall() == from_workbook
    assert len(from_workbook) == 6


def test_a_workbook_without_any_table_is_refused_and_not_skipped(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Beside a table of data another sheet is no data; where every sheet is none, nothing was handed in."""
    book = openpyxl.Workbook()
    for title in ("封面", "学校"):
        sheet = book.create_sheet(title)
        sheet.append(["3715020001", "第一小学"])
    (raw / "demo" / "2023").mkdir(parents=True)
    book.save(raw / "demo" / "2023" / "schools.xlsx")
    account = read(con, raw)
    assert (account.rows_in, account.quarantined, len(tables.refused_files(con))) == (2, 2, 2)
    assert all("找不到表头" in line for line in reasons(con))


def test_teacher_ids_are_hashed_on_the_way_in(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Neither the rows loaded nor the originals of rejected rows hold an id."""
    write_schools(raw)
    teacher = {"教师编号": "T-secret-1", "学校标识码": "3715020001", "学段": "小学"}
    write_csv(raw / "demo/2023/teachers.csv", [teacher, teacher | {"教师编号": "T-secret-2", "学段": "大学"}])
    read(con, raw)
    stored = con.execute("select teacher_id from raw.teachers").fetchall()
    assert len(stored) == 1 and re.fullmatch("[0-9a-f]{32}", stored[0][0])
    rejected = con.execute("select original from raw.quarantine").fetchall()
    assert len(rejected) == 1 and "secret" not in rejected[0][0] and "大学" in rejected[0][0]


def test_a_partition_is_replaced_whole_or_not_at_all(
    con: duckdb.DuckDBPyConnection, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_schools(raw)
    read(con, raw)
    write_csv(raw / "demo/2023/schools.csv", schools(3))
    monkeypatch.setitem(tables.TABLES, "no_such_table", "x VARCHAR")
    with pytest.raises(duckdb.CatalogException):
        read(con, raw)
    assert con.execute("select count(*) from raw.schools").fetchone() == (6,)
    monkeypatch.undo()
    read(con, raw)
    assert con.execute("select count(*) from raw.schools").fetchone() == (3,)


CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            "小学",
            "初中",
            "3715020001",
            "3715020002",
            "371502",
            "40",
            "-3",
            "合计",
            "1,5",
            "x\ny",
            '"',
            "㐂𠮷",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(table=[["", "", "", "\t", "\t"]], newline="\n")  # tabs in cells do not separate any
@given(
    table=st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=12),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_the_cells_hold_no_row_is_lost(
    con: duckdb.DuckDBPyConnection, raw: Path, table: list[list[str]], newline: str
) -> None:
    header = ["学校标识码", "学校名称", "县级行政区划代码", "办学类型", "小学在校生数"]
    text = newline.join(",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in [header, *table])
    path = raw / "demo" / "2023" / "schools.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    account = read(con, raw)
    assert account.rows_in == len(table) == account.loaded + account.quarantined + account.skipped
    assert con.execute("select count(*) from raw.schools").fetchone() == (account.loaded,)
    assert con.execute("select count(*) from raw.quarantine").fetchone() == (account.quarantined,)
