"""Schools that are drawn to meet a threshold, to miss it by a step, or to lack a figure, and how one is judged."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from drawn_counties import (
    NATIONAL,
    SHARED,
    STAGES,
    TEACHERS,
    Marts,
    Row,
    Standard,
    Standards,
    amount,
    part,
    same,
    scale,
    stages_of,
)
from hypothesis import strategies as st

STEPS = {
    "teaching_area_m2": Fraction(1, 100),
    "sports_ground_area_m2": Fraction(1, 100),
    "equipment_value_wan_yuan": Fraction(1, 10000),
}  # the least that a figure is handed in by: 0.01 m², one yuan; otherwise one teacher, one room

AIMS: dict[str, tuple[Callable[[Standard, Fraction], Fraction], int] | None] = {
    "ample": (lambda standard, plenty: standard.threshold * plenty, 0),
    "met": (lambda standard, plenty: standard.threshold, 0),
    "just missed": (lambda standard, plenty: standard.threshold, 1),
    "at 85%": (lambda standard, plenty: standard.floor, 0),
    "just below 85%": (lambda standard, plenty: standard.floor, 1),
    "far above": (lambda standard, plenty: standard.threshold * 12, 0),
    "far below": (lambda standard, plenty: standard.floor / plenty, 0),
    "not reported": None,
}  # what a school has: the least that reaches this value, or so many steps less


class Plan(NamedTuple):
    """A school yet without its resources: they are given once the standards are known."""

    school_type: str
    pupils: dict[str, int]
    stage: str  # at whose standards the shared resources aim
    indoor: Fraction
    plenty: Fraction  # ample is so many times the threshold
    aims: dict[str, str]
    untrained: int | None = (
        0  # full-time teachers beyond the most that count in an indicator; None: their number is not reported
    )

    def school(self, standards: Standards) -> Row:
        pupils = {f"{stage}_pupils": number for stage, number in self.pupils.items()}
        row = {"school_type": self.school_type, "urban_rural_code": "121", **pupils}
        staged = {
            f"{stage}_{TEACHERS[indicator]}": self.reach(row, stage, indicator, standards)
            for indicator in TEACHERS
            for stage in stages_of(row)
        }
        if self.untrained is not None:
            for stage in stages_of(row):
                counted = [staged[f"{stage}_{column}"] or 0 for column in TEACHERS.values()]
                staged[f"{stage}_full_time_teachers"] = max(counted) + self.untrained
        shared = {column: self.reach(row, self.stage, indicator, standards) for indicator, column in SHARED.items()}
        return {**row, **staged, **shared, "indoor_sports_area_m2": float(self.indoor)}

    def reach(self, row: Row, stage: str, indicator: str, standards: Standards) -> float | None:
        """The figure to hand in."""
        aim = AIMS[self.aims[indicator]]
        if aim is None:
            return None
        level, steps_less = aim
        column = {**TEACHERS, **SHARED}[indicator]
        step = STEPS.get(column, Fraction(1))
        unit = 10000 if column == "equipment_value_wan_yuan" else 1
        share = part(row, stage) if indicator in SHARED else 1
        whole = level(standards[indicator, stage], self.plenty) * self.pupils[stage] / (scale(indicator) * share * unit)
        figure = max(math.ceil(whole / step) - steps_less, 0) * step
        if column not in STEPS:
            return int(figure)
        return float(figure + self.indoor * {"teaching_area_m2": 1, "sports_ground_area_m2": -1}.get(column, 0))


@st.composite
def plan(draw: st.DrawFn, aims: Sequence[str], kinds: Sequence[str] = tuple(STAGES)) -> Plan:
    """Pupils are often so many that a threshold is a whole number of teachers; each indicator takes one of the aims."""
    kind = draw(st.sampled_from(kinds))
    number = st.sampled_from((20000, 10000, 2000, 1000)) | st.integers(60, 4000)
    return Plan(
        kind,
        {stage: draw(number) for stage in STAGES[kind]},
        draw(st.sampled_from([stage for stage in STAGES[kind] if stage != "senior"])),
        Fraction(draw(st.integers(0, 9999)), 100),
        Fraction(draw(st.integers(12000, 16000)), 10000),
        {indicator: draw(st.sampled_from(aims)) for indicator in NATIONAL},
        draw(st.sampled_from((None, 0, 1, 3, 10, 100, 1000))),
    )


def passes(school: Row, stage: str, standards: Standards) -> bool | None:
    """At least six of the seven met and the rest at 85%; null where what is missing could decide it."""
    met = missing = 0
    for indicator in NATIONAL:
        has, standard = amount(school, stage, indicator), standards[indicator, stage]
        if has is None:
            missing += 1
            continue
        value = has * scale(indicator) / school[f"{stage}_pupils"]
        if value < standard.floor:
            return False
        met += value >= standard.threshold
    if met + missing < 6:
        return False
    return None if missing else True


def check_judgement(
    marts: Marts,
    school_id: str,
    school: Row,
    stage: str,
    indicator: str,
    standards: Standards,
) -> None:
    """Met, met at 85%, what rounding would say and what is lacking, all from exact fractions."""
    ours, standard = marts.values[school_id, stage, indicator], standards[indicator, stage]
    has, pupils = amount(school, stage, indicator), school[f"{stage}_pupils"]
    if has is None:
        assert [ours[name] for name in ("value", "is_met", "is_floor_met", "shortfall", "rounding_flips")] == [None] * 5
        return
    value = has * scale(indicator) / pupils
    shown = Fraction(math.floor(value * 100 + Fraction(1, 2)), 100)
    is_met, is_floor_met = value >= standard.threshold, value >= standard.floor
    assert (ours["is_met"], ours["is_floor_met"]) == (is_met, is_floor_met), (ours, school)
    flips = (shown >= standard.threshold) != is_met or (shown >= standard.floor) != is_floor_met
    assert ours["rounding_flips"] == flips, (ours, school)
    enough = float(standard.threshold * pupils / scale(indicator))
    if is_met:
        assert ours["shortfall"] == 0
    else:
        assert ours["shortfall"] > 0 and same(ours["numerator"] + ours["shortfall"], enough), (ours, school)
