"""The gates: good tables pass, every expectation can fail, the worker lets go and ends with its parent."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.gates import suites, worker
from dagster_project.warehouse.tables import ORIGIN, TABLES

ROOT = Path(__file__).parents[1]
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
        true is_left_at_floor, 5 pass_units, 5.0::double pass_cost_yuan, 0 balance_units, 0.0::double balance_cost_yuan,
        null::varchar null_reason
    from marts.fct_school_indicator where threshold is not null;
create table marts.mart_county_gap as
    select region_id, school_year, county_code, stage, indicator_id, 0.5::double limit_value, 0.5::double coefficient_after,
        100.0::double balance_cost_yuan, null::varchar null_reason
    from marts.mart_county_balance where limit_value is not null;
create table marts.mart_county_plan as
    select region_id, school_year, county_code, 150.0::double cost_yuan, 100.0::double pass_cost_yuan, 100.0::double balance_cost_yuan,
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
create table marts.mart_school_verdict as
    select region_id, school_year, county_code, school_id, stage, 6 met_count, true is_passed,
        null::varchar reasons
    from marts.fct_school_stage;
create table marts.mart_county_verdict as
    select distinct region_id, school_year, county_code, 'not_evaluable' verdict, 'met' resource_verdict,
        14 coefficient_count, 0 missing_school_count, '社会认可度尚未判定' reasons
    from marts.fct_school_stage;
create table marts.mart_completeness as
    select region_id, school_year, county_code, extract, 10 expected_school_count, 9 handed_in_school_count, 1 rejected_school_count,
        0 absent_school_count, false is_complete, '缺1所学校' reason
    from marts.mart_county_verdict, (values ('schools'), ('teachers'), ('classes'), ('funding')) e(extract);
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
    select region_id, school_year, school_id, 1.5::double backbone_teachers_per_100, '达到要求：L6' remark
    from marts.mart_school_verdict;
create table marts.mart_county_explanation as
    select region_id, school_year, county_code, 1 sentence_no, '达到优质均衡标准。' sentence from marts.mart_county_verdict;
create table marts.mart_standard_item as
    select region_id, school_year, county_code, 'quality_2017' standard_id, 'government' part, 'X' || i item_id, 'X' || i criterion_id,
        true is_judged, false is_met, '申报为否' reason, 3 areas_counted, 1 areas_met, 2 areas_not_met
    from marts.mart_county_verdict, range(34) t(i);
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
        '事实表缺“公众满意度”' reasons
    from marts.mart_county_verdict;
create table marts.mart_indicator_trend as
    select region_id, school_year, county_code, stage, indicator_id, 'county_mean' figure, projected_year, 4 year_count,
        2500.0::double projected_value, 2400.0::double interval_low, 2600.0::double interval_high, 'kept' outlook, null::varchar reason
    from marts.mart_county_balance, (values (2024), (2025)) y(projected_year);
create table marts.mart_enrolment_projection as
    select region_id, school_year, county_code, 'primary' stage, grade, 2024 projected_year, 500 pupils, 0.98::double survival_ratio,
        490.0::double projected_pupils, grade = 1 is_assumed, null::varchar reason
    from marts.mart_county_verdict, range(1, 7) g(grade);
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
create table marts.mart_blocked_partition as
    select 'liaocheng' region_id, 2023 school_year, '没有通过检查' reason, null::varchar since_release;
create table marts.mart_source_cell as
    select 'liaocheng' region_id, 2023 school_year, 'liaocheng/2023/forms/a.xls' source_file,
        'primary_pupils' column_name, 'H7' as cell;
create table marts.mart_data_check as
    select region_id, school_year, school_id, 'roster_pupils' check_id, 'warning' severity, 600.0::double expected,
        598.0::double actual, actual - expected difference, '小学：班级名册学生数598人' message, '名册漏录' probable_cause,
        false is_explained, null::varchar explanation, null::varchar evidence
    from raw.schools;
create table marts.dim_county as
    select distinct region_id, county_code, '东昌府区' county_name_zh from raw.schools;
create table marts.dim_school as
    select region_id, school_year, school_id, 'urban' urban_rural_class,
        'open' status from raw.schools;
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
        0.9::double lowest_value, 1.0::double highest_value, 9 units_counted, 1 units_missing, '学校表缺“是否寄宿制”' missing;
create table marts.mart_target_area as
    select 'liaocheng' region_id, 2023 school_year, 'LC-17' target_id, 'county' area_level, '371501' area_id, '东昌府区' area_name,
        '>=' as operator, 0.9::double as value, 1.0::double threshold, false is_met, 0.1::double gap, 0 units_missing;
create table marts.mart_target_progress as
    select 'liaocheng' region_id, 2023 school_year, 'LC-17' target_id, 'on_track' status, 0.1::double pace_observed,
        0.05::double pace_needed, null::varchar missing, '乡镇驻地初中应具备寄宿条件' as quote;
"""

