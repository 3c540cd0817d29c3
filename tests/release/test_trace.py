"""From a published figure down to the cells of raw/, read again by other readers, and up again to the figure."""

import csv
import random
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from helpers import junheng, seed
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from dagster_project.release.read import connect
from dagster_project.release.store import ReleaseError
from dagster_project.release.trace import Figure, find, lines, sources

DRAWN = 1000
WEIGHTS = {row["stage"]: float(row["split_weight"]) for row in seed("stages")}
INDICATORS = {row["indicator_id"]: row for row in seed("indicators")}
IN_YUAN = {"教学仪器设备资产值": 10_000}  # the contract keeps it in 万元, the indicator is in 元


@cache
def grid(path: Path, sheet: str | None) -> list[list[Any]]:
    """A file as another reader sees it."""
    if path.suffix == ".csv":
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return list(csv.reader(path.read_text(encoding).splitlines()))
            except UnicodeDecodeError:
                continue
    return [list(row) for row in openpyxl.load_workbook(path, data_only=True)[sheet or ""].iter_rows(values_only=True)]


def reread(raw: Path, row: dict[str, Any]) -> Any:
    """The cell that a trace names, from the file itself."""
    column, number = coordinate_from_string(row["cell"])
    assert number == row["row_number"]
    return grid(raw / row["source_file"], row["sheet"])[number - 1][column_index_from_string(column) - 1]


def as_number(cell: Any) -> float:
    return float(str(cell).replace(",", "").strip())


def traced(con: Any, figure: Figure) -> list[dict[str, Any]]:
    result = sources(con, figure)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def recomputed(raw: Path, figure: Figure, rows: list[dict[str, Any]]) -> float:
    """The indicator of a school from its cells alone, by the standard's formula written anew."""
    totals: dict[str, float] = defaultdict(float)
    pupils: dict[str, float] = {}
    for row in rows:
        cell = reread(raw, row)
        assert as_number(cell) == as_number(row["said"])
        assert row["header"] == grid(raw / row["source_file"], row["sheet"])[0][column_of(row)]
        if row["input_id"] == "pupils":
            stage = {"小学": "primary", "初中": "junior", "高中": "senior"}[row["column_zh"][:2]]
            pupils[stage] = as_number(cell)
        elif row["role"] != "eased":  # no transition rule is in force
            sign = -1 if row["role"] == "subtract" else 1
            totals[row["input_id"]] += sign * as_number(cell) * IN_YUAN.get(row["column_zh"], 1)
    indicator = INDICATORS[figure.figure_id]
    share, stage = 1.0, figure.stage or ""
    if indicator["is_split"] == "true":
        share = pupils[stage] * WEIGHTS[stage] / sum(count * WEIGHTS[name] for name, count in pupils.items())
    return float(indicator["scale"]) * totals[indicator["numerator"]] * share / pupils[stage]


def counted(raw: Path, row: dict[str, Any]) -> int:
    """The rows of a school and stage in the roster that a trace names."""
    words = {"primary": "小学", "junior": "初中"}
    rows = grid(raw / row["source_file"], row["sheet"])
    return sum(row["area_id"] in map(str, cells) and words[row["stage"]] in cells for cells in rows)


def column_of(row: dict[str, Any]) -> int:
    return column_index_from_string(coordinate_from_string(row["cell"])[0]) - 1


def test_drawn_figures_lead_to_cells_that_give_them_again(demo: Path) -> None:
    with connect(demo / "home") as con:
        known = con.execute(
            """select region_id, school_year, 'school', school_id, county_code, school_name, 'indicator', indicator_id, stage, value
            from fct_school_indicator inner join dim_school using (region_id, school_year, county_code, school_id)
            where value is not null order by all"""
        ).fetchall()
        again = 0
        for *named, value in random.Random(16).sample(known, DRAWN):
            figure = Figure(*named)
            rows = traced(con, figure)
            if all(row["cell"] for row in rows):
                assert recomputed(demo / "raw", figure, rows) == pytest.approx(value, rel=1e-12), figure
                again += 1
            for row in rows:
                assert row["cell"] or counted(demo / "raw", row | {"stage": figure.stage}) == row["row_count"] > 0
    assert again > 0.8 * DRAWN


def test_a_coefficient_leads_to_every_school_that_it_is_made_of(demo: Path) -> None:
    with connect(demo / "home") as con:
        known = con.execute(
            """select region_id, school_year, 'county', county_code, county_code, '', 'coefficient', indicator_id, stage, difference_coefficient
            from mart_county_balance where difference_coefficient is not null order by all"""
        ).fetchall()
        again = 0
        for *named, value in random.Random(16).sample(known, 40):
            figure = Figure(*named)
            schools: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for row in traced(con, figure):
                schools[row["area_id"]].append(row)
            if not all(row["cell"] for rows in schools.values() for row in rows):
                continue
            again += 1
            values = {school: recomputed(demo / "raw", figure, rows) for school, rows in schools.items()}
            pupils = {
                school: next(
                    as_number(row["said"]) for row in rows if row["input_id"] == "pupils" and row["role"] == "add"
                )
                for school, rows in schools.items()
            }
            total = sum(pupils.values())
            mean = sum(values[school] * pupils[school] for school in schools) / total
            variance = sum(pupils[school] / total * (values[school] - mean) ** 2 for school in schools)
            assert variance**0.5 / mean == pytest.approx(value, rel=1e-9), figure
    assert again > 30


