"""A school's yearly statistics workbook in either generation, written from a row of canonical columns.

The layouts are written down here a second time, from what the forms look like and not from the map under test:
the templates of 2018 keep every line, those of 2021 leave out the lines of stages that the school does not have.
"""

from pathlib import Path
from typing import Any

import openpyxl
import xlwt
from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter

Row = dict[str, Any]
Grid = dict[str, Any]  # cell -> value

STAGES = {
    "小学": ("primary",),
    "初级中学": ("junior",),
    "九年一贯制学校": ("primary", "junior"),
    "完全中学": ("junior", "senior"),
    "十二年一贯制学校": ("primary", "junior", "senior"),
}
STAGE_ZH = {"primary": "小学", "junior": "初中", "senior": "普通高中"}
TITLES = ("正高级", "副高级", "中级", "助理级", "员级", "未定职级")
NOT_APPLICABLE = ("*", -1)


def write_school(path: Path, row: Row, school_year: int, sheets: dict[str, Grid] | None = None) -> Path:
    """Write the workbook; the suffix says .xlsx or .xls."""
    sheets = workbook(row, school_year) if sheets is None else sheets
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xls":
        old = xlwt.Workbook(encoding="utf-8")
        for name, grid in sheets.items():
            page = old.add_sheet(name)
            for cell, value in grid.items():
                page.write(*_position(cell), value)
        old.save(str(path))
    else:
        book = openpyxl.Workbook()
        for name, grid in sheets.items():
            page = book.create_sheet(name)
            for cell, value in grid.items():
                page[cell] = value
        del book["Sheet"]
        book.save(path)
    return path


def workbook(row: Row, school_year: int) -> dict[str, Grid]:
    """The sheets of a school by name, each as cells; a sheet that does not apply to the school is not there."""
    stages = STAGES[row["school_type"]]
    sheets = _sheets_of_2021(row, stages) if school_year >= 2021 else _sheets_of_2018(row, stages)
    cover: dict[str, Grid] = {"封面": {"A1": "教育事业统计报表"}, "目录": {"A1": "目录", "A2": "序号", "B2": "表名"}}
    return cover | {name: _dressed(name, title, grid) for name, (title, grid) in sheets.items()}


def _dressed(name: str, title: str, grid: Grid) -> Grid:
    """A form's cells with its title, its number, a heading, the row numbers, and marks in cells that do not apply."""
    form = name.split("_")[0].split(" ")[0]
    last_row = max(_position(cell)[0] for cell in grid) + 3
    last_column = max(_position(cell)[1] for cell in grid) + 2
    dressed: Grid = {"A1": title, "A2": f"表    号：{form}", "C2": "批准文号：国统制【2018】86号"}
    for r in range(3, last_row):
        dressed[f"{get_column_letter(last_column + 1)}{r}"] = 10 * (r - 2)
        dressed[f"{get_column_letter(last_column)}{r}"] = NOT_APPLICABLE[r % 2]
    return dressed | grid


def _master(row: Row, value: str, first: int) -> Grid:
    """The rows of the master sheet: label, code of the line, value."""
    lines = [
        ("学校（机构）标识码", row["school_id"]),
        ("学校（机构）名称", row["school_name"]),
        ("学校（机构）地址", "某路 10 号"),
        ("学校（机构）地址代码", "371502001002"),
        ("学校（机构）驻地城乡类型", "主城区"),
        ("学校（机构）驻地城乡类型代码", row["urban_rural_code"]),
        ("学校（机构）属地管理教育行政部门", "东昌府区教育和体育局"),
        ("学校（机构）属地管理教育行政部门代码", f"{row['county_code']}000000"),
        ("学校（机构）办学类型", row["school_type"]),
        ("学校（机构）举办者", row["organiser"]),
    ]
    grid: Grid = {}
    for i, (label, said) in enumerate(lines, first):
        grid |= {f"A{i}": label, f"B{i}": f"{i - first + 1:02}", f"{value}{i}": said}
    return grid


