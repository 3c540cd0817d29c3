"""Transfers: no fewer teachers could move, by trying every assignment and by a solver."""

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from drawn_counties import (
    County,
    Marts,
    Row,
    Standard,
    Standards,
    build_marts,
    primary,
    same,
    spread,
    staffed,
    stage_of,
)
from scipy.optimize import Bounds, LinearConstraint, milp


class Problem(NamedTuple):
    """What a county has of backbone teachers, in whole numbers."""

    has: list[int]
    pupils: list[int]
    least: list[int]  # what each school must keep
    standard: Standard

    def squares(self, after: Sequence[int]) -> Fraction:
        """CV² + 1, by the definition: Σ (P_i / P_N) (X_i / X̄)²."""
        whole, total = sum(self.pupils), sum(self.has)
        return sum(
            (Fraction(x * x * whole, p * total * total) for x, p in zip(after, self.pupils, strict=True)), Fraction(0)
        )

    def holds(self, after: Sequence[int]) -> bool:
        return self.squares(after) <= 1 + self.standard.limit**2


def problem(schools: County, standards: Standards) -> Problem:
    stage = stage_of(schools)
    standard = standards["backbone_teachers_per_100", stage]
    has = [school[f"{stage}_backbone_teachers"] for school in schools]
    pupils = [school[f"{stage}_pupils"] for school in schools]
    floors = [math.ceil(standard.threshold * p / 100) for p in pupils]
    return Problem(has, pupils, list(map(min, has, floors)), standard)


def fewest_moves(given: Problem) -> tuple[int | None, Fraction]:
    """By trying every whole assignment: the fewest moves that hold the limit, if any, and the least CV² + 1."""
    best, lowest = None, given.squares(given.has)

    def assign(after: list[int], left: int) -> None:
        nonlocal best, lowest
        i = len(after)
        if i == len(given.has) - 1:
            if left < given.least[i]:
                return
            after = [*after, left]
            lowest = min(lowest, given.squares(after))
            moves = sum(max(0, x - y) for x, y in zip(given.has, after, strict=True))
            if (best is None or moves < best) and given.holds(after):
                best = moves
            return
        for number in range(given.least[i], left + 1):
            assign([*after, number], left - number)

    assign([], sum(given.has))
    return best, lowest


def moved(given: Problem, code: str, schools: County, marts: Marts) -> list[int]:
    """The teachers of each school after the moves."""
    after = list(given.has)
    for (stage, indicator, *ends), move in marts.moves.items():
        if move["county_code"] == code and indicator == "backbone_teachers_per_100":
            assert stage == stage_of(schools)
            for end, sign in zip(ends, (-1, 1), strict=True):
                after[int(end.split("-")[1])] += sign * move["teachers"]
    return after


def check_transfer(given: Problem, code: str, schools: County, marts: Marts) -> Row:
    """Whoever gives keeps to the threshold, and the moves applied to the schools hold the limit by the definition."""
    stage = stage_of(schools)
    ours = marts.transfers[code, stage, "backbone_teachers_per_100"]
    after = moved(given, code, schools, marts)
    assert sum(after) == sum(given.has) and all(y >= low for y, low in zip(after, given.least, strict=True)), ours
    assert sum(max(0, x - y) for x, y in zip(given.has, after, strict=True)) == (ours["teachers_moved"] or 0), ours
    if ours["status"] == "optimal":
        rows = [{**s, f"{stage}_backbone_teachers": y} for s, y in zip(schools, after, strict=True)]
        reached = spread(rows, stage, "backbone_teachers_per_100")["difference_coefficient"]
        assert given.holds(after) and same(ours["coefficient_after"], reached), (ours, schools)
    return ours


