"""The application form of a county, 申报表 tables Ⅰ to Ⅵ, as a workbook: it shows what the marts say and computes nothing."""

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.extracts.facts import seed

INDICATORS = (
    "每百名学生拥有高于规定学历教师数", "每百名学生拥有县级以上骨干教师数", "每百名学生拥有体育、艺术专任教师数",
    "生均教学及辅助用房面积", "生均体育运动场馆面积", "生均教学仪器设备值", "每百名学生拥有网络多媒体教室数",
)  # fmt: skip
FACE = "宋体"
TITLE, BODY, SMALL = Font(FACE, 16, bold=True), Font(FACE, 10), Font(FACE, 9)
INCOMPLETE = Font(FACE, 10, bold=True, color="C00000")
LINE = Side("thin")
BOX = Border(LINE, LINE, LINE, LINE)
CENTRE = Alignment("center", "center", wrap_text=True)
LEFT = Alignment("left", "center", wrap_text=True)
MET = {True: "是", False: "否", None: ""}
CONCLUSION = {True: "符合要求", False: "不符合要求", None: ""}
NOTES = {
    "Ⅰ": "注：人口保留两位小数，L5—L8 取整数。",
    "Ⅲ": "注：全县平均值保留两位小数，差异系数保留三位小数；综合为七项差异系数的平均值，只列出。",
    "Ⅳ": "注：比例保留一位小数，其余取整数。",
}

Blanks = dict[tuple[str, int], list[str]]  # what is filled in, by table and row; "" where it is left blank


def write_forms(con: duckdb.DuckDBPyConnection, building: Path, previous: Path | None) -> list[dict[str, Any]]:
    """Write forms/<region>/<county>.xlsx for every county into a release; a form whose figures are those of the release
    before is linked to it. Each file with the digest of its figures."""
    con.execute("use junheng.marts")
    before = json.loads((previous / "manifest.json").read_bytes()).get("forms", []) if previous else []
    known = {(form["file"], form["figures"]) for form in before}
    forms = []
    for region_id, county_code, school_year, figures in counties(con):
        file = f"forms/{region_id}/{county_code}_{school_year}.xlsx"
        (building / file).parent.mkdir(parents=True, exist_ok=True)
        if previous and (file, figures) in known and (previous / file).is_file():
            os.link(previous / file, building / file)
        else:
            write_form(con, region_id, county_code, school_year, building / file)
        forms.append({"file": file, "figures": figures})
    return forms


def counties(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int, str]]:
    """Region, county and newest school year of every form, and what tells whether its figures changed."""
    return con.execute(
        """
        with lines as (
            select region_id, county_code, school_year, md5(form::varchar) as line from mart_application_form as form
            union all
            select region_id, county_code, school_year, md5(form::varchar) from mart_application_form_school as form
            union all
            select region_id, county_code, school_year, md5(item_id || coalesce(is_met::varchar, '')) from mart_item_verdict
            union all
            select region_id, county_code, school_year, md5(coalesce(county_name_zh, '')) from dim_county
            inner join mart_county_verdict using (region_id, county_code)
            union all
            select region_id, county_code, school_year, md5(coalesce(reason, '')) from mart_completeness where extract = 'schools'
        )
        select region_id, county_code, school_year, md5(string_agg(line, '' order by line)) from lines
        group by region_id, county_code, school_year
        qualify school_year = max(school_year) over (partition by region_id)
        order by all
        """
    ).fetchall()


