"""Drawn counties: how they are made, how they go through the dbt models, and every measure of theirs from its definition."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st

from dagster_project.transform import replay
from dagster_project.warehouse import tables

Row = dict[str, Any]
County = list[Row]  # its schools; a school is a row of raw.schools, yet without its ids

# The same counties every time; a failure names the county at fault, so none is spent on smaller ones (a build each).
few = settings(
    max_examples=3,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    verbosity=Verbosity.quiet,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

TEACHERS = {
    "higher_degree_teachers_per_100": "higher_degree_teachers",
    "backbone_teachers_per_100": "backbone_teachers",
    "pe_arts_teachers_per_100": "pe_arts_teachers",
}
SHARED = {
    "teaching_area_per_pupil": "teaching_area_m2",
    "sports_area_per_pupil": "sports_ground_area_m2",
    "equipment_value_per_pupil": "equipment_value_wan_yuan",
    "multimedia_rooms_per_100": "multimedia_rooms",
}
NATIONAL = [*TEACHERS, *SHARED]
OTHER_TEACHERS = {
    "teachers_per_100": "full_time_teachers",
    "midlevel_title_teachers_per_100": "midlevel_title_teachers",
}
OTHER_SHARED = {"classrooms_per_100": "classrooms", "books_per_pupil": "books", "computers_per_100": "computers"}
STAGED = {**TEACHERS, **OTHER_TEACHERS}
SPLIT = {**SHARED, **OTHER_SHARED}
INDICATORS = [*STAGED, *SPLIT]

STAGES = {
    "211": {"primary": Fraction(1)},
    "311": {"junior": Fraction(1)},
    "312": {"primary": Fraction(1), "junior": Fraction("1.1")},
    "341": {"junior": Fraction(1), "senior": Fraction("1.2")},
    "345": {"primary": Fraction(1), "junior": Fraction("1.1"), "senior": Fraction("1.32")},
}  # by type of school: its stages, and what a pupil of each counts for when a shared resource is split
CLASSES = {"111": "urban", "121": "town", "220": "rural", None: None}

WEIGHTED = (
    "difference_coefficient",
    "gini",
    "theil",
    "theil_within",
    "theil_between",
    "theil_within_townships",
    "theil_between_townships",
    "mean_log_deviation",
    "mcloone",
    "range_ratio",
    "urban_rural_ratio",
)
MEASURES = (*WEIGHTED, "unweighted_cv")


class Marts(NamedTuple):
    """The marts of one build, each by the columns that follow region and year in its grain."""

    values: dict[tuple[str, ...], Row]
    balance: dict[tuple[str, ...], Row]
    shares: dict[tuple[str, ...], Row]
    schools: dict[tuple[str, ...], Row]
    counties: dict[tuple[str, ...], Row]
    areas: dict[tuple[str, ...], Row]
    plans: dict[tuple[str, ...], Row]
    gaps: dict[tuple[str, ...], Row]
    county_plans: dict[tuple[str, ...], Row]
    steps: dict[tuple[str, ...], Row]
    projected: dict[tuple[str, ...], Row]
    transfers: dict[tuple[str, ...], Row]
    moves: dict[tuple[str, ...], Row]


class Standard(NamedTuple):
    threshold: Fraction
    floor: Fraction
    limit: Fraction


Standards = dict[tuple[str, str], Standard]  # by indicator and stage


def open_marts(home: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(home / "warehouse.duckdb"), read_only=True)


def build_marts(home: Path, counties: dict[str, County]) -> Marts:
    """Make these the schools of the one partition, build the marts anew and read them back."""
    rows = [
        {"region_id": "r", "school_year": 2023, "county_code": code, **names(code, number), **school}
        for code, schools in counties.items()
        for number, school in enumerate(schools)
    ]
    load(home, rows)
    return read_marts(home)


def read_marts(home: Path) -> Marts:
    with open_marts(home) as con:
        return Marts(
            keyed(con, "fct_school_indicator", "school_id", "stage", "indicator_id"),
            keyed(con, "mart_county_balance", "county_code", "stage", "indicator_id"),
            keyed(con, "mart_variance_share", "school_id", "stage", "indicator_id"),
            keyed(con, "mart_school_verdict", "school_id", "stage"),
            keyed(con, "mart_county_verdict", "county_code"),
            keyed(con, "mart_area_balance", "area_level", "area_id", "stage", "indicator_id"),
            keyed(con, "mart_gap_plan", "school_id", "stage", "indicator_id"),
            keyed(con, "mart_county_gap", "county_code", "stage", "indicator_id"),
            keyed(con, "mart_county_plan", "county_code"),
            keyed(con, "mart_plan_step", "plan", "school_id", "stage", "step_no"),
            keyed(con, "mart_projected_plan", "county_code", "horizon"),
            keyed(con, "mart_transfer_plan", "county_code", "stage", "indicator_id"),
            keyed(con, "mart_transfer_move", "stage", "indicator_id", "from_school_id", "to_school_id"),
        )


def load(home: Path, rows: list[Row]) -> None:
    """Make these the schools, and build the marts of their years anew."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in columns})
    with tables.connect(home) as con:
        con.execute("delete from raw.schools; delete from raw.pending_partition")
        con.register("drawn", table)
        con.execute("insert into raw.pending_partition select distinct region_id, school_year, true from drawn")
        con.execute("insert into raw.schools by name from drawn")
    replay.rebuild(home)