def test_what_is_counted_in_a_roster_leads_to_its_file_and_to_no_person(demo: Path) -> None:
    with connect(demo / "home") as con:
        rows = traced(con, find(con, "370830", 2023, ("G9",)))
        listed = con.execute("select row_count from mart_source_roster where extract = 'teachers'").fetchall()
    assert rows and {row["cell"] for row in rows} == {None} == {row["said"] for row in rows}
    assert {row["source_file"] for row in rows} == {"wenshang/2023/teachers.xlsx"}
    assert sum(count for (count,) in listed) == sum(
        len(grid(path, "教师" if path.suffix == ".xlsx" else None)) - 1
        for path in (demo / "raw").glob("*/*/teachers.*")
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "370830 2023 小学 生均教学及辅助用房面积",
            "室内体育用房面积（减去）：wenshang/2023/schools.xlsx 工作表“学校”第 2 行 J2，原文“0”",
        ),
        ("370830 2023 表Ⅱ-2 第3行 L7", "原文“10”"),
        ("370830 2023 表Ⅲ 第2行 L3", "资源配置第3项，校际差异系数"),
        ("370830 2023 表Ⅲ 第2行 L8", "算法：综合差异系数＝七项差异系数之和÷7"),
        ("370830 2023 表Ⅱ-1 1 1", "达标"),
        ("370830 2023 表Ⅱ-1 3 L8", "每所学校至少有6项指标达到要求，余项不能低于要求的85%"),
        ("370830 2023 表Ⅱ-2 3 14", "南旺镇中心小学 2023 学年 小学综合评估：7 项达到"),
        ("370830 2023 表Ⅱ-2 3 5", "小学年级数（计入）：wenshang/2023/schools.xlsx 工作表“学校”第 5 行"),
        ("370830 2023 表Ⅱ-2 注 1 1", "小学在校生数（计入）：wenshang/2023/schools.xlsx"),
        ("370830 2023 表Ⅴ 9 2", "国家义务教育质量监测语文校际差异率（计入）：wenshang/2023/facts.xlsx"),
        ("370830 2023 表Ⅰ 1 1", "人口总数"),
        ("370830 2023 P1", "教督〔2017〕6号 前提条件第1项：通过国家义务教育基本均衡发展认定三年以上"),
        ("汶上县 2023 Q1", "＋毕业年级三年转出学生数"),
        ("370830 2023 G5-1", "最大班额（由名册数出）：wenshang/2023/classes.csv 12 行"),
        ("wenshang 2023 WS-20", "（汶政办字〔2022〕24号） 三(一)4"),
        ("3708300002 2023 小学 骨干教师", "算法：每百名学生拥有县级以上骨干教师数＝县级及以上骨干教师数÷在校生数×100"),
        ("jinzhou_county_city 2023 JZ-08", "2022 学年 jinzhou_county_city/2022/facts.csv"),
    ],
)
def test_a_figure_is_asked_for_as_it_is_named(demo_home: Path, words: str, said: str) -> None:
    who, year, *what = words.split()
    with connect(demo_home) as con:
        told = list(lines(con, find(con, who, int(year), what)))
    assert any(said in line for line in told), told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("370830 1999 Q1", "这个版本的 1999 学年里没有“370830”"),
        ("370830 2023", "请写明追溯哪个数"),
        ("370830 2023 G5", "小学最大班额（G5-1）、初中最大班额（G5-2）"),
        ("370830 2023 backbone_teachers_per_100", "请写明小学或初中"),
        ("370830 2023 表Ⅱ-2 第99行 L7", "申报表没有表Ⅱ-2 第 99 行 L7"),
        ("370830 2023 表Ⅱ-2 3 1", "没有表Ⅱ-2 第 3 行 L1，或它不是算出来的数"),
        ("370830 2023 表Ⅲ 1 8", "没有表Ⅲ 第 1 行 L8"),
        ("370830 2023 不存在的", "没有“不存在的”这个数"),
    ],
)
def test_what_cannot_be_traced_says_what_to_write(demo_home: Path, words: str, said: str) -> None:
    who, year, *what = words.split()
    with connect(demo_home) as con, pytest.raises(ReleaseError) as error:
        list(lines(con, find(con, who, int(year), what)))
    assert said in str(error.value)


def test_whatever_an_application_form_shows_leads_to_a_cell_or_a_roster(demo_home: Path) -> None:
    with connect(demo_home) as con:
        blanks = con.execute(
            """select distinct form_table || case when form_table = 'Ⅱ-2' then '注' else '' end, row_no, blank_no
            from mart_application_form where county_code = '370830' and school_year = 2023 and value is not null
            union all
            select 'Ⅱ-2', row_no, unnest(range(4, 16)) from mart_application_form_school
            where county_code = '370830' and school_year = 2023 and serial_no = 1"""
        ).fetchall()
        for table, row, blank in blanks:
            figure = find(con, "370830", 2023, (f"表{table} 第{row}行 L{blank}",))
            told = list(lines(con, figure))
            assert any("wenshang/20" in line for line in told), (figure, told)
    assert len(blanks) > 130


def test_an_old_release_is_traced_as_it_was(demo_home: Path, tmp_path: Path) -> None:
    release = next(path for path in (demo_home / "releases").iterdir() if not path.is_symlink())
    arguments = ("370830", "2023", "表Ⅲ 第2行 L8", "--home", demo_home, "--release")
    told = junheng("trace", *arguments, release.name)
    assert told.returncode == 0 and "综合差异系数＝" in told.stdout, told.stderr
    assert "没有版本“9.9”" in junheng("trace", *arguments, "9.9").stderr