def _sheets_of_2018(row: Row, stages: tuple[str, ...]) -> dict[str, tuple[str, Grid]]:
    sheets: dict[str, tuple[str, Grid]] = {
        "基础基111": ("学校（机构）基本情况", _master(row, "D", 6)),
        "基础基112": (
            "学校（机构）其他情况",
            _part(row, {"primary_backbone_teachers": "D30", "junior_backbone_teachers": "D31"}),
        ),
        "基础基112-1": ("学校（机构）其他情况（续）", {"D30": 999, "D31": 999}),
        "基础基512 中小学校舍情况": (
            "中小学校舍情况",
            _part(row, {"teaching_area_m2": "E10", "indoor_sports_area_m2": "E16"}),
        ),
        "基础基522": (
            "中小学占地面积及其他办学条件",
            _part(row, {"sports_ground_area_m2": "F9", "equipment_value_wan_yuan": "O9", "multimedia_rooms": "L9+N9"}),
        ),
        "基础基531": ("中小学信息化情况", _part(row, {"books": "D8"})),
        "基础基412": ("中小学教职工数", {"D7": 999, "E7": sum(row[f"{s}_full_time_teachers"] for s in stages)}),
        "基础基422": (
            "专任教师专业技术职务、年龄结构情况",
            _part(
                row, {"primary_midlevel_title_teachers": "D9+D10+D11", "junior_midlevel_title_teachers": "D18+D19+D20"}
            ),
        ),
    }
    pupils = {
        "primary": ("基础基312 小学学生数", "H7"),
        "junior": ("基础基313 初中学生数", "G7"),
        "senior": ("基础基314", "G7"),
    }
    for stage in stages:
        name, cell = pupils[stage]
        sheets[name] = (f"{STAGE_ZH[stage]}学生数", _part(row, {f"{stage}_pupils": cell}))
    if "primary" in stages:
        sheets["基础基212"] = ("小学教学班数、班额情况", _part(row, {"primary_classes": "E6"}))
        sheets["基础基423"] = (
            "小学专任教师分课程、分学历情况",
            {"A8": "合计", "A11": "研究生毕业", "A12": "本科毕业", "A13": "专科毕业", "D14": 999}
            | _part(row, {"primary_full_time_teachers": "D8"})
            | _part(row, {"primary_higher_degree_teachers": "D11+D12+D13", "primary_pe_arts_teachers": "M8+N8+P8+Q8"}),
        )
    if "junior" in stages:
        sheets["基础基213"] = ("中学教学班数、班额情况", _part(row, {"junior_classes": "E7"}))
        lines: Grid = {"A8": "合计"}
        for first, stage in ((9, "junior"), (17, "senior")):
            lines[f"A{first}"] = STAGE_ZH[stage]
            for i, degree in enumerate(("研究生毕业", "本科毕业", "专科毕业", "高中阶段毕业"), first + 3):
                lines |= {f"B{i}": degree, f"D{i}": 999}
        sheets["基础基424"] = (
            "中学专任教师分课程、分学历情况",
            lines
            | {cell: 900 for cell in ("V8", "W8", "X8", "Y8") if "senior" in stages}
            | _part(row, {"junior_full_time_teachers": "D9", "senior_full_time_teachers": "D17"})
            | _part(row, {"junior_higher_degree_teachers": "D12+D13", "junior_pe_arts_teachers": "V9+W9+X9+Y9"})
            | (_part(row, {"junior_pe_arts_teachers": "V8+W8+X8+Y8"}) if "senior" not in stages else {}),
        )
    return sheets


