"""The demo as it is judged and told: its counties, its regions and items as their parts, and every figure of a sentence from its mart."""

import math
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from dagster_project.orchestration import summary


def test_the_demo_has_counties_of_every_kind(demo_home: Path) -> None:
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        rows = con.execute(
            "select verdict, count(*), bool_and(government_met_count + government_failed_count <= 15),"
            " bool_and(verdict <> 'met' or (government_met_count, quality_met_count, reasons) = (15, 9, null))"
            " from mart_county_verdict where school_year = 2023 group by verdict order by verdict"
        ).fetchall()
        assert [row[:2] for row in rows] == [("met", 7), ("not_met", 12)] and all(row[2] for row in rows)
        assert con.execute("select sum(areas_eased) from mart_standard_item").fetchone() == (0,)
        assert con.execute(
            "select count(distinct item_id) from mart_standard_item where standard_id = 'quality_2017'"
        ).fetchone() == (34,)


def test_the_demo_contradicts_itself_nowhere_but_where_it_means_to(demo_home: Path) -> None:
    """Large classes and a roster that lacks a teacher are planted; what its counties say of themselves agrees with their schools."""
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        found = con.execute(
            "select check_id, min(school_id) is not null from marts.mart_data_check group by all"
        ).fetchall()
    planted = {"largest_class", "roster_backbone_teachers", "roster_pe_arts_teachers"}
    assert {check for check, _ in found} == planted and all(of_a_school for _, of_a_school in found)


def test_who_enters_is_who_was_born_and_has_moved_in(demo: Path) -> None:
    """Of the handed-in facts by hand; the demo's births of a year before came true in the class roster."""
    with duckdb.connect(str(demo / "home/releases/current/junheng.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select region_id, entrants_basis, school_year, projected_year - school_year, sum(pupils), sum(projected_pupils)"
            " from marts.mart_enrolment_projection where grade = 1 group by all"
        ).fetchall()
    assert {(region, basis) for region, basis, *_ in rows} == {
        ("wenshang", "births_and_migration"), ("haimen", "births"),
        ("liaocheng", "constant"), ("qingyuan", "constant"), ("jinzhou_county_city", "constant"),
    }  # fmt: skip
    in_grade_1 = {(region, year): pupils for region, _, year, _, pupils, _ in rows}
    projected = {(region, year, ahead): pupils for region, _, year, ahead, _, pupils in rows}
    for region, years in {"wenshang": range(2019, 2024), "haimen": range(2021, 2024)}.items():
        for year in years:
            facts = pd.read_excel(demo / f"raw/{region}/{year}/facts.xlsx", dtype=str, engine="openpyxl")
            for ahead in range(1, 6):
                entering = facts["事实编号"].isin([f"{kind}_entering_in_{ahead}y" for kind in ("births", "migrants")])
                assert facts["值"][entering].astype(int).sum() == projected[region, year, ahead]
            assert in_grade_1.get((region, year + 1), projected[region, year, 1]) == projected[region, year, 1]


def test_five_years_give_a_trend_its_interval(demo_home: Path) -> None:
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select region_id, min(year_count), count(*), count(interval_low) from marts.mart_indicator_trend"
            " where school_year = 2023 group by all"
        ).fetchall()
    for region, years, total, with_interval in rows:
        assert (years, with_interval) == ((5, total) if region == "wenshang" else (3, 0))


