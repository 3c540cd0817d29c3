"""Blank workbooks to fill in, one an extract: header, drop-downs, limits and explanation, all from the contract."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.extracts.contract import Column, Extract, contract
from dagster_project.extracts.rows import LARGEST
from dagster_project.sheets import print_landscape, text_width
from dagster_project.transform.facts import facts

HOUSE = "均衡 Junheng"
EXPLANATION, CHOICES, DICTIONARY = "填写说明", "选项", "事实目录"
LAST_ROW = 50_000  # of the drop-downs and limits; a big county has some ten thousand teachers
LONGEST_PROMPT, LONGEST_ERROR = 255, 225  # characters that Excel shows; with more it calls the file damaged
KINDS = {"text": "文字", "integer": "整数", "number": "数值", "boolean": "是/否"}  # every domain: 选项
RULES = {
    "放在哪里": "填好后放进 raw/<区域>/<学年>/，文件名保持不变，再运行 junheng refresh；学年 2023 = 2023 年秋季开始的学年",
    "怎样填": "从第二行填起；带 * 的深色列必填，浅色列选填，选填的列可以留空或整列删去；列的先后不限，不要改列名",
    "选项": "从下拉选项中选；从别的系统粘贴来的官方代码（取值栏括号里的数字）也认得",
    "空与 0": "没有数据就留空，不要填 0：空是“没有数据”，0 是“一个也没有”",
    "单位": "列名括号里是单位；手里是另一种单位时改括号里的字即可，如 教学仪器设备资产值(元)",
    "代码": "标识码、代码各列已设为文本格式，前导的 0 不会丢；从别处粘贴请选“只粘贴值”，以保留格式和下拉选项",
    "个人信息": "不填姓名、身份证号、电话",
}

BLUE, PALE = PatternFill("solid", fgColor="1F4E79"), PatternFill("solid", fgColor="DDEBF7")
FACE = "微软雅黑"
BODY, BOLD, TITLE = Font(FACE, 10), Font(FACE, 10, bold=True), Font(FACE, 16, bold=True)
WHITE_BOLD = Font(FACE, 10, bold=True, color="FFFFFF")
LINE = Side("thin", color="BFBFBF")
BOX = Border(LINE, LINE, LINE, LINE)
CENTRE = Alignment("center", "center", wrap_text=True)
WRAPPED = Alignment(vertical="center", wrap_text=True)


def write_templates(out: Path, counties: Mapping[str, str], documents: Sequence[str] | None = None) -> list[Path]:
    """Write <extract>.xlsx into `out`, all or, where one of them is there already, none: raises FileExistsError.

    `counties` (code to name) becomes the drop-down of county_code; empty: any code may be typed.
    `documents` narrows the list of facts to what these policy documents and the national standards need; None: all of them.
    """
    paths = {out / f"{name}.xlsx": extract for name, extract in contract().extracts.items()}
    if present := [path.name for path in paths if path.exists()]:
        raise FileExistsError(f"{out} 里已有 {'、'.join(present)}，不覆盖：请换一个文件夹，或先移走这些文件")
    out.mkdir(parents=True, exist_ok=True)
    for path, extract in paths.items():
        with path.open("xb") as stream:
            template(extract, counties, documents).save(stream)
    return list(paths)


def template(extract: Extract, counties: Mapping[str, str], documents: Sequence[str] | None = None) -> Workbook:
    """The blank workbook of one extract: a sheet to fill in, its explanation, and the hidden lists behind it."""
    book = Workbook()
    book.properties.creator, book.properties.title = HOUSE, f"{extract.zh} {extract.name}"
    book.remove(book.worksheets[0])
    data, explanation, choices = map(book.create_sheet, (extract.zh, EXPLANATION, CHOICES))
    allowed = {column.name: _allowed(column, counties) for column in extract.columns}
    _explain(explanation, extract, allowed)
    if any(column.name == "fact_id" for column in extract.columns):
        _list_facts(book.create_sheet(DICTIONARY), documents)
    choices.sheet_state = "hidden"
    data.freeze_panes = "C2"
    data.row_dimensions[1].height = 48
    print_landscape(data, header_row=1, is_fitted=False)
    for index, column in enumerate(extract.columns, start=1):
        letter, words = get_column_letter(index), list(allowed[column.name])
        header = data.cell(1, index, _header(column))
        header.fill, header.font = (BLUE, WHITE_BOLD) if column.required else (PALE, BOLD)
        header.border, header.alignment = BOX, CENTRE
        data.column_dimensions[letter].width = _width(column, words)
        data.column_dimensions[letter].number_format = _number_format(column)
        data.column_dimensions[letter].font = BODY
        for row, word in enumerate(words, start=1):
            choices.cell(row, index, word).number_format = "@"
        where = f"{quote_sheetname(CHOICES)}!${letter}$1:${letter}${len(words)}" if words else None
        validation = _validation(column, where, _values(column, allowed[column.name]))
        validation.add(f"{letter}2:{letter}{LAST_ROW}")
        data.add_data_validation(validation)
    return book


def _allowed(column: Column, counties: Mapping[str, str]) -> dict[str, str]:
    """The words of a column's drop-down, each with the code or name that belongs to it; none: no drop-down."""
    if column.name == "county_code":
        return dict(counties)
    domain = contract().domains.get(column.type, {})
    return {said[0]: value if value.isdigit() else "" for value, said in domain.items()}


