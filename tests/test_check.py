"""junheng check: what is wrong is said and marked in its own cell, and nothing is loaded, lost or let out."""

import csv
import io
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt
from click.testing import CliRunner
from conftest import ROOT, junheng, schools, write_csv, write_regions
from official_workbooks import workbook, write_school
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.clerk import marked
from dagster_project.clerk.check import check
from dagster_project.cli import main
from dagster_project.extracts.contract import Extract, contract
from dagster_project.extracts.headers import LEVELS, find_headers
from dagster_project.extracts.regions import Region
from dagster_project.warehouse import load, tables

REGION = Region("demo", "示范区", {"371502": "东昌府区"}, r"^\d{10}$", None, (), "09-01", synthetic=False)
FINDINGS = "检查结果"
HEADERS = list(schools(1)[0])
IDENTITY, TELEPHONE = "371502199001011237", "13812345678"
BAD = {  # which of nine schools, from 0: what is laid over it
    1: {"小学在校生数": -5},
    2: {"小学在校生数": ""},
    3: {"学校名称": "", "办学类型": "学堂"},
    4: {"学校标识码": "3715020001"},
    5: {"学校标识码": "37150200"},
    6: {"图书册数": "四百", "学校名称": "=cmd|' /C calc'!A0"},
    7: {"县级行政区划代码": "12"},
}
MARKED = {  # school and column: what its comment says; of a whole row its first cell
    (1, "小学在校生数"): "为“-5”，不能小于 0：请改正",
    (2, ""): "没有任何学段的在校生数：请至少填写一个学段",
    (3, "学校名称"): "未填：请补填",
    (3, "办学类型"): "为“学堂”，不是可用的取值",
    (0, "学校标识码"): "3715020001 有两行：第 ",
    (4, "学校标识码"): "“第5小学”：是同一所学校就只留对的一行，是两所学校就改正学校标识码",
    (5, "学校标识码"): "为“37150200”，不合规则",
    (6, "图书册数"): "为“四百”，应为整数：请改正",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder outside any raw folder."""
    (tmp_path / "交来").mkdir()
    return tmp_path / "交来"


def bad_schools() -> list[dict[str, Any]]:
    rows = schools(9)
    for number, change in BAD.items():
        rows[number].update(change)
    return rows


def said(*paths: Path, out: Path | None = None) -> str:
    """What the check prints."""
    lines: list[str] = []
    check(paths, out or paths[0].parent.parent / FINDINGS, lines.append)
    return "\n".join(lines)


def copy_of(path: Path, out: Path | None = None) -> Workbook:
    """Check one file, and open its marked copy."""
    out = out or path.parent.parent / FINDINGS
    said(path, out=out)
    return openpyxl.load_workbook(out / f"{path.stem}-{FINDINGS}.xlsx")


def marks(sheet: Worksheet) -> dict[str, str]:
    """The cells that are filled with the colour of a mistake, with their comments."""
    return {
        cell.coordinate: cell.comment.text if cell.comment else ""
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fill_type and "FF9999" in str(cell.fill.fgColor)
    }


def links(book: Workbook) -> set[str]:
    """The cells that the list of findings leads to."""
    cells = [cell.hyperlink for row in book[FINDINGS].iter_rows() for cell in row if cell.hyperlink]
    return {str(link.location).split("!")[1] for link in cells}


def assert_marked(book: Workbook, sheet: str, headers: list[str], first_row: int) -> None:
    """Exactly the cells that are wrong are marked, each with its reason, listed and linked."""
    expected = {
        f"{get_column_letter(headers.index(column) + 1 if column else 1)}{first_row + school}": reason
        for (school, column), reason in MARKED.items()
    }
    found = marks(book[sheet])
    assert found.keys() == expected.keys()
    for coordinate, reason in expected.items():
        assert reason in found[coordinate], coordinate
    assert links(book) == expected.keys()
    listed = [[str(cell or "") for cell in row] for row in book[FINDINGS].iter_rows(min_row=4, values_only=True)]
    assert len(listed) == len(MARKED)
    for row in listed:
        assert any("：".join(row[4:]) in reason for reason in found.values()), row
    assert book.sheetnames[0] == FINDINGS
    assert book[FINDINGS].freeze_panes == "A4"


def as_typed(sheet: Worksheet) -> None:
    """Let what looks like a formula be a text, as a system writes it."""
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell, Cell) and cell.data_type == "f":
                cell.data_type = "s"


def as_csv(path: Path) -> tuple[str, list[str], int]:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADERS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(bad_schools())
    path.with_suffix(".csv").write_bytes(stream.getvalue().encode("gb18030"))
    return "schools", HEADERS, 2


def as_reordered(path: Path) -> tuple[str, list[str], int]:
    """Two title rows above, columns in another order, one that nobody knows, a total below, another sheet."""
    headers = ["备注", *reversed(HEADERS)]
    book = Workbook()
    cover, sheet = book.worksheets[0], book.create_sheet("2023 年学校")
    cover["A1"] = "封面"
    for row in (["学校基本情况"], ["单位：万元"], headers, *([row.get(h) for h in headers] for row in bad_schools())):
        sheet.append(row)
    as_typed(sheet)
    sheet.append(["合计"])
    sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(headers))
    book.save(path.with_suffix(".xlsx"))
    return "2023 年学校", headers, 4


def as_two_rows(path: Path) -> tuple[str, list[str], int]:
    """小学 merged over the names of its columns."""
    book = Workbook()
    sheet = book.create_sheet("学校")
    stage = [i for i, header in enumerate(HEADERS, start=1) if header.startswith("小学")]
    sheet.append([None if i in stage else header for i, header in enumerate(HEADERS, start=1)])
    sheet.append([header.removeprefix("小学") if i in stage else None for i, header in enumerate(HEADERS, start=1)])
    sheet.cell(1, stage[0], "小学")
    sheet.merge_cells(start_row=1, end_row=1, start_column=stage[0], end_column=stage[-1])
    for row in bad_schools():
        sheet.append(list(row.values()))
    as_typed(sheet)
    del book["Sheet"]
    book.save(path.with_suffix(".xlsx"))
    return "学校", HEADERS, 3


def as_xls(path: Path) -> tuple[str, list[str], int]:
    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet("学校")
    for r, row in enumerate([HEADERS, *(list(row.values()) for row in bad_schools())]):
        for c, value in enumerate(row):
            page.write(r, c, value)
    book.save(str(path.with_suffix(".xls")))
    return "学校", HEADERS, 2


@pytest.mark.parametrize("write", [as_csv, as_reordered, as_two_rows, as_xls])
def test_every_mistake_is_marked_in_its_own_cell(
    folder: Path, write: Callable[[Path], tuple[str, list[str], int]]
) -> None:
    sheet, headers, first_row = write(folder / "schools")
    [path] = folder.iterdir()
    assert_marked(copy_of(path), sheet, headers, first_row)


def test_it_is_printed_by_row_and_column_and_says_what_to_do(folder: Path) -> None:
    rows = [row | {"备注": "新校"} for row in bad_schools()]
    lines = said(write_csv(folder / "schools.csv", rows)).splitlines()
    assert lines[0].endswith("交来/schools.csv：9 行 = 合格 3 + 有问题 6 + 略过 0；1 个单元格读不出，按未知处理")
    assert lines[1] == "  不认识的列，没有读取：备注"
    assert lines[2] == (
        "  第 2 行 学校标识码：3715020001 有两行：第 2 行“第1小学”、第 6 行“第5小学”："
        "是同一所学校就只留对的一行，是两所学校就改正学校标识码"
    )
    assert lines[3] == "  第 3 行 小学在校生数：为“-5”，不能小于 0：请改正"
    assert lines[4] == "  第 4 行：没有任何学段的在校生数：请至少填写一个学段"
    assert "  第 8 行 图书册数：为“四百”，应为整数：请改正" in lines
    assert lines[-1].startswith(
        "共 1 个文件，9 行 = 合格 3 + 有问题 6 + 略过 0；1 个单元格读不出，按未知处理；写出标注的副本 1 个"
    )


def test_twenty_problems_of_a_sheet_are_printed_and_the_rest_counted(folder: Path) -> None:
    path = write_csv(folder / "schools.csv", [row | {"图书册数": "无数", "办学类型": "学堂"} for row in schools(30)])
    lines = said(path).splitlines()
    assert sum(line.startswith("  第 ") for line in lines) == 20
    assert lines[0].endswith("30 行 = 合格 0 + 有问题 30 + 略过 0") and "  还有 40 处" in lines
    book = openpyxl.load_workbook(folder.parent / FINDINGS / f"schools-{FINDINGS}.xlsx")
    assert len(marks(book["schools"])) == 60 == len(links(book))


def test_a_total_that_is_no_sum_is_remarked_on_and_fails_nothing(folder: Path) -> None:
    rows = schools(3)
    path = write_csv(
        folder / "schools.csv", [*rows, dict.fromkeys(HEADERS, "") | {"学校标识码": "合计", "图书册数": 5}]
    )
    lines: list[str] = []
    assert check([path], folder / "out", lines.append)
    assert "3 行 = " not in lines[0] and "4 行 = 合格 3 + 有问题 0 + 略过 1" in lines[0]
    assert "第 5 行合计的“图书册数”为 5" in lines[1]
    assert not (folder / "out").exists()


def mend(book: Workbook, sheet: str, headers: list[str], first_row: int) -> None:
    """Do in the copy what its comments say, and nothing else."""
    good = schools(9)
    for coordinate in marks(book[sheet]):
        row, _ = coordinate_to_tuple(coordinate)
        for header, value in good[row - first_row].items():
            if header != "学校名称" or book[sheet].cell(row, headers.index(header) + 1).value is None:
                book[sheet].cell(row, headers.index(header) + 1, value)


@pytest.mark.parametrize("write", [as_csv, as_reordered, as_two_rows, as_xls])
def test_the_mended_copy_loads_clean_with_all_that_stands_in_it(
    folder: Path, tmp_path: Path, write: Callable[[Path], tuple[str, list[str], int]]
) -> None:
    sheet, headers, first_row = write(folder / "schools")
    [path] = folder.iterdir()
    book = copy_of(path)
    mend(book, sheet, headers, first_row)
    book[sheet].cell(first_row + 7, headers.index("县级行政区划代码") + 1, "371502")  # known only with a region
    place = tmp_path / "raw" / "demo" / "2023" / f"schools-{FINDINGS}.xlsx"
    place.parent.mkdir(parents=True)
    book.save(place)
    with tables.connect(tmp_path / "home") as con:
        load.apply_change(con, tmp_path / "raw", load.Change("demo", 2023, "of this test"), REGION, "key")
        assert tables.rejects(con, ("demo", 2023), 10) == []
        assert tables.refused_files(con) == []
        loaded = con.execute(
            "select school_id, school_name, primary_pupils, books from raw.schools order by 1"
        ).fetchall()
        skipped = con.execute("select sheet from raw.source_file where reason = '不是数据表'").fetchall()
    good = [[row[h] for h in ("学校标识码", "学校名称", "小学在校生数", "图书册数")] for row in schools(9)]
    good[6][1] = BAD[6]["学校名称"]
    assert [list(row) for row in loaded] == good
    assert (FINDINGS,) in skipped


@pytest.mark.parametrize("extract", contract().extracts.values(), ids=list(contract().extracts))
def test_the_list_of_findings_is_never_taken_for_data(folder: Path, extract: Extract) -> None:
    """Whatever the sheets are called: a class is 班级, and a sheet may be."""
    required = [column for column in extract.columns if column.required]
    book = Workbook()
    for title in [header for column in required[-3:] for header in column.headers][:8]:
        sheet = book.create_sheet(title)
        sheet.append([column.zh for column in extract.columns])
        for lacking in required:
            sheet.append([None if column is lacking else column.example for column in extract.columns])
    del book["Sheet"]
    book.save(folder / f"{extract.name}.xlsx")
    findings = copy_of(folder / f"{extract.name}.xlsx")[FINDINGS]
    rows = [[str(cell or "") for cell in row] for row in findings.iter_rows(values_only=True)]
    assert len(rows) >= 3 + len(required)
    assert all(find_headers(rows[start : start + LEVELS], extract) is None for start in range(len(rows)))


def test_a_workbook_keeps_its_looks_and_its_formulas(folder: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in ([*HEADERS, "合并"], *([*row.values()] for row in schools(3))):
        sheet.append(row)
    sheet["F3"] = -5
    sheet["F3"].comment = Comment("会计核对过", "某人")
    sheet["B2"].font = Font(bold=True)
    sheet["R2"], sheet["R3"] = "=F2+G2", "=WEBSERVICE(A1)"
    sheet["B4"] = "@某某小学"
    sheet.column_dimensions["B"].width = 33
    sheet.sheet_view.tabSelected = True
    book.create_sheet("附注")["A1"] = "附注"
    book.save(folder / "schools.xlsx")
    copy = copy_of(folder / "schools.xlsx")
    assert copy.sheetnames == [FINDINGS, "Sheet", "附注"]
    after = copy["Sheet"]
    assert (after["B2"].font.b, after.column_dimensions["B"].width, after["R2"].value) == (True, 33, "=F2+G2")
    assert after["R2"].data_type == "f"
    assert (after["R3"].data_type, after["R3"].value, after["R3"].quotePrefix) == ("s", "=WEBSERVICE(A1)", True)
    assert after["B4"].quotePrefix
    assert marks(after)["F3"].startswith(f"{FINDINGS}：为“-5”") and "会计核对过" in marks(after)["F3"]
    assert [name for name in copy.sheetnames if copy[name].sheet_view.tabSelected] == [FINDINGS]


def test_what_looks_like_a_formula_is_text_and_a_code_keeps_its_zeros(folder: Path) -> None:
    names = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "#N/A", "bell\x07 \x01"]
    rows = [row | {"学校名称": name, "乡镇街道": "0012"} for row, name in zip(schools(7), names, strict=True)]
    rows[0]["图书册数"] = "四百"
    sheet = copy_of(write_csv(folder / "schools.csv", rows))["schools"]
    cells = [sheet.cell(row, 2) for row in range(2, 9)]
    assert [cell.value for cell in cells] == [*names[:-1], "bell "]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [bool(cell.quotePrefix) for cell in cells] == [True] * 5 + [False] * 2
    assert (sheet["A2"].value, sheet["A2"].number_format) == ("3715020001", "@")
    assert sheet["R2"].value == "0012"
    assert (sheet["F2"].value, sheet["F2"].data_type) == (437, "n")


def test_a_row_of_the_wrong_length_keeps_all_its_cells(folder: Path) -> None:
    path = write_csv(folder / "schools.csv", schools(20))
    path.write_text(path.read_text("utf-8") + "3715020077," + "多,余,的,格," * 6 + "末格\n", encoding="utf-8")
    sheet = copy_of(path)["schools"]
    assert [cell.value for cell in sheet[22]][:2] == ["3715020077", "多"]
    assert [cell.value for cell in sheet[22]][-1] == "末格"
    assert "本行有 26 格，表头有 17 格" in marks(sheet)["A22"]


def test_a_merged_cell_is_marked_where_it_shows(folder: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (HEADERS, *([*row.values()] for row in schools(3))):
        sheet.append(row)
    sheet.merge_cells("B2:B3")
    book.save(folder / "schools.xlsx")
    found = marks(copy_of(folder / "schools.xlsx")["Sheet"])
    assert "未填" in found["B2"]


def test_a_long_sheet_is_copied_only_where_it_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marked, "MOST_ROWS", 20)
    rows = schools(30)
    rows[9]["图书册数"] = rows[19]["图书册数"] = "四百"
    book = copy_of(write_csv(folder / "schools.csv", rows))
    sheet = book["schools"]
    assert all("不要交回这一份" in str(cell.value) for cell in (book[FINDINGS]["A2"], sheet["A1"]))
    assert "原表有 30 行，这里只有表头和有问题的 2 行" in str(sheet["A1"].value)
    assert [[cell.value for cell in row][:3] for row in sheet.iter_rows(min_row=2)] == [
        ["原行号", "学校标识码", "学校名称"],
        [11, "3715020010", "第10小学"],
        [21, "3715020020", "第20小学"],
    ]
    assert sheet.freeze_panes == "A3"
    assert marks(sheet).keys() == {"R3", "R4"}


def test_a_school_is_looked_for_among_the_schools_that_are_there(folder: Path) -> None:
    teacher = {"教师编号": "T1", "学校标识码": "3715020001", "学段": "小学"}
    teachers = write_csv(folder / "teachers.csv", [teacher, teacher | {"教师编号": "T2", "学校标识码": "3715029999"}])
    alone = said(teachers)
    assert "没有一并检查学校表，未核对学校标识码" in alone and "2 行 = 合格 2 + 有问题 0" in alone
    elsewhere = write_csv(folder / "县里" / "schools.csv", schools())
    assert "没有一并检查学校表" in said(teachers, elsewhere)
    write_csv(folder / "schools.csv", schools())
    beside = said(teachers)
    assert "学校标识码与旁边的" in beside and "交来/schools.csv 核对" in beside
    missing = "第 3 行 学校标识码：学校表里没有 3715029999：连带 1 行（教师 1）：请先补报学校，或改正标识码"
    assert missing in beside and "共 1 个文件" in beside
    together = said(folder / "schools.csv", teachers)
    assert "旁边的" not in together and "第 3 行 学校标识码" in together
    (folder / "schools.csv").write_bytes(b"")
    assert "学校表里没有合格的学校，未核对学校标识码" in said(teachers)


def test_a_cell_that_cannot_be_read_is_marked_and_its_row_is_right(folder: Path) -> None:
    rows = [row | {"是否寄宿制": "否", "普通教室数": 9} for row in schools(33)]
    rows[4]["是否寄宿制"], rows[6]["普通教室数"] = "不详", "约5"
    outcome = junheng("check", write_csv(folder / "schools.csv", rows), "--out", folder / "out")
    assert outcome.returncode == 1
    assert "33 行 = 合格 33 + 有问题 0 + 略过 0；2 个单元格读不出，按未知处理" in outcome.stdout
    assert "  第 6 行 是否寄宿制：为“不详”，不是可用的取值（是、否）：请改正" in outcome.stdout
    book = openpyxl.load_workbook(folder / "out" / f"schools-{FINDINGS}.xlsx")
    assert marks(book["schools"]).keys() == {"R6", "S8"} == links(book)


def test_what_waits_for_a_school_is_counted_and_not_marked(folder: Path) -> None:
    """Under the school's own row, in the files that name it a sentence; of a school that is nowhere its first cell."""
    rows = schools()
    rows[2]["小学在校生数"] = "x"
    write_csv(folder / "schools.csv", rows)
    of = [("3715020003", 41), ("3715020099", 3), ("3715020001", 1)]
    people = [
        {"教师编号": f"{school}{i}", "学校标识码": school, "学段": "小学"} for school, count in of for i in range(count)
    ]
    write_csv(folder / "teachers.csv", people)
    room = {"学校标识码": "3715020003", "学段": "小学", "年级": 1, "班号": 1, "班级学生数": 40}
    write_csv(folder / "classes.csv", [room])
    out = folder.parent / FINDINGS
    lines = [line.replace(f"{folder}/", "") for line in said(folder, out=out).splitlines()]
    assert [line for line in lines if "副本" not in line] == [
        "schools.csv：6 行 = 合格 5 + 有问题 1 + 略过 0",
        "  第 4 行 小学在校生数：为“x”，应为整数：请改正",
        "    连带 42 行（教师 41、班级 1）",
        "teachers.csv：45 行 = 合格 1 + 有问题 44 + 略过 0",
        "  第 43 行 学校标识码：学校表里没有 3715020099：连带 3 行（教师 3）：请先补报学校，或改正标识码",
        "  41 行等 schools.csv 第 4 行 改好后一并载入",
        "classes.csv：1 行 = 合格 0 + 有问题 1 + 略过 0",
        "  1 行等 schools.csv 第 4 行 改好后一并载入",
    ]
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name}-{FINDINGS}.xlsx" for name in ("schools", "teachers")
    ]
    book = openpyxl.load_workbook(out / f"teachers-{FINDINGS}.xlsx")
    assert marks(book["teachers"]).keys() == {"B43"} == links(book)
    school = openpyxl.load_workbook(out / f"schools-{FINDINGS}.xlsx")[FINDINGS]
    assert school["E4"].value == "为“x”，应为整数；连带 42 行（教师 41、班级 1）"
    alone = said(folder / "teachers.csv", out=out)
    assert "41 行等 schools.csv 第 4 行 改好后一并载入" in alone
    assert not check([folder / "classes.csv"], out, lambda line: None)


