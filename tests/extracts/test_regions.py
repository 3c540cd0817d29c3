"""raw/regions.yml and the folders beside it: what is wrong is said by line, and stops its own region alone."""

import re
from datetime import date
from pathlib import Path

import pytest
from helpers import schools, write_csv

from dagster_project.extracts.regions import RegionsError, find_partitions, partition_files, read_regions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regions: [\n", "不是有效的 YAML"),
        ("regions:\n  - {id: 'a/../b'}\n", "第 2 行：id 须由英文字母"),
        ("regions:\n  - {name_zh: 无名}\n", "第 2 行：id 须由英文字母"),
        ("regions: {a: 1}\n", "顶层应是 regions: 下的一个列表"),
        ("regions: 2024-99-99\n", "不是有效的 YAML"),
    ],
)
def test_a_wrong_regions_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "regions.yml").write_text(text, encoding="utf-8")
    with pytest.raises(RegionsError, match=re.escape(message)):
        read_regions(tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{id: a, 名称: x}", "第 3 行，区域 a：不认识的字段 名称"),
        ("{id: a, counties: [370828]}", "第 3 行，区域 a：counties 应写县代码: 县名，现在是“[370828]”"),
        ("{id: a, refresh: 每天2点}", "refresh 应写cron 时间，如 '0 2 * * *'（每天 2 点），现在是“每天2点”"),
        ("{id: a, refresh: 61 2 * * *}", "refresh 应写cron"),
        ("{id: a, refresh: 0 2 30 2 *}", "refresh 应写cron"),
        ("{id: a, refresh: 0 2 31 4 *}", "refresh 应写cron"),
        ("{id: a, school_id_pattern: '('}", "school_id_pattern 应写正则表达式"),
        ("{id: a, school_id_pattern: '(?=x)'}", "school_id_pattern 应写正则表达式"),  # Python's, not DuckDB's
        ("{id: a, deadline: 10月15日}", "第 3 行，区域 a：deadline 应写截止的月-日，如 '10-15'"),
        ("{id: a, deadline: 02-29}", "deadline 应写截止的月-日"),
        ("{id: a, deadline: {2023: 2023-10}}", "deadline 应写截止的月-日，如 '10-15'，或各学年的日期"),
        ("{id: a, deadline: {23: 2023-10-15}}", "deadline 应写截止的月-日"),
        ("{id: a, deadline: {2023: 2023-10-15 08:00:00}}", "deadline 应写截止的月-日"),
        ("{id: a, rules_of: 今年}", "rules_of 应写学年，如 2024"),
        ("{id: a, rules_of: 24}", "rules_of 应写学年，如 2024"),
        ("{id: a, documents: LC}", "documents 应写文件代号的列表"),
        ("{id: a, documents: [LC, RX]}", "documents 里没有登记过的文件 RX：请改正，可选的有 HM、JZ、LC"),
        ("{id: a, reference_month_day: 02-30}", "reference_month_day 应写月-日"),
        ("{id: a, synthetic: 是}", "synthetic 应写true 或 false"),
        ("{id: a, name_zh: [x]}", "name_zh 应写文字"),
        ("{id: a}\n  - {id: a}", "区域 id“a”出现了两次"),
    ],
)
def test_a_wrong_entry_is_its_regions_problem(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "regions.yml").write_text(
        f"regions:\n  - {{id: fine, refresh: '*/5 8-18 * * 1-5'}}\n  - {entry}\n", "utf-8"
    )
    found = read_regions(tmp_path)
    assert found["fine"].problem is None and message in (found["a"].problem or "")


def test_a_deadline_is_a_day_of_each_school_year(tmp_path: Path) -> None:
    """A month before the reference day is one of the next calendar year."""
    entries = [
        "{id: a, deadline: 10-15}",
        "{id: b, deadline: '03-31'}",
        "{id: c, deadline: {2023: 2023-11-01, 2024: '2024-10-31'}}",
        "{id: d}",
    ]
    (tmp_path / "regions.yml").write_text("regions:\n" + "".join(f"  - {each}\n" for each in entries), "utf-8")
    found = read_regions(tmp_path)
    assert [found[id].problem for id in "abcd"] == [None] * 4
    due = {id: [found[id].due(year) for year in (2023, 2024, 2025)] for id in "abcd"}
    assert due == {
        "a": [date(2023, 10, 15), date(2024, 10, 15), date(2025, 10, 15)],
        "b": [date(2024, 3, 31), date(2025, 3, 31), date(2026, 3, 31)],
        "c": [date(2023, 11, 1), date(2024, 10, 31), None],
        "d": [None, None, None],
    }


def test_regions_that_name_one_county_are_both_stopped(tmp_path: Path) -> None:
    entries = ["{id: a, counties: {'1': x}}", "{id: b, counties: {'1': x}}", "{id: c, counties: {'2': x}}"]
    (tmp_path / "regions.yml").write_text("regions:\n" + "".join(f"  - {each}\n" for each in entries), "utf-8")
    problems = {region.id: region.problem for region in read_regions(tmp_path).values()}
    assert problems["c"] is None and problems["a"] == problems["b"]
    assert "县 1 同时属于 a 和 b，一个县只能属于一个区域" in (problems["a"] or "")


def test_a_file_where_a_folder_should_be_is_its_regions_problem(tmp_path: Path) -> None:
    (tmp_path / "regions.yml").write_text("regions:\n  - {id: a}\n  - {id: b}\n  - {id: c}\n", "utf-8")
    (tmp_path / "a").touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2023").touch()
    (tmp_path / "c" / "aliases.csv").mkdir(parents=True)
    found = read_regions(tmp_path)
    assert [(found[name].problem or "").partition("应是")[2][:3] for name in "abc"] == ["文件夹", "文件夹", "一个 "]
    assert find_partitions(tmp_path) == []


def test_a_year_without_a_file_has_not_begun_and_what_windows_leaves_is_no_file(tmp_path: Path) -> None:
    """The next year's folder may stand there empty; a folder that was looked into holds Thumbs.db."""
    report = write_csv(tmp_path / "a" / "2023" / "schools.csv", schools(1))
    (tmp_path / "a" / "2024" / "forms").mkdir(parents=True)
    for name in ("Thumbs.db", "desktop.ini", "~$schools.xlsx", ".DS_Store"):
        (tmp_path / "a" / "2023" / name).touch()
        (tmp_path / "a" / "2024" / name).touch()
    assert find_partitions(tmp_path) == [("a", 2023)]
    assert partition_files(tmp_path, "a", 2023) == [report]
