"""A warehouse that passes both gates: every table that a suite guards, with the columns of the contract."""

from pathlib import Path

import duckdb
import pytest
import yaml
from helpers import ROOT

from dagster_project.gates import suites
from dagster_project.warehouse.tables import ORIGIN, TABLES

CONTRACT = yaml.safe_load((ROOT / "dagster_project/extracts/contract.yml").read_text("utf-8"))
TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
GOOD = [("liaocheng", 2023)]

# Three counties of 10 schools, in the units of the contract, and everything else handed in for them; a year before, the same.
FILL = """
insert into raw.schools by name
    select 'liaocheng' region_id, 2023 school_year, 's' || i school_id,
        '学校' || i school_name, '37150' || i % 3 county_code, '211' school_type,
        600 + i primary_pupils, 40 primary_full_time_teachers,
        5000 teaching_area_m2, 600 indoor_sports_area_m2, 8000 sports_ground_area_m2, 200 equipment_value_wan_yuan
    from range(30) r(i);
insert into raw.teachers by name
    select 'liaocheng' region_id, 2023 school_year, 'secret-' || i teacher_id, 's' || i % 30 school_id,
        'primary' stage, 1985 birth_year, 96000 annual_pay_yuan, 360 training_hours_5y
    from range(1200) r(i);
insert into raw.classes by name
    select 'liaocheng' region_id, 2023 school_year, 's' || i % 30 school_id, 'primary' stage, 1 + i % 6 grade,
        i::varchar class_no, 44 pupils
    from range(420) r(i);
insert into raw.rooms by name
    select 'liaocheng' region_id, 2023 school_year, 's' || i % 30 school_id, kind, i::varchar room_no, 96 area_m2
    from range(60) r(i), (values ('music'), ('art')) k(kind);
insert into raw.funding by name
    select 'liaocheng' region_id, 2023 school_year, 's' || i entity_id, item, account,
        amount * (600 + i) amount_yuan
    from range(30) r(i), (values ('public_funds', 1150), ('total_expenditure', 12000)) f(item, amount),
        (values ('budget'), ('final')) a(account);
insert into raw.scores by name
    select 'liaocheng' region_id, 2023 school_year, 's' || i % 30 school_id, 'primary' stage, 4 grade,
        '数学' subject, 400 + i % 200 score
    from range(6000) r(i);
insert into raw.facts by name
    select 'liaocheng' region_id, 2023 school_year, f.*, 'fact_' || i fact_id, i as value from range(10) r(i),
        (values ('county', '371501'), ('school', 's1')) f(entity_type, entity_id);
insert into raw.region values ('liaocheng', 'LC');
insert into raw.loaded_partition values ('liaocheng', 2022), ('liaocheng', 2023);
insert into raw.source_file values ('liaocheng', 2023);
insert into raw.schools select * replace (2022 as school_year) from raw.schools;
insert into raw.teachers select * replace (2022 as school_year) from raw.teachers;
insert into raw.classes select * replace (2022 as school_year) from raw.classes;
insert into raw.rooms select * replace (2022 as school_year) from raw.rooms;
insert into raw.funding select * replace (2022 as school_year) from raw.funding;
insert into raw.scores select * replace (2022 as school_year) from raw.scores;
insert into raw.facts select * replace (2022 as school_year) from raw.facts;
"""

