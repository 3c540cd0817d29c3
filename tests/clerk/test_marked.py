"""The marked copy: every mistake in its own cell, everything else as it was, ready to be mended and handed in again."""

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
from helpers import junheng, schools, write_csv
from marked_copies import (
    BAD,
    FINDINGS,
    HEADERS,
    MARKED,
    REGION,
    assert_marked,
    bad_schools,
    copy_of,
    links,
    marks,
    said,
)
from official_workbooks import workbook, write_school
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.clerk import marked
from dagster_project.extracts.contract import Extract, contract
from dagster_project.extracts.headers import LEVELS, find_headers
from dagster_project.warehouse import load, tables


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