def names(county: str, number: int) -> Row:
    return {"school_id": f"{county}-{number}", "school_name": f"{county}县第{number}学校"}


def keyed(con: duckdb.DuckDBPyConnection, mart: str, *key: str) -> dict[tuple[str, ...], Row]:
    result = con.execute(f"from marts.{mart} where school_year = 2023")
    columns = [column[0] for column in result.description]
    rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    return {tuple(row[name] for name in key): row for row in rows}


# --- the definitions, a second time --------------------------------------------------------------------------------


def scale(indicator: str) -> int:
    return 100 if indicator.endswith("per_100") else 1


def exact(figure: float | None) -> Fraction | None:
    """The number that was written, not the binary one beside it."""
    return None if figure is None else Fraction(str(figure))


def whole(school: Row, stage: str, indicator: str) -> Fraction | None:
    """What the school reports of it: teachers a stage, everything else once, in m², yuan, rooms and so on."""
    figure = exact(school[f"{stage}_{STAGED[indicator]}" if indicator in STAGED else SPLIT[indicator]])
    if figure is None:
        return None
    indoor = exact(school["indoor_sports_area_m2"]) or 0
    if indicator == "equipment_value_per_pupil":
        return figure * 10000
    return figure + {"teaching_area_per_pupil": -indoor, "sports_area_per_pupil": indoor}.get(indicator, 0)


def part(school: Row, stage: str) -> Fraction:
    """The stage's part of what the school shares, by weighted pupils."""
    weighted = {name: ratio * school[f"{name}_pupils"] for name, ratio in STAGES[school["school_type"]].items()}
    return weighted[stage] / sum(weighted.values())


def amount(school: Row, stage: str, indicator: str) -> Fraction | None:
    """What the stage has of it."""
    total = whole(school, stage, indicator)
    return total if total is None or indicator in STAGED else total * part(school, stage)


def stages_of(school: Row) -> list[str]:
    return [stage for stage in STAGES[school["school_type"]] if stage != "senior"]