# What dbt makes of it, as far as the suites look at it.
MARTS = """
create table marts.fct_school_stage as
    select region_id, school_year, county_code, school_id, 'primary' stage, primary_pupils pupils,
        1.0::double resource_share, true is_in_scope
    from raw.schools;
create table marts.fct_school_indicator as
    select s.* exclude (resource_share, is_in_scope), indicator_id, 1 + i * 1000.0::double as value,
        threshold, value >= threshold is_met, 0::double shortfall, null::varchar null_reason
    from marts.fct_school_stage s,
        (values (0, 'books_per_pupil', null), (2, 'equipment_value_per_pupil', 2000::double))
            v(i, indicator_id, threshold);
create table marts.mart_county_balance as
    select region_id, school_year, county_code, stage, indicator_id, count(*) school_count,
        0 missing_school_count, 0.3::double difference_coefficient,
        if(indicator_id = 'books_per_pupil', null, 0.5) limit_value,
        difference_coefficient <= limit_value is_met, 0.2::double gini,
        0.1::double theil, 0.1::double mean_log_deviation, 0.9::double mcloone, 0.8::double met_school_share,
        null::varchar reason
    from marts.fct_school_indicator group by all;
create table marts.mart_variance_share as
    select region_id, school_year, county_code, school_id, stage, indicator_id, 0.1::double variance_share,
        'above' direction, 0.3::double coefficient_without,
        row_number() over (partition by region_id, school_year, county_code, stage, indicator_id) variance_rank
    from marts.fct_school_indicator where threshold is not null;
create table marts.mart_area_balance as
    select 'region' area_level, 'liaocheng' area_id, school_year, stage, indicator_id, 0.2::double difference_coefficient,
        0.8::double met_pupil_share, null::varchar null_reason
    from marts.mart_county_balance;
create table marts.mart_county_change as
    select region_id, school_year, county_code, stage, indicator_id, 0.3::double common_coefficient,
        10 common_school_count, 0 new_school_count, 0 gone_school_count, null::varchar null_reason
    from marts.mart_county_balance;
create table marts.mart_achievement_gap as
    select 'liaocheng' region_id, 2023 school_year, '371501' county_code, '数学' subject, 0.12::double difference_rate,
        0.02::double ci_low, 0.4::double ci_high, null::varchar null_reason;
create table marts.mart_gap_plan as
    select region_id, school_year, county_code, school_id, stage, indicator_id, 20 units_to_threshold, 5 units_to_floor,
        true is_left_at_floor, 5 pass_units, 0 balance_units, null::varchar null_reason
    from marts.fct_school_indicator where threshold is not null;
create table marts.mart_county_gap as
    select region_id, school_year, county_code, stage, indicator_id, 0.5::double limit_value, 0.5::double coefficient_after,
        5 pass_units, 3 balance_units, 1 raised_school_count, null::varchar null_reason
    from marts.mart_county_balance where limit_value is not null;
create table marts.mart_plan_step as
    select region_id, school_year, plan, county_code, school_id, stage, measure, indicator_id, from_school_id, 2 units,
        cost_kind, 10.0::double unit_cost_yuan, 20.0::double cost_yuan, '示例' price_basis
    from marts.mart_gap_plan, (values ('pass'), ('both')) p(plan),
        (values ('hire', null, 'yearly'), ('move', 's0', 'yearly'), ('build', null, 'one_off')) m(measure, from_school_id, cost_kind)
    where school_id <> 's0';
create table marts.mart_county_outlay as
    select region_id, school_year, plan, county_code, cost_kind way_zh, cost_kind, count(*) school_count, sum(units) units,
        10.0::double unit_cost_yuan, sum(cost_yuan) cost_yuan, price_basis
    from marts.mart_plan_step group by all;
create table marts.mart_county_plan as
    select region_id, school_year, county_code, '招聘1人' additions, 150.0::double one_off_yuan, 100.0::double yearly_yuan,
        50.0::double pass_one_off_yuan, 100.0::double pass_yearly_yuan, 150.0::double balance_one_off_yuan, 0.0::double balance_yearly_yuan,
        3 failed_school_count, 0 failed_school_count_after, 0 failed_coefficient_count_after, null::varchar remaining
    from marts.mart_county_gap group by all;
create table marts.mart_transfer_plan as
    select region_id, school_year, county_code, stage, indicator_id, 0.6::double difference_coefficient, 0.5::double limit_value,
        'optimal' status, 3 teachers_moved, 0.5::double coefficient_after, 0.4::double least_coefficient, null::varchar null_reason
    from marts.mart_county_balance where limit_value is not null;
create table marts.mart_transfer_move as
    select region_id, school_year, county_code, stage, indicator_id, county_code || '-' || i from_school_id,
        county_code || '-0' to_school_id, i teachers
    from marts.mart_transfer_plan, range(1, 3) t(i);
create table marts.mart_layout_option as
    select region_id, school_year, county_code, school_id, stage, lever, if(lever = 'merge', 'small_school', 'size') reason, 1 option_no,
        pupils, if(lever <> 'merge', pupils - 10, null) allowed_pupils, if(lever = 'merge', pupils, 10) excess_pupils,
        host to_school_id, if(lever = 'divert', 20, null) room_pupils, if(lever = 'divert', 8, null) moved_pupils,
        case lever when 'divert' then 2 when 'merge' then pupils end unplaced_pupils,
        if(lever = 'cap', 100, null) yearly_entrants, if(lever = 'merge', '没有学校能接收', null) null_reason
    from marts.fct_school_stage, (values ('divert', 's0'), ('cap', null), ('merge', null)) l(lever, host)
    where school_id = 's3';
create table marts.mart_school_verdict as
    select region_id, school_year, county_code, school_id, stage, 6 met_count, true is_passed,
        null::varchar reasons
    from marts.fct_school_stage;
create table marts.mart_county_verdict as
    select distinct region_id, school_year, county_code, 'not_evaluable' verdict, 'met' resource_verdict,
        14 coefficient_count, 0 missing_school_count, 1 open_requirement_count, '社会认可度尚未判定' reasons
    from marts.fct_school_stage;
create table marts.mart_completeness as
    select region_id, school_year, county_code, extract, 10 expected_school_count, 9 handed_in_school_count, 1 rejected_school_count,
        0 absent_school_count, false is_complete, '缺1所学校' reason
    from marts.mart_county_verdict, (values ('schools'), ('teachers'), ('classes'), ('funding')) e(extract);
create table marts.mart_filing as
    select region_id, school_year, county_code, 's1' school_key, extract, date '2023-10-15' deadline, date '2023-10-01' arrived_on,
        'received' status, null::varchar reason
    from marts.mart_county_verdict, (values ('schools'), ('teachers'), ('classes'), ('funding')) e(extract);
create table marts.mart_notice as
    select region_id, school_year, 'file_rejected' kind, 'a.csv' subject, '打不开' notice from marts.mart_county_verdict;
create table marts.mart_missing_school as
    select region_id, school_year, county_code, 's99' school_key, 'rejected' kind, '“新校”（schools.csv第2行）' reason
    from marts.mart_county_verdict;
create table marts.mart_unread_cell as
    select region_id, school_year, 'a.csv' source_file, 2 row_number, '普通教室数' column_zh, '约5' original, '应为整数' reason
    from marts.mart_county_verdict;
create table marts.mart_application_form as
    select region_id, school_year, county_code, 'Ⅰ' form_table, 1 row_no, '小学数' label_zh, 6.0::double as value, '6' shown,
        null::varchar missing
    from marts.mart_county_verdict;
create table marts.mart_application_form_school as
    select region_id, school_year, school_id, 1.5::double backbone_teachers_per_100, '达到要求：L7' remark
    from marts.mart_school_verdict;
create table marts.mart_county_reason as
    select 'liaocheng' region_id, 2023 school_year, '371501' county_code, 1 reason_no, 'coefficient_over_limit' kind,
        0.52::double figure, 0.5::double limit_value, '小学生均图书差异系数0.520，超过0.50' reason;
create table marts.mart_county_explanation as
    select region_id, school_year, county_code, 1 sentence_no, '达到优质均衡标准。' sentence from marts.mart_county_verdict;
create table marts.mart_county_action as
    select region_id, school_year, county_code, 4 action_no, 'left' kind, '社会认可度。' sentence from marts.mart_county_verdict;
create table marts.mart_standard_item as
    select region_id, school_year, county_code, 'quality_2017' standard_id, 'government' part, 'X' || i item_id, 'X' || i criterion_id,
        true is_judged, false is_met, '申报为否' reason, 3 areas_counted, 1 areas_met, 2 areas_not_met
    from marts.mart_county_verdict, range(34) t(i);
create table marts.mart_alternative_reading as
    select region_id, school_year, county_code, 'X0' criterion_id, 'X0a' alternative_id, '只计公办学校' alternative_zh, '不低于10%' alternative_demand_zh, false is_met,
        true alternative_is_met, true is_turned, null::varchar reason
    from marts.mart_county_verdict;
create table marts.mart_school_criterion as
    select region_id, school_year, county_code, school_id, 'G5' item_id, 'G5-1' criterion_id, '<=' as operator, 44.0::double as value,
        true is_met, false is_eased, null::varchar missing
    from marts.mart_school_verdict;
create table marts.mart_self_assessment as
    select region_id, school_year, county_code, school_id, 'met' higher_degree_teachers_per_100_verdict,
        'met' backbone_teachers_per_100_verdict, 'met' pe_arts_teachers_per_100_verdict, 'met' teaching_area_per_pupil_verdict,
        'met' sports_area_per_pupil_verdict, 'met' equipment_value_per_pupil_verdict, 'met' multimedia_rooms_per_100_verdict,
        'met' rooms_verdict, 'met' size_verdict, 'met' class_size_verdict, 'not_applicable' small_school_funds_verdict,
        'not_applicable' special_school_funds_verdict, null::varchar missing
    from marts.mart_school_verdict;
create table marts.mart_item_verdict as
    select region_id, school_year, county_code, part, item_id, is_met, reason from marts.mart_standard_item;
create table marts.mart_region_verdict as
    select region_id, school_year, count(*) county_count, 0 met_count, 0 not_met_count, count(*) not_evaluable_count,
        count(*) resource_met_count, 0 resource_not_met_count, 0 resource_not_evaluable_count
    from marts.mart_county_verdict group by all;
create table marts.mart_basic_balance as
    select region_id, school_year, county_code, 'primary' stage, 'books_per_pupil' indicator_id, 0.3::double difference_coefficient,
        null::varchar reason
    from marts.mart_county_verdict;
create table marts.mart_basic_balance_verdict as
    select region_id, school_year, county_code, 0.3::double primary_mean_coefficient, 'met' coefficient_verdict, 'not_evaluable' verdict,
        '尚未报送“公众满意度”' reasons
    from marts.mart_county_verdict;
create table marts.mart_indicator_trend as
    select region_id, school_year, county_code, stage, indicator_id, 'county_mean' figure, projected_year, 4 year_count,
        2500.0::double projected_value, 2400.0::double interval_low, 2600.0::double interval_high, 'kept' outlook, null::varchar reason
    from marts.mart_county_balance, (values (2024), (2025)) y(projected_year);
create table marts.mart_enrolment_projection as
    select region_id, school_year, county_code, 'primary' stage, grade, 2024 projected_year, 500 pupils, 0.98::double survival_ratio,
        490.0::double projected_pupils, if(grade = 1, 'constant', 'roster') entrants_basis, grade = 1 is_assumed, null::varchar reason
    from marts.mart_county_verdict, range(1, 7) g(grade);
create table marts.mart_projected_plan as
    select region_id, school_year, county_code, horizon, 2025 primary_year, 500.0::double primary_projected_pupils, 2026 junior_year,
        300.0::double junior_projected_pupils, '招聘1人' additions, 0.0::double one_off_yuan, 100.0::double yearly_yuan,
        null::varchar null_reason
    from marts.mart_county_verdict, (values ('peak'), ('trough')) h(horizon);
create table marts.mart_school_funding as
    select region_id, school_year, county_code, school_id, 1150.0::double public_funds_per_pupil, 'final' public_funds_account,
        1050.0::double public_funds_standard_yuan, 120.0::double funded_pupils, 100.0::double pupils_floor, true is_floor_met,
        12000.0::double expenditure_per_pupil, null::varchar reason
    from marts.fct_school_stage;
create table marts.mart_county_funding as
    select region_id, school_year, county_code, 10 school_count, 0 missing_school_count, 1150.0::double public_funds_per_pupil,
        2 below_standard_count, 1 floor_school_count, 0 below_floor_count, 1e8::double expenditure_yuan, 'schools' expenditure_source,
        1e6::double expenditure_change_yuan, true is_not_decreasing, null::varchar reason
    from marts.mart_county_verdict;
create table marts.mart_similar_school as
    select region_id, school_year, school_id, stage, similar_rank, region_id similar_region_id, 't' || similar_rank similar_school_id,
        0.1::double distance
    from marts.fct_school_stage, range(1, 11) t(similar_rank);
create table marts.mart_similar_standing as
    select region_id, school_year, school_id, stage, indicator_id, 10 similar_count, 2000.0::double similar_median, 4 standing,
        null::varchar reason
    from marts.fct_school_indicator;
create table marts.mart_source_file as
    select 'liaocheng' region_id, 2023 school_year, 'liaocheng/2023/schools.csv' source_file, 'ab12' sha256,
        'loaded' status, null::varchar reason;
create table marts.mart_quarantine as
    select 'liaocheng' region_id, 2023 school_year, 'liaocheng/2023/schools.csv' source_file,
        7 row_number, '在校生数缺失' reason;
create table marts.mart_release (release_id varchar);
create table marts.mart_release_change (mart varchar);
create table marts.mart_blocked_partition as
    select 'liaocheng' region_id, 2023 school_year, '没有通过检查' reason, null::varchar since_release;
create table marts.mart_source_cell as
    select 'liaocheng' region_id, 2023 school_year, 'schools' "extract", 't1' entity_id, 'liaocheng/2023/forms/a.xls' source_file, '表' sheet,
        'primary_pupils' column_name, 7 row_number, 'H7' as cell, '300' said;
create table marts.mart_source_roster as
    select 'liaocheng' region_id, 2023 school_year, 'teachers' "extract", 't1' school_id, 'primary' stage,
        'liaocheng/2023/teachers.csv' source_file, null::varchar sheet, 30 row_count;
create table marts.mart_data_check as
    select region_id, school_year, county_code, school_id, 'roster_pupils' check_id, 'warning' severity, 600.0::double expected,
        598.0::double actual, actual - expected difference, '小学：班级名册学生数598人' message, '名册漏录' probable_cause,
        false is_explained, null::varchar explanation, null::varchar evidence
    from raw.schools;
create table marts.dim_county as
    select distinct region_id, county_code, '东昌府区' county_name_zh from raw.schools;
create table marts.dim_school as
    select region_id, school_year, school_id, 'urban' urban_rural_class,
        'open' status from raw.schools;
create table marts.dim_clause as
    select unnest(['indicator', 'coefficient', 'verdict', 'mean', 'criterion', 'target', 'blank']) kind, 'G5-1' figure_id, '班级学生数不超过45人' clause_zh;
create table marts.dim_figure_source as
    select unnest(['schools', 'teachers', 'facts']) "extract", 'books_per_pupil' figure_id, 'books' column_name, '图书册数' name_zh,
        'add' as role;
create table marts.dim_term as
    select 't' || i term_id, '名词' || i term_zh, '意思' meaning_zh, '本系统' source_zh from range(2) t(i);
create table marts.dim_label as
    select unnest(['verdict', 'status', 'stage', 'urban_rural_class', 'part', 'yes_no', 'conclusion', 'is_met']) kind, 'met' code, '达标' label_zh, 'yes' tone;
create table marts.dim_indicator as
    select indicator_id, '人' unit_zh, 'x' numerator, i < 7 is_national,
        2 primary_threshold, 2 junior_threshold,
        1.7 primary_floor_value, 1.7 junior_floor_value, 0.5 primary_limit_value, 0.45 junior_limit_value
    from (values (0, 'higher_degree_teachers_per_100'), (1, 'backbone_teachers_per_100'),
        (2, 'pe_arts_teachers_per_100'), (3, 'teaching_area_per_pupil'), (4, 'sports_area_per_pupil'),
        (5, 'equipment_value_per_pupil'),
        (6, 'multimedia_rooms_per_100'), (7, 'books_per_pupil')) v(i, indicator_id);
create table marts.dim_target as
    select 'LC-17' target_id, 'LC' document_id, '乡镇驻地初中应具备寄宿条件' as quote, '>=' as operator, 1.0::double threshold,
        '2025;2027' due_years, true is_judged;
create table marts.dim_fact as select 'has_ipv6' fact_id, 'school' entity_type, '已部署IPv6网络应用' name_zh;
create table marts.fct_measure as
    select 'liaocheng' region_id, 2023 school_year, 'm' measure_id, 'county' area_level, '371501' area_id, 0.9::double as value,
        0.9::double lowest_value, 1.0::double highest_value, 9 units_counted, 1 units_missing, true is_applicable,
        '学校表缺“是否寄宿制”' missing;
create table marts.mart_target_area as
    select 'liaocheng' region_id, 2023 school_year, 'LC-17' target_id, 'county' area_level, '371501' area_id, '东昌府区' area_name,
        '>=' as operator, 0.9::double as value, 1.0::double threshold, false is_met, false is_at_best,
        0.1::double gap, 0 units_missing;
create table marts.mart_target_progress as
    select 'liaocheng' region_id, 2023 school_year, 'LC-17' target_id, 'on_track' status, 0.1::double pace_observed,
        0.05::double pace_needed, 2025 due_year, null::boolean is_met_at_due, null::varchar missing, '乡镇驻地初中应具备寄宿条件' as quote;
"""