def write_form(con: duckdb.DuckDBPyConnection, region_id: str, county_code: str, school_year: int, path: Path) -> None:
    """Write the form of a county and school year; cells without data stay blank and stand on the last sheet."""
    key = [region_id, county_code, school_year]
    where = "where (region_id, county_code, school_year) = (?, ?, ?)"
    rows = con.execute(
        f"select form_table, row_no, blank_no, shown, label_zh, missing from mart_application_form {where} order by all",
        key,
    ).fetchall()
    blanks: Blanks = defaultdict(list)
    for table, row, _, shown, _, _ in rows:
        blanks[table, row].append(shown or "")
    met = dict(con.execute(f"select item_id, is_met from mart_item_verdict {where}", key).fetchall())
    schools = con.execute(
        f"select * exclude (region_id, school_year, county_code, school_id, stage) from mart_application_form_school {where} order by row_no",
        key,
    ).fetchall()
    named = con.execute(
        "select county_name_zh from dim_county where (region_id, county_code) = (?, ?)", key[:2]
    ).fetchone()
    county = named[0] if named and named[0] else county_code
    lacks = con.execute(f"select reason from mart_completeness {where} and extract = 'schools'", key).fetchone()
    page = partial(_sheet, county=county, school_year=school_year, lacks=lacks[0] if lacks else None)
    book = Workbook()
    book.remove(book.worksheets[0])
    _basics(page(book, "表Ⅰ", "表Ⅰ 基本情况", 8), blanks)
    _resources(page(book, "表Ⅱ-1", "表Ⅱ-1 小学、初中资源配置基本情况", 10), blanks)
    _schools(page(book, "表Ⅱ-2", "表Ⅱ-2 资源配置基本情况（分学校）", 15), schools, blanks)
    _coefficients(page(book, "表Ⅲ", "表Ⅲ 县域义务教育校际均衡情况", 10), blanks)
    _items(page(book, "表Ⅳ", "表Ⅳ 政府保障程度", 4), "Ⅳ", blanks, met)
    _items(page(book, "表Ⅴ", "表Ⅴ 教育质量", 4), "Ⅴ", blanks, met)
    _recognition(page(book, "表Ⅵ", "表Ⅵ 社会认可度", 8), blanks)
    missing = [(f"表{table}", label, reason) for table, _, _, shown, label, reason in rows if shown is None]
    _missing(page(book, "缺少的数据", "没有填的格和要报的数据", 3), missing)
    book.save(path)


def _sheet(
    book: Workbook, name: str, title: str, width: int, county: str, school_year: int, lacks: str | None
) -> Worksheet:
    """A page across, fitted to its width: title, county and year, and what the schools table lacks; rows go on from the third."""
    sheet = book.create_sheet(name)
    line = f"{county}　{school_year}—{school_year + 1}学年"
    if lacks:
        line += f"\n数据不完整：{lacks}"
        sheet.row_dimensions[2].height = 16 * (2 + len(lacks) // (8 * width))
    for row, text, font in ((1, title, TITLE), (2, line, INCOMPLETE if lacks else BODY)):
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=width)
        sheet.cell(row, 1, text).font = font
        sheet.cell(row, 1).alignment, sheet.cell(row, 1).data_type = CENTRE, "s"
    sheet.row_dimensions[1].height = 30
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.sheet_properties.pageSetUpPr, sheet.page_setup.fitToHeight = PageSetupProperties(fitToPage=True), 0
    sheet.print_options.horizontalCentered = True
    return sheet


def _grid(sheet: Worksheet, first: int, widths: Sequence[float], left: Sequence[int] = ()) -> None:
    """Lines, font and alignment from a row to the end; `left` columns are text and begin at the left.

    The first cell of a kind is given its style, the next ones copy it: openpyxl looks each part of a style up anew.
    """
    styles: dict[tuple[str, bool], Any] = {}
    for row in sheet.iter_rows(min_row=first, max_col=len(widths)):
        if sheet.row_dimensions[row[0].row].height is None:
            sheet.row_dimensions[row[0].row].height = 20
        for cell in row:
            if cell.data_type == "f":  # a name that begins like a formula is a name
                cell.data_type = "s"
            is_left = cell.column in left and cell.row > first
            kind = cell.number_format, is_left
            if kind in styles:
                cell._style = copy(styles[kind])
            else:
                cell.border, cell.font, cell.alignment = BOX, BODY, LEFT if is_left else CENTRE
                styles[kind] = cell._style
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def _note(sheet: Worksheet, text: str, width: int) -> None:
    sheet.append([text])
    sheet.merge_cells(start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=width)
    sheet.cell(sheet.max_row, 1).font, sheet.cell(sheet.max_row, 1).alignment = SMALL, LEFT