def test_a_folder_of_a_region_has_its_counties_its_headers_and_its_years(county: Callable[..., Path]) -> None:
    raw = county(schools=bad_schools())
    (raw / "demo" / "aliases.csv").write_text("标准列名,本地列名\n图书册数,藏书\n", encoding="utf-8")
    other = [({("藏书" if k == "图书册数" else k): v for k, v in row.items()}) for row in schools()]
    write_csv(raw / "demo" / "2022" / "schools.csv", other)
    reason = "第 9 行 县级行政区划代码：为“12”，不属于示范区"
    for path in (raw, raw / "demo", raw / "demo" / "2023", raw / "demo" / "2023" / "schools.csv"):
        assert reason in said(path, out=raw.parent / "out"), path
    whole = said(raw, out=raw.parent / "out")
    assert "共 2 个文件，15 行 = 合格 8 + 有问题 7 + 略过 0；1 个单元格读不出" in whole and "不认识的列" not in whole
    shutil.copytree(raw / "demo", raw.parent / "elsewhere")
    neutral = said(raw.parent / "elsewhere" / "2023", out=raw.parent / "out")
    assert "县级行政区划代码" not in neutral and "有问题 6" in neutral
    write_csv(raw / "atlantis" / "2023" / "schools.csv", schools())
    assert "区域“atlantis”没有登记" in said(raw / "atlantis", out=raw.parent / "out")