def make_warehouse(path: Path) -> Path:
    """A warehouse whose raw tables have the contract's columns, GOOD's rows, and the marts of them."""
    with duckdb.connect(path) as con:
        con.execute("create schema raw; create schema marts")
        con.execute("create table raw.county (region_id varchar, county_code varchar, county_name_zh varchar)")
        con.execute("create table raw.region (region_id varchar, documents varchar)")
        con.execute("create table raw.loaded_partition (region_id varchar, school_year integer)")
        con.execute("create table raw.source_file (region_id varchar, school_year integer)")
        con.execute(f"create table raw.unread_cell (region_id varchar, school_year integer, {TABLES['unread_cell']})")
        cell = "source_file varchar, row_number bigint, extract varchar, reason varchar, column_zh varchar"
        con.execute(f"create table raw.implausible_cell (region_id varchar, school_year integer, {cell})")
        for name, extract in CONTRACT["extracts"].items():
            columns = extract["columns"] + [
                {**column, "name": f"{stage}_{column['name']}"}
                for stage in CONTRACT["stages"]
                for column in extract.get("per_stage", [])
            ]
            typed = ", ".join(f"{column['name']} {TYPES.get(column['type'], 'VARCHAR')}" for column in columns)
            con.execute(f"create table raw.{name} (region_id varchar, school_year integer, {typed}, {ORIGIN})")
        con.execute(FILL + MARTS)
    return path


def only(table: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Leave one suite, which saves time."""
    room, name = table.split(".")
    (folder / room).mkdir(parents=True)
    (folder / room / f"{name}.json").write_bytes((suites.SUITES / room / f"{name}.json").read_bytes())
    monkeypatch.setattr(suites, "SUITES", folder)
