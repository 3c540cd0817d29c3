"""Trends, projected enrolment and similar schools, computed a second time in Python from the definitions; then again after a refresh."""

import math
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from helpers import seed
from scipy import stats

from dagster_project.transform import build, replay
from dagster_project.transform.functions import f_quantile
from dagster_project.warehouse import tables

Row = dict[str, Any]
Key = tuple[Any, ...]

YEARS = (2016, 2017, 2018, 2020, 2021, 2022, 2023)  # 2019 was never handed in
MANY = 2022  # the year of many schools and no incomes
CLASSES = {"111": "urban", "121": "town", "220": "rural", None: None}
KINDS = {"211": ("primary",), "218": ("primary",), "311": ("junior",), "312": ("primary", "junior")}
BIRTHS = {1: 500, 2: 430, 3: 300, 5: 77}  # of c1, by the years until they enter; of the fourth year nobody said
MIGRANTS = {1: -20, 2: 15}
INCOMES = {"c1": "24000", "c2": "36,500", "d1": "18000"}  # c3 and d2 did not say
WEIGHTS = {row["term"]: float(row["weight"]) for row in seed("similarity_weights")}


def partition(
    region: str, year: int, counties: tuple[str, ...], schools: int, dice: random.Random
) -> dict[str, list[Row]]:
    """The extracts of a region and year: each school of a county is a little better or worse off every year."""
    at = {"region_id": region, "school_year": year}
    tables: dict[str, list[Row]] = {"schools": [], "classes": [], "facts": []}
    for county in counties:
        for i in range(schools):
            kind = dice.choice([*KINDS, "211", "311"])
            row = {**at, "school_id": f"{county}-{i}", "township": "甲镇" if county == "c1" else None, "school_name": f"{county}第{i}学校", "county_code": county, "school_type": kind,
                   "urban_rural_code": dice.choice(list(CLASSES)), "teaching_area_m2": dice.randint(3000, 9000),
                   "sports_ground_area_m2": dice.choice((None, *range(4000, 9000, 9))), "multimedia_rooms": dice.randint(0, 40)}  # fmt: skip
            for stage in KINDS[kind]:
                row[f"{stage}_pupils"] = dice.randint(60, 2600)
                row[f"{stage}_full_time_teachers"] = 90
                row[f"{stage}_backbone_teachers"] = 0 if county == "c2" else dice.randint(0, 9)
                for grade in range(1, 7) if stage == "primary" else range(7, 10):
                    grade -= 6 if county == "c3" and stage == "junior" else 0  # that roster counts from 1 again
                    pupils = dice.randint(0, 50)
                    tables["classes"].append({**at, "school_id": row["school_id"], "stage": stage, "grade": grade, "class_no": "1", "pupils": pupils})  # fmt: skip
            tables["schools"].append(row)
        for name, figures in (("births", BIRTHS), ("migrants", MIGRANTS)) if county == "c1" and year > 2020 else ():
            for ahead, number in figures.items():
                tables["facts"].append({**at, "entity_type": "township", "entity_id": f"{county}甲镇", "fact_id": f"{name}_entering_in_{ahead}y", "value": str(number)})  # fmt: skip
        if county in INCOMES and year != MANY:
            tables["facts"].append({**at, "entity_type": "county", "entity_id": county, "fact_id": "rural_income_yuan", "value": INCOMES[county]})  # fmt: skip
    return tables


