"""A file becomes typed rows and named rejects: headers, units, values, and every row accounted for."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
import pytest
from conftest import schools, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project import load, warehouse
from dagster_project.extracts.contract import contract
from dagster_project.regions import Region, RegionsError, read_regions

REGION = Region("demo", "示范区", {"371502": "东昌府区"}, r"^\d{10}$", None, (), "09-01", synthetic=False)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(tmp_path / "home") as connection:
        yield connection


def read(con: duckdb.DuckDBPyConnection, raw: Path, region: Region | None = REGION) -> warehouse.Account:
    return load.apply_change(con, raw, load.Change("demo", 2023, "of this test"), region, "key")


def reasons(con: duckdb.DuckDBPyConnection) -> list[str]:
    return warehouse.rejects(con, ("demo", 2023), 1000)


def write_schools(raw: Path, *changes: dict[str, object]) -> Path:
    """Six good schools; each change is laid over one of them, from the first on."""
    rows = schools()
    for row, change in zip(rows, changes, strict=False):
        row.update(change)
    return write_csv(raw / "demo" / "2023" / "schools.csv", rows)


def value(con: duckdb.DuckDBPyConnection, column: str, school_id: str = "3715020001") -> object:
    row = con.execute(f"select {column} from raw.schools where school_id = ?", [school_id]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"小学在校生数": -5}, "“小学在校生数”为“-5”，不能小于 0"),
        ({"小学在校生数": ""}, "没有任何学段的在校生数"),
        ({"小学在校生数": "四百"}, "“小学在校生数”为“四百”，应为整数"),
        ({"小学在校生数": "40.5"}, "“小学在校生数”为“40.5”，应为整数"),
        ({"运动场地面积": "nan"}, "“运动场地面积”为“nan”，应为数字"),
        ({"学校名称": "  "}, "“学校名称”未填"),
        ({"学校标识码": "371502001"}, "“学校标识码”为“371502001”，不合规则"),
        ({"县级行政区划代码": "371599"}, "“县级行政区划代码”为“371599”，不属于示范区"),
        ({"办学类型": "学堂"}, "“办学类型”为“学堂”，不是可用的取值"),
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


def test_a_school_handed_in_twice_is_quarantined_once(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw, {}, {"学校标识码": "3715020001"})
    assert read(con, raw).loaded == 5
    assert reasons(con) == ["demo/2023/schools.csv 第 3 行：学校标识码与 demo/2023/schools.csv 第 2 行重复：请只留一行"]


def test_a_class_of_an_unknown_school_is_quarantined(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw)
    good = {"学校标识码": "3715020001", "学段": "小学", "年级": 1, "班号": "1", "班级学生数": 40}
    write_csv(raw / "demo/2023/classes.csv", [good, good | {"学校标识码": "3715029999"}])
    assert read(con, raw).loaded == 7
    [line] = reasons(con)
    assert "classes.csv 第 3 行：“学校标识码”为“3715029999”，不是学校表中的学校" in line


def test_a_missing_required_column_names_the_nearest_header(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    rows = [{("学校标示号" if k == "学校标识码" else k): v for k, v in row.items()} for row in schools()]
    write_csv(raw / "demo/2023/schools.csv", rows)
    account = read(con, raw)
    assert (account.rows_in, account.quarantined, len(warehouse.refused_files(con))) == (6, 6, 1)
    assert reasons(con) == [
        "demo/2023/schools.csv：缺少必填列“学校标识码”（school_id），最接近的是“学校标示号”：请改正表头后重新放入"
    ]


def test_an_unknown_region_is_put_aside_whole(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw)
    read(con, raw, region=None)
    assert len(warehouse.refused_files(con)) == 1
    assert "区域“demo”没有登记：请在 regions.yml 中登记" in reasons(con)[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("schools.csv", b"", "文件是空的"),
        ("schools.xlsx", b"<html>", "扩展名是 .xlsx，内容却是网页"),
        ("schools.pdf", b"%PDF", "不支持 .pdf 文件"),
        ("名单.csv", b"a,b\n1,2\n", "文件名看不出是哪种报表"),
        ("schools.csv", b"1,2\n3,4\n", "找不到表头"),
    ],
)
def test_a_file_that_cannot_be_read_is_put_aside_with_the_reason(
    con: duckdb.DuckDBPyConnection, raw: Path, name: str, content: bytes, message: str
) -> None:
    folder = raw / "demo" / "2023"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    write_csv(folder / "facts.csv", [{"单位类型": "县", "单位代码": "371502", "事实编号": "x", "值": "1"}])
    account = read(con, raw)
    assert (len(warehouse.refused_files(con)), account.loaded) == (1, 1)
    [line] = reasons(con)
    assert line.startswith(f"demo/2023/{name}") and message in line


def test_a_link_out_of_raw_is_refused(con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path) -> None:
    outside = write_csv(tmp_path / "outside.csv", schools())
    (raw / "demo" / "2023").mkdir(parents=True)
    (raw / "demo" / "2023" / "schools.csv").symlink_to(outside)
    assert read(con, raw).loaded == 0
    assert "文件指向这个文件夹之外" in reasons(con)[0]


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
    assert (account.rows_in, account.quarantined, len(warehouse.refused_files(con))) == (2, 2, 2)
    assert all("找不到表头" in line for line in reasons(con))


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("1,234", 1234),
        ("１２３", 123),
        (" 12 ", 12),
        ("1.2e3", 1200),
        ("无", None),
        ("/", None),
        ("—", None),
        ("*", None),
    ],
)
def test_numbers_as_bureaus_write_them(
    con: duckdb.DuckDBPyConnection, raw: Path, said: str, stored: int | None
) -> None:
    write_schools(raw, {"图书册数": said})
    assert read(con, raw).loaded == 6
    assert value(con, "books") == stored


def test_a_unit_in_the_header_is_honoured(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    renamed = {"教学仪器设备资产值": "教学仪器设备资产值（元）"}
    rows = [{renamed.get(k, k): v for k, v in row.items()} for row in schools()]
    rows[0]["教学仪器设备资产值（元）"] = "2605000"
    write_csv(raw / "demo/2023/schools.csv", rows)
    read(con, raw)
    assert value(con, "equipment_value_wan_yuan") == 260.5


def test_unknown_columns_are_reported(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    write_schools(raw, {"备注": "新校"})
    write_csv(raw / "demo/2023/schools.csv", [row | {"备注": "", "校长": ""} for row in schools()])
    read(con, raw)
    assert con.execute("select unknown_columns from raw.source_file").fetchone() == ("备注、校长",)


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
    monkeypatch.setitem(warehouse.TABLES, "no_such_table", "x VARCHAR")
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regions:\n  - {id: a, 名称: x}\n", "第 1 个区域：不认识的字段 名称"),
        ("regions:\n  - {id: a}\n  - {id: a}\n", "区域 id“a”出现了两次"),
        (
            "regions:\n  - {id: a, counties: {'1': x}}\n  - {id: b, counties: {'1': x}}\n",
            "县 1 同时属于 a 和 b",
        ),
        ("regions: [\n", "不是有效的 YAML"),
        ("regions:\n  - {id: 'a/../b'}\n", "id 须由英文字母"),
    ],
)
def test_a_wrong_regions_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "regions.yml").write_text(text, encoding="utf-8")
    with pytest.raises(RegionsError, match=re.escape(message)):
        read_regions(tmp_path)
