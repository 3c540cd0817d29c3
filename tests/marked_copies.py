"""Wrong files, what the check says of them, and what it marks in its copies."""

from pathlib import Path
from typing import Any

import openpyxl
from helpers import schools
from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from dagster_project.clerk.check import check
from dagster_project.extracts.regions import Region

REGION = Region("demo", "示范区", {"371502": "东昌府区"}, r"^\d{10}$", None, (), "09-01", synthetic=False)
FINDINGS = "检查结果"
HEADERS = list(schools(1)[0])
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