def put(con: duckdb.DuckDBPyConnection, region: str, year: int, tables: dict[str, list[Row]]) -> None:
    """Hand in a partition, or hand it in anew."""
    for name, rows in tables.items():
        con.execute(f"delete from raw.{name} where region_id = ? and school_year = ?", [region, year])
        if rows:
            names = list(dict.fromkeys(column for row in rows for column in row))
            con.register("drawn", pa.table({column: pa.array([row.get(column) for row in rows]) for column in names}))
            con.execute(f"insert into raw.{name} by name from drawn")
    con.execute("delete from raw.source_file where region_id = ? and school_year = ?", [region, year])
    con.execute("insert into raw.source_file by name select ? as region_id, ?::integer as school_year", [region, year])
    con.execute("insert into raw.pending_partition values (?, ?, true)", [region, year])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outlook")
    dice = random.Random(5)
    with tables.connect(folder) as con:
        con.execute("insert into raw.region values ('r', '甲市', true, '', null), ('q', '乙市', true, '', null)")
        for year in YEARS:
            put(con, "r", year, partition("r", year, ("c1", "c2", "c3"), 60 if year == MANY else 9, dice))
            if year > 2019:
                put(con, "q", year, partition("q", year, ("d1", "d2"), 60 if year == MANY else 9, dice))
    build.build(folder)
    return folder


def rows_of(home: Path, query: str) -> list[Row]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        result = con.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def same(ours: float | None, expected: float | None) -> bool:
    if ours is None or expected is None:
        return ours is expected
    return math.isclose(ours, expected, rel_tol=1e-9, abs_tol=1e-9)


# --- a straight line through the last years ---------------------------------------------------------------------------


def check_trends(home: Path) -> None:
    known: dict[Key, dict[int, float | None]] = defaultdict(dict)
    for row in rows_of(home, "from marts.mart_county_balance where limit_value is not null"):
        for figure in ("difference_coefficient", "county_mean"):
            known[row["region_id"], row["county_code"], row["stage"], row["indicator_id"], figure][
                row["school_year"]
            ] = row[figure]
    trends = rows_of(home, "from marts.mart_indicator_trend")
    assert len(trends) == 5 * sum(map(len, known.values()))
    counts = set()
    for ours in trends:
        year, ahead = ours["school_year"], ours["projected_year"]
        history = known[ours["region_id"], ours["county_code"], ours["stage"], ours["indicator_id"], ours["figure"]]
        x = [past for past in history if year - 4 <= past <= year and history[past] is not None]
        y = [history[past] for past in x]
        counts.add(len(x))
        assert (ours["year_count"], ours["first_year"], ours["last_year"]) == (
            len(x),
            min(x, default=None),
            max(x, default=None),
        )
        slope = error = value = low = high = None
        if len(x) > 1:
            line = stats.linregress(x, y)
            slope, value = line.slope, line.intercept + line.slope * ahead
        if len(x) > 2:
            error = math.sqrt(
                sum((b - line.intercept - line.slope * a) ** 2 for a, b in zip(x, y, strict=True)) / (len(x) - 2)
            )
        if len(x) > 3:
            middle = sum(x) / len(x)
            spread = 1 + 1 / len(x) + (ahead - middle) ** 2 / sum((a - middle) ** 2 for a in x)
            half = stats.t.ppf(0.975, len(x) - 2) * error * math.sqrt(spread)
            low, high = max(0, value - half), max(0, value + half)
        value = None if value is None else max(0, value)
        for name, expected in (("slope", slope), ("residual_standard_error", error), ("projected_value", value), ("interval_low", low), ("interval_high", high)):  # fmt: skip
            assert same(ours[name], expected), (name, expected, ours)
        over = None if value is None else value - ours["limit_value"]
        if over is not None and abs(over) > 1e-9:
            assert ours["is_within"] == ((over < 0) == (ours["figure"] == "difference_coefficient")), ours
        assert (ours["reason"] is None) == (len(x) > 3 and history[year] is not None), ours
        if ours["outlook"] is not None:
            assert (ours["crossing_year"] is not None) == (ours["outlook"] in ("lost", "reached"))
            assert ours["is_within_now"] == (ours["outlook"] in ("kept", "lost"))
    assert counts >= {1, 2, 3, 4}


def test_a_trend_is_the_least_squares_line_with_its_prediction_interval(home: Path) -> None:
    check_trends(home)
    assert {row["outlook"] for row in rows_of(home, "select distinct outlook from marts.mart_indicator_trend")} >= {
        "kept",
        "lost",
        "reached",
        "missed",
    }