def _number(shown: str) -> float | int | str:
    """A figure as a number that a clerk can add up, with the decimals that it is shown with kept by the cell's format."""
    if not shown or not shown.replace(".", "").isdigit():
        return shown
    return float(shown) if "." in shown else int(shown)


def _fill(sheet: Worksheet, row: int, column: int, shown: str) -> None:
    cell = sheet.cell(row, column, _number(shown))
    if isinstance(cell.value, float):
        cell.number_format = "0." + "0" * len(shown.partition(".")[2])


def _basics(sheet: Worksheet, blanks: Blanks) -> None:
    """24 columns in three bands of eight, each with its group, name and number above the figure."""
    bands = (
        (("自然情况", 4), ("经济情况", 4)),
        (("普通中小学校数（所）", 5), ("特殊教育学校（所）", 1), ("小学教学点数", 2)),
        (("教学班数", 2), ("在校学生数（人）", 2), ("小学教职工数（人）", 2), ("初中教职工数（人）", 2)),
    )
    names = (
        "人口总数（万人）", "农业人口数（万人）", "乡镇数", "行政村数", "年人均国内生产总值（元）", "年人均地方财政收入（元）",
        "农民年人均纯收入（元）", "城镇居民年人均可支配收入（元）", "小学", "九年一贯制学校", "初中", "完全中学", "十二年一贯制学校",
        "特殊教育学校", "计", "其中50人及以上", "小学", "初中", "小学", "初中", "合计", "其中专任教师", "合计", "其中专任教师",
    )  # fmt: skip
    for band, groups in enumerate(bands):
        top, column = 3 + 4 * band, 1
        for group, width in groups:
            sheet.cell(top, column, group)
            if width > 1:
                sheet.merge_cells(start_row=top, end_row=top, start_column=column, end_column=column + width - 1)
            column += width
        for i in range(8):
            number = 8 * band + i + 1
            sheet.cell(top + 1, i + 1, names[number - 1])
            sheet.cell(top + 2, i + 1, f"L{number}")
            _fill(sheet, top + 3, i + 1, blanks["Ⅰ", number][0])
        sheet.row_dimensions[top + 1].height = 30
    _grid(sheet, 3, [18] * 8)
    _note(sheet, NOTES["Ⅰ"], 8)


