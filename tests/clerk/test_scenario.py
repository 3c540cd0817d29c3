"""A scenario: the year as handed in beside the year as it would be, told by the arithmetic of their schools, and nothing else touched."""

import csv
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import junheng, schools

STEPS = """动作,学校标识码,另一学校标识码,栏目,数量
撤销,3715020001,,,
并入,3715020002,3715020003,,
新建,3715020099,3715020003,,
增减,3715020099,,小学在校生数,450
增减,3715020099,,小学专任教师数,30
增减,3715020099,,小学县级及以上骨干教师数,9
add,3715020004,,primary_pupils,-37
分流,3715020005,3715020004,小学在校生数,20
限额,3715020006,,小学在校生数,600
"""


def coefficient(pairs: Sequence[tuple[float, float]]) -> float:
    """Of figures and pupils, by the definition."""
    mean = sum(x for x, _ in pairs) / sum(p for _, p in pairs)
    return math.sqrt(sum(p * (x / p - mean) ** 2 for x, p in pairs) / sum(p for _, p in pairs)) / mean


def read(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_both_sides_are_what_their_schools_say(county: Callable[..., Path], tmp_path: Path) -> None:
    raw, plan = county(), tmp_path / "撤并.csv"
    plan.write_text(STEPS, "utf-8")
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in raw.rglob("*") if path.is_file()}
    outcome = junheng("scenario", "demo", "2023", plan, "--raw", raw, "--out", tmp_path / "out")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert before == {path: hashlib.sha256(path.read_bytes()).digest() for path in raw.rglob("*") if path.is_file()}

    key = "小学县级及以上骨干教师数", "小学在校生数"
    now = [(row[key[0]], row[key[1]]) for row in schools()]
    merged = now[1][0] + now[2][0], now[1][1] + now[2][1]
    then = [merged, (now[3][0], now[3][1] - 37 + 20), (now[4][0], now[4][1] - 20), (now[5][0], 600), (9, 450)]
    rows = {
        row["indicator_id"]: row for row in read(tmp_path / "out" / "coefficients.csv") if row["stage"] == "primary"
    }
    ours = rows["backbone_teachers_per_100"]
    assert len(rows) == 7
    assert float(ours["actual"]) == pytest.approx(coefficient(now), abs=1e-12)
    assert float(ours["planned"]) == pytest.approx(coefficient(then), abs=1e-12)

    [pupils] = [row for row in read(tmp_path / "out" / "pupils.csv") if row["stage"] == "primary"]
    assert float(pupils["actual"]) == sum(p for _, p in now)
    assert float(pupils["planned"]) == sum(p for _, p in then)

    [verdict] = read(tmp_path / "out" / "verdicts.csv")
    assert "新建学校3715020099" in verdict["planned_reasons"]
    assert "新建学校3715020099" not in verdict["actual_reasons"]
    gap = {row["indicator_id"]: row for row in read(tmp_path / "out" / "gaps.csv") if row["stage"] == "primary"}
    area = gap["teaching_area_per_pupil"]  # the new school has none, and one indicator may stay at 85 %
    assert int(area["planned_to_pass"]) > int(area["actual_to_pass"])


def test_a_merged_school_has_the_teachers_of_both_rosters(county: Callable[..., Path], tmp_path: Path) -> None:
    """No school reports backbone teachers: they are counted from the roster, of which the closed school's is gone."""
    key, plan = "小学县级及以上骨干教师数", tmp_path / "并校.csv"
    rosters = {row["学校标识码"]: 2 + number for number, row in enumerate(schools())}
    teachers = [
        {
            "教师编号": f"{school}{i}",
            "学校标识码": school,
            "学段": "小学",
            "骨干教师级别": "县级" if i < count else "无",
        }
        for school, count in rosters.items()
        for i in range(20)
    ]
    listed = [{name: cell for name, cell in row.items() if name != key} for row in schools()]
    plan.write_text("动作,学校标识码,另一学校标识码\n撤销,3715020001,\n并入,3715020002,3715020003\n", "utf-8")
    raw = county(schools=listed, teachers=teachers)
    outcome = junheng("scenario", "demo", "2023", plan, "--raw", raw, "--out", tmp_path / "out")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    now = [(rosters[row["学校标识码"]], row["小学在校生数"]) for row in schools()]
    then = [(now[1][0] + now[2][0], now[1][1] + now[2][1]), *now[3:]]
    rows = read(tmp_path / "out" / "coefficients.csv")
    [ours] = [row for row in rows if row["indicator_id"] == "backbone_teachers_per_100"]
    assert float(ours["actual"]) == pytest.approx(coefficient(now), abs=1e-12)
    assert float(ours["planned"]) == pytest.approx(coefficient(then), abs=1e-12)


def test_a_year_is_judged_by_the_rules_of_another(county: Callable[..., Path], tmp_path: Path) -> None:
    """Of the shipped rules none that judges differs from year to year: both sides are the same, of every county; that dated rows
    change it is tests/transform/test_standard.py."""
    raw = county()
    outcome = junheng("scenario", "demo", "2023", "--rules", "2024", "--raw", raw, "--out", tmp_path / "out")
    assert outcome.returncode == 0 and "按 2024 学年的规则评判" in outcome.stdout, outcome.stdout + outcome.stderr
    rows = read(tmp_path / "out" / "coefficients.csv")
    assert len(rows) >= 7 and all(row["actual"] == row["planned"] for row in rows)
    outcome = junheng("scenario", "demo", "2023", "--raw", raw)
    assert outcome.returncode == 1 and "--rules" in outcome.stderr


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("撤销,3715029999,,,", "第 2 行：学校表里没有学校“3715029999”"),
        ("搬迁,3715020001,,,", "第 2 行：不认识的动作“搬迁”"),
        ("并入,3715020001,3715020001,,", "一所学校不能并入自己"),
        ("新建,3715020001,3715020002,,", "已有学校用了"),
        ("增减,3715020001,,小学在校生数,-9999", "小学在校生数现为 437，减不了 9999"),
        ("增减,3715020001,,初中在校生数,10", "没有填报初中在校生数"),
        ("增减,3715020001,,学校名称,10", "没有可以增减的栏目“学校名称”"),
        ("增减,3715020001,,小学在校生数,1.5", "数量“1.5”不是整数"),
        ("", "没有一行措施"),
    ],
)
def test_a_step_that_cannot_be_taken_is_refused(
    step: str, said: str, county: Callable[..., Path], tmp_path: Path
) -> None:
    plan = tmp_path / "撤并.csv"
    plan.write_text(f"动作,学校标识码,另一学校标识码,栏目,数量\n{step}\n", "utf-8")
    outcome = junheng("scenario", "demo", "2023", plan, "--raw", county())
    assert outcome.returncode == 1 and said in outcome.stderr, outcome.stdout + outcome.stderr