def test_no_fewer_teachers_could_move(home: Path, standards: Standards) -> None:
    """In counties so small that every assignment can be tried: the fewest moves, or the proof that none would do."""
    turn = random.Random(11)
    counties = {f"{number:03}": staffed(turn, turn.randint(2, 5), 9) for number in range(300)}
    marts, seen = (
        build_marts(home, counties),
        dict.fromkeys(("optimal", "infeasible", "not_needed", "not_evaluable"), 0),
    )
    for code, schools in counties.items():
        given = problem(schools, standards)
        ours = check_transfer(given, code, schools, marts)
        seen[ours["status"]] += 1
        if ours["status"] == "not_evaluable":
            assert sum(given.has) == 0 and ours["null_reason"]
            continue
        best, lowest = fewest_moves(given)
        assert ours["teachers_moved"] == best, (ours, schools)
        assert ours["status"] == ("infeasible" if best is None else "not_needed" if best == 0 else "optimal")
        assert (ours["null_reason"] is None) == (best is not None)
        if best != 0:
            assert ours["least_coefficient"] == pytest.approx(math.sqrt(lowest - 1), abs=1e-9), (ours, schools)
    assert seen["optimal"] >= 50 and seen["infeasible"] >= 20 and seen["not_needed"] >= 20, seen


def fewest_by_milp(given: Problem) -> int | None:
    """One 0/1 unknown a teacher who may leave or come, in units of what CV² lacks; HiGHS proves its optimum."""
    rooms = [
        (-1, x - n, p) for x, low, p in zip(given.has, given.least, given.pupils, strict=True) for n in range(x - low)
    ]
    rooms += [(1, x + n, p) for x, p in zip(given.has, given.pupils, strict=True) for n in range(sum(given.has) // 4)]
    sides = np.array([side for side, _, _ in rooms])
    lack = float(given.squares(given.has) - 1 - given.standard.limit**2)
    unit = sum(given.pupils) / sum(given.has) ** 2 / lack
    gains = np.array([unit * (x * x - (x + side) ** 2) / p for side, x, p in rooms])
    outcome = milp(
        (sides < 0).astype(float),
        integrality=np.ones_like(sides),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(sides[None, :], 0, 0), LinearConstraint(gains[None, :], 1, np.inf)],
        options={"mip_rel_gap": 0, "time_limit": 20},
    )
    assert outcome.status in (0, 2), outcome.message
    return None if outcome.status == 2 else round(outcome.fun)


def test_a_solver_finds_the_same_number_of_moves(home: Path, standards: Standards) -> None:
    turn = random.Random(12)
    counties = {f"{number:03}": staffed(turn, turn.randint(8, 30), 25) for number in range(60)}
    marts, solved = build_marts(home, counties), 0
    for code, schools in counties.items():
        given = problem(schools, standards)
        ours = check_transfer(given, code, schools, marts)
        if ours["status"] in ("optimal", "infeasible"):
            solved += ours["status"] == "optimal"
            assert ours["teachers_moved"] == fewest_by_milp(given), (ours, schools)
    assert solved >= 20, solved


def test_teachers_that_are_not_reported_are_not_moved(home: Path) -> None:
    """One school without a figure, and more teachers than are solved, are reasons; a school at its threshold gives nobody."""
    teachers = {"missing": (90, 1, None), "many": (90_000, 1, 200_000), "edge": (10, 1, 1)}
    counties = {
        code: [primary(1000, primary_backbone_teachers=x) if x is not None else primary(1000) for x in has]
        for code, has in teachers.items()
    }
    marts = build_marts(home, counties)
    found = {code: marts.transfers[code, "primary", "backbone_teachers_per_100"] for code in counties}
    assert {code: row["status"] for code, row in found.items()} == {
        "missing": "not_evaluable", "many": "not_solved", "edge": "infeasible"
    }  # fmt: skip
    assert found["missing"]["null_reason"].startswith("1所学校缺少数据")
    assert found["many"]["null_reason"] == "全县这类教师超过100000人，没有求解"
    assert found["edge"]["null_reason"] == "只在校际间调配，差异系数最低为1.061，仍高于限值0.5"
    assert not marts.moves
