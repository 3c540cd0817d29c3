"""Laws of the arithmetic: drawn counties go through the real dbt models and come back as the definitions say."""

import itertools
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aimed_schools import check_judgement
from drawn_counties import (
    INDICATORS,
    MEASURES,
    NATIONAL,
    OTHER_SHARED,
    SPLIT,
    STAGES,
    TEACHERS,
    WEIGHTED,
    County,
    Marts,
    Row,
    Standards,
    amount,
    build_marts,
    compare,
    county,
    few,
    load,
    multiplied,
    names,
    open_marts,
    primary,
    resources,
    same,
    scale,
    some,
    spread,
    staffed,
    stage_of,
    stages_of,
    theil,
    theil_parts,
    weighted_measures,
    whole,
)
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.transform import project


def test_the_models_hold_their_unit_tests(home: Path) -> None:
    """Those beside the models in yml, which a refresh leaves out."""
    units = ["test", "--select", "test_type:unit", "--target-path", str(home / "dbt")]
    project.invoke(units, home, project.parsed())


def test_a_rebuild_that_fails_a_test_says_which_and_changes_nothing(home: Path) -> None:
    """A school that stands in raw twice, which no extract can bring about."""
    rows = [
        {
            "region_id": "r",
            "school_year": 2023,
            "county_code": "c",
            **names("c", 0),
            **staffed(random.Random(1), 1, 9)[0],
        }
    ]
    load(home, rows)
    with open_marts(home) as con:
        before = con.execute("from marts.dim_school").fetchall()
    with pytest.raises(project.BuildFailed, match="dim_school_is_one_row_a_school: 1 rows"):
        load(home, rows * 2)
    with open_marts(home) as con:
        assert len(before) == 1 and con.execute("from marts.dim_school").fetchall() == before


# --- how far apart the schools of a county are -------------------------------------------------------------------------


@few
@given(counties=some(county()))
def test_every_measure_is_what_its_definition_says(
    home: Path, counties: dict[str, County], standards: Standards
) -> None:
    """Weighted by pupils, population form; null with one school, without data and where nobody has anything."""
    marts = build_marts(home, counties)
    for code, schools in counties.items():
        stage = stage_of(schools)
        for indicator in INDICATORS:
            ours, expected = marts.balance[code, stage, indicator], spread(schools, stage, indicator)
            for measure in MEASURES:
                assert same(ours[measure], expected[measure]), (measure, stage, indicator, schools, ours, expected)
            known = sum(amount(school, stage, indicator) is not None for school in schools)
            assert (ours["school_count"], ours["missing_school_count"]) == (known, len(schools) - known)
            is_assessable = expected["difference_coefficient"] is not None
            assert (ours["reason"] is None) == (is_assessable and known == len(schools))
            check_compliance(ours, schools, stage, indicator, standards)
        assert marts.balance[code, stage, "public_funds_per_pupil"]["difference_coefficient"] is None
    for stage, indicator in itertools.product(("primary", "junior"), INDICATORS):
        check_area(marts, stage, indicator)


def check_compliance(ours: Row, schools: County, stage: str, indicator: str, standards: Standards) -> None:
    """The shares of schools and of pupils that meet the threshold, of those with a value."""
    standard = standards.get((indicator, stage))
    pupils = {i: s[f"{stage}_pupils"] for i, s in enumerate(schools) if amount(s, stage, indicator) is not None}
    if standard is None or not pupils:
        assert (ours["met_school_share"], ours["met_pupil_share"]) == (None, None)
        return
    values = {i: (amount(schools[i], stage, indicator) or 0) * scale(indicator) / pupils[i] for i in pupils}
    met = [i for i in pupils if values[i] >= standard.threshold]
    assert same(ours["met_school_share"], len(met) / len(pupils)), (ours, schools)
    assert same(ours["met_pupil_share"], sum(pupils[i] for i in met) / sum(pupils.values())), (ours, schools)