# What is broken, and the start of the sentence that must then say so. Keyed by table.
BREAKS = {
    "raw.schools": {
        "insert into raw.implausible_cell values ('liaocheng', 2023, 'f', 3, 'schools', '“金额”为1', '金额')": "没有相差十倍",
        "delete from raw.schools where school_year = 2022": "报了别的表的地区学年，学校表至少有一行",
        "update raw.schools set school_name = null": "学校名称没有空值",
        "update raw.schools set county_code = null where school_id = 's1'": "县级行政区划代码没有空值",
        "update raw.schools set primary_pupils = 0": "每个地区学年都有在校生",
        "update raw.schools set county_code = school_id": "县代码不与学校一一对应",
        "update raw.schools set primary_full_time_teachers = 1": "生师比",
        "delete from raw.schools where school_year = 2023 and school_id in ('s0', 's3', 's6')": "各县学校数",
    },
    "raw.teachers": {
        "insert into raw.implausible_cell values ('liaocheng', 2023, 'f', 3, 'teachers', '“金额”为1', '金额')": "没有相差十倍",
        "update raw.teachers set school_id = null": "教师所在学校没有空值",
        "update raw.teachers set annual_pay_yuan = 9.6": "半数以上教师(至少 10 人时)的年工资",
        "update raw.teachers set birth_year = 2010": "半数以上教师(至少 10 人时)的年龄",
        "update raw.teachers set training_hours_5y = 96000": "半数以上教师(至少 10 人时)的五年培训",
        "update raw.teachers set school_id = 's1'": "500 名以上教师",
        "insert into raw.teachers select t.* from raw.teachers as t, range(3)": "教师名册不超过",
        "delete from raw.teachers where school_year = 2023 and teacher_id like '%1%'": "教师名册行数",
    },
    "raw.classes": {
        "update raw.classes set pupils = null": "班级学生数没有空值",
        "update raw.classes set pupils = 1": "平均班额",
        "update raw.classes set pupils = 0 where class_no::int % 3 > 0": "空班",
        "update raw.classes set school_id = 's1'": "300 个以上班级",
        "insert into raw.classes select c.* from raw.classes as c, range(2)": "班级学生合计",
        "delete from raw.classes where school_year = 2023 and class_no < '3'": "班级名册行数",
    },
    "raw.funding": {
        "insert into raw.implausible_cell values ('liaocheng', 2023, 'f', 3, 'funding', '“金额”为1', '金额')": "没有相差十倍",
        "update raw.funding set amount_yuan = null": "金额没有空值",
        "update raw.funding set entity_id = '0' || entity_id": "单位代码至少有一个",
        "update raw.funding set amount_yuan = 1 where item like 't%'": "半数以上单位(至少 5 个时)的支出合计",
        "update raw.funding set amount_yuan = 1e10 where account = 'final'": "同一单位同一项目决算",
        "delete from raw.funding where school_year = 2023 and account = 'budget'": "经费行数",
    },
    "raw.scores": {
        "update raw.scores set score = null": "成绩没有空值",
        "update raw.scores set score = 'nan' where school_id = 's1'": "成绩是有限的数",
        "update raw.scores set score = 60": "30 名以上学生",
        "update raw.scores set score = score * 100 where school_id = 's1'": "同一年级科目的最高分",
        "update raw.scores set school_id = 's1'": "5,000 份以上成绩",
        "delete from raw.scores where school_year = 2023 and school_id < 's2'": "成绩行数比上年减少不到 30%",
        "insert into raw.scores select s.* from raw.scores as s, range(3) where school_id = 's7'": "一校一个学段同一科目的成绩数",
    },
    "raw.facts": {
        "update raw.facts set value = null": "事实的值没有空值，列为读不出的单元格的除外",
        "update raw.facts set fact_id = 12": "事实编号不全是数字",
        "update raw.facts set entity_id = '371500000'": "县级事实的单位代码",
        "update raw.facts set entity_id = '0s1'": "校级事实的单位代码",
        "delete from raw.facts where school_year = 2023 and entity_type = 'school'": "事实行数比上年减少不到 30%",
    },
    "marts.fct_school_stage": {
        "update marts.fct_school_stage set school_year = 2022": "报送了小学或初中在校生的地区学年",
        "update marts.fct_school_stage set stage = '小学'": "学段只有",
        "update marts.fct_school_stage set resource_share = 1.1": "共用资源分摊比例",
        "update marts.fct_school_stage set pupils = 30000": "一校一学段在校生数",
    },
    "marts.fct_school_indicator": {
        "update marts.fct_school_indicator set pupils = 0": "在评估范围内的学校学段都有在校生",
        "update marts.fct_school_indicator set stage = 'senior'": "学段只有",
        "update marts.fct_school_indicator set indicator_id = 'R1'": "指标编号",
        "update marts.fct_school_indicator set value = 'inf'": "指标值是非负有限数",
        "update marts.fct_school_indicator set is_met = false": "没有指标值或没有标准时",
        "update marts.fct_school_indicator set value = value * 10000": "生均教学仪器设备值",
    },
    "marts.mart_county_balance": {
        "update marts.mart_county_balance set difference_coefficient = 'nan'": "差异系数在",
        "update marts.mart_county_balance set gini = 1.2": "基尼系数",
        "update marts.mart_county_balance set theil = -0.1": "泰尔指数",
        "update marts.mart_county_balance set mcloone = 1.2": "麦克龙指数",
        "update marts.mart_county_balance set mean_log_deviation = -0.1": "平均对数离差",
        "update marts.mart_county_balance set met_school_share = 80": "达标率（按学校）",
        "update marts.mart_county_balance set is_met = null": "有差异系数和限值",
        "update marts.mart_county_balance set school_count = 1": "学校不足两所时",
        "update marts.mart_county_balance set difference_coefficient = null": "没有差异系数时说明原因",
    },
    "marts.mart_variance_share": {
        "update marts.mart_variance_share set variance_share = 1.2": "一校对差异的贡献",
        "update marts.mart_variance_share set coefficient_without = -1": "去掉一校后的差异系数",
        "update marts.mart_variance_share set stage = 'senior'": "学段只有",
        "update marts.mart_variance_share set indicator_id = 'books_per_pupil'": "差异贡献只分给",
        "update marts.mart_variance_share set direction = '高于'": "方向只有",
        "update marts.mart_variance_share set variance_rank = 1": "名次从 1 排到",
    },
    "marts.mart_area_balance": {
        "update marts.mart_area_balance set area_level = 'county'": "层级只有",
        "update marts.mart_area_balance set difference_coefficient = 'nan'": "各单位之间的差异系数",
        "update marts.mart_area_balance set met_pupil_share = 80": "达标率在",
        "update marts.mart_area_balance set difference_coefficient = null": "不可比较时说明",
    },
    "marts.mart_county_change": {
        "update marts.mart_county_change set common_coefficient = -1": "同一批学校的差异系数",
        "update marts.mart_county_change set gone_school_count = -1": "共同、新增、退出",
        "update marts.mart_county_change set common_coefficient = null": "同一批学校不可比较",
    },
    "marts.mart_achievement_gap": {
        "update marts.mart_achievement_gap set difference_rate = 12, ci_high = 40": "校际差异率的估计",
        "update marts.mart_achievement_gap set ci_low = 0.2": "估计在置信区间",
        "update marts.mart_achievement_gap set difference_rate = null": "不作估计时说明",
    },
    "marts.mart_gap_plan": {
        "update marts.mart_gap_plan set units_to_floor = 21": "补到 85%",
        "insert into marts.mart_gap_plan from marts.mart_gap_plan": "一校一学段最多一项",
        "update marts.mart_gap_plan set pass_units = null": "有数据的都有计划",
        "update marts.mart_gap_plan set pass_cost_yuan = null": "计划增加的都有费用",
    },
    "marts.mart_county_plan": {
        "update marts.mart_county_plan set failed_school_count_after = 1": "计划实施后没有不通过",
        "update marts.mart_county_plan set cost_yuan = 250": "合计费用不少于",
        "update marts.mart_county_plan set remaining = '小学'": "仍超过限值",
    },
    "marts.mart_county_gap": {
        "update marts.mart_county_gap set coefficient_after = 0.5001": "补足后差异系数",
        "update marts.mart_county_gap set coefficient_after = null": "没有差异系数计划",
        "update marts.mart_county_gap set balance_cost_yuan = -1": "差异系数计划的费用",
    },
    "marts.mart_transfer_plan": {
        "update marts.mart_transfer_plan set coefficient_after = 0.5001": "调配后差异系数",
        "update marts.mart_transfer_plan set least_coefficient = 0.51": "只靠调配能到的",
        "update marts.mart_transfer_plan set teachers_moved = null": "没有调配方案",
        "update marts.mart_transfer_plan set status = '最优'": "调配结论只有",
    },
    "marts.mart_transfer_move": {
        "update marts.mart_transfer_move set teachers = 0": "每一笔调配至少",
        "update marts.mart_transfer_move set to_school_id = from_school_id": "一校一学段一项指标不既",
        "update marts.mart_transfer_move set teachers = 2": "一县的调配合计",
    },
    "marts.mart_school_verdict": {
        "delete from marts.mart_school_verdict where school_id = 's1'": "在评估范围内的学校学段都有判定",
        "update marts.mart_school_verdict set stage = 'senior'": "学段只有",
        "update marts.mart_school_verdict set met_count = 8": "达标指标数",
        "update marts.mart_school_verdict set is_passed = null": "未通过或无法判定的学校",
    },
    "marts.mart_county_verdict": {
        "delete from marts.mart_county_verdict": "有学校的县都有判定",
        "update marts.mart_county_verdict set verdict = '达标'": "整县结论",
        "update marts.mart_county_verdict set resource_verdict = '达标'": "资源配置结论",
        "update marts.mart_county_verdict set reasons = null": "未达标或无法判定的县",
        "update marts.mart_county_verdict set coefficient_count = 15": "判定的差异系数",
        "update marts.mart_county_verdict set missing_school_count = 1": "缺学校的县不判为达标",
    },
    "marts.mart_completeness": {
        "update marts.mart_completeness set rejected_school_count = 0": "应报的学校不少于已报的",
        "update marts.mart_completeness set reason = null": "不完整的都说明缺什么",
        "delete from marts.mart_completeness where extract = 'classes'": "每个县四种报表各一行",
    },
    "marts.mart_missing_school": {
        "update marts.mart_missing_school set reason = ' '": "缺的学校都说明是哪一所",
        "update marts.mart_missing_school set kind = 'lost'": "缺失情形只有五种",
        "update marts.mart_missing_school set school_key = null": "缺的学校都有标识",
    },
    "marts.mart_unread_cell": {
        "update marts.mart_unread_cell set source_file = null": "读不出的单元格都指明文件",
        "update marts.mart_unread_cell set column_zh = null": "读不出的单元格都指明列和原因",
        "update marts.mart_unread_cell set original = '371502198801011234'": "原因和原文中没有",
    },
    "marts.mart_application_form": {
        "update marts.mart_application_form set form_table = 'Ⅶ'": "申报表只有六张表",
        "update marts.mart_application_form set value = null, shown = null": "没有填的格都说明",
        "update marts.mart_application_form set value = 'inf'": "填的数是非负有限数",
        "update marts.mart_application_form set shown = null, missing = '缺'": "有值的格都填了字",
    },
    "marts.mart_application_form_school": {
        "delete from marts.mart_application_form_school where school_id = 's1'": "有判定的学校学段都列入",
        "update marts.mart_application_form_school set backbone_teachers_per_100 = 101": "每百名学生骨干教师数",
        "update marts.mart_application_form_school set remark = null": "每一行都有备注",
    },
    "marts.mart_county_explanation": {
        "update marts.mart_county_explanation set sentence_no = 13": "一个县不超过12句",
        "update marts.mart_county_explanation set sentence = '达到'": "每句都写完整",
        "update marts.mart_county_explanation set sentence = '降到nan。'": "句中的数",
    },
    "marts.mart_standard_item": {
        "update marts.mart_standard_item set part = '政府'": "部分只有",
        "update marts.mart_standard_item set reason = null": "未达到或无法判定的都说明",
        "update marts.mart_standard_item set areas_met = 2": "达到与未达到的不多于",
    },
    "marts.mart_item_verdict": {
        "update marts.mart_item_verdict set part = '政府'": "部分只有",
        "delete from marts.mart_item_verdict where item_id = 'X33'": "每个县的优质均衡条目齐备",
        "update marts.mart_item_verdict set reason = null": "未达到或无法判定的条目都说明",
    },
    "marts.mart_region_verdict": {
        "update marts.mart_region_verdict set not_met_count = 1": "整县达标、未达标、无法判定的县合计",
        "update marts.mart_region_verdict set resource_not_met_count = 1": "资源配置达标、未达标、无法判定的县合计",
        "update marts.mart_region_verdict set met_count = 4, not_evaluable_count = county_count - 4": "整县达标的不多于",
    },
    "marts.mart_basic_balance": {
        "update marts.mart_basic_balance set stage = 'senior'": "学段只有",
        "update marts.mart_basic_balance set difference_coefficient = 'nan'": "基本均衡的差异系数",
        "update marts.mart_basic_balance set difference_coefficient = null": "没有差异系数时说明原因",
    },
    "marts.mart_basic_balance_verdict": {
        "update marts.mart_basic_balance_verdict set verdict = '达标'": "基本均衡结论",
        "update marts.mart_basic_balance_verdict set coefficient_verdict = '达标'": "差异系数结论",
        "update marts.mart_basic_balance_verdict set primary_mean_coefficient = -1": "差异系数平均值",
        "update marts.mart_basic_balance_verdict set reasons = null": "未达标或无法判定的县",
    },
    "marts.mart_indicator_trend": {
        "update marts.mart_indicator_trend set stage = 'senior'": "学段只有",
        "update marts.mart_indicator_trend set figure = 'gini'": "趋势只看",
        "update marts.mart_indicator_trend set outlook = '保持'": "展望只有",
        "update marts.mart_indicator_trend set year_count = 3": "两个学年起有预测值",
        "update marts.mart_indicator_trend set projected_value = 9999": "预测值是非负有限数",
        "update marts.mart_indicator_trend set projected_value = null, interval_low = null, interval_high = null": "没有预测值",
    },
    "marts.mart_enrolment_projection": {
        "update marts.mart_enrolment_projection set stage = 'senior'": "学段只有",
        "update marts.mart_enrolment_projection set projected_pupils = 'inf'": "推算的学生数是非负有限数",
        "update marts.mart_enrolment_projection set projected_pupils = null": "没有推算时",
        "update marts.mart_enrolment_projection set is_assumed = false": "一年级的新生",
    },
    "marts.mart_school_funding": {
        "update marts.mart_school_funding set expenditure_per_pupil = 'inf'": "生均公用经费和",
        "update marts.mart_school_funding set public_funds_account = '决算'": "公用经费口径",
        "update marts.mart_school_funding set is_floor_met = null": "有下限和核定人数",
        "update marts.mart_school_funding set public_funds_standard_yuan = null": "缺数据的学校",
    },
    "marts.mart_county_funding": {
        "update marts.mart_county_funding set below_floor_count = 2": "未达到的学校",
        "update marts.mart_county_funding set expenditure_source = '县'": "教育支出来自",
        "update marts.mart_county_funding set expenditure_change_yuan = -1": "没有减少的",
        "update marts.mart_county_funding set expenditure_yuan = null": "没有合计",
    },
    "marts.mart_similar_school": {
        "update marts.mart_similar_school set stage = 'senior'": "学段只有",
        "update marts.mart_similar_school set similar_school_id = school_id": "一所学校不与自己",
        "update marts.mart_similar_school set distance = 'nan'": "距离是非负有限数",
        "delete from marts.mart_similar_school where similar_rank = 3": "名次从 1 数起",
    },
    "marts.mart_similar_standing": {
        "update marts.mart_similar_standing set stage = 'senior'": "学段只有",
        "update marts.mart_similar_standing set standing = 12": "名次在 1 与",
        "update marts.mart_similar_standing set similar_count = 0": "有相似学校的数值",
        "update marts.mart_similar_standing set similar_count = 9": "没有名次或",
    },
    "marts.mart_source_cell": {
        "update marts.mart_source_cell set source_file = null": "每一格都指明文件",
        "update marts.mart_source_cell set column_name = null": "每一格都指明栏目",
        "update marts.mart_source_cell set cell = 'R7C8'": "单元格写作",
    },
    "marts.mart_source_file": {
        "delete from marts.mart_source_file": "来源文件表至少有一行",
        "update marts.mart_source_file set status = 'lost'": "文件状态",
        "update marts.mart_source_file set status = 'quarantined'": "整个被隔离或略过的文件",
        "update marts.mart_source_file set sha256 = null": "每个读过的文件都有校验值",
    },
    "marts.mart_quarantine": {
        "update marts.mart_quarantine set reason = ' '": "每一条隔离记录都说明原因",
        "update marts.mart_quarantine set source_file = null": "每一条隔离记录都指明文件",
        "update marts.mart_quarantine set row_number = 0": "行号",
        "update marts.mart_quarantine set reason = '重复：371502198801011234'": "原因中没有",
    },
    "marts.mart_blocked_partition": {
        "update marts.mart_blocked_partition set school_year = null": "没有更新的都指明学年",
        "update marts.mart_blocked_partition set reason = null": "没有更新的地区学年都说明原因",
        "update marts.mart_blocked_partition set reason = '重复：371502198801011234'": "原因中没有",
    },
    "marts.mart_data_check": {
        "update marts.mart_data_check set severity = '可疑'": "严重程度",
        "update marts.mart_data_check set message = null where school_id = 's1'": "每一项不符",
        "update marts.mart_data_check set is_explained = true": "已说明的都有说明",
        "update marts.mart_data_check set evidence = '问13812345678'": "说明和依据中没有",
    },
    "marts.dim_county": {
        "delete from marts.dim_county": "县表至少有一行",
        "update marts.dim_county set county_code = ' '": "县代码没有空白",
        "update marts.dim_county set county_name_zh = ''": "登记的县名没有空白",
        "insert into marts.dim_county select 'x', * exclude region_id from marts.dim_county": "一个县只属于",
    },
    "marts.dim_school": {
        "delete from marts.dim_school where school_id = 's1'": "学校数与报送的一致",
        "update marts.dim_school set status = '在办'": "学校状态",
        "update marts.dim_school set urban_rural_class = '城区'": "城乡分类",
    },
    "marts.dim_label": {
        "delete from marts.dim_label where kind = 'stage'": "各类代码都有词",
        "update marts.dim_label set label_zh = null": "每个代码都有词",
        "update marts.dim_label set tone = '好'": "样子只有",
    },
    "marts.dim_indicator": {
        "delete from marts.dim_indicator where indicator_id = 'sports_area_per_pupil'": "国家七项指标齐备",
        "update marts.dim_indicator set indicator_id = 'R1'": "指标编号",
        "update marts.dim_indicator set unit_zh = null": "每项指标都有单位",
        "update marts.dim_indicator set numerator = null": "每项指标都指明分子",
    },
    "marts.dim_target": {
        "insert into marts.dim_target from marts.dim_target": "目标编号不重复",
        "update marts.dim_target set quote = null": "每项目标都有原文",
        "update marts.dim_target set is_judged = false": "判定的目标有比较和阈值",
        "update marts.dim_target set due_years = '2025,2027'": "到期学年写作",
    },
    "marts.dim_fact": {
        "insert into marts.dim_fact from marts.dim_fact": "事实编号不重复",
        "update marts.dim_fact set entity_type = '学校'": "单位类型",
        "update marts.dim_fact set name_zh = null": "每项事实都有名称",
    },
    "marts.fct_measure": {
        "update marts.fct_measure set area_level = 'class'": "层级只有",
        "update marts.fct_measure set value = 'inf'": "测度值是有限的数",
        "update marts.fct_measure set missing = ' '": "缺数的单位都说明",
        "update marts.fct_measure set units_counted = 0, units_missing = 0": "每个测度都有受考察的单位",
    },
    "marts.mart_target_area": {
        "update marts.mart_target_area set area_level = 'class'": "层级只有",
        "update marts.mart_target_area set area_name = null": "受约束的单位都有名称",
        "update marts.mart_target_area set value = 1": "数据齐全时",
        "update marts.mart_target_area set is_met = true": "差额不为负",
    },
    "marts.mart_target_progress": {
        "delete from marts.mart_target_progress": "区域所列文件的目标",
        "update marts.mart_target_progress set status = '达到'": "状态只有七种",
        "update marts.mart_target_progress set status = 'not_evaluable'": "无法判定的都说明",
        "update marts.mart_target_progress set pace_observed = null": "进度足够与否",
        "update marts.mart_target_progress set quote = null": "每项目标都有原文",
    },
}


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


