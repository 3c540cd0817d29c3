"""Policy targets: the register is whole and quoted exactly, each target has a status each year, and rows alone change it."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from helpers import ROOT, SEEDS, SHARED, built_with, seed

DOCUMENTS = {"LC": 43, "HM": 29, "WS": 65, "QY": 11, "JZ": 25}
STATUSES = [
    *("met", "met_late", "not_met", "missed", "on_track", "off_track"),
    *("not_yet_due", "not_applicable", "not_evaluable", "measured"),
]

# Where our register reads a clause otherwise than the shared one: target, field, what it says, what ours says, why.
DIFFERENCES = {
    ("LC-14", "due_years"): ("2024;2025;2026;2027", "2024;2025;2026", "2027年前 ends with 2026"),
    ("JZ-05", "threshold"): (0.0, 0.05, "基本消除 is no more than 5 % of the classes"),
    ("JZ-05", "operator"): ("=", "<=", "a share of the classes, no longer their number"),
    ("HM-17", "operator"): ("between", ">=", "5-8所: the upper end is an aim, more is met"),
    ("HM-18", "operator"): ("between", ">=", "1-2名: the upper end is an aim, more is met"),
    ("HM-19", "operator"): ("between", ">=", "2-3名: the upper end is an aim, more is met"),
    ("QY-06", "operator"): ("between", ">=", "1-2所: the upper end is an aim, more is met"),
    ("QY-07", "operator"): ("between", ">=", "1-2所: the upper end is an aim, more is met"),
    ("LC-34", "operator"): ("increase", ">", "an increase is a change above 0"),
    ("JZ-08", "operator"): ("increase", ">", "an increase is a change above 0"),
    ("LC-08", "operator"): (">=", "", "普遍 has no number: measured, not judged"),
    ("JZ-12", "operator"): (">=", "", "普遍 has no number: measured, not judged"),
    ("WS-40", "operator"): ("in", "", "先进行列 has no number: measured, not judged"),
}


# --- the register ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy() -> Path:
    if not (SHARED / "policy").is_dir():
        pytest.skip("no ../shared/policy beside the checkout: the documents are not there to compare with")
    return SHARED / "policy"


def test_every_target_of_the_shared_register_is_there_as_it_is_written(policy: Path) -> None:
    """Same targets, same words, same numbers; dates are written 20220930, levels 1 to 4, true 1."""
    numbers = {"III": "3", "True": "1"}
    given = yaml.safe_load((policy / "targets.yml").read_text("utf-8"))["targets"]
    assert len(given) == 138
    ours = {row["target_id"]: row for row in seed("targets")}
    ids = [target["id"] for target in given]
    assert [target for target in ours if target in ids] == ids
    added = {target[:2] for target in ours.keys() - ids}
    assert added == {"LC", "HM", "WS", "JZ"}  # of QY only the explanation is at hand
    differing = {}
    for target in given:
        row, threshold = ours[target["id"]], target["threshold"]
        said = numbers.get(
            str(threshold), str(threshold).replace("-", "") if target["statistic"] == "milestone" else threshold
        )
        read = {
            "clause": (target["clause"], row["clause"]),
            "quote": (target["quote"], row["quote"]),
            "kind": (target["kind"], row["kind"]),
            "operator": (str(target.get("operator") or ""), row["operator"]),
            "due_years": (";".join(map(str, target["due_years"])), row["due_years"]),
            "threshold": (None if said is None else float(said), float(row["threshold"]) if row["threshold"] else None),
            "threshold_high": (str(target.get("threshold_high", "")), row["threshold_high"]),
        }
        differing |= {(target["id"], field): pair for field, pair in read.items() if pair[0] != pair[1]}
        assert bool(row["ambiguity_zh"]) or "ambiguity" not in target or row["reading_zh"] != "按字面", target["id"]
    assert differing == {key: (theirs, mine) for key, (theirs, mine, _) in DIFFERENCES.items()}


def test_every_quotation_stands_in_its_document(policy: Path) -> None:
    files = {row["document_id"]: row["source_file"] for row in seed("policy_documents")}
    texts = {key: squeezed((policy / "documents" / name).read_text("utf-8")) for key, name in files.items()}
    assert [
        row["target_id"] for row in seed("targets") if squeezed(row["quote"]) not in texts[row["document_id"]]
    ] == []


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_what_a_reader_is_told_of_a_rule_names_no_column() -> None:
    texts = {
        text
        for name in ("targets", "standard_items", "alternative_readings")
        for row in seed(name)
        for column, text in row.items()
        if column in ("indicator_zh", "reading_zh", "ambiguity_zh", "alternative_zh", "lacks_zh")
    }
    assert [text for text in texts if re.search("[a-z]_[a-z]|operator|threshold", text)] == []


def test_measures_read_what_is_there() -> None:
    """Inputs of the dictionary at the measure's own unit, or measures that read inputs: nothing hangs in the air."""
    inputs = {row["input_id"]: row["unit_level"] for row in seed("inputs")}
    measures = {row["measure_id"]: row for row in seed("measures")}
    of_measures = {"quotient", "change", "least", "areas", "areas_share"}
    for row in measures.values():
        parts = [part for part in re.split("[;+-]", f"{row['numerator']};{row['denominator']}") if part]
        if row["statistic"] == "verdict":
            assert parts == []
        elif row["statistic"] in of_measures:
            assert {measures[part]["statistic"] for part in parts}.isdisjoint(of_measures)
        else:
            assert {inputs[part] for part in parts} == {row["unit_level"]}, row["measure_id"]
    assert {row["condition_input"] for row in seed("populations")} <= {"", *inputs}


