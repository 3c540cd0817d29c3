"""Real data, written by nobody here, through the whole pipeline: equal to an independent computation to 1e-9."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from helpers import junheng, write_regions
from scipy.stats import f as f_distribution

from dagster_project.release.read import connect
from dagster_project.release.store import current_release, verify

REGIONS = """
regions:
  - {id: example, name_zh: 官方算例}
  - {id: michigan, name_zh: 密歇根, school_id_pattern: '^\\d+$'}
  - {id: hsb, name_zh: 美国高中, school_id_pattern: '^\\d+$'}
  - {id: philippines, name_zh: 菲律宾, school_id_pattern: '^\\d+$'}
"""


def write(raw: Path, region: str, extract: str, table: pd.DataFrame) -> None:
    folder = raw / region / "2023"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{extract}.csv", index=False)


def five_schools(data: Path) -> pd.DataFrame:
    table = pd.read_csv(data / "worked_example_books_5schools.csv")
    return pd.DataFrame(
        {
            "学校标识码": [f"371502000{i}" for i in range(1, 6)],
            "学校名称": table["school"],
            "县级行政区划代码": "371502",
            "办学类型": "小学",
            "小学在校生数": table["students"],
            "图书册数": table["books"],
        }
    )


def michigan(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Districts as counties; teachers from staff per 1000 pupils, spending from spending per pupil."""
    table = pd.read_csv(data / "michigan_elementary_1994_95.csv")
    table = table.assign(school_id=range(1, len(table) + 1))
    schools = pd.DataFrame(
        {
            "school_id": table["school_id"],
            "school_name": "School " + table["schid"].astype(str),
            "county_code": table["distid"].astype(int),
            "school_type": "小学",
            "primary_pupils": table["enrol"].astype(int),
            "primary_full_time_teachers": (table["staff"] * table["enrol"] / 1000).round().astype(int),
        }
    )
    funding = pd.DataFrame(
        {
            "entity_id": table["school_id"],
            "item": "教育支出合计",
            "amount_yuan": table["exppp"] * table["enrol"],
            "account": "决算",
        }
    )
    return schools, funding