def _header(column: Column) -> str:
    """The official header, * before a required one, the unit behind it where a file may state another."""
    unit = f"({column.unit})" if column.unit in contract().units else ""
    return "*" * column.required + column.zh + unit


def _width(column: Column, words: list[str]) -> float:
    """Room for half of the header, which wraps before its unit or in the middle, and for a whole value."""
    header = text_width(column.zh) if "(" in _header(column) else text_width(_header(column)) / 2
    return min(max(header, *map(text_width, (column.example, *words)), 8), 26) + 3


def _number_format(column: Column) -> str:
    """Text keeps its leading zeros; numbers are grouped, but not years and grades, which have no unit."""
    formats = {"integer": "#,##0" if column.unit else "0", "number": "#,##0.00"}
    return formats.get(column.type, "@")


def _kind(column: Column) -> str:
    return KINDS.get(column.type, "选项") + (f"（{column.unit}）" if column.unit else "")


def _values(column: Column, allowed: Mapping[str, str]) -> str:
    """What a column may hold, in words: its choices with their codes, or its bounds."""
    words = [f"{word}({more})" if more else word for word, more in allowed.items()]
    bounds = ((column.min, "≥"), (column.max, "≤"))
    return "、".join(words) or "、".join(f"{sign} {bound:g}" for bound, sign in bounds if bound is not None)


def _validation(column: Column, where: str | None, values: str) -> DataValidation:
    """What Excel lets a cell hold and says beside it; to free text it only says something."""
    validation = DataValidation(allow_blank=True, showInputMessage=True, showErrorMessage=True)
    if where:
        validation.type, validation.formula1 = "list", where
    elif column.type in ("integer", "number"):
        validation.type = "whole" if column.type == "integer" else "decimal"
        validation.operator = "between"
        validation.formula1 = f"{1 - LARGEST if column.min is None else column.min:.15g}"
        validation.formula2 = f"{LARGEST - 1 if column.max is None else column.max:.15g}"
    blank = "必填" if column.required else "没有数据就留空"
    allowed = f"取值：{values}" if values else ""
    lines = (f"{column.name}：{_kind(column)}，{blank}", column.note_zh, f"例：{column.example}", allowed)
    validation.promptTitle, validation.prompt = column.zh, _cut("\n".join(filter(None, lines)), LONGEST_PROMPT)
    lines = (f"应为{_kind(column)}，{blank}", allowed)
    validation.errorTitle, validation.error = column.zh, _cut("\n".join(filter(None, lines)), LONGEST_ERROR)
    return validation