# --- the demo -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def release(demo_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_home / "releases/current/junheng.duckdb"), read_only=True) as con:
        con.execute("use marts")
        yield con


def test_the_table_of_documents_adds_up_every_year(release: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(f"count(*) filter (status = '{status}')" for status in STATUSES)
    table = release.execute(
        f"select school_year, document_id, count(*), {columns} from mart_target_progress group by all order by all"
    ).fetchall()
    assert {(year, document): total for year, document, total, *_ in table} == {
        (year, document): count
        for document, count in DOCUMENTS.items()
        for year in range(2019 if document == "WS" else 2021, 2024)
    }
    assert sum(DOCUMENTS.values()) == 173
    assert all(sum(counts) == total for _, _, total, *counts in table)
    last = [sum(column) for column in zip(*(counts for year, _, _, *counts in table if year == 2023), strict=True)]
    assert all(last), dict(zip(STATUSES, last, strict=True))  # the demo shows every status


def test_a_missing_fact_is_named_with_those_who_owe_it(release: duckdb.DuckDBPyConnection) -> None:
    def said(target: str, year: int) -> tuple:
        return release.execute(
            "select status, actual, missing from mart_target_progress where target_id = ? and school_year = ?",
            [target, year],
        ).fetchall()[0]

    assert said("LC-21", 2023) == (
        "not_evaluable",
        None,
        "尚未报送“市教研员人均联系乡村学校数的最小值”",
    )
    status, actual, missing = said("WS-16", 2023)
    assert (status, actual) == ("not_evaluable", None)
    assert missing.startswith("汶上县：尚未报送“已部署IPv6网络应用”：中都街道中心小学、")
    assert said("WS-37", 2021)[2] == "汶上县：缺上一学年的“学生近视率”"
    assert said("WS-37", 2022)[:2] == ("not_yet_due", pytest.approx(-0.3, abs=0.03))
    assert said("WS-37", 2023)[:2] == ("met", pytest.approx(-0.6, abs=0.03))


def test_ranges_dates_and_trends_are_read_as_written(release: duckdb.DuckDBPyConnection) -> None:
    def statuses(target: str) -> list[tuple]:
        return release.execute(
            "select status, actual from mart_target_progress where target_id = ? order by school_year", [target]
        ).fetchall()

    assert statuses("HM-17") == [("met", 5), ("met", 9), ("met", 8)]  # 5 to 8 schools a year: more than 8 is met too
    assert statuses("WS-48")[2:] == [
        ("measured", None),  # the plan is of September 2022
        ("met", 20220928),
        ("met", 20220928),
    ]  # due 30 September 2022
    assert statuses("JZ-13")[0] == ("not_evaluable", None)  # 只增不减 needs two years
    assert {status for status, _ in statuses("JZ-12")} <= {"measured", "not_evaluable"}  # 普遍 has no number


def test_a_plan_judges_no_year_before_it(release: duckdb.DuckDBPyConnection) -> None:
    before = release.execute(
        "select status, is_met, reason from mart_target_progress where target_id = 'LC-33' and school_year < 2023"
    ).fetchall()
    assert before == [("measured", None, "文件自2023学年起执行，以前只列数")] * 2


def test_a_result_stays_as_it_was_in_its_due_year(release: duckdb.DuckDBPyConnection) -> None:
    """Due in 2022: kept, late, or missed; what was due in a year that nobody handed in is not guessed."""

    def told(target: str) -> list[tuple]:
        columns = "status, is_met, is_met_at_due, reason"
        return release.execute(
            f"select {columns} from mart_target_progress where target_id = ? and school_year >= 2022 order by school_year",
            [target],
        ).fetchall()

    assert told("JZ-13") == [
        ("met", True, None, None),
        ("met", False, True, "到期的2022学年已达到；本学年未达到：锦州所辖县级市（文件未具名）"),
    ]
    assert told("HM-03") == [
        ("not_met", False, None, "未达到：海门市"),
        ("met_late", True, False, "到期的2022学年未达到；本学年达到"),
    ]
    assert [row[0] for row in told("HM-11")] == ["met", "met"]
    assert {row[0] for row in told("JZ-04")} == {"not_evaluable"}  # due in 2020
    assert told("JZ-02")[0][0] == "met"  # but a date says when


def test_nobody_of_the_kind_is_not_missing_data(release: duckdb.DuckDBPyConnection) -> None:
    """No new nine-year school, and every school said so; had one said nothing, it might be one."""
    row = "select status, missing, areas_counted from mart_target_progress where target_id = 'WS-09' and school_year = 2023"
    assert release.execute(row).fetchone() == ("not_applicable", None, 0)


def test_heads_are_followed_to_the_school_where_they_stand_now(release: duckdb.DuckDBPyConnection) -> None:
    """Of the roster by hand: who had two terms at a school last year, and stands in another this year."""
    mart = release.execute(
        "select school_year, area_name, numerator, denominator, is_met from mart_target_area"
        " where target_id = 'LC-05' and school_year > 2021 order by school_year, area_id"
    ).fetchall()
    assert [row[2:] for row in mart if row[1] == "东昌府区"] == [(10, 10, None), (1, 1, True)]
    assert (
        [(year, is_met) for year, _, _, _, is_met in mart]
        == [
            *((2022, None) for _ in range(8)),  # the plan is of September 2023
            *((2023, name == "东昌府区") for _, name, *_ in mart[8:]),
        ]
    )
    assert [numerator for _, name, numerator, *_ in mart if name != "东昌府区"] == [0] * 14


def test_a_county_without_a_city_is_compared_by_town_and_country(release: duckdb.DuckDBPyConnection) -> None:
    """农村 is 乡村 and 城镇 its 城区 and 镇区, so a 县 is judged too; of the roster by hand."""
    files = {
        name: pd.read_excel(ROOT / f"raw/qingyuan/2023/{name}.xlsx", dtype=str, engine="openpyxl")
        for name in ("schools", "teachers")
    }
    roster = files["teachers"][files["teachers"]["学段"] != "高中"].merge(files["schools"], on="学校标识码")
    roster["年工资收入"] = roster["年工资收入"].astype(float)
    pay = roster.groupby(["县级行政区划代码", roster["城乡类型"].isin(["乡中心区", "村庄"])])["年工资收入"].mean()
    expected = {code: pay[code, True] / pay[code, False] for code in roster["县级行政区划代码"].unique()}
    areas = release.execute(
        "select area_id, value from mart_target_area where target_id = 'QY-09' and school_year = 2023"
    ).fetchall()
    assert dict(areas) == pytest.approx(expected) and len(expected) == 8


def test_a_growth_that_can_grow_no_further_is_met(release: duckdb.DuckDBPyConnection) -> None:
    area = "select is_met, is_at_best, numerator, value from mart_target_area where target_id = 'JZ-08' and school_year = 2023"
    assert release.execute(area).fetchone() == (True, True, 1, 0)


def test_a_target_binds_whom_its_document_names(release: duckdb.DuckDBPyConnection) -> None:
    def bound(target: str) -> set[str]:
        rows = release.execute(
            "select distinct area_name from mart_target_area where target_id = ?", [target]
        ).fetchall()
        return {name for (name,) in rows}

    assert bound("LC-24") == {"阳谷县", "莘县", "东阿县", "冠县", "高唐县", "临清市"}  # 县(市), no 区
    assert bound("QY-01") == {"连南瑶族自治县"}
    over = "select count(*) from mart_target_area join dim_school using (region_id, school_year) "
    funded = (
        over + "where area_id = school_id and target_id = ? and urban_rural_class = 'urban'"
    )  # all outside the city are rural to Haimen
    assert release.execute(funded, ["HM-02"]).fetchone() == (0,)
    sizes = "select school_year, count(*) from mart_target_area where target_id = 'WS-08' and school_year >= 2021 group by all"
    assert 0 < len(release.execute(sizes).fetchall()) < 3  # no new or expanded school in 2021


def test_the_dictionary_says_which_targets_need_a_fact(release: duckdb.DuckDBPyConnection) -> None:
    needed = dict(release.execute("select fact_id, target_ids from dim_fact").fetchall())
    assert needed["has_recording_room"] == "LC-30;LC-31"
    assert needed["is_new_or_expanded"] == "WS-08;WS-09"  # who belongs to the population
    assert needed["myopic_pupils"] == "WS-37"  # through the rate that it is a change of
    assert needed["veto_fraud"] is None


# --- rows alone -----------------------------------------------------------------------------------------------------

SCHOOLS = [  # id, class of place, largest class, bachelors of ten teachers
    ("s1", "111", 45, 9),
    ("s2", "121", 46, 6),
    ("s3", "220", 40, 8),
]
ROWS = {
    "policy_documents": "ZZ,第六份文件,,,,,\nSN,省定标准,,,,,\n",
    "targets": (
        "ZZ-01,ZZ,一,甲,本科教师比例,bachelor_share_rural,region,,>=,0.7,,2023,quantified,true,按字面,,\n"
        "ZZ-02,ZZ,二,乙,特色高中,featured_high_schools,county,,between,1,2,2023,quantified,true,按字面,,\n"
        "ZZ-03,ZZ,三,丙,课后服务,after_school_service_share,county,,,,,,qualitative_threshold,false,按字面,,\n"
        "SN-01,SN,一,丁,小学班额,largest_class_primary,school,,<=,40,,2023,quantified,true,省定严于国家,,\n"
    ),
}


def fill(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into raw.region values ('r', '甲市', false, 'LC,ZZ,SN', null)")
    con.execute("insert into raw.county values ('r', 'c', '乙县')")
    con.execute("insert into raw.source_file by name select 'r' as region_id, 2023 as school_year")
    for school, place, largest, bachelors in SCHOOLS:
        con.execute(
            "insert into raw.schools by name select 'r' as region_id, 2023 as school_year, ? as school_id, ? as school_name,"
            " 'c' as county_code, '211' as school_type, ? as urban_rural_code, 90 as primary_pupils",
            [school, school, place],
        )
        con.execute(
            "insert into raw.teachers by name select 'r' as region_id, 2023 as school_year, ? || i as teacher_id, ? as school_id,"
            " 'primary' as stage, if(i < ?, 'bachelor', 'associate') as degree from range(10) as t (i)",
            [school, school, bachelors],
        )
        con.execute(
            "insert into raw.classes by name select 'r' as region_id, 2023 as school_year, ? as school_id, 'primary' as stage,"
            " 1 as grade, '1' as class_no, ? as pupils",
            [school, largest],
        )
    con.execute(
        "insert into raw.facts by name select 'r' as region_id, 2023 as school_year, 'county' as entity_type, 'c' as entity_id,"
        " fact_id, value from (values ('featured_high_schools', '3'), ('has_after_school_service', '是'),"
        " ('min_schools_per_county_researcher', '约3所'), ('nine_year_graduates', '很高')) as f (fact_id, value)"
    )


@pytest.fixture(scope="module")
def own_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A build over three schools in which nothing but seeds differs."""
    populations = (SEEDS / "populations.csv").read_text("utf-8")  # 镇区 goes to the other side of 聊城's ratio
    moved = populations.replace("urban_side,城市学校,,,urban,", "urban_side,城市学校,,,urban;town,")
    moved = moved.replace("rural_side,农村学校,,,town;rural,", "rural_side,农村学校,,,rural,")
    assert moved.count("town") == populations.count("town")
    targets = (SEEDS / "targets.csv").read_text("utf-8")  # and a threshold is another
    assert targets.count(",<=,1.05,,2027") == 1
    changed = {"populations": moved, "targets": targets.replace(",<=,1.05,,2027", ",<=,0.9,,2027")}
    with built_with(tmp_path_factory.mktemp("rows"), ROWS, changed, fill) as con:
        yield con


def progress(con: duckdb.DuckDBPyConnection, target: str) -> tuple:
    found = con.execute(
        "select status, actual, areas_met, areas_counted from mart_target_progress where target_id = ?", [target]
    )
    return found.fetchall()[0]


def test_a_sixth_document_is_rows(own_rows: duckdb.DuckDBPyConnection) -> None:
    assert own_rows.execute(
        "select count(*) from mart_target_progress where document_id in ('ZZ', 'SN')"
    ).fetchone() == (4,)
    assert progress(own_rows, "ZZ-01") == ("met", 0.8, 1, 1)
    assert progress(own_rows, "ZZ-02") == ("not_met", 3, 0, 1)  # 1 to 2: three are too many
    assert progress(own_rows, "ZZ-03")[:2] == ("measured", 1)


@pytest.mark.parametrize("target", ["LC-22", "LC-34"])
def test_a_fact_that_is_no_number_stops_nothing_and_is_missing(
    own_rows: duckdb.DuckDBPyConnection, target: str
) -> None:
    assert progress(own_rows, target)[:2] == ("not_evaluable", None)


def test_a_stricter_standard_of_a_province_is_a_row(own_rows: duckdb.DuckDBPyConnection) -> None:
    assert progress(own_rows, "SN-01") == ("not_met", 46, 1, 3)


def test_a_threshold_and_the_side_of_the_towns_are_rows(own_rows: duckdb.DuckDBPyConnection) -> None:
    """(9 + 6) / 20 over 8 / 10 with the towns on the urban side; as the register has it, 9 / 10 over (6 + 8) / 20."""
    assert progress(own_rows, "LC-01")[:2] == ("not_yet_due", 0.9375)