def check_area(marts: Marts, stage: str, indicator: str) -> None:
    """The counties of a region, each by its pooled value."""
    counties = [row for (_, *key), row in marts.balance.items() if key == [stage, indicator]]
    known = [row for row in counties if row["county_mean"] is not None]
    if not counties:
        assert ("region", "r", stage, indicator) not in marts.areas
        return
    ours = marts.areas["region", "r", stage, indicator]
    assert (ours["unit_count"], ours["missing_unit_count"]) == (len(known), len(counties) - len(known))
    if len(known) < 2 or not any(row["county_mean"] for row in known):
        assert ours["difference_coefficient"] is None and ours["null_reason"]
        return
    value, pupils = (np.array([row[name] for row in known]) for name in ("county_mean", "pupils"))
    for name, expected in weighted_measures(value, pupils).items():
        assert same(ours[name], expected), (name, stage, indicator, ours, expected)
    schools = [row for (_, *key), row in marts.values.items() if key == [stage, indicator] and row["value"] is not None]
    value, pupils, county, side = (
        np.array([str(row[name]) if name in ("county_code", "urban_rural_class") else row[name] for row in schools])
        for name in ("value", "pupils", "county_code", "urban_rural_class")
    )
    side[side == "town"] = "urban"
    within, _ = theil_parts(value, pupils, county)
    assert same(ours["theil_of_schools"], theil(value, pupils)), (stage, indicator, ours)
    assert same(ours["theil_within_units"], within), (stage, indicator, ours)
    means = [
        float(np.average(value[side == name], weights=pupils[side == name])) if name in side else None
        for name in ("urban", "rural")
    ]
    assert same(ours["urban_rural_ratio"], means[0] / means[1] if means[0] is not None and means[1] else None)
    shares = [(row["met_school_share"], row["school_count"]) for row in known if row["met_school_share"] is not None]
    weights = np.array([n for _, n in shares])
    complying = float(np.array([x for x, _ in shares]) @ weights / weights.sum()) if shares else None
    assert same(ours["met_school_share"], complying)


@few
@given(counties=some(county(may_lack=False)), by=st.integers(2, 9), pupils_by=st.integers(1, 9))
def test_no_measure_depends_on_the_unit(home: Path, counties: dict[str, County], by: int, pupils_by: int) -> None:
    """k times every resource, and as well m times the pupils of every school: the county is as uneven as it was."""
    for before, after in compare(
        home, counties, lambda schools: [multiplied(school, by, pupils_by) for school in schools], MEASURES
    ):
        assert same(after["county_mean"], before["county_mean"] * by / pupils_by)


@few
@given(counties=some(county(least=2)), turn=st.randoms(use_true_random=False))
def test_no_measure_depends_on_the_order_of_schools(home: Path, counties: dict[str, County], turn: Any) -> None:
    """Not even in the last digit: two releases of one raw/ are compared."""

    def shuffled(schools: County) -> County:
        return turn.sample(schools, len(schools))

    for before, after in compare(home, counties, shuffled, MEASURES):
        assert [after[measure] for measure in MEASURES] == [before[measure] for measure in MEASURES]


