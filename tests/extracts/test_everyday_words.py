"""What schools write instead of what the contract says: figures with their units, grades and titles by name, files called as at home."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from helpers import Table, read, schools, write_csv

from dagster_project.extracts.files import extract_of

ROSTERS: dict[str, dict[str, Any]] = {
    "teachers": {"教师编号": "T1", "学校标识码": "3715020001", "学段": "小学", "学历": "本科", "学科": "语文"},
    "classes": {"学校标识码": "3715020001", "学段": "小学", "年级": "3", "班号": "1", "学生数": "40"},
}


def loaded(con: duckdb.DuckDBPyConnection, raw: Path, extract: str, column: str, header: str, said: str) -> Any:
    """What a cell is in the warehouse; the row's other cells are right."""
    [row] = [ROSTERS[extract]] if extract in ROSTERS else schools(1)
    rows: Table = [{name: cell for name, cell in row.items() if name != header.partition("(")[0]} | {header: said}]
    write_csv(raw / "demo" / "2023" / "schools.csv", rows if extract == "schools" else schools(1))
    write_csv(raw / "demo" / "2023" / f"{extract}.csv", rows)
    read(con, raw)
    found = con.execute(f"select {column} from raw.{extract}").fetchone()
    return found[0] if found else "quarantined"


@pytest.mark.parametrize(
    ("extract", "column", "header", "said", "value"),
    [
        ("schools", "primary_pupils", "小学在校生数", "437人", 437),
        ("schools", "primary_pupils", "小学在校生数", "437 名", 437),
        ("schools", "primary_pupils", "小学在校生数", "437班", "quarantined"),
        ("schools", "books", "图书册数", "6,600册", 6600),
        ("schools", "books", "图书册数", "６６００本", 6600),
        ("schools", "books", "图书册数", "6,600元", None),
        ("schools", "teaching_area_m2", "教学及辅助用房面积", "3000.5平方米", 3000.5),
        ("schools", "equipment_value_wan_yuan", "教学仪器设备资产值", "120.5万元", 120.5),
        ("schools", "equipment_value_wan_yuan", "教学仪器设备资产值", "1205000元", None),
        ("schools", "equipment_value_wan_yuan", "教学仪器设备资产值(元)", "1205000", 120.5),
        ("schools", "equipment_value_wan_yuan", "教学仪器设备资产值(元)", "120.5万元", None),
        ("schools", "built_year", "建校年份", "1985年", 1985),
        ("teachers", "birth_year", "出生年份", "1985年", 1985),
        ("teachers", "title", "职称", "副高", "senior"),
        ("teachers", "title", "职称", "正高", "full_senior"),
        ("classes", "grade", "年级", "四年级", 4),
        ("classes", "grade", "年级", "小学四年级", 4),
        ("classes", "grade", "年级", "初一", 7),
        ("classes", "grade", "年级", "八年级", 8),
        ("classes", "grade", "年级", "初四", "quarantined"),
        ("classes", "pupils", "学生数", "40人", 40),
    ],
)
def test_a_figure_may_be_said_in_everyday_words(
    con: duckdb.DuckDBPyConnection, raw: Path, extract: str, column: str, header: str, said: str, value: Any
) -> None:
    """In its own unit only: what another unit would make of it is not guessed."""
    assert loaded(con, raw, extract, column, header, said) == value


@pytest.mark.parametrize(
    ("name", "extract"),
    [
        ("教师名册.xlsx", "teachers"),
        ("教职工名册（2）.xls", "teachers"),
        ("学校2022.xlsx", "schools"),
        ("2022学年学校.csv", "schools"),
        ("2022-2023学年度班级名册.xlsx", "classes"),
        ("2023年经费表.xlsx", "funding"),
        ("学校经费.xlsx", "funding"),
        ("汶上学校情况（终稿）2023.xlsx", "schools"),
        ("附件2：汶上县学校教师基本情况统计表.xlsx", "teachers"),
        ("汶上县县情况表.xlsx", "facts"),
        ("学校培训.xlsx", None),
        ("教师培训.xlsx", None),
        ("2022.xlsx", None),
    ],
)
def test_a_file_may_be_called_as_at_home(name: str, extract: str | None) -> None:
    assert extract_of(Path(name)) == extract