def philippines(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Regions as counties; elementary schools are the primary stage, the others the junior stage."""
    table = pd.read_csv(data / "philippines_schools_2015.csv")
    is_primary = table["school_classification"].eq("Elementary")
    schools = pd.DataFrame(
        {
            "school_id": table["school_id"],
            "school_name": "School " + table["school_id"].astype(str),
            "county_code": table["school_region"],
            "school_type": np.where(is_primary, "211", "311"),
            "primary_pupils": table["enrolment"].where(is_primary).astype("Int64"),
            "junior_pupils": table["enrolment"].mask(is_primary).astype("Int64"),
            "primary_full_time_teachers": table["teachers_total"].where(is_primary).astype("Int64"),
            "junior_full_time_teachers": table["teachers_total"].mask(is_primary).astype("Int64"),
            "classrooms": table["rooms_total"],
        }
    )
    funding = pd.DataFrame(
        {
            "entity_id": table["school_id"],
            "item": "公用经费",
            "amount_yuan": table["school_mooe"],
            "account": "预算",
        }
    )
    return schools, funding[funding["amount_yuan"].notna()]


def high_schools(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """High School & Beyond: a county of 160 schools, and the mathematics scores of their pupils."""
    table = pd.read_csv(data / "hsb_students_mathachieve.csv")
    size = table.groupby("School")["MathAch"].size()
    schools = pd.DataFrame(
        {
            "school_id": size.index,
            "school_name": [f"School {school}" for school in size.index],
            "county_code": "1",
            "school_type": "311",
            "junior_pupils": size.to_numpy(),
        }
    )
    scores = table.rename(columns={"School": "school_id", "MathAch": "score"})[["school_id", "score"]]
    return schools, scores.assign(stage="初中", grade=8, subject="数学")


@pytest.fixture(scope="module")
def release(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """All four sets refreshed together by the command, and the release opened."""
    folder = tmp_path_factory.mktemp("real")
    write_regions(folder / "raw", REGIONS)
    write(folder / "raw", "example", "schools", five_schools(shared_data))
    for region, tables in {
        "michigan": michigan(shared_data),
        "philippines": philippines(shared_data),
    }.items():
        write(folder / "raw", region, "schools", tables[0])
        write(folder / "raw", region, "funding", tables[1])
    schools, scores = high_schools(shared_data)
    write(folder / "raw", "hsb", "schools", schools)
    write(folder / "raw", "hsb", "scores", scores)
    outcome = junheng("refresh", "--raw", folder / "raw", "--home", folder / "home", timeout=900, from_nothing=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    release = current_release(folder / "home")
    assert release is not None and verify(release) == []
    return connect(folder / "home")


def coefficients(release: duckdb.DuckDBPyConnection, region: str, indicator: str) -> pd.DataFrame:
    return release.execute(
        """select county_code, stage, school_count, county_mean, difference_coefficient from mart_county_balance
        where region_id = ? and indicator_id = ?""",
        [region, indicator],
    ).df()


def independent(resource: pd.Series, pupils: pd.Series, unit: pd.Series) -> pd.Series:
    """The coefficient by its definition, unit by unit, in numpy: weighted by enrolment, population form."""
    result = {}
    for name in unit.unique():
        x, p = resource[unit == name].to_numpy(float), pupils[unit == name].to_numpy(float)
        known = (p > 0) & ~np.isnan(x)
        x, p = x[known], p[known]
        if len(x) < 2 or x.sum() == 0:
            continue
        mean = x.sum() / p.sum()
        result[name] = np.sqrt(np.average((x / p - mean) ** 2, weights=p)) / mean
    return pd.Series(result)


def agree(ours: pd.DataFrame, expected: pd.Series) -> int:
    """Compare unit by unit; the number of coefficients compared."""
    known = ours[ours["difference_coefficient"].notna()].set_index("county_code")["difference_coefficient"]
    expected.index = expected.index.astype(str)
    assert sorted(known.index) == sorted(expected.index)
    np.testing.assert_allclose(known.sort_index(), expected.sort_index(), rtol=1e-9)
    return len(known)


def test_official_five_school_example(release: duckdb.DuckDBPyConnection, shared_data: Path) -> None:
    """Published as 0.52, 0.515257 from the same inputs; the three usual mistakes are other numbers."""
    row = release.execute(
        "select difference_coefficient, county_mean, unweighted_cv from mart_county_balance"
        " where region_id = 'example' and indicator_id = 'books_per_pupil'"
    ).fetchone()
    assert row is not None
    expected = pd.read_csv(shared_data / "worked_example_books_5schools_expected.csv").set_index("quantity")
    exact = expected["exact_from_inputs"]
    assert row[0] == pytest.approx(exact["cv_official_weighted"], abs=5e-7)
    assert row[1] == pytest.approx(exact["county_mean"], abs=5e-7)
    assert row[2] == pytest.approx(exact["cv_unweighted_population_sd"], abs=5e-7)
    for wrong in (
        "cv_unweighted_population_sd",
        "cv_unweighted_sample_sd",
        "cv_weighted_sd_over_simple_mean",
    ):
        assert abs(row[0] - exact[wrong]) > 0.02


def test_michigan(release: duckdb.DuckDBPyConnection, shared_data: Path) -> None:
    schools, funding = michigan(shared_data)
    unit, pupils = schools["county_code"], schools["primary_pupils"]
    teachers = coefficients(release, "michigan", "teachers_per_100")
    spending = coefficients(release, "michigan", "expenditure_per_pupil")
    assert len(teachers) == unit.nunique() == 537
    assert agree(teachers, independent(schools["primary_full_time_teachers"], pupils, unit)) > 200
    assert agree(spending, independent(funding["amount_yuan"], pupils, unit)) > 200


def test_gini_and_theil_are_those_of_the_package_inequality(release: duckdb.DuckDBPyConnection) -> None:
    """It knows no weights, so each pupil of Michigan stands for himself with the value of his school."""
    why = "the PyPI package inequality is not installed (it brings maps and charts along): pip install inequality"
    gini = pytest.importorskip("inequality.gini", reason=why)
    theil = pytest.importorskip("inequality.theil", reason=why)
    ours = release.execute(
        "select county_code, gini, theil from mart_county_balance where region_id = 'michigan'"
        " and indicator_id = 'expenditure_per_pupil' and gini is not null"
    ).fetchall()
    for county, *expected in ours:
        value, pupils = (
            release.execute(
                "select value, pupils from fct_school_indicator where region_id = 'michigan' and county_code = ?"
                " and indicator_id = 'expenditure_per_pupil'",
                [county],
            )
            .fetchnumpy()
            .values()
        )
        each = np.repeat(value, pupils)
        np.testing.assert_allclose([gini.Gini(each).g, theil.Theil(each).T], expected, rtol=1e-9, atol=1e-12)
    assert len(ours) > 150


def test_philippines(release: duckdb.DuckDBPyConnection, shared_data: Path) -> None:
    schools, funding = philippines(shared_data)
    funds = schools[["school_id"]].merge(
        funding, left_on="school_id", right_on="entity_id", how="left", validate="one_to_one"
    )["amount_yuan"]
    compared = 0
    for stage in ("primary", "junior"):
        pupils = schools[f"{stage}_pupils"].astype(float).fillna(0)
        for indicator, resource in {
            "teachers_per_100": schools[f"{stage}_full_time_teachers"].astype(float),
            "classrooms_per_100": schools["classrooms"],
            "public_funds_per_pupil": funds,
        }.items():
            ours = coefficients(release, "philippines", indicator)
            compared += agree(ours[ours["stage"] == stage], independent(resource, pupils, schools["county_code"]))
    assert compared == 2 * 3 * schools["county_code"].nunique()


def test_difference_rate_of_high_schools(release: duckdb.DuckDBPyConnection, shared_data: Path) -> None:
    """ANOVA ICC(1) 0.17360 of 7,185 pupils in 160 schools, as published analyses have it; not η² 0.19097."""
    row = release.execute(
        "select difference_rate, ci_low, ci_high, pupil_count, school_count"
        " from mart_achievement_gap where region_id = 'hsb'"
    ).fetchone()
    assert row is not None and row[0] == pytest.approx(0.17360, abs=5e-6) and row[3:5] == (7185, 160)
    scores = high_schools(shared_data)[1]
    score = scores.groupby("school_id")["score"]
    size, mean, within = (getattr(score, name)().to_numpy() for name in ("size", "mean", "var"))
    n, k = size.sum(), len(size)
    between = (size * (mean - np.average(mean, weights=size)) ** 2).sum() / (k - 1)
    pooled = ((size - 1) * within).sum() / (n - k)
    typical = (n - (size**2).sum() / n) / (k - 1)
    ratios = between / pooled / np.array([1, *f_distribution.ppf([0.975, 0.025], k - 1, n - k)])
    np.testing.assert_allclose(row[:3], (ratios - 1) / (ratios + typical - 1), rtol=1e-9)


def test_every_row_is_accounted_for(release: duckdb.DuckDBPyConnection, shared_data: Path) -> None:
    files = release.execute(
        """select region_id, "extract", rows_in, rows_loaded, rows_quarantined, rows_skipped from mart_source_file"""
    ).fetchall()
    rows = {(region, extract): rows_in for region, extract, rows_in, *_ in files}
    assert rows["michigan", "schools"] == 1848
    assert rows["philippines", "schools"] == 42342
    assert all(rows_in == loaded + quarantined + skipped for _, _, rows_in, loaded, quarantined, skipped in files)


def test_schools_without_pupils_but_with_teachers_are_named(release: duckdb.DuckDBPyConnection) -> None:
    """The two real ones: no coefficient counts them, and their units are said to be incomplete, not judged without them."""
    named = release.execute(
        """select county_code, school_id from mart_missing_school
        where region_id = 'philippines' and kind = 'undecided' order by all"""
    ).fetchall()
    assert named == [("CARAGA", "131473"), ("Region 10", "126484")]
    balances = release.execute(
        """select missing_school_count, is_met from mart_county_balance
        where region_id = 'philippines' and county_code in ('CARAGA', 'Region 10') and stage = 'primary' and school_count > 0"""
    ).fetchall()
    assert balances and all(count == 1 and not is_met for count, is_met in balances)
