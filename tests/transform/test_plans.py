"""Plans: carried out they do what they say, and nothing cheaper, or fewer, would do."""

import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from aimed_schools import Plan, passes, plan
from drawn_counties import (
    NATIONAL,
    SHARED,
    SPLIT,
    STAGED,
    STAGES,
    TEACHERS,
    County,
    Marts,
    Row,
    Standards,
    amount,
    build_marts,
    exact,
    few,
    load,
    names,
    open_marts,
    part,
    read_marts,
    same,
    scale,
    some,
    spread,
    stages_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from dagster_project.transform import build
from dagster_project.warehouse import tables


def added(school: Row, stage: str, indicator: str, units: int) -> Row:
    """The school with so many more teachers of the stage, rooms, m² or yuan."""
    if not units:
        return school
    column = f"{stage}_{STAGED[indicator]}" if indicator in STAGED else SPLIT[indicator]
    figure = (exact(school[column]) or 0) + units * Fraction(1, 10000 if column == "equipment_value_wan_yuan" else 1)
    return {**school, column: int(figure) if figure.denominator == 1 else float(figure)}


class Prices(NamedTuple):
    """Of seeds/unit_costs.csv: yuan a unit, once or every year."""

    own: dict[str, Fraction]  # an indicator's own way; of teachers, to train one who is in post
    shared: dict[str, Fraction]  # what serves every indicator of teachers: move, hire
    years: int  # of yearly pay, where a way is to be chosen

    def price(self, step: Row) -> Fraction:
        """What a step weighs where ways are compared."""
        return Fraction(str(step["cost_yuan"])) * (self.years if step["cost_kind"] == "yearly" else 1)


@pytest.fixture(scope="module")
def prices(home: Path) -> Prices:
    with open_marts(home) as con:
        rows = con.execute("select measure, indicator_id, unit_cost_yuan::varchar from seeds.unit_costs").fetchall()
        [years] = con.execute("select value from seeds.parameters where parameter_id = 'plan_years'").fetchone() or [0]
    return Prices(
        {indicator: Fraction(cost) for _, indicator, cost in rows if indicator},
        {measure: Fraction(cost) for measure, indicator, cost in rows if not indicator},
        int(years),
    )


def need(school: Row, standards: Standards, stage: str, indicator: str, is_left: bool) -> int:
    """Whole units to the threshold, or to 85% of it; 0 where nothing is known."""
    has, standard = amount(school, stage, indicator), standards[indicator, stage]
    if has is None:
        return 0
    lack = (standard.floor if is_left else standard.threshold) * school[f"{stage}_pupils"] / scale(indicator) - has
    return max(0, math.ceil(lack / (part(school, stage) if indicator in SHARED else 1)))


def trainable(school: Row, stage: str, indicator: str, prices: Prices) -> int:
    """Teachers in post who do not yet count in the indicator, where they can be trained for it and their number is known."""
    has, teachers = amount(school, stage, indicator), school.get(f"{stage}_full_time_teachers")
    return 0 if has is None or teachers is None or indicator not in prices.own else teachers - int(has)


def cheapest(school: Row, standards: Standards, prices: Prices) -> Fraction:
    """By trying everything: in each stage one indicator, or none, stays at 85%; shared resources serve both stages; teachers in post are
    trained, and whoever is hired beyond them counts in all three indicators."""
    stages = stages_of(school)
    totals = []
    for choice in itertools.product([None, *NATIONAL], repeat=len(stages)):
        needs = {
            i: [need(school, standards, s, i, i == left) for s, left in zip(stages, choice, strict=True)]
            for i in NATIONAL
        }
        total = sum((prices.own[i] * max(needs[i]) for i in SHARED), Fraction(0))
        for number, stage in enumerate(stages):
            hires = max(max(needs[i][number] - trainable(school, stage, i, prices), 0) for i in TEACHERS)
            trained = (max(needs[i][number] - hires, 0) * prices.own.get(i, 0) for i in TEACHERS)
            total += hires * prices.shared["hire"] * prices.years + sum(trained, Fraction(0))
        totals.append(total)
    return min(totals)


def price(marts: Marts, school_id: str, prices: Prices, plan_id: str = "pass") -> Fraction:
    steps = (step for (plan, school, *_), step in marts.steps.items() if (plan, school) == (plan_id, school_id))
    return sum((prices.price(step) for step in steps), Fraction(0))


def test_a_school_passes_with_its_plan_and_none_is_cheaper(home: Path, standards: Standards, prices: Prices) -> None:
    """Each school is a county, so nobody can move. With more pupils the plan never becomes cheaper."""
    left, planned, dearer, once = 0, 0, 0, 0

    @few
    @given(plans=st.lists(plan(SHORT), min_size=30, max_size=40).filter(lambda plans: plans[0] != plans[-1]))
    def law(plans: list[Plan]) -> None:
        nonlocal left, planned, dearer, once
        schools = [plan.school(standards) for plan in plans]
        fuller = [{**s, **{f"{(t := stages_of(s)[-1])}_pupils": s[f"{t}_pupils"] * 21 // 20 + 1}} for s in schools]
        counties = {f"{n}": [school] for n, school in enumerate(schools)}
        marts = build_marts(home, {**counties, **{f"{n}x": [school] for n, school in enumerate(fuller)}})
        for number, school in enumerate(schools):
            after, wanted = school, 0
            for stage, indicator in itertools.product(stages_of(school), NATIONAL):
                ours = marts.plans.get((f"{number}-0", stage, indicator))
                if ours and ours["pass_units"]:
                    after = added(after, stage, indicator, ours["pass_units"])
                    wanted += ours["pass_units"] if indicator in TEACHERS else 0
                left += bool(ours and ours["is_left_at_floor"])
            cost = price(marts, f"{number}-0", prices)
            assert cost == cheapest(school, standards, prices), (school, cost)
            assert all(passes(after, stage, standards) is not False for stage in stages_of(school)), (school, after)
            more = price(marts, f"{number}x-0", prices)
            assert more >= cost, (school, cost, more)
            steps = [step for (plan, of, *_), step in marts.steps.items() if (plan, of) == ("pass", f"{number}-0")]
            assert all(step["measure"] != "move" for step in steps)
            bought = sum(step["units"] for step in steps if step["measure"] in ("upgrade", "hire"))
            assert bought <= wanted
            planned, dearer, once = planned + (cost > 0), dearer + (more > cost), once + (bought < wanted)

    law()
    assert left and planned and dearer and once


def test_at_the_peak_and_the_trough_a_school_passes_with_its_plan_and_none_is_cheaper(
    tmp_path: Path, standards: Standards, prices: Prices
) -> None:
    """Each school is a county with a class roster of two years; its pupils then, and what it takes, are computed a second time."""
    dice, more, fewer, told = random.Random(5), 0, 0, 0
    schools: dict[str, Row] = {}
    rosters: dict[str, dict[tuple[int, int], int]] = {}

    @settings(few, max_examples=1)
    @given(plans=st.lists(plan(SHORT), min_size=40, max_size=50).filter(lambda plans: plans[0] != plans[-1]))
    def draw(plans: list[Plan]) -> None:
        schools.update({f"{n:02}": plan.school(standards) for n, plan in enumerate(plans)})

    draw()
    tables.connect(tmp_path).close()
    build.build(tmp_path)
    classes = []
    for code, school in schools.items():
        grades = [g for s, g in (("primary", range(1, 7)), ("junior", range(7, 10))) if s in stages_of(school)]
        rosters[code] = {
            (year, grade): dice.randint(20, 90) for year in (2022, 2023) for grade in itertools.chain(*grades)
        }
        for (year, grade), pupils in rosters[code].items():
            stage = "primary" if grade < 7 else "junior"
            classes.append({"region_id": "r", "school_year": year, "school_id": f"{code}-0", "stage": stage, "grade": grade, "class_no": "1", "pupils": pupils})  # fmt: skip
    with tables.connect(tmp_path) as con:
        con.register("drawn", pa.Table.from_pylist(classes))
        con.execute("insert into raw.classes by name from drawn")
    at = [{"region_id": "r", "school_year": year} for year in (2022, 2023)]
    load(
        tmp_path,
        [{**a, "county_code": code, **names(code, 0), **school} for a in at for code, school in schools.items()],
    )
    marts = read_marts(tmp_path)
    for code, school in schools.items():
        for horizon, most in (("peak", max), ("trough", min)):
            then = dict(school)
            for stage, growth in growths(rosters[code], most).items():
                then[f"{stage}_pupils"] = math.floor(school[f"{stage}_pupils"] * growth + 0.5)
            ours = marts.projected[code, horizon]
            if "primary" not in stages_of(school):  # no grade below the first of the roster
                assert ours["null_reason"] and ours["one_off_yuan"] is None
                told += 1
                continue
            cost = price(marts, f"{code}-0", prices, horizon)
            assert cost == cheapest(then, standards, prices), (horizon, school, then)
            paid = Fraction(str(ours["one_off_yuan"])) + Fraction(str(ours["yearly_yuan"])) * prices.years
            assert paid == cost and ours["is_assumed"] is not None
            more += cost > price(marts, f"{code}-0", prices)
            fewer += cost < price(marts, f"{code}-0", prices)
    assert more and fewer and told


def growths(roster: dict[tuple[int, int], int], most: Callable[[Iterable[float]], float]) -> dict[str, float]:
    """Of each stage: pupils of the projected year of most, or fewest, over those of 2023; cohorts move up, entrants are the mean."""
    if (2023, 1) not in roster:
        return {}
    now: dict[int, float] = {grade: pupils for (year, grade), pupils in roster.items() if year == 2023}
    ratio = {grade: roster[2023, grade] / roster[2022, grade - 1] for grade in now if grade > 1}
    entrants = (roster[2022, 1] + roster[2023, 1]) / 2
    later, pupils = [], now
    for _ in range(5):
        pupils = {1: entrants, **{grade: pupils[grade - 1] * share for grade, share in ratio.items()}}
        later.append(pupils)
    return {
        stage: most(sum(p[g] for g in p if (g < 7) == (stage == "primary")) for p in later)
        / sum(n for g, n in now.items() if (g < 7) == (stage == "primary"))
        for stage in ("primary", "junior")
        if any((g < 7) == (stage == "primary") for g in now)
    }


def failures(marts: Marts, code: str) -> tuple[int, int]:
    """Schools of a county that do not pass, and coefficients above their limit."""
    schools = [row for row in marts.schools.values() if row["county_code"] == code]
    judged = [row for (county, *_), row in marts.balance.items() if county == code and row["limit_value"] is not None]
    above = [row for row in judged if round(row["difference_coefficient"] or 0, 12) > row["limit_value"]]
    return sum(row["is_passed"] is False for row in schools), len(above)


def carried_out(schools: County, code: str, marts: Marts, standards: Standards, prices: Prices) -> County:
    """The schools once every step of both plans is done. Whoever is hired counts in what is still lacking."""
    after = [dict(school) for school in schools]
    lacking: dict[tuple[int, str, str], int] = {}
    for number, school in enumerate(schools):
        for indicator, stages in itertools.product(NATIONAL, [stages_of(school)]):
            rows = [marts.plans.get((f"{code}-{number}", stage, indicator)) for stage in stages]
            units = [max(row["pass_units"] or 0, row["balance_units"]) if row else 0 for row in rows]
            if indicator in SHARED:
                after[number] = added(after[number], stages[0], indicator, max(units))
            else:
                lacking.update({(number, s, indicator): u for s, u in zip(stages, units, strict=True)})
    need_of = dict(lacking)
    left: Counter[tuple[int, str]] = Counter()
    hires: dict[tuple[int, str], int] = {}
    for (plan_id, *_), step in marts.steps.items():
        if plan_id != "both" or step["county_code"] != code or step["measure"] in ("build", "buy"):
            continue
        number, stage, indicator, units = (
            int(step["school_id"].split("-")[1]),
            step["stage"],
            step["indicator_id"],
            step["units"],
        )
        if step["measure"] == "hire":
            hires[number, stage] = units
            continue
        lacking[number, stage, indicator] -= units
        after[number] = added(after[number], stage, indicator, units)
        if step["measure"] == "upgrade":
            assert units <= trainable(schools[number], stage, indicator, prices), step
        else:
            giver = int(step["from_school_id"].split("-")[1])
            after[giver] = added(after[giver], stage, indicator, -units)
            left[giver, stage] += units
    for (number, stage, indicator), units in lacking.items():
        assert 0 <= units <= hires.get((number, stage), 0), (code, number, stage, indicator)
        after[number] = added(after[number], stage, indicator, units)
    for (number, stage), hired in hires.items():
        assert hired == max(lacking[number, stage, i] for i in TEACHERS), "nobody is hired who is not needed"
    for giver, stage in left:  # whoever they are: each who left may have counted in everything
        for indicator in TEACHERS:
            has = (amount(schools[giver], stage, indicator) or 0) - left[giver, stage]
            assert has * scale(indicator) >= standards[indicator, stage].threshold * schools[giver][f"{stage}_pupils"]
            assert not lacking[giver, stage, indicator]
    for stage, indicator in itertools.product(
        ("primary", "junior"), TEACHERS
    ):  # nor does a coefficient rise above its limit
        listed = [n for n, school in enumerate(schools) if stage in stages_of(school)]
        added_alone = [added(schools[n], stage, indicator, need_of.get((n, stage, indicator), 0)) for n in listed]
        worst = [
            added(school, stage, indicator, -left[n, stage]) for n, school in zip(listed, added_alone, strict=True)
        ]
        was, is_now = (
            spread(some_schools, stage, indicator)["difference_coefficient"] for some_schools in (added_alone, worst)
        )
        limit = float(standards[indicator, stage].limit) + 1e-12
        assert was is None or was > limit or (is_now or 0) <= limit, (code, stage, indicator, was, is_now)
    for school in after:  # teachers who come and go are full-time teachers
        for stage in stages_of(school):
            counted = [school[f"{stage}_{column}"] or 0 for column in TEACHERS.values()]
            if school.get(f"{stage}_full_time_teachers") is not None:
                school[f"{stage}_full_time_teachers"] = max(school[f"{stage}_full_time_teachers"], *counted)
    return after


def test_a_county_plan_carried_out_leaves_what_it_says(home: Path, prices: Prices, standards: Standards) -> None:
    """Its steps handed in as figures of the schools: the models find what it said would fail then, and no more; whoever moves, the
    school that he leaves meets its thresholds. In whatever order the schools are handed in, the plan is the same."""
    mended, done = 0, Counter[str]()

    @few
    @given(drawn=some(st.lists(plan(SHORT), min_size=4, max_size=14)))
    def law(drawn: dict[str, list[Plan]]) -> None:
        nonlocal mended
        counties = {code: [plan.school(standards) for plan in plans] for code, plans in drawn.items()}
        marts = build_marts(home, counties)
        done.update(step["measure"] for step in marts.steps.values())
        after = {code: carried_out(schools, code, marts, standards, prices) for code, schools in counties.items()}
        again = build_marts(home, after)
        for code in counties:
            ours = marts.county_plans[code,]
            assert (ours["failed_school_count"], ours["failed_coefficient_count"]) == failures(marts, code)
            left = (ours["failed_school_count_after"], ours["failed_coefficient_count_after"])
            assert left == failures(again, code) and left[0] == 0, (ours, counties[code])
            steps = [s for (plan, *_), s in marts.steps.items() if plan == "both" and s["county_code"] == code]
            for kind in ("one_off", "yearly"):
                paid = sum(
                    s["units"] * (prices.own[s["indicator_id"]] if kind == "one_off" else prices.shared[s["measure"]])
                    for s in steps
                    if s["cost_kind"] == kind
                )
                assert same(ours[f"{kind}_yuan"], float(paid)), ours
            mended += ours["failed_coefficient_count"] - left[1]
        turned = {
            code: [{**school, "school_id": f"{code}-{n}"} for n, school in reversed(list(enumerate(schools)))]
            for code, schools in counties.items()
        }
        assert build_marts(home, turned).steps == marts.steps

    law()
    assert mended and set(done) == {"upgrade", "move", "hire", "build", "buy"}, done


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