def test_regions_and_items_are_judged_as_their_parts(
    demo_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted a second time from counties and criteria; what the command prints of many counties is the mart."""
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        counted = con.sql("select * from mart_region_verdict order by all").fetchall()
        counties = con.sql(
            "select region_id, school_year, verdict, resource_verdict from mart_county_verdict"
        ).fetchall()
        items = con.sql("select county_code, school_year, item_id, is_met from mart_item_verdict").fetchall()
        criteria = con.sql(
            "select county_code, school_year, item_id, is_met from mart_standard_item"
            " where standard_id = 'quality_2017' and is_judged"
        ).fetchall()
    for region_id, year, total, *parts in counted:
        mine = [row[2:] for row in counties if row[:2] == (region_id, year)]
        said = [sum(row[i] == word for row in mine) for i in (0, 1) for word in ("met", "not_met", "not_evaluable")]
        assert (total, parts) == (len(mine), said)
    assert {row[:2] for row in counted} == {row[:2] for row in counties}
    judged: dict[tuple, set[bool | None]] = {}
    for *key, is_met in criteria:
        judged.setdefault(tuple(key), set()).add(is_met)
    said = {tuple(key): is_met for *key, is_met in items}
    assert said == {key: False if False in met else None if None in met else True for key, met in judged.items()}
    assert len(said) == len(items) > 0
    monkeypatch.setenv("JUNHENG_HOME", str(demo_home))
    monkeypatch.setattr(summary, "LONGEST_TABLE", 0)
    assert summary.summarise(None)
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("qingyuan ")]
    [newest] = [row for row in counted if row[:2] == ("qingyuan", 2023)]
    assert [int(cell) for cell in line.split()[1:]] == [2023, *newest[2:7]]


def test_the_standard_of_2012_differs_by_its_schools_alone(demo_home: Path) -> None:
    """Where no school is left out its coefficients are those of mart_county_balance, and elsewhere they are not."""
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        apart = con.execute(
            "select a.school_count = b.school_count, max(abs(a.difference_coefficient - b.difference_coefficient)), count(*)"
            " from mart_basic_balance a join mart_county_balance b using (region_id, school_year, county_code, stage, indicator_id)"
            " group by 1 order by 1 desc"
        ).fetchall()
    (_, same, all_there), (_, other, some_left_out) = apart
    assert same == pytest.approx(0, abs=1e-15) and all_there > 100
    assert other > 0.1 and some_left_out > 100


def test_every_stage_has_its_chinese_beside_it(demo_home: Path) -> None:
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        words = {"primary": "小学", "junior": "初中", "senior": "高中", "all": "全校", None: None}
        marts = con.sql("select table_name from duckdb_columns() where column_name = 'stage'").fetchall()
        assert len(marts) > 20
        for (mart,) in marts:
            told = con.sql(f"select distinct stage, stage_zh from marts.{mart}").fetchall()
            assert {stage: stage_zh for stage, stage_zh in told} == {stage: words[stage] for stage, _ in told}, mart


def test_figures_are_written_as_officials_write_them(demo_home: Path) -> None:
    """A share in percent, pupils a teacher as a ratio, a budget in 万元, a date with hyphens; each computed a second time."""
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select unit_zh, actual, actual_zh from marts.mart_standard_item where actual is not null and not rounding_flips"
            " union select unit_zh, actual, actual_zh from marts.mart_target_progress where actual is not null and not rounding_flips"
        ).fetchall()
    written: dict[str | None, set[str]] = {}
    for unit, actual, said in rows:
        written.setdefault(unit, set()).add(said)
        if unit in ("比例", "比值"):
            assert said == f"{math.floor(1000 * actual + 0.5000001) / 10:g}%", (actual, said)
        elif unit == "差异率":
            assert said == f"{math.floor(1000 * actual + 0.5000001) / 1000:g}"
        elif unit == "生师比":
            assert said == f"{math.floor(100 * actual + 0.5000001) / 100:g}:1"
        elif unit == "元（总额）":
            assert said == f"{math.floor(actual / 100 + 0.5000001) / 100:.10g}万元"
        elif unit not in ("日期", None):
            assert said.endswith(unit)
    assert all(re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", said) for said in written["日期"])
    assert written[None] == {"是", "否"} and "100%" in written["比例"]
    assert {"生师比", "元（总额）", "百分点", "倍"} <= written.keys()
    assert all(said.endswith("个百分点") for said in written["百分点"])


def test_a_county_is_told_in_a_dozen_sentences(demo_home: Path) -> None:
    """Each figure of a sentence is that of the mart which it comes from."""
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        here = "where (school_year, county_code) = (2023, '371522')"
        told = dict(con.execute(f"select sentence_no, sentence from mart_county_explanation {here}").fetchall())
        assert len(told) >= 11

        def one(query: str) -> tuple:
            return con.execute(query).fetchall()[0]

        failed, over = one(f"select failed_school_count, failed_coefficient_count from mart_county_verdict {here}")
        assert (
            told[1]
            == f"莘县2023学年没有达到优质均衡标准。资源配置：14所学校（一贯制学校分学段计）中{14 - failed}所达标、{failed}所未达标；"
            f"14项差异系数中{over}项超过限值。"
        )
        stage, indicator, coefficient = one(
            f"select stage, indicator_id, difference_coefficient from mart_county_balance {here}"
            " order by difference_coefficient / limit_value desc nulls last limit 1"
        )
        assert (stage, indicator) == ("junior", "sports_area_per_pupil") and f"差异系数{coefficient:.3f}，" in told[3]
        widest = f"{here} and (stage, indicator_id) = ('{stage}', '{indicator}')"
        share, without = one(
            "select sum(variance_share), max(coefficient_without) filter (variance_rank = 1)"
            f" from mart_variance_share {widest} and variance_rank <= 3"
        )
        assert f"，合计贡献{share:.0%}；" in told[4] and told[4].endswith(f"差异系数为{without:.3f}。")
        raised, floor, units, after = one(
            f"select raised_school_count, lowest_value_after, balance_units, coefficient_after from mart_county_gap {widest}"
        )
        assert f"最低的{raised}所学校补到{floor:.2f}平方米，共增加{units}平方米，差异系数降到{after:.3f}。" in told[9]
        estimates = con.execute(
            f"select difference_rate, ci_low, ci_high from mart_achievement_gap {here} and difference_rate is not null"
        ).fetchall()
        assert len(estimates) > 0
        for rate, low, high in estimates:
            side = "低于" if high < 0.15 else "不低于" if low >= 0.15 else "不能判断是否低于"
            assert f"{rate:.3f}（95%区间{low:.3f}至{high:.3f}），{side}0.15" in told[11]
        levels = "；".join(
            f"{subject}Ⅲ级、{rate}（{year}年）"
            for subject, rate, year in (
                ("语文", "0.149", 2022), ("数学", "0.156", 2021), ("英语", "0.131", 2022), ("科学", "0.118", 2020),
                ("体育与健康", "0.094", 2021), ("艺术", "0.127", 2022), ("德育", "0.082", 2020), ("心理健康", "0.088", 2021),
            )
        )  # fmt: skip
        assert told[11].startswith(f"国家监测各科最近一次的等级和校际差异率：{levels}。没有监测过：劳动。本局抽样自估")
        counted = [int(number) for number in re.findall(r"(\d+)项", told[12])]
        assert counted[0] == sum(counted[1:])
        late = one(
            "select count(*) from mart_target_progress where (region_id, school_year, status) = ('haimen', 2023, 'met_late')"
        )
        [(of_haimen,)] = con.execute(
            "select sentence from mart_county_explanation where (school_year, county_code, sentence_no) = (2023, '320684', 12)"
        ).fetchall()
        assert f"项已达到（{late[0]}项逾期）、" in of_haimen


def test_what_to_do_says_what_the_other_marts_say(demo_home: Path) -> None:
    """Each sentence told again from the marts that it is taken from."""
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        told: dict[tuple[Any, ...], dict[str, str]] = {}
        for *county, kind, sentence in con.sql(
            "select region_id, school_year, county_code, kind, sentence from mart_county_action"
        ).fetchall():
            told.setdefault(tuple(county), {})[kind] = sentence
        plans = con.sql(
            "select region_id, school_year, county_code, one_off_yuan, yearly_yuan, verdict, list(item_number order by item_number)"
            " filter (part = 'government' and not is_met) from mart_county_plan join mart_county_verdict using (region_id, school_year, county_code)"
            " join mart_item_verdict using (region_id, school_year, county_code) group by all"
        ).fetchall()
        moves = con.sql(
            "select region_id, school_year, county_code, list(teachers_moved) from mart_transfer_plan where status = 'optimal' group by all"
        ).fetchall()
        paces = con.sql(
            "select region_id, school_year, county_code, count(distinct stage || indicator_id) from mart_indicator_trend"
            " where figure = 'difference_coefficient' and outlook in ('reached', 'missed') and projected_value is not null group by all"
        ).fetchall()
    for *county, one_off, yearly, verdict, government in plans:
        said = told.get(tuple(county), {})
        for kind, yuan in (("one_off", one_off), ("yearly", yearly)):
            wan = Decimal(str(yuan / 10000)).quantize(Decimal("0.1"), ROUND_HALF_UP)
            assert (kind in said) == (yuan > 0) and (not yuan or said[kind].startswith(f"共{wan}万元：")), county
        assert ("left" in said) == (verdict != "met"), county
        if government:
            assert f"政府保障程度第{'、'.join(map(str, government))}项" in said["left"], county
    assert {tuple(county) for *county, _ in moves} == {c for c, said in told.items() if "→" in said.get("move", "")}
    for *county, teachers in moves:
        counts = [int(n) for n in re.findall(r"调(\d+)人（", told[tuple(county)]["move"])]
        assert sorted(counts) == sorted(teachers), county
    assert len(moves) > 3 and len(plans) > 50
    for *county, above in paces:
        assert f"现在超限的{above}项差异系数" in told[tuple(county)]["pace"], county