def test_the_cell_of_an_official_workbook_is_marked(county: Callable[..., Path], tmp_path: Path) -> None:
    raw = county()
    school: dict[str, Any] = {
        "school_id": "3715020099",
        "school_name": "第九十九小学",
        "county_code": "371502",
        "school_type": "小学",
    }
    school |= {"urban_rural_code": "111", "organiser": "县级教育部门", "primary_pupils": 300, "books": 900}
    sheets = workbook(school, 2023)
    name, cell = next((n, c) for n, grid in sheets.items() for c, value in grid.items() if value == 900)
    sheets[name][cell] = "九百"
    write_school(raw / "demo" / "2023" / "forms" / "99.xlsx", school, 2023, sheets)
    text = said(raw / "demo" / "2023" / "forms", out=tmp_path / "out")
    assert (
        "图书册数：为“九百”，应为数字：请改正" in text and "1 行 = 合格 1 + 有问题 0 + 略过 0；1 个单元格读不出" in text
    )
    book = openpyxl.load_workbook(tmp_path / "out" / f"99-{FINDINGS}.xlsx")
    assert marks(book[name]).keys() == {cell} == links(book)
    assert book[FINDINGS]["D4"].value.endswith("图书册数")


def snapshot(*folders: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for folder in folders
        for path in [folder, *folder.rglob("*")]
    }