def _sheets_of_2021(row: Row, stages: tuple[str, ...]) -> dict[str, tuple[str, Grid]]:
    backbone: Grid = {f"D{i}": 999 for i in range(8, 16)}
    ranks: Grid = {}
    for i, stage in enumerate(stages):
        backbone |= {f"B{12 + i}": f"县级及以上骨干教师（{STAGE_ZH[stage]}）"}
        backbone |= _part(row, {f"{stage}_backbone_teachers": f"D{12 + i}"})
        first = 5 + 9 * i
        ranks |= {f"A{first}": STAGE_ZH[stage]} | {f"A{first + 3 + k}": title for k, title in enumerate(TITLES)}
        ranks |= {f"C{first + 3 + k}": 999 for k in range(3, 6)}
        ranks |= _part(row, {f"{stage}_midlevel_title_teachers": "+".join(f"C{first + 3 + k}" for k in range(3))})
    sheets: dict[str, tuple[str, Grid]] = {
        "教基1001": ("学校（机构）基本情况", _master(row, "C", 3)),
        "教基1102": ("学校（机构）其他情况", {"D12": 998, "D13": 998}),
        "教基1102续": ("学校（机构）其他情况（续表）", backbone),
        "教基4153": ("基础教育学校专任教师分年龄情况", ranks),
        "教基5170": ("中小学校舍情况", _part(row, {"teaching_area_m2": "F10", "indoor_sports_area_m2": "F17"})),
        "教基5176": (
            "中小学占地面积及其他办学条件",
            _part(row, {"sports_ground_area_m2": "D7", "books": "D12", "computers": "D13", "classrooms": "D16"})
            | _part(row, {"multimedia_rooms": "D17", "equipment_value_wan_yuan": "D19"}),
        ),
    }
    pupils = {"primary": ("教基3112", "I6"), "junior": ("教基3115", "E6"), "senior": ("教基3118", "E6")}
    classes = {"primary": "教基2106", "junior": "教基2107"}
    for stage in stages:
        name, cell = pupils[stage]
        sheets[name] = (f"{STAGE_ZH[stage]}分类型学生数", _part(row, {f"{stage}_pupils": cell}))
        if stage in classes:
            sheets[classes[stage]] = (f"{STAGE_ZH[stage]}班数、班额情况", _part(row, {f"{stage}_classes": "C5"}))
    if "primary" in stages:
        sheets["教基4155"] = (
            "小学专任教师分课程、分学历情况",
            {"A6": "总计", "C13": 999}
            | _part(row, {"primary_full_time_teachers": "C6", "primary_higher_degree_teachers": "C9+C10+C11+C12"})
            | _part(row, {"primary_pe_arts_teachers": "L6+N6+O6+P6"}),
        )
    if "junior" in stages:
        middle = [stage for stage in stages if stage != "primary"]
        total = sum(row[f"{stage}_full_time_teachers"] for stage in middle)
        grid: Grid = {"A6": "总计", "C6": total, "U6": 900, "V6": 900, "W6": 900, "X6": 900}
        for i, stage in enumerate(middle):
            first = 7 + 9 * i
            grid |= {f"A{first}": STAGE_ZH[stage], f"C{first + 6}": 999}
            grid |= _part(row, {f"{stage}_full_time_teachers": f"C{first}"})
            degrees = "+".join(f"C{first + k}" for k in (3, 4, 5))
            grid |= _part(row, {f"{stage}_higher_degree_teachers": degrees})
            grid |= _part(row, {f"{stage}_pe_arts_teachers": "+".join(f"{c}{first}" for c in "UVWX")})
        if middle == ["junior"]:
            grid |= _part(row, {"junior_pe_arts_teachers": "U6+V6+W6+X6"})
        sheets["教基4149"] = ("中学教职工数", {"C6": total + 9, "D6": total})
        sheets["教基4156"] = ("中学专任教师分课程、分学历情况", grid)
    suffix = f"_{row['school_type']}" if int(row["school_id"]) % 2 else ""
    return {name + suffix: sheet for name, sheet in sheets.items()}


def _part(row: Row, places: dict[str, str]) -> Grid:
    """Spread each column's value over its cells; a column that the row lacks leaves marks of what does not apply."""
    grid: Grid = {}
    for column, cells in places.items():
        names = cells.split("+")
        value = row.get(column)
        if value is None:
            grid |= {name: NOT_APPLICABLE[i % 2] for i, name in enumerate(names)}
            continue
        share = value // len(names)
        grid |= {name: share for name in names[1:]} | {names[0]: round(value - share * (len(names) - 1), 2)}
    return grid


def _position(cell: str) -> tuple[int, int]:
    row, column = coordinate_to_tuple(cell)
    return row - 1, column - 1