def test_weighted_measures_look_at_pupils_not_at_schools(home: Path) -> None:
    """One school becomes two halves that are as well off: the pupils are served as before. A mean of schools moves."""
    moved = 0

    def halved(schools: County) -> County:
        pupils = f"{stage_of(schools)}_pupils"
        numbers = {name: schools[0][name] for name in [*resources(schools[0]), pupils]}
        half = {**schools[0], **{name: n / 2 if isinstance(n, float) else n // 2 for name, n in numbers.items()}}
        return [half, half, *schools[1:]]

    @few
    @given(counties=some(county(least=2, may_lack=False)))
    def law(counties: dict[str, County]) -> None:
        nonlocal moved
        even = {code: [multiplied(school, 2, 2) for school in schools] for code, schools in counties.items()}
        for before, after in compare(home, even, halved, WEIGHTED):
            assert after["school_count"] == before["school_count"] + 1
            moved += not same(before["unweighted_cv"], after["unweighted_cv"])

    law()
    assert moved


@few
@given(counties=some(county(least=2, may_lack=False)), more=st.integers(1, 3))
def test_the_same_for_every_pupil_brings_schools_closer(home: Path, counties: dict[str, County], more: int) -> None:
    """S stays and the mean rises, so the coefficient falls by exactly that."""

    def raised(schools: County) -> County:
        pupils = f"{stage_of(schools)}_pupils"
        return [{**row, **{name: row[name] + more * row[pupils] for name in resources(row)[1:]}} for row in schools]

    for before, after in compare(home, counties, raised, ()):
        old, new = before["difference_coefficient"], after["difference_coefficient"]
        if old:
            assert new < old
            assert same(new * after["county_mean"], old * before["county_mean"])
        else:
            assert new == pytest.approx(0, abs=1e-9)


@few
@given(counties=some(county()))
def test_parts_add_up_to_the_whole(home: Path, counties: dict[str, County]) -> None:
    """Theil within and between; the schools' shares of the variance; a coefficient without a school is a county's."""
    marts = build_marts(home, counties)
    for code, schools in counties.items():
        stage = stage_of(schools)
        for indicator in INDICATORS:
            ours = marts.balance[code, stage, indicator]
            if ours["theil_within"] is not None:
                assert same(ours["theil_within"] + ours["theil_between"], ours["theil"]), ours
            if ours["theil_within_townships"] is not None:
                assert same(ours["theil_within_townships"] + ours["theil_between_townships"], ours["theil"]), ours
        for indicator in NATIONAL:
            check_shares(marts, code, schools, stage, indicator)


def check_shares(marts: Marts, code: str, schools: County, stage: str, indicator: str) -> None:
    coefficient = spread(schools, stage, indicator)["difference_coefficient"]
    keys = {number: (names(code, number)["school_id"], stage, indicator) for number in range(len(schools))}
    known = {n: x for n in keys if (x := amount(schools[n], stage, indicator)) is not None}
    if coefficient is None:
        assert not any(keys[number] in marts.shares for number in keys)
        return
    assert {n for n in keys if keys[n] in marts.shares} == set(known)
    pupils = {n: schools[n][f"{stage}_pupils"] for n in known}
    mean = sum(known.values()) / sum(pupils.values())
    parts = {n: pupils[n] * (known[n] / pupils[n] - mean) ** 2 for n in known}
    for n in known:
        ours = marts.shares[keys[n]]
        share = float(parts[n] / sum(parts.values())) if any(parts.values()) else None
        assert same(ours["variance_share"], share), (ours, schools)
        without = spread([s for i, s in enumerate(schools) if i != n], stage, indicator)["difference_coefficient"]
        assert same(ours["coefficient_without"], without), (ours, without, schools)
        deviation = known[n] / pupils[n] / mean - 1
        side = "equal" if abs(deviation) < 1e-12 else "above" if deviation > 0 else "below"
        assert ours["direction"] == side, (ours, schools)
    if coefficient > 1e-9:
        assert sum(marts.shares[keys[n]]["variance_share"] for n in known) == pytest.approx(1, abs=1e-9)
        ranked = sorted(known, key=lambda n: marts.shares[keys[n]]["variance_rank"])
        assert [marts.shares[keys[n]]["variance_rank"] for n in ranked] == list(range(1, len(known) + 1))
        assert all(parts[a] >= parts[b] * (1 - Fraction(1, 10**9)) for a, b in itertools.pairwise(ranked)), schools


# --- what a stage has of what its school shares --------------------------------------------------------------------------


@st.composite
def combined(draw: st.DrawFn) -> County:
    """A nine-year, a complete secondary and a twelve-year school with the same resources and pupils."""
    pupils = {"primary": draw(st.integers(1, 3000)), "junior": draw(st.integers(1, 3000))}
    pupils["senior"] = draw(st.integers(0, 3000))
    teachers = {
        f"{stage}_{name}": draw(st.integers(0, 60)) for name in TEACHERS.values() for stage in ("primary", "junior")
    }
    indoor, area = draw(st.integers(0, 90)) / 10, draw(st.integers(0, 99999)) / 10
    shared = {
        "indoor_sports_area_m2": indoor,
        "teaching_area_m2": area + indoor,
        "sports_ground_area_m2": draw(st.integers(0, 99999)) / 10,
        "equipment_value_wan_yuan": draw(st.integers(0, 99999)) / 100,
        "multimedia_rooms": draw(st.integers(0, 90)),
        **{name: draw(st.integers(0, 900)) for name in OTHER_SHARED.values()},
    }
    return [
        {"school_type": kind, **{f"{stage}_pupils": pupils[stage] for stage in STAGES[kind]}, **teachers, **shared}
        for kind in ("312", "341", "345")
    ]


@few
@given(counties=some(combined()))
def test_shared_resources_are_split_by_weighted_pupils(
    home: Path, counties: dict[str, County], standards: Standards
) -> None:
    """1:1.1, 1:1.2 and 1:1.1:1.32; a stage's value is A over the weighted pupils; teachers stay where they teach."""
    marts = build_marts(home, counties)
    for code, (nine, complete, twelve) in counties.items():
        p, j, s = (twelve[f"{stage}_pupils"] for stage in ("primary", "junior", "senior"))
        for indicator in SPLIT:
            total = whole(nine, "primary", indicator)
            assert total is not None
            a = float(total) * scale(indicator)
            closed_form = {
                (0, "primary"): a / (p + 1.1 * j),
                (0, "junior"): 1.1 * a / (p + 1.1 * j),
                (1, "junior"): a / (j + 1.2 * s),
                (2, "primary"): a / (p + 1.1 * j + 1.32 * s),
                (2, "junior"): 1.1 * a / (p + 1.1 * j + 1.32 * s),
            }
            rows = {key: marts.values[f"{code}-{key[0]}", key[1], indicator] for key in closed_form}
            for key, value in closed_form.items():
                assert same(rows[key]["value"], value), (key, rows[key], twelve)
                assert same(rows[key]["numerator"] * scale(indicator), value * rows[key]["pupils"])
            numerator = {key: row["numerator"] for key, row in rows.items()}
            assert same(numerator[0, "primary"] + numerator[0, "junior"], float(total))
            assert same(numerator[1, "junior"] * (1 + 1.2 * s / j), float(total))
            assert same(numerator[2, "primary"] * (1 + 1.32 * s / p) + numerator[2, "junior"], float(total))
        for number, school in enumerate((nine, complete, twelve)):
            for stage in stages_of(school):
                for indicator, name in TEACHERS.items():
                    ours = marts.values[f"{code}-{number}", stage, indicator]
                    assert ours["numerator"] == school[f"{stage}_{name}"]
                for indicator in NATIONAL:
                    check_judgement(marts, f"{code}-{number}", school, stage, indicator, standards)


# --- where floating point could decide -----------------------------------------------------------------------------------


def test_schools_that_have_nothing_have_no_coefficient(home: Path) -> None:
    """Without the one school that has any, the county's mean is 0."""
    schools = [primary(291, multimedia_rooms=16), primary(1064, multimedia_rooms=0), primary(970, multimedia_rooms=0)]
    check_shares(build_marts(home, {"c": schools}), "c", schools, "primary", "multimedia_rooms_per_100")


def test_schools_at_the_median_are_peers(home: Path) -> None:
    """0.07 for 200 pupils and 0.21 for 600 are the same, also where 0.07 × 10000 is not 700 in floating point."""
    schools = [primary(n, equipment_value_wan_yuan=x) for n, x in ((100, 0.02), (200, 0.07), (600, 0.21))]
    ours = build_marts(home, {"c": schools}).balance["c", "primary", "equipment_value_per_pupil"]
    assert same(ours["mcloone"], spread(schools, "primary", "equipment_value_per_pupil")["mcloone"])


def test_yuan_handed_in_as_wan_yuan_do_not_stop_the_build(home: Path) -> None:
    schools = [primary(500, equipment_value_wan_yuan=1_000_000), primary(500, equipment_value_wan_yuan=100)]
    marts = build_marts(home, {"c": schools})
    assert marts.values["c-0", "primary", "equipment_value_per_pupil"]["value"] == 2e7


def test_schools_that_are_almost_equal_do_not_stop_the_build(home: Path) -> None:
    """Ten square centimetres apart: the deviations, 10⁻⁸ of the mean, leave floating point eight digits of a share."""
    schools = [primary(20_000, teaching_area_m2=100_000), primary(10_000, teaching_area_m2=50_000.001)]
    shares = build_marts(home, {"c": schools}).shares
    found = [shares[f"c-{number}", "primary", "teaching_area_per_pupil"]["variance_share"] for number in range(2)]
    assert found == pytest.approx([1 / 3, 2 / 3], abs=1e-6)
    assert sum(found) == pytest.approx(1, abs=1e-12)