def spread(schools: Iterable[Row], stage: str, indicator: str) -> dict[str, float | None]:
    """Every measure of a county from its definition; all null where there are fewer than two schools or nothing."""
    listed = [school for school in schools if stage in STAGES[school["school_type"]]]
    known = [(x, school) for school in listed if (x := amount(school, stage, indicator)) is not None]
    if len(known) < 2 or not any(x for x, _ in known):
        return dict.fromkeys(MEASURES)
    pupils = np.array([school[f"{stage}_pupils"] for _, school in known])
    fractions = [scale(indicator) * x / school[f"{stage}_pupils"] for x, school in known]
    value = np.array([float(fraction) for fraction in fractions])
    kind = np.array([str(CLASSES[school["urban_rural_code"]]) for _, school in known])

    within, between = theil_parts(value, pupils, kind)
    side = np.where(kind == "rural", "rural", "urban")  # a town stands with the city
    means = {name: float(np.average(value[side == name], weights=pupils[side == name])) for name in set(side)}
    is_class_known = all(school["urban_rural_code"] for school in listed)
    in_town, of_towns = theil_parts(value, pupils, np.array([str(school.get("township")) for _, school in known]))
    is_town_known = all(school.get("township") for school in listed)
    return {
        **weighted_measures(value, pupils),
        "unweighted_cv": float(value.std(ddof=0) / value.mean()),
        "theil_within": within if is_class_known else None,
        "theil_between": between if is_class_known else None,
        "theil_within_townships": in_town if is_town_known else None,
        "theil_between_townships": of_towns if is_town_known else None,
        "urban_rural_ratio": means["urban"] / means["rural"]
        if is_class_known and means.get("rural") and "urban" in means
        else None,
    }


def weighted_measures(value: np.ndarray, pupils: np.ndarray) -> dict[str, float | None]:
    """Of units, be they schools of a county or counties of a region."""
    mean = np.average(value, weights=pupils)
    weight = pupils / pupils.sum()
    median = percentile(value, pupils, 50)
    low = value <= median
    p5 = percentile(value, pupils, 5)
    return {
        "difference_coefficient": math.sqrt(np.average((value - mean) ** 2, weights=pupils)) / mean,
        "gini": float(weight @ np.abs(value[:, None] - value[None, :]) @ weight / (2 * mean)),
        "theil": theil(value, pupils),
        "mean_log_deviation": float(weight @ np.log(mean / value)) if value.min() > 0 else None,
        "mcloone": float(value[low] @ pupils[low] / (median * pupils[low].sum())) if median else None,
        "range_ratio": percentile(value, pupils, 95) / p5 if p5 else None,
    }


