"""Plans: carried out they do what they say, and nothing cheaper, or fewer, would do."""

import heapq
import itertools
import math
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from aimed_schools import Plan, passes, plan
from drawn_counties import (
    NATIONAL,
    SHARED,
    SPLIT,
    STAGED,
    STAGES,
    County,
    Marts,
    Row,
    Standards,
    amount,
    build_marts,
    exact,
    few,
    open_marts,
    part,
    same,
    scale,
    some,
    spread,
    stages_of,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize


def added(school: Row, stage: str, indicator: str, units: int) -> Row:
    """The school with so many more teachers of the stage, rooms, m² or yuan."""
    column = f"{stage}_{STAGED[indicator]}" if indicator in STAGED else SPLIT[indicator]
    figure = (exact(school[column]) or 0) + units * Fraction(1, 10000 if column == "equipment_value_wan_yuan" else 1)
    return {**school, column: int(figure) if figure.denominator == 1 else float(figure)}


@pytest.fixture(scope="module")
def costs(home: Path) -> dict[str, Fraction]:
    with open_marts(home) as con:
        rows = con.execute("select indicator_id, unit_cost_yuan::varchar from seeds.unit_costs").fetchall()
    return {indicator: Fraction(cost) for indicator, cost in rows}


def cheapest(school: Row, standards: Standards, costs: dict[str, Fraction]) -> Fraction:
    """By trying everything: in each stage one indicator, or none, stays at 85%; shared resources serve both stages."""
    stages = stages_of(school)

    def need(stage: str, indicator: str, left: str | None) -> int:
        has, standard = amount(school, stage, indicator), standards[indicator, stage]
        aim = standard.floor if indicator == left else standard.threshold
        lack = aim * school[f"{stage}_pupils"] / scale(indicator) - (has if has is not None else math.inf)
        return max(0, math.ceil(lack / (part(school, stage) if indicator in SHARED else 1))) if has is not None else 0

    totals = []
    for choice in itertools.product([None, *NATIONAL], repeat=len(stages)):
        needs = {i: [need(s, i, left) for s, left in zip(stages, choice, strict=True)] for i in NATIONAL}
        totals.append(sum((costs[i] * (max(n) if i in SHARED else sum(n)) for i, n in needs.items()), Fraction(0)))
    return min(totals)


def test_a_school_passes_with_its_plan_and_none_is_cheaper(
    home: Path, standards: Standards, costs: dict[str, Fraction]
) -> None:
    left, planned = 0, 0

    @few
    @given(plans=st.lists(plan(SHORT), min_size=40, max_size=60).filter(lambda plans: plans[0] != plans[-1]))
    def law(plans: list[Plan]) -> None:
        nonlocal left, planned
        schools = [plan.school(standards) for plan in plans]
        marts = build_marts(home, {"c": schools})
        for number, school in enumerate(schools):
            after, cost = school, 0.0
            for stage, indicator in itertools.product(stages_of(school), NATIONAL):
                ours = marts.plans.get((f"c-{number}", stage, indicator))
                if ours and ours["pass_units"]:
                    after = added(after, stage, indicator, ours["pass_units"])
                    cost += ours["pass_cost_yuan"]
                left += bool(ours and ours["is_left_at_floor"])
            assert same(cost, float(cheapest(school, standards, costs))), (school, cost)
            assert all(passes(after, stage, standards) is not False for stage in stages_of(school)), (school, after)
            planned += cost > 0

    law()
    assert left and planned


def failures(marts: Marts, code: str) -> tuple[int, int]:
    """Schools of a county that do not pass, and coefficients above their limit."""
    schools = [row for row in marts.schools.values() if row["county_code"] == code]
    judged = [row for (county, *_), row in marts.balance.items() if county == code and row["limit_value"] is not None]
    above = [row for row in judged if round(row["difference_coefficient"] or 0, 12) > row["limit_value"]]
    return sum(row["is_passed"] is False for row in schools), len(above)


def test_a_county_plan_carried_out_leaves_what_it_says(
    home: Path, costs: dict[str, Fraction], standards: Standards
) -> None:
    """Its additions handed in as figures of the schools: the models find what it said would fail then, and no more."""
    mended = 0

    @few
    @given(drawn=some(st.lists(plan(SHORT), min_size=4, max_size=14)))
    def law(drawn: dict[str, list[Plan]]) -> None:
        nonlocal mended
        counties = {code: [plan.school(standards) for plan in plans] for code, plans in drawn.items()}
        marts = build_marts(home, counties)
        after, paid = {}, dict.fromkeys(counties, Fraction(0))
        for code, schools in counties.items():
            after[code] = list(schools)
            for number, school in enumerate(schools):
                for indicator, stages in itertools.product(NATIONAL, [stages_of(school)]):
                    found = [marts.plans.get((f"{code}-{number}", stage, indicator)) for stage in stages]
                    units = [max(row["pass_units"] or 0, row["balance_units"]) if row else 0 for row in found]
                    bought = [(stages[0], max(units))] if indicator in SHARED else zip(stages, units, strict=True)
                    for stage, more in bought:
                        if more:
                            after[code][number] = added(after[code][number], stage, indicator, more)
                        paid[code] += costs[indicator] * more
        again = build_marts(home, after)
        for code in counties:
            ours = marts.county_plans[code,]
            assert (ours["failed_school_count"], ours["failed_coefficient_count"]) == failures(marts, code)
            left = (ours["failed_school_count_after"], ours["failed_coefficient_count_after"])
            assert left == failures(again, code) and left[0] == 0, (ours, counties[code])
            assert same(ours["cost_yuan"], float(paid[code])), ours
            mended += ours["failed_coefficient_count"] - left[1]

    law()
    assert mended


SHORT = ("ample",) * 3 + ("met", "just missed", "at 85%", "just below 85%", "far below", "far below", "not reported")


RAISED = ("backbone_teachers_per_100", "multimedia_rooms_per_100", "equipment_value_per_pupil")


def uneven(turn: random.Random) -> County:
    """A county whose coefficients are far above their limits as a rule; some of its schools have both stages."""
    kinds = turn.choice((["211"], ["211"], ["311"], ["311"], ["211", "211", "312"]))
    schools = []
    for _ in range(turn.randint(2, 12)):
        kind = turn.choice(kinds)
        row: Row = {"school_type": kind, "urban_rural_code": "121", "indoor_sports_area_m2": 0}
        for name in STAGES[kind]:
            row[f"{name}_pupils"] = turn.choice((turn.randint(5, 80), turn.randint(80, 3000)))
            row[f"{name}_backbone_teachers"] = round(row[f"{name}_pupils"] / 100 * turn.lognormvariate(0, 1))
        pupils = sum(row[f"{name}_pupils"] for name in STAGES[kind])
        row["multimedia_rooms"] = round(pupils / 50 * turn.lognormvariate(0, 1))
        row["equipment_value_wan_yuan"] = round(pupils / 5 * turn.lognormvariate(0, 1), 4)
        schools.append({**dict.fromkeys(SHARED.values()), **row})
    return schools


def least_units(has: list[float], pupils: list[int], limit: float) -> int:
    """Units one at a time, each where the squares grow least: for every number of units the most even county."""
    x, count = np.array(has), 0
    queue = [((x[i] + 0.5) / pupils[i], i) for i in range(len(x))]
    heapq.heapify(queue)
    while coefficient(x, pupils) > limit + 1e-12:
        _, i = heapq.heappop(queue)
        x[i] += 1
        count += 1
        heapq.heappush(queue, ((x[i] + 0.5) / pupils[i], i))
    return count


def coefficient(x: np.ndarray, pupils: Sequence[int]) -> float:
    p = np.array(pupils)
    mean = x.sum() / p.sum()
    return math.sqrt(np.average((x / p - mean) ** 2, weights=p)) / mean


def least_total(has: list[float], pupils: list[int], shares: list[float], limit: float) -> float:
    """The optimum in parts of units, of which a stage gets its share, by scipy: a cone is convex, so it is the only one."""
    y, w, share = np.array(has) / sum(has), np.array(pupils) / sum(pupils), np.array(shares)
    widest = math.sqrt(1 + limit**2)  # CV ≤ limit where the norm of y / sqrt(w) is at most this many times the sum of y

    def room(more: np.ndarray) -> float:
        return widest * (1 + float(share @ more)) - math.sqrt(((y + share * more) ** 2 / w).sum())

    def slope(more: np.ndarray) -> np.ndarray:
        level = (y + share * more) / w
        return share * (widest - level / math.sqrt((w * level**2).sum()))

    outcome = minimize(
        np.sum,
        np.maximum(w * (y / w).max() - y, 0) / share,
        jac=np.ones_like,
        bounds=[(0, None)] * len(y),
        constraints={"type": "ineq", "fun": room, "jac": slope},
        method="SLSQP",
        options={"maxiter": 1000},
    )
    assert outcome.success and room(outcome.x) > -1e-6, outcome
    return outcome.fun * sum(has)


def test_the_lowest_schools_are_raised_until_the_limit_holds_and_no_further(home: Path, standards: Standards) -> None:
    """The plan applied holds the limit, without any one of its units it does not, and no plan is cheaper."""
    turn = random.Random(5)
    counties = {f"{number:03}": uneven(turn) for number in range(280)}
    marts = build_marts(home, counties)
    exact_optima = optima = shared = 0
    for code, schools in counties.items():
        for stage, indicator in itertools.product(("primary", "junior"), RAISED):
            listed = {n: s for n, s in enumerate(schools) if stage in STAGES[s["school_type"]]}
            before = spread(listed.values(), stage, indicator)["difference_coefficient"]
            units = {
                n: plan["balance_units"] for n in listed if (plan := marts.plans.get((f"{code}-{n}", stage, indicator)))
            }
            gap, limit = marts.gaps.get((code, stage, indicator)), float(standards[indicator, stage].limit)
            if before is None or before <= limit + 1e-12:
                assert not any(units.values()) and (gap is None or gap["coefficient_after"] == pytest.approx(before))
                continue
            assert gap is not None and gap["balance_units"] == sum(units.values()) > 0
            after = [added(s, stage, indicator, units.get(n, 0)) for n, s in listed.items()]
            reached = spread(after, stage, indicator)["difference_coefficient"]
            assert reached is not None and reached <= limit + 1e-12 and same(gap["coefficient_after"], reached), gap
            has = [float(amount(s, stage, indicator) or 0) for s in listed.values()]
            pupils = [s[f"{stage}_pupils"] for s in listed.values()]
            shares = [float(part(s, stage)) if indicator in SHARED else 1.0 for s in listed.values()]
            if indicator == "equipment_value_per_pupil":
                optima, shared = optima + 1, shared + (min(shares) < 1)
                assert gap["balance_units"] == pytest.approx(least_total(has, pupils, shares, limit), rel=0.01), gap
            for n in (n for n in units if units[n]):
                less = [added(s, stage, indicator, units.get(i, 0) - (i == n)) for i, s in listed.items()]
                assert (spread(less, stage, indicator)["difference_coefficient"] or 0) > limit, (gap, schools)
            if indicator != "equipment_value_per_pupil" and min(shares) == 1:
                exact_optima += 1
                assert gap["balance_units"] == least_units(has, pupils, limit), (gap, schools)
    assert optima >= 200 and exact_optima >= 200 and shared >= 40, (optima, exact_optima, shared)