def test_the_quantiles_are_those_of_student() -> None:
    """As the trend takes them from F; and as NIST/SEMATECH e-Handbook 1.3.6.7.2 prints them."""
    found = {freedom: f_quantile(1, freedom, 0.95) ** 0.5 for freedom in range(2, 31)}
    assert found == pytest.approx({freedom: stats.t.ppf(0.975, freedom) for freedom in found}, abs=1e-11)
    printed = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 20: 2.086, 30: 2.042}
    assert {freedom: round(found[freedom], 3) for freedom in printed} == printed


# --- cohorts ------------------------------------------------------------------------------------------------------------


def check_enrolment(home: Path) -> None:
    pupils: dict[Key, dict[tuple[int, int], int]] = defaultdict(
        lambda: defaultdict(int)
    )  # county: year and place: pupils
    for row in rows_of(
        home,
        "select * exclude (region_id), schools.region_id from raw.classes join raw.schools using (region_id, school_year, school_id)",
    ):
        place = row["grade"] + (6 if row["stage"] == "junior" and row["grade"] < 7 else 0)
        pupils[row["region_id"], row["county_code"]][row["school_year"], place] += row["pupils"]
    ours = {
        (row["region_id"], row["county_code"], row["school_year"], row["grade"] + (6 if row["stage"] == "junior" and row["grade"] < 7 else 0), row["projected_year"]): row
        for row in rows_of(home, "from marts.mart_enrolment_projection")
    }  # fmt: skip
    seen, bases = 0, set[str]()
    for (region, county), known in pupils.items():
        for year in {year for year, _ in known}:
            window = sorted({past for past, _ in known if year - 4 <= past <= year})
            ratio = {}
            for place in range(2, 10):
                pairs = [(known[past - 1, place - 1], known[past, place]) for past in window if past - 1 in window]
                pairs = [(before, after) for before, after in pairs if before]
                ratio[place] = sum(after / before for before, after in pairs) / len(pairs) if pairs else None
            entering = [known[past, 1] for past in window if past > year - 3]
            now: dict[int, float | None] = {place: known[year, place] for place in range(1, 10)}
            basis = dict.fromkeys(now, "roster")
            for ahead in range(1, 6):
                entrants: float | None = sum(entering) / len(entering) if len(window) > 1 else None
                entered = "constant"
                if county == "c1" and year > 2020 and ahead in BIRTHS:
                    entrants = BIRTHS[ahead] + MIGRANTS.get(ahead, 0)
                    entered = "births_and_migration" if ahead in MIGRANTS else "births"
                now = {1: entrants, **{place: times(now[place - 1], ratio[place]) for place in ratio}}
                basis = {1: entered, **{place: basis[place - 1] for place in ratio}}
                bases.add(entered)
                for place, expected in now.items():
                    row = ours[region, county, year, place, year + ahead]
                    assert same(row["projected_pupils"], expected), (expected, row)
                    assert row["entrants_basis"] == basis[place]
                    assert row["is_assumed"] == (basis[place] == "constant")
                    assert (row["reason"] is None) == (expected is not None)
                    assert (row["year_count"], row["first_year"]) == (len(window), window[0])
                    seen += 1
    assert seen == len(ours) > 500 and bases == {"births_and_migration", "births", "constant"}


def times(pupils: float | None, ratio: float | None) -> float | None:
    return None if pupils is None or ratio is None else pupils * ratio


def test_enrolment_is_cohort_survival(home: Path) -> None:
    check_enrolment(home)


# --- similar schools ----------------------------------------------------------------------------------------------------


def distance(one: Row, other: Row) -> float:
    terms = {
        "pupils": abs(math.log(other["pupils"] / one["pupils"])),
        "school_type": float(one["school_type"] != other["school_type"]),
    }
    if one["urban_rural_class"] and other["urban_rural_class"]:
        terms["urban_rural_class"] = float(one["urban_rural_class"] != other["urban_rural_class"])
    if one["income"] and other["income"]:
        terms["income"] = abs(math.log(other["income"] / one["income"]))
    return sum(WEIGHTS[name] * term for name, term in terms.items()) / sum(WEIGHTS[name] for name in terms)