def _cut(text: str, longest: int) -> str:
    """The text; where it is too long, its beginning."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _explain(sheet: Worksheet, extract: Extract, allowed: Mapping[str, Mapping[str, str]]) -> None:
    """The explanation: what a row is, the rules for all extracts, then one line a column."""
    key = "、".join(extract.column(name).zh for name in extract.key)
    hashed = "、".join(column.zh for column in extract.columns if column.hashed)
    lines = {
        "一行是": extract.grain_zh,
        "不得重复": key,
        "注意": extract.note_zh,
        **RULES,
        "个人信息": RULES["个人信息"] + (f"；{hashed}载入时即加密散列，不存原值" if hashed else ""),
    }
    sheet.append([f"{extract.zh} {extract.name}：{EXPLANATION}"])
    sheet["A1"].font = TITLE
    for label, text in lines.items():
        if text:
            sheet.append([label, text])
            row = sheet.max_row
            sheet.cell(row, 1).font, sheet.cell(row, 2).font, sheet.row_dimensions[row].height = BOLD, BODY, 18
    sheet.append([])
    widths = {
        "中文列名": 25,
        "English name": 29,
        "必填": 6,
        "类型（单位）": 15,
        "取值": 30,
        "例": 21,
        "说明": 27,
        "也可写作": 30,
    }
    sheet.append(list(widths))
    header_row = sheet.max_row
    for column in extract.columns:
        values, aliases = _values(column, allowed[column.name]), "、".join(column.aliases)
        required = "是" if column.required else ""
        texts = [column.zh, column.name, required, _kind(column), values, column.example, column.note_zh, aliases]
        sheet.append(texts)
        lines_high = max(
            math.ceil(text_width(text) / width) for text, width in zip(texts, widths.values(), strict=True)
        )
        sheet.row_dimensions[sheet.max_row].height = 4 + 14 * lines_high
    for row in sheet.iter_rows(min_row=header_row):
        for cell in row:
            cell.border, cell.alignment, cell.font, cell.number_format = BOX, WRAPPED, BODY, "@"
    for index, width in enumerate(widths.values(), start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
        header = sheet.cell(header_row, index)
        header.fill, header.font, header.alignment = BLUE, WHITE_BOLD, CENTRE
    sheet.row_dimensions[1].height, sheet.row_dimensions[header_row].height = 30, 24
    sheet.sheet_view.showGridLines = False
    print_landscape(sheet, header_row)


def _list_facts(sheet: Worksheet, documents: Sequence[str] | None) -> None:
    """The facts that are asked for: id, what it is, who has it, how its value is written, and what needs it."""
    entities = {value: said[0] for value, said in contract().domains["entity_type"].items()}
    kinds = {
        "number": "数值",
        "net": "数值，可为负",
        "share": "比例，0 至 1",
        "boolean": "是/否",
        "date": "日期，如 2026-07-31",
        "level": "等级",
        "years_since": "年份，如 2015",
        "last_year": "年份，如 2022，没有过的填 0",
    }
    widths = {"编号": 42, "名称": 52, "由谁填": 10, "怎样写": 22, "说明": 60, "用于": 24}
    sheet.append(list(widths))
    for fact in facts():
        if documents is None or fact.is_asked_of(documents):
            entity = entities.get(fact.entity_type, fact.entity_type)
            inherited = "全县一致的，县里报一行即可" if fact.is_inherited else ""
            note = "；".join(filter(None, (fact.note_zh, inherited)))
            kind = kinds.get(fact.value_type, "文字") + (f"（{fact.unit_zh}）" if fact.unit_zh else "")
            sheet.append([fact.fact_id, fact.name_zh, entity, kind, note, "、".join(fact.needed_by)])
    for row in sheet.iter_rows():
        for cell in row:
            cell.border, cell.alignment, cell.font, cell.number_format = BOX, WRAPPED, BODY, "@"
    for index, width in enumerate(widths.values(), start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
        header = sheet.cell(1, index)
        header.fill, header.font, header.alignment = BLUE, WHITE_BOLD, CENTRE
    sheet.freeze_panes = "A2"
    print_landscape(sheet, header_row=1)