def test_nothing_is_written_to_raw_or_to_var(county: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    raw = county(schools=bad_schools())
    home = raw.parent / "home"
    monkeypatch.setenv("JUNHENG_HOME", str(home))
    before = snapshot(raw)
    inside = junheng("check", raw, "--out", raw / "demo" / "2023")
    assert inside.returncode == 1 and "只放报表：请用 --out 指定别处的文件夹" in inside.stdout
    assert "由仓库自己使用" in junheng("check", raw, "--out", home / "x").stdout
    assert junheng("check", raw, "--out", raw.parent / "out").returncode == 1
    assert snapshot(raw) == before
    assert not home.exists()
    assert sorted(path.name for path in raw.parent.iterdir()) == ["out", "raw"]
    assert [path.name for path in (raw.parent / "out").iterdir()] == [f"schools-{FINDINGS}.xlsx"]


def test_exit_codes_and_what_is_said_when_nothing_can_be_checked(folder: Path) -> None:
    good = junheng("check", write_csv(folder / "schools.csv", schools()), "--out", folder / "out")
    assert (good.returncode, good.stderr) == (0, "") and good.stdout.endswith("略过 0；没有问题\n")
    assert not (folder / "out").exists()
    empty = folder / "空"
    empty.mkdir()
    for arguments, message in {
        (folder / "没有.csv",): "错误：没有这个文件或文件夹",
        (folder / ("长" * 200),): "错误：路径太长",
        (empty,): "里没有报表：请给出文件",
        (): "请给出要检查的文件或文件夹，例如 junheng check",
    }.items():
        outcome = junheng("check", *arguments)
        assert (outcome.returncode, outcome.stdout) == (1, "") and message in outcome.stderr
        assert "Traceback" not in outcome.stderr
    nul = CliRunner().invoke(main, ["check", "a\0b"])
    assert nul.exit_code == 1 and "NUL" in nul.output


def test_a_file_that_cannot_be_read_is_named_and_has_no_copy(folder: Path) -> None:
    (folder / "schools.xlsx").write_bytes(b"<html>")
    (folder / "名单.csv").write_text("a,b\n", encoding="utf-8")
    outcome = junheng("check", folder, "--out", folder.parent / "out")
    assert outcome.returncode == 1
    assert "schools.xlsx：没有读取\n  扩展名是 .xlsx，内容却是网页" in outcome.stdout
    assert "文件名看不出是哪种报表" in outcome.stdout and "2 个文件没有读取" in outcome.stdout
    assert not (folder.parent / "out").exists()


def test_a_missing_column_is_marked_on_its_sheet(folder: Path) -> None:
    rows = [{("学校标示号" if k == "学校标识码" else k): v for k, v in row.items()} for row in schools()]
    book = copy_of(write_csv(folder / "schools.csv", rows))
    assert "最接近的是“学校标示号”" in marks(book["schools"])["A1"]
    assert links(book) == {"A1"}


def test_nothing_personal_is_printed(folder: Path) -> None:
    """Neither from a cell, nor from a header, a name of a sheet or of a file."""
    rows = schools(4)
    rows[0]["学校名称"] = f"第一小学 {TELEPHONE}"
    rows[1]["学校标识码"] = IDENTITY
    rows[2]["图书册数"] = IDENTITY
    rows[3]["办学类型"] = "１３８１２３４５６７８"
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = f"校长{TELEPHONE}"
    sheet.append([*HEADERS, f"张三{IDENTITY}"])
    for row in rows:
        sheet.append(list(row.values()))
    path = folder / f"schools_{TELEPHONE}.xlsx"
    book.save(path)
    outcome = junheng("check", path, "--out", folder / "out")
    printed = outcome.stdout + outcome.stderr
    assert outcome.returncode == 1 and "有问题 3 + 略过 0；1 个单元格" in printed and "已隐去" in printed
    missing = junheng("check", folder / f"{IDENTITY}.csv")
    for text in (printed, missing.stdout + missing.stderr):
        assert IDENTITY not in text and TELEPHONE not in text and "１３８" not in text
    [copy] = (folder / "out").iterdir()
    written = openpyxl.load_workbook(copy)
    assert len(marks(written[sheet.title])) == 4
    listed = [str(cell) for row in written[FINDINGS].iter_rows(values_only=True) for cell in row]
    comments = list(marks(written[sheet.title]).values())
    assert not any(number in text for number in (IDENTITY, TELEPHONE) for text in [*comments, *listed[:2]])


def test_no_terminal_obeys_what_a_cell_says(folder: Path) -> None:
    path = write_csv(folder / "schools.csv", [row | {"图书册数": "\x1b[2J四\n百"} for row in schools(1)])
    assert "\x1b" not in said(path) and "为“□[2J四□百”" in said(path)


def test_a_copy_that_somebody_changed_is_never_replaced(folder: Path) -> None:
    path, out = write_csv(folder / "schools.csv", bad_schools()), folder.parent / FINDINGS
    copy = out / f"schools-{FINDINGS}.xlsx"
    said(path)
    first = copy.read_bytes()
    write_csv(path, [*bad_schools(), schools(12)[-1] | {"图书册数": "x"}])
    time.sleep(0.01)
    assert "已在副本中标出" in said(path) and copy.read_bytes() != first
    book = openpyxl.load_workbook(copy)
    book["schools"]["F3"] = 500
    book.save(copy)
    mended = copy.read_bytes()
    assert "可能已经改过，不覆盖：请先移走" in said(path) and copy.read_bytes() == mended
    for other in (b"", b"not a workbook"):
        copy.write_bytes(other)
        assert "不覆盖" in said(path) and copy.read_bytes() == other
    assert junheng("template", "--out", folder / "blank").returncode == 0
    shutil.copy(folder / "blank" / "schools.xlsx", copy)
    assert "不覆盖" in said(path)
    assert [p.name for p in out.iterdir()] == [copy.name]


def test_what_libreoffice_saves_is_kept_and_checked_again(folder: Path, tmp_path: Path) -> None:
    soffice = shutil.which("soffice")
    if not soffice:
        pytest.skip("no soffice on this machine: install LibreOffice Calc to test what it saves")
    path, out = write_csv(folder / "schools.csv", bad_schools()), folder.parent / FINDINGS
    said(path)
    copy = out / f"schools-{FINDINGS}.xlsx"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    convert = [soffice, profile, "--headless", "--convert-to", "xlsx", "--outdir", tmp_path / "saved", copy]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    shutil.copy(tmp_path / "saved" / copy.name, copy)
    assert "不覆盖" in said(path)
    shutil.copy(copy, folder / copy.name)
    path.unlink()
    assert_marked(copy_of(folder / copy.name), "schools", HEADERS, 2)


def test_marks_of_an_earlier_check_go_when_the_cell_is_mended(folder: Path) -> None:
    book = copy_of(write_csv(folder / "schools.csv", bad_schools()))
    assert len(marks(book["schools"])) == len(MARKED)
    book["schools"]["F3"] = 437
    (folder / "schools.csv").unlink()
    book.save(folder / "schools.xlsx")
    again = copy_of(folder / "schools.xlsx")
    assert again.sheetnames == [FINDINGS, "schools"]
    assert len(marks(again["schools"])) == len(MARKED) - 1 and "F3" not in marks(again["schools"])
    assert again["schools"]["F3"].comment is None


def test_files_of_the_same_name_have_copies_of_their_own(county: Callable[..., Path]) -> None:
    raw = county(schools=bad_schools())
    write_csv(raw / "demo" / "2022" / "schools.csv", bad_schools())
    out = raw.parent / "out"
    said(raw, out=out)
    name = f"schools-{FINDINGS}.xlsx"
    assert sorted(map(str, (p.relative_to(out) for p in out.rglob("*.xlsx")))) == [f"2022/{name}", f"2023/{name}"]
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (HEADERS, *([*row.values()] for row in bad_schools())):
        sheet.append(row)
    book.save(raw / "demo" / "2022" / "schools.xlsx")
    said(raw / "demo" / "2022", out=raw.parent / "two")
    assert sorted(p.name for p in (raw.parent / "two").iterdir()) == [name, f"schools.xlsx-{FINDINGS}.xlsx"]


def test_copies_that_lie_in_the_folder_are_not_checked_with_it(folder: Path) -> None:
    write_csv(folder / "schools.csv", bad_schools())
    first = said(folder, out=folder / FINDINGS).splitlines()
    assert said(folder, out=folder / FINDINGS).splitlines() == first
    assert "共 1 个文件，9 行" in first[-1]


def test_a_raw_folder_of_the_demo_is_clean() -> None:
    assert said(ROOT / "raw" / "wenshang" / "2023", out=ROOT / "no such folder").endswith("没有问题")


def test_the_command_teaches(tmp_path: Path) -> None:
    taught = junheng("check", "--help").stdout
    examples = [line for line in taught.splitlines() if "junheng check " in line]
    assert len(examples) == 2 and "不载入" in taught and "--out" in taught
    assert "junheng check" in junheng("--help").stdout
    write_regions(tmp_path / "raw", "regions: [\n")
    broken = write_csv(tmp_path / "raw" / "demo" / "2023" / "schools.csv", schools())
    outcome = junheng("check", broken)
    assert outcome.returncode == 1 and "不是有效的 YAML" in outcome.stderr and "Traceback" not in outcome.stderr