def check_similar(home: Path) -> None:
    """Every school with every other of its year, stage and stages taught; the marts look at neighbours alone."""
    schools = rows_of(home, "from marts.fct_school_stage where is_in_scope")
    values = {
        (row["region_id"], row["school_year"], row["school_id"], row["stage"], row["indicator_id"]): row["value"]
        for row in rows_of(
            home,
            "from marts.fct_school_indicator where threshold is not null or indicator_id = 'public_funds_per_pupil'",
        )
    }
    kinds: dict[Key, list[Row]] = defaultdict(list)
    for school in schools:
        income = INCOMES.get(school["county_code"]) if school["school_year"] != MANY else None
        school["income"] = income and float(income.replace(",", ""))
        kinds[school["school_year"], school["stage"], KINDS[school["school_type"]]].append(school)
    pairs: dict[Key, list[Key]] = defaultdict(list)
    for row in rows_of(home, "from marts.mart_similar_school order by similar_rank"):
        pairs[row["region_id"], row["school_year"], row["school_id"], row["stage"]].append(
            (row["similar_region_id"], row["similar_school_id"], row["distance"])
        )
    standing = {
        (row["region_id"], row["school_year"], row["school_id"], row["stage"], row["indicator_id"]): row
        for row in rows_of(home, "from marts.mart_similar_standing")
    }
    assert standing.keys() == values.keys()
    for kind in kinds.values():
        for school in kind:
            key = school["region_id"], school["school_year"], school["school_id"], school["stage"]
            others = sorted(
                (round(distance(school, other), 12), other["region_id"], other["school_id"])
                for other in kind if other is not school
            )[:10]  # fmt: skip
            assert [pair[:2] for pair in pairs[key]] == [other[1:] for other in others], (school, pairs[key], others)
            assert [pair[2] for pair in pairs[key]] == pytest.approx([other[0] for other in others], abs=1e-9)
            for indicator in {name for *_, name in values}:
                ours, own = standing[*key, indicator], values[*key, indicator]
                theirs = [
                    v
                    for _, region, other in others
                    if (v := values[region, key[1], other, key[3], indicator]) is not None
                ]
                assert ours["similar_count"] == len(theirs)
                middle = sorted(theirs)[len(theirs) // 2 - (len(theirs) % 2 == 0) : len(theirs) // 2 + 1]
                assert same(ours["similar_median"], sum(middle) / len(middle) if middle else None), (ours, theirs)
                rank = 1 + sum(v > own for v in theirs) if own is not None and theirs else None
                assert ours["standing"] == rank
                assert (ours["reason"] is None) == (rank is not None and len(theirs) == 10)


def test_similar_schools_are_the_nearest_of_all(home: Path) -> None:
    check_similar(home)


def test_a_refresh_reaches_later_years_and_other_regions(home: Path) -> None:
    """One region hands in two years anew: trends of the years after move, and the similar schools of the other region."""
    before = {name: rows_of(home, f"select * from marts.{name} where {where}") for name, where in ELSEWHERE.items()}
    dice = random.Random(6)
    with tables.connect(home) as con:
        con.execute("delete from raw.pending_partition")
        put(con, "q", 2020, partition("q", 2020, ("d1", "d2"), 9, dice))
        put(con, "q", 2023, partition("q", 2023, ("d1", "d2"), 12, dice))
    replay.rebuild(home)
    for name, where in ELSEWHERE.items():
        assert rows_of(home, f"select * from marts.{name} where {where}") != before[name], name
    check_trends(home)
    check_enrolment(home)
    check_similar(home)


ELSEWHERE = {
    "mart_indicator_trend": "region_id = 'q' and school_year = 2022 order by all",
    "mart_enrolment_projection": "region_id = 'q' and school_year = 2022 order by all",
    "mart_similar_school": "region_id = 'r' and school_year = 2023 order by all",
    "mart_similar_standing": "region_id = 'r' and school_year = 2023 order by all",
}