@pytest.fixture(scope="module")
def good_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_warehouse(tmp_path_factory.mktemp("good") / "warehouse.duckdb")


@pytest.fixture
def warehouse(good_warehouse: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good_warehouse, tmp_path / "数据 仓库.duckdb"))


def only(table: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Leave one suite, which saves time."""
    room, name = table.split(".")
    (folder / room).mkdir(parents=True)
    (folder / room / f"{name}.json").write_bytes((suites.SUITES / room / f"{name}.json").read_bytes())
    monkeypatch.setattr(suites, "SUITES", folder)


@pytest.mark.parametrize("partitions", [GOOD, None])
@pytest.mark.parametrize("room", ["raw", "marts"])
def test_good_tables_pass(warehouse: Path, room: suites.Room, partitions):
    results = suites.validate(warehouse, room, partitions)
    assert [result.table for result in results] == sorted(table for table in BREAKS if table.startswith(f"{room}."))
    assert [failure for result in results for failure in result.failures] == []
    assert all(result.success and result.evaluated >= 3 for result in results)


def test_absent_extracts_and_columns_pass(warehouse: Path):
    """A region may hand in nothing but schools and pupils."""
    with duckdb.connect(warehouse) as con:
        for name in CONTRACT["extracts"].keys() - {"schools"}:
            con.execute(f"delete from raw.{name}")
        con.execute("update raw.schools set equipment_value_wan_yuan = null, teaching_area_m2 = null")
        con.execute("update raw.schools set primary_full_time_teachers = null")
        con.execute(
            "update marts.fct_school_indicator set value = null, is_met = null, null_reason = '缺少数据';"
            "update marts.mart_county_balance set difference_coefficient = null, is_met = null, gini = null,"
            " theil = null, mcloone = null, school_count = 0, missing_school_count = 30, reason = '缺少数据';"
            "update marts.mart_school_verdict set is_passed = null, met_count = 0, reasons = '缺少数据';"
            "update marts.mart_county_balance set mean_log_deviation = null, met_school_share = null;"
            "update marts.mart_gap_plan set units_to_threshold = null, units_to_floor = null, is_left_at_floor = false,"
            " pass_units = null, pass_cost_yuan = null, null_reason = '缺少数据';"
            "delete from marts.mart_variance_share; delete from marts.mart_quarantine; delete from marts.mart_achievement_gap"
        )
    for room in ("raw", "marts"):
        assert [failure for each in suites.validate(warehouse, room, GOOD) for failure in each.failures] == []


@pytest.mark.parametrize(
    ("table", "broken", "sentence"),
    [(table, broken, sentence) for table, breaks in BREAKS.items() for broken, sentence in breaks.items()],
)
def test_broken_table_fails(table: str, broken: str, sentence: str, warehouse, monkeypatch, tmp_path):
    only(table, monkeypatch, tmp_path / "suites")
    with duckdb.connect(warehouse) as con:
        con.execute(broken)
    [result] = suites.validate(warehouse, "raw" if table.startswith("raw.") else "marts")
    assert not result.success
    assert [failure for failure in result.failures if failure.startswith(sentence)], result.failures
    assert not any("无法检查" in failure for failure in result.failures)


def test_every_expectation_is_seen_to_fail():
    """No expectation without a break, and each suite is as GX writes it."""
    import great_expectations as gx

    for path in suites.SUITES.glob("*/*.json"):
        suite = gx.ExpectationSuite(**json.loads(path.read_text("utf-8")))
        assert suite.name == f"{path.parent.name}.{path.stem}"
        assert suite.to_json_dict() == json.loads(path.read_text("utf-8"))
        for expectation in suite.expectations:  # without it GX tells the reader so, in English
            assert "{batch}" in getattr(expectation, "unexpected_rows_query", "{batch}")
        sentences = [str(expectation.description) for expectation in suite.expectations]
        assert len(set(sentences)) == len(sentences)
        for sentence in sentences:
            assert any(sentence.startswith(start) for start in BREAKS[suite.name].values()), f"{suite.name}: {sentence}"


@pytest.mark.parametrize(
    ("table", "broken", "found"),
    [
        ("schools", "school_id in ('s0', 's3', 's6')", "学年=2023 县=371500 上年学校数=10 本年学校数=7 减少=30.0%"),
        ("schools", "county_code = '371501'", "学年=2023 县=371501 上年学校数=10 本年学校数=0 减少=100.0%"),
        ("teachers", "teacher_id[8:]::int < 360", "学年=2023 上年行数=1200 本年行数=840 减少=30.0%"),
        ("teachers", "teacher_id[8:]::int < 359", None),
        ("classes", "class_no::int < 126", "学年=2023 上年行数=420 本年行数=294 减少=30.0%"),
        ("classes", "class_no::int < 125", None),
        ("funding", "entity_id <= 's16'", "学年=2023 上年行数=120 本年行数=84 减少=30.0%"),
        ("scores", "score < 460", "学年=2023 上年行数=6000 本年行数=4200 减少=30.0%"),
        ("scores", "score < 459", None),
        ("facts", "value::int < 3", "学年=2023 上年行数=20 本年行数=14 减少=30.0%"),
        ("facts", "value::int < 3 and entity_id <> 's1'", None),
        ("funding", "entity_id <= 's16' and (entity_id, item, account) <> ('s1', 'public_funds', 'final')", None),
    ],
)
def test_fewer_rows_than_the_year_before_are_blocked_with_the_numbers(
    table: str, broken: str, found: str | None, warehouse, monkeypatch, tmp_path
):
    """30 % exactly is blocked, one row more passes."""
    only(f"raw.{table}", monkeypatch, tmp_path / "suites")
    with duckdb.connect(warehouse) as con:
        con.execute(f"delete from raw.{table} where school_year = 2023 and {broken}")
    [result] = suites.validate(warehouse, "raw", GOOD)
    assert [failure.partition("：")[2] for failure in result.failures] == ([f"地区=liaocheng {found}"] if found else [])


def test_only_a_fact_of_the_county_or_region_lets_a_jump_pass(warehouse, monkeypatch, tmp_path):
    only("raw.schools", monkeypatch, tmp_path / "suites")
    fact = "explained_fewer_rows"
    passed = []
    with duckdb.connect(warehouse) as con:
        con.execute("delete from raw.schools where school_year = 2023 and county_code = '371501'")
    for explanation in (
        ("liaocheng", 2023, "county", "371501", fact),
        ("liaocheng", 2023, "region", "liaocheng", fact),
        ("liaocheng", 2023, "county", "371502", fact),
        ("liaocheng", 2023, "school", "371501", fact),
        ("liaocheng", 2022, "region", "liaocheng", fact),
        ("haimen", 2023, "region", "liaocheng", fact),
        ("liaocheng", 2023, "region", "liaocheng", "explained_otherwise"),
    ):
        with duckdb.connect(warehouse) as con:
            con.execute(
                "delete from raw.facts; insert into raw.facts values (?, ?, ?, ?, ?, '确有其事', null, null, null, null)",
                explanation,
            )
        passed.append(suites.validate(warehouse, "raw", GOOD)[0].success)
    assert passed == [True, True, False, False, False, False, False]


def test_only_the_given_partitions_are_checked(warehouse: Path):
    with duckdb.connect(warehouse) as con:
        con.execute(
            "insert into raw.schools by name"
            " select * replace ('o''hare' as region_id, 0 as primary_pupils) from raw.schools"
        )
    assert all(result.success for result in suites.validate(warehouse, "raw", GOOD))
    failures = suites.validate(warehouse, "raw", [("o'hare", 2023), *GOOD])[3].failures
    assert failures == ["每个地区学年都有在校生：地区=o'hare 学年=2023 在校生合计=0"]
    assert suites.validate(warehouse, "raw", []) == []


def test_missing_column_fails_with_its_name(warehouse: Path):
    with duckdb.connect(warehouse) as con:
        con.execute("alter table raw.facts drop column value")
    failures = suites.validate(warehouse, "raw", GOOD)[1].failures
    assert len(failures) == 1
    assert "无法检查" in failures[0] and '"value"' in failures[0]


def test_data_docs_are_static_and_show_no_teacher(warehouse: Path, tmp_path: Path):
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.teachers set birth_year = 2010, annual_pay_yuan = 1, school_id = null")
        con.execute("update raw.schools set school_name = '<b>' where school_id = 's1'")
    suites.validate(warehouse, "raw", GOOD, tmp_path / "data_docs")
    page = (tmp_path / "data_docs/raw.html").read_text("utf-8")
    assert "半数以上教师(至少 10 人时)的年龄" in page and "liaocheng 2023" in page
    assert "secret" not in page
    assert "raw.html" in (tmp_path / "data_docs/index.html").read_text("utf-8")
    assert "http" not in page and "<script" not in page


def test_teachers_are_only_counted():
    """A failed column expectation lists values: about persons it may only ask whether they are null."""
    suite = json.loads((suites.SUITES / "raw/teachers.json").read_text("utf-8"))
    kinds = {expectation["type"] for expectation in suite["expectations"]}
    assert kinds <= {"expect_column_values_to_not_be_null", "unexpected_rows_expectation"}
    for expectation in suite["expectations"]:
        assert " group by all " in expectation["kwargs"].get("unexpected_rows_query", " group by all ")
        assert "teacher_id" not in expectation["kwargs"].get("unexpected_rows_query", "")


def test_warehouse_is_free_afterwards(warehouse: Path):
    """GX leaves its engines open, and DuckDB refuses a second configuration in one process."""
    suites.validate(warehouse, "raw", GOOD)
    with duckdb.connect(warehouse) as con:
        con.execute("create table raw.written as select 1")


def test_worker_checks_and_lets_go(warehouse: Path, tmp_path: Path):
    worker.start_worker()
    results = worker.validate_in_worker(warehouse, "raw", GOOD, tmp_path / "docs")
    assert all(result.success for result in results)
    with duckdb.connect(warehouse) as con:
        con.execute("drop table raw.facts")
    assert not worker.validate_in_worker(warehouse, "raw", GOOD)[1].success
    with pytest.raises(Exception, match=r"nowhere\.duckdb"):
        worker.validate_in_worker(tmp_path / "nowhere.duckdb", "raw", GOOD)
    worker.stop_worker()


def test_killed_worker_is_replaced(warehouse: Path):
    from concurrent.futures.process import BrokenProcessPool

    os.kill(worker.start_worker().submit(os.getpid).result(), signal.SIGKILL)
    with pytest.raises(BrokenProcessPool):
        worker.validate_in_worker(warehouse, "raw", GOOD)
    assert worker.validate_in_worker(warehouse, "raw", GOOD)
    worker.stop_worker()


PARENT = """
import os, signal, sys, time
import duckdb
from dagster_project.gates import suites, worker

def look_for_long(warehouse):
    con = duckdb.connect(warehouse, read_only=True)
    con.execute("set enable_progress_bar = false")
    con.execute("select count(*) from range(1000000000) a(i), range(1000000000) b(j) where i * j % 7 = 3")

if __name__ == "__main__":
    print(worker.start_worker().submit(os.getpid).result(), flush=True)
    if sys.argv[2] == "killed":
        worker.start_worker().submit(look_for_long, sys.argv[1])
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end", ["killed", "done"])
def test_worker_ends_with_its_parent(end: str, warehouse: Path, tmp_path: Path):
    """Also when the parent is killed while the worker reads: nothing lingers and holds the warehouse."""
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, tmp_path / "parent.py", warehouse, end]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, timeout=30)
    until = time.monotonic() + 10
    while os.path.exists(f"/proc/{int(parent.stdout)}") and time.monotonic() < until:
        time.sleep(0.05)
    with duckdb.connect(warehouse) as con:
        con.execute("create table raw.written as select 1")


def test_module_is_light():
    """The command imports it at every start."""
    code = "import sys, dagster_project.gates.worker; print(*{'great_expectations', 'pandas'} & set(sys.modules))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert seen.stdout.split() == []


def test_duckdb_mend_is_still_needed(warehouse: Path, monkeypatch: pytest.MonkeyPatch):
    """When this fails, GX speaks DuckDB by itself: delete patches/gx_duckdb.py, its call and this test."""
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    dialects = tuple(each for each in engine._PERSISTED_CONNECTION_DIALECTS if each != "duckdb")
    monkeypatch.setattr(engine, "_PERSISTED_CONNECTION_DIALECTS", dialects)
    monkeypatch.setattr(suites, "speak_duckdb", lambda: None)
    results = suites.validate(warehouse, "raw", GOOD)
    assert not all(result.success for result in results), (
        "Great Expectations now works on DuckDB by itself: delete patches/gx_duckdb.py, its call and this test"
    )