def theil_parts(value: np.ndarray, pupils: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """Within the groups and between them."""
    mean = np.average(value, weights=pupils)
    means = {name: float(np.average(value[group == name], weights=pupils[group == name])) for name in set(group)}
    share = {name: float(pupils[group == name].sum() / pupils.sum() * means[name] / mean) for name in means}
    within = sum(share[name] * theil(value[group == name], pupils[group == name]) for name in means if share[name])
    return within, sum(share[name] * math.log(means[name] / mean) for name in means if share[name] > 0)


def theil(value: np.ndarray, pupils: np.ndarray) -> float:
    mean = np.average(value, weights=pupils)
    ratio = value[value > 0] / mean
    return float(np.sum(pupils[value > 0] / pupils.sum() * ratio * np.log(ratio)))


def percentile(value: np.ndarray, pupils: np.ndarray, percent: int) -> float:
    """The lowest value that so many of the pupils are at or below."""
    return float(min(v for v in value if 100 * pupils[value <= v].sum() >= percent * pupils.sum()))


def same(ours: float | None, expected: float | None) -> bool:
    if ours is None or expected is None:
        return ours is expected
    return math.isclose(ours, expected, rel_tol=1e-9, abs_tol=1e-9)


# --- counties to draw ------------------------------------------------------------------------------------------------


def figures(least: int, most: int) -> st.SearchStrategy[int | None]:
    """Whole numbers; one below the least that may be is a figure that was not reported."""
    return st.integers(least, most).map(lambda number: None if number < 0 else number)


@st.composite
def school(draw: st.DrawFn, stage: str, may_lack: bool) -> Row:
    """A school of one stage. Areas and values are multiples of a quarter, so that floats hold them exactly."""
    count = figures(-1 if may_lack else 0, 30)
    staged = {name: draw(count) for name in STAGED.values() if name != "full_time_teachers"}
    staged["full_time_teachers"] = max(n or 0 for n in staged.values()) + draw(st.integers(0, 9))
    indoor = draw(st.integers(0, 9)) / 2
    teaching = draw(figures(-1 if may_lack else 0, 5000))
    ground, equipment = (draw(figures(-1 if may_lack else 0, 5000)) for _ in range(2))
    return {
        "school_type": {"primary": "211", "junior": "311"}[stage],
        "urban_rural_code": draw(st.sampled_from(("111", "121", "220") * 6 + ((None,) if may_lack else ()))),
        "township": draw(st.sampled_from(("城关镇", "王庄乡", "李集镇") * 6 + ((None,) if may_lack else ()))),
        f"{stage}_pupils": draw(st.integers(1, 2500)),
        **{f"{stage}_{name}": number for name, number in staged.items()},
        "indoor_sports_area_m2": indoor,
        "teaching_area_m2": None if teaching is None else teaching + indoor,
        "sports_ground_area_m2": None if ground is None else ground / 2,
        "equipment_value_wan_yuan": None if equipment is None else equipment / 4,
        **{name: draw(count) for name in ("multimedia_rooms", "classrooms", "books", "computers")},
    }


@st.composite
def county(draw: st.DrawFn, least: int = 1, may_lack: bool = True) -> County:
    """Schools of one stage; one of the resources may be at none of them."""
    stage = draw(st.sampled_from(("primary", "junior")))
    schools = draw(st.lists(school(stage, may_lack), min_size=least, max_size=7))
    nowhere = draw(st.sampled_from((None, "books", "multimedia_rooms", f"{stage}_backbone_teachers")))
    return [{**row, nowhere: 0} for row in schools] if nowhere else schools


def some(of: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[dict[str, list[Any]]]:
    """Enough counties for one build, by their codes; not the simplest county over and over."""
    counties = st.lists(of, min_size=12, max_size=16).filter(lambda drawn: drawn[0] != drawn[-1])
    return counties.map(lambda drawn: {f"{i:02}": schools for i, schools in enumerate(drawn)})


def stage_of(county: County) -> str:
    return stages_of(county[0])[0]


def resources(school: Row) -> list[str]:
    stage = stages_of(school)[0]
    return ["indoor_sports_area_m2", *SPLIT.values(), *(f"{stage}_{name}" for name in STAGED.values())]


def multiplied(school: Row, by: int, pupils_by: int = 1) -> Row:
    stage = stages_of(school)[0]
    more = {name: school[name] * by for name in resources(school) if school[name] is not None}
    return {**school, **more, f"{stage}_pupils": school[f"{stage}_pupils"] * pupils_by}


def compare(
    home: Path, counties: dict[str, County], change: Callable[[County], County], measures: Sequence[str]
) -> list[tuple[Row, Row]]:
    """Build the counties and what became of them side by side: these measures may not differ."""
    marts = build_marts(home, {**counties, **{f"{code}x": change(schools) for code, schools in counties.items()}})
    pairs = []
    for code, schools in counties.items():
        for indicator in INDICATORS:
            key = stage_of(schools), indicator
            before, after = marts.balance[code, *key], marts.balance[f"{code}x", *key]
            for measure in measures:
                assert same(after[measure], before[measure]), (measure, key, schools, before, after)
            pairs.append((before, after))
    return pairs


def primary(pupils: int, **figures: float) -> Row:
    """A primary school that reports these figures and nothing else."""
    nothing = dict.fromkeys(
        [*(f"primary_{name}" for name in STAGED.values()), *SPLIT.values(), "indoor_sports_area_m2"]
    )
    return {"school_type": "211", "urban_rural_code": "111", "primary_pupils": pupils, **nothing, **figures}


def staffed(turn: random.Random, count: int, most: int) -> County:
    """Schools of one stage with at most so many backbone teachers each; as a rule a few have most of them."""
    stage, kind = turn.choice((("primary", "211"), ("junior", "311")))
    nothing = dict.fromkeys([*SHARED.values(), "indoor_sports_area_m2"])
    teachers = [min(most, round(turn.lognormvariate(1, 1.2))) for _ in range(count)]
    return [
        {"school_type": kind, "urban_rural_code": "121", **nothing, f"{stage}_pupils": turn.randint(60, 40 * most),
         f"{stage}_backbone_teachers": number}
        for number in teachers
    ]  # fmt: skip