def _by_indicator(sheet: Worksheet, table: str, lines: tuple[str, str], last: str, blanks: Blanks) -> None:
    """Stages and lines down, the seven indicators and all of them together across."""
    sheet.append(["", "", *INDICATORS, last])
    sheet.append(["", "", *(f"L{i}" for i in range(1, 9))])
    sheet.merge_cells("A3:B4")
    sheet.row_dimensions[3].height = 45
    for i in range(4):
        row = 5 + i
        sheet.cell(row, 1, ("小学", "初中")[i // 2])
        sheet.cell(row, 2, lines[i % 2])
        for column, shown in enumerate(blanks[table, i + 1], start=3):
            _fill(sheet, row, column, shown)
    sheet.merge_cells("A5:A6")
    sheet.merge_cells("A7:A8")
    _grid(sheet, 3, [8, 18, *[14] * 8])


def _resources(sheet: Worksheet, blanks: Blanks) -> None:
    _by_indicator(sheet, "Ⅱ-1", ("达标学校总数", "达标学校比例(%)"), "综合评估", blanks)


def _coefficients(sheet: Worksheet, blanks: Blanks) -> None:
    shown = {**blanks, ("Ⅲ", 1): [*blanks["Ⅲ", 1], "—"], ("Ⅲ", 3): [*blanks["Ⅲ", 3], "—"]}
    _by_indicator(sheet, "Ⅲ", ("全县平均值", "差异系数"), "综合", shown)
    _note(sheet, NOTES["Ⅲ"], 10)


def _schools(sheet: Worksheet, schools: list[tuple], blanks: Blanks) -> None:
    head = [
        "序号",
        "学校名称",
        "举办者类型",
        "在校生数",
        "年级数",
        "班级数",
        *INDICATORS,
        "该校综合评估是否达标",
        "备注",
    ]
    sheet.append(head)
    sheet.append(["", *(f"L{i}" for i in range(1, 15))])
    sheet.row_dimensions[3].height = 60
    for number, name, organiser, pupils, grades, classes, *values, is_passed, remark in schools:
        code = int(organiser) if organiser else None
        sheet.append([number, name, code, pupils, grades, classes, *values, MET[is_passed], remark])
    for row in sheet.iter_rows(min_row=5, min_col=7, max_col=13):
        for cell in row:
            cell.number_format = "0.00"
    _grid(sheet, 3, [5, 26, 8, 8, 6, 6, *[11] * 7, 9, 66], left=(2, 15))
    sheet.print_title_rows = "3:4"
    counts = [(blanks["Ⅱ-2", row] or ["0"] * 3) for row in (1, 2)]
    _note(
        sheet,
        f"注：小学{counts[0][0]}所，其中一贯制学校小学部{counts[0][1]}所、50人及以上的教学点{counts[0][2]}所；"
        f"初中{counts[1][0]}所，其中一贯制学校初中部{counts[1][1]}所、完全中学初中部{counts[1][2]}所。"
        "举办者类型：1中央教育部门，2中央其他部门，3省级教育部门，4省级其他部门，5地级教育部门，6地级其他部门，"
        "7县级教育部门，8县级其他部门，9地方企业，10民办。",
        15,
    )
    sheet.row_dimensions[sheet.max_row].height = 42


def _items(sheet: Worksheet, table: str, blanks: Blanks, met: dict[str, bool | None]) -> None:
    sheet.append(["序号", "名称", "指标值或简要结论", "是否达标"])
    for line in seed("application_form_rows"):
        if line["form_table"] == table:
            number, item = int(line["row_no"]), line["item_id"]
            said = iter(blanks[table, number])
            words = line["wording_zh"].split("_")
            text = words[0] + "".join(f"{next(said) or '＿＿'}{word}" for word in words[1:])
            sheet.append([number, line["name_zh"], text or CONCLUSION[met.get(item)], MET[met.get(item)]])
            longest = max(len(line["name_zh"]) / 24, len(text) / 30)
            sheet.row_dimensions[sheet.max_row].height = 8 + 14 * (int(longest) + 1)
    _grid(sheet, 3, [6, 50, 62, 10], left=(2, 3))
    sheet.print_title_rows = "3:3"
    if table in NOTES:
        _note(sheet, NOTES[table], 4)


def _recognition(sheet: Worksheet, blanks: Blanks) -> None:
    names = (
        "问卷总数",
        "其中家长",
        "回收有效问卷数",
        "满意问卷数",
        "综合满意度(%)",
        "实地走访人数",
        "其中满意人数",
        "实地走访满意度(%)",
    )
    sheet.append(list(names))
    sheet.append([f"L{i}" for i in range(1, 9)])
    for i in range(8):
        _fill(sheet, 5, i + 1, blanks["Ⅵ", i + 1][0])
    sheet.row_dimensions[3].height = 30
    _grid(sheet, 3, [16] * 8)


def _missing(sheet: Worksheet, missing: list[tuple[Any, ...]]) -> None:
    sheet.append(["表", "没有填的", "要报什么"])
    for line in missing or [("", "没有", "")]:
        sheet.append(list(line))
        sheet.row_dimensions[sheet.max_row].height = 15 * (len(line[2] or "") // 40 + 1)
    _grid(sheet, 3, [8, 46, 80], left=(2, 3))
    sheet.print_title_rows = "3:3"
