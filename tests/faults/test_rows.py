"""Faults 17 and 18: rows that are there twice or contradict each other, and numbers as bureaus write them."""

import re
from pathlib import Path

import duckdb
import pytest
from bad_files import CLASS, TEACHER, as_csv, files, names, put, put_table
from helpers import (
    grid,
    read,
    reasons,
    schools,
    write_csv,
    write_schools,
    write_workbook,
)

from dagster_project.warehouse import tables

# 17: keys


def test_17_alike_rows_are_skipped_and_contradicting_ones_all_rejected(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    """Within a file, over files, over sheets; each says where the others stand and how it is mended."""
    write_schools(raw, {}, {"学校标识码": "3715020001"}, {"小学在校生数": "x"})
    write_workbook(
        raw / "demo/2023/schools_more.xlsx",
        {"一": grid([schools(1)[0] | {"图书册数": 1}]), "二": grid([schools(4)[3] | {"图书册数": " 9004 "}])},
    )
    write_csv(raw / "demo/2023/teachers.csv", [TEACHER | {"学校标识码": "3715020004"}] * 2)
    room = CLASS | {"学校标识码": "3715020004"}
    write_csv(raw / "demo/2023/classes.csv", [room, room | {"班号": "2"}, room | {"班级学生数": 41}])
    money = {"单位代码": "371502", "经费项目": "公用经费", "金额": 1, "口径": "决算"}
    write_csv(raw / "demo/2023/funding.csv", [money, money | {"金额": "1.0"}])
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (3 + 1 + 1 + 1, 4 + 2, 1 + 1 + 1)
    mend = "是同一所学校就只留对的一行，是两所学校就改正学校标识码"
    theirs = "工作表“一” 第 2 行“第1小学”"
    assert [line.removeprefix("demo/2023/") for line in reasons(con)] == [
        "classes.csv 第 2 行：学校标识码、学段、年级、班号相同的有两行：第 2 行、第 4 行："
        "是同一个班级就只留对的一行，是两个班级就改正其中一行",
        "classes.csv 第 4 行：学校标识码、学段、年级、班号相同的有两行：第 2 行、第 4 行："
        "是同一个班级就只留对的一行，是两个班级就改正其中一行",
        f"schools.csv 第 2 行：学校标识码 3715020001 有 3 行：第 2 行“第1小学”、第 3 行“第2小学”、demo/2023/schools_more.xlsx {theirs}：{mend}",
        f"schools.csv 第 3 行：学校标识码 3715020001 有 3 行：第 2 行“第1小学”、第 3 行“第2小学”、demo/2023/schools_more.xlsx {theirs}：{mend}",
        "schools.csv 第 4 行：“小学在校生数”为“x”，应为整数：请改正",
        f"schools_more.xlsx 工作表“一” 第 2 行：学校标识码 3715020001 有 3 行：demo/2023/schools.csv 第 2 行“第1小学”、"
        f"demo/2023/schools.csv 第 3 行“第2小学”、第 2 行“第1小学”：{mend}",
    ]
    assert [row for row in files(con, "source_file, remarks") if row[1]] == [
        ("demo/2023/funding.csv", "第 3 行与第 2 行完全相同，略过"),
        ("demo/2023/schools_more.xlsx", "1 行与 demo/2023/schools.csv 的行完全相同，略过"),
        ("demo/2023/teachers.csv", "第 3 行与第 2 行完全相同，略过"),
    ]


def test_17_a_bad_row_contradicts_the_good_one_of_its_code(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Which of them is the school is not known before both are mended."""
    write_schools(raw, {}, {"学校标识码": "3715020001", "小学在校生数": "x"})
    assert read(con, raw).quarantined == 2
    assert [line.count("有两行") for line in reasons(con)] == [1, 1]
    assert "应为整数：请改正；学校标识码 3715020001 有两行" in reasons(con)[1]


def test_17_rows_that_differ_in_a_cell_that_cannot_be_read_are_not_alike(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    write_csv(raw / "demo/2023/schools.csv", [*schools(2), schools(1)[0] | {"图书册数": "约5"}])
    assert (read(con, raw).quarantined, len(reasons(con))) == (2, 2)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("order", [("学校.csv", "学校(1)"), ("schools(1).csv", "学校")])
def test_17_a_file_that_is_there_twice_is_skipped_in_one_sentence(
    con: duckdb.DuckDBPyConnection, raw: Path, order: tuple[str, str], suffix: str
) -> None:
    """Schools have a key; scores have none, and rows of theirs may well be alike."""
    score = {"学校标识码": "3715020001", "学段": "小学", "年级": 4, "科目": "数学", "成绩": 512.5}
    scores = [score, score, score | {"成绩": 430}]
    for name, rows in (("学校", schools(48)), ("成绩", scores)):
        first, second = (
            file.replace("学校", name).replace("schools", "scores" if rows is scores else "schools") for file in order
        )
        put(raw, first, as_csv(grid(rows)))
        if suffix == ".csv":
            put(raw, second + suffix, as_csv(grid(rows)))
        else:
            write_workbook(raw / f"demo/2023/{second}{suffix}", {"表": grid(rows)})
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (51, 0, 51)
    remarks = [remark for (remark,) in files(con, "remarks") if remark]
    assert len(remarks) == 2
    assert {re.sub("demo.*?(csv|xlsx)", "甲", remark) for remark in remarks} == {
        "48 行与 甲 的行完全相同，略过",
        "3 行与 甲 的行完全相同，略过",
    } or {re.sub("demo.*?(csv|xlsx)( 工作表“表”)?", "甲", remark) for remark in remarks} == {
        "48 行与 甲 的行完全相同，略过",
        "3 行与 甲 的行完全相同，略过",
    }


def test_17_files_that_contradict_each_other_do_so_whatever_their_names(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    put(raw, "学校.csv", as_csv(grid(schools(3))))
    put(raw, "学校(1).csv", as_csv(grid([schools(1)[0] | {"小学在校生数": 999}, *schools(3)[1:]])))
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (2, 2, 2)
    assert names(con) == ["第2小学", "第3小学"]


def test_17_rows_that_wait_for_a_school_are_counted_under_what_they_wait_for(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    """Causes come first, and the one that holds back the most before the others."""
    write_schools(raw, {"小学在校生数": "y"}, {}, {"小学在校生数": "x"})
    people = [TEACHER | {"教师编号": f"T{i}", "学校标识码": "3715020003"} for i in range(41)]
    lost = [TEACHER | {"教师编号": f"L{i}", "学校标识码": "3715020099"} for i in range(3)]
    write_csv(
        raw / "demo/2023/teachers.csv", [*people, *lost, TEACHER | {"教师编号": "good", "学校标识码": "3715020002"}]
    )
    rooms = [CLASS | {"学校标识码": "3715020003", "班号": i} for i in range(12)]
    write_csv(raw / "demo/2023/classes.csv", [*rooms, CLASS | {"学段": "大学", "学校标识码": "3715020003"}])
    money = {"单位代码": "3715020003", "经费项目": "公用经费", "金额": 1, "口径": "决算"}
    write_csv(raw / "demo/2023/funding.csv", [money, money | {"单位代码": "371599"}, money | {"单位代码": "371502"}])
    put(raw, "scores.csv", "")
    account = read(con, raw)
    assert (account.loaded, account.quarantined, account.skipped) == (4 + 1 + 1, 2 + 44 + 13 + 2, 0)
    expected = [
        "demo/2023/scores.csv：文件是空的：请重新导出",
        "demo/2023/schools.csv 第 4 行：“小学在校生数”为“x”，应为整数：请改正",
        "  连带 54 行（教师 41、班级 12、经费 1）",
        "学校表里没有 3715020099：连带 3 行（教师 3）：请先补报学校，或改正标识码",
        "学校表里没有 371599：连带 1 行（经费 1）：请先补报学校，或改正标识码",
        "demo/2023/classes.csv 第 14 行：“学段”为“大学”，不是可用的取值（小学、初中、高中）：请改正",
        "demo/2023/schools.csv 第 2 行：“小学在校生数”为“y”，应为整数：请改正",
    ]
    assert reasons(con) == expected
    assert tables.rejects(con, ("demo", 2023), 2) == [
        *expected[:3],
        "…… 还有 4 处，见 marts.mart_quarantine",
    ]
    held = con.execute("select waits_for, count(*) from raw.quarantine group by 1 order by 1").fetchall()
    assert held == [("3715020003", 54), ("3715020099", 3), ("371599", 1), (None, 4)]


def test_17_what_waits_for_a_file_that_could_not_be_read_is_counted_under_it(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    write_schools(raw)
    put(raw, "schools_2.csv", "")
    write_csv(
        raw / "demo/2023/teachers.csv",
        [TEACHER | {"教师编号": f"T{i}", "学校标识码": f"37150201{i:02}"} for i in range(30)],
    )
    read(con, raw)
    assert reasons(con) == ["demo/2023/schools_2.csv：文件是空的：请重新导出", "  连带 30 行（教师 30）"]


# 18: numbers as text


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".xls"])
def test_18_numbers_as_bureaus_write_them(con: duckdb.DuckDBPyConnection, raw: Path, suffix: str) -> None:
    said = {
        "1,234": 1234, "１２３": 123, "１，２３４": 1234, " 12 ": 12, "\u300012\u00a0": 12, "1.2e3": 1200, "1.20E+03": 1200,
        "12.0": 12, "+7": 7, "007": 7, "0": 0, "": None, "无": None, "/": None, "—": None, "——": None, "*": None, "-": None,
        "-1": None, "N/A": None, "NULL": None,
    }  # fmt: skip
    rows = schools(len(said))
    for row, text in zip(rows, said, strict=True):
        row["图书册数"] = text
    put_table(raw, suffix, grid(rows))
    assert read(con, raw).loaded == len(said), reasons(con)
    stored = [row[0] for row in con.execute("select books from raw.schools order by school_id").fetchall()]
    assert dict(zip(said, stored, strict=True)) == said


@pytest.mark.parametrize(("column", "expected"), [("图书册数", "应为整数"), ("运动场地面积", "应为数字")])
def test_18_what_is_no_number_is_unknown_and_listed_as_it_was(
    con: duckdb.DuckDBPyConnection, raw: Path, column: str, expected: str
) -> None:
    wrong = ["约400", "4OO", "1.2.3", "inf", "nan", "1e999", "12人", "0x10", "１２。5", "1 2", "--5", "true"]
    rows = schools(len(wrong))
    for row, text in zip(rows, wrong, strict=True):
        row[column] = text
    write_csv(raw / "demo/2023/schools.csv", rows)
    assert read(con, raw).loaded == len(wrong)
    cells = con.execute("select original, reason from raw.unread_cell order by row_number").fetchall()
    assert cells == [(text, f"“{column}”为“{text}”，{expected}：请改正") for text in wrong]


def test_18_a_code_that_a_spreadsheet_made_a_number_of_is_no_code(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """It names no school: neither one that is missing nor, where codes have letters, one that is there."""
    write_schools(raw)
    write_csv(raw / "demo/2023/teachers.csv", [TEACHER, TEACHER | {"教师编号": "T2", "学校标识码": "3.71502E+09"}])
    assert read(con, raw).quarantined == 1
    lost = "“学校标识码”为“3.71502E+09”，是科学记数法，后几位已经丢失：请把这一列设为文本格式，再填完整的代码"
    assert reasons(con) == [f"demo/2023/teachers.csv 第 3 行：{lost}"]
