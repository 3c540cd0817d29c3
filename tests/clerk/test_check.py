"""junheng check: what is wrong is said and marked in its own cell, and nothing is loaded, lost or let out."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from helpers import ROOT, command, environment, junheng, schools, write_csv, write_regions
from marked_copies import FINDINGS, HEADERS, bad_schools, copy_of, links, marks, said
from openpyxl import Workbook

from dagster_project.clerk.check import check
from dagster_project.cli import main

IDENTITY, TELEPHONE = "371502199001011237", "13812345678"


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


def test_a_raw_folder_of_the_demo_is_clean() -> None:
    assert said(ROOT / "raw" / "wenshang" / "2023", out=ROOT / "no such folder").endswith("没有问题")


def test_who_has_seen_enough_is_told_no_error(folder: Path) -> None:
    """As with `junheng check … | head -1`."""
    path = write_csv(folder / "schools.csv", [row | {"图书册数": "无数"} for row in schools(30)])
    with subprocess.Popen(
        command("check", path, "--out", folder / "out"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        assert not running.stderr.read()


def test_the_command_teaches(tmp_path: Path) -> None:
    taught = junheng("check", "--help").stdout
    examples = [line for line in taught.splitlines() if "junheng check " in line]
    assert len(examples) == 2 and "不载入" in taught and "--out" in taught
    assert "junheng check" in junheng("--help").stdout
    write_regions(tmp_path / "raw", "regions: [\n")
    broken = write_csv(tmp_path / "raw" / "demo" / "2023" / "schools.csv", schools())
    outcome = junheng("check", broken)
    assert outcome.returncode == 1 and "不是有效的 YAML" in outcome.stderr and "Traceback" not in outcome.stderr
