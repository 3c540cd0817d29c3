"""Which rows of which marts the director's page shows: of each of its data files the tables, of each table the columns and their order."""

from typing import NamedTuple


class Table(NamedTuple):
    """Rows of a mart for the page: one JSON list for each value of the key, in this order."""

    columns: str
    source: str
    order: str


NEWEST = "semi join newest using (region_id, school_year)"
IN_ORDER = "array_position(['schools', 'teachers', 'classes', 'funding'], extract)"
ALTERNATIVE = (
    "alternative_id, rule_zh, reading_zh, actual_zh, is_met, alternative_zh, alternative_demand_zh, alternative_actual_zh, alternative_is_met,"
    " is_turned, reason"
)
INDEX = {
    "regions": Table(
        "region_id, region_name_zh, is_synthetic, school_year, counties, only_county, met, not_met, not_evaluable",
        "(select mart_region_verdict.*, region_name_zh, is_synthetic, county_count as counties, met_count as met,"
        " not_met_count as not_met, not_evaluable_count as not_evaluable from mart_region_verdict"
        " left join (select distinct region_id, region_name_zh, is_synthetic from dim_county) using (region_id))"
        " left join (select region_id, school_year, any_value(county_code) as only_county from mart_county_verdict"
        " group by region_id, school_year having count(*) = 1) using (region_id, school_year)"
        f" {NEWEST}",
        "region_id",
    ),
    "terms": Table("term_id, term_zh, meaning_zh, formula_zh, source_zh", "dim_term", "sort_order"),
    "labels": Table("kind, code, label_zh, sign, tone", "dim_label", "kind, sort_order"),
    "indicators": Table("indicator_id, name_zh, short_name_zh, unit_zh, is_national", "dim_indicator", "sort_order"),
}
OF_RELEASE = {
    "changes": Table(
        "region_id, county_code, county_name_zh, school_year, figures, cause_zh",
        "(select region_id, county_code, county_name_zh, school_year, cause_zh, count(*) as figures"
        " from mart_release_change left join dim_county using (region_id, county_code) group by all)",
        "region_id, school_year desc, county_code, cause_zh",
    ),
}
COLUMNS_OF_INDICATORS = {
    "columns": Table(
        "indicator_id, stage, input_id, extract, column_name, name_zh, role, role_zh",
        "(select figure_id as indicator_id, stage, input_id, extract, column_name, name_zh, role, label_zh as role_zh, sort_order"
        " from dim_figure_source inner join (select code as role, label_zh, sort_order from dim_label where kind = 'source_role') using (role)"
        " where years_back = 0 and figure_id in (select indicator_id from dim_indicator))",
        "indicator_id, stage, role = 'split', input_id = 'pupils', input_id, sort_order, column_name",
    ),
}
SEARCH = {
    "places": Table(
        "name, place_id, county_code, county_name, initials",
        "(select region_id, county_code, county_code as place_id, coalesce(county_name_zh, county_code) as name, name as county_name,"
        f" initials(name) as initials from dim_county semi join (from mart_county_verdict {NEWEST}) using (region_id, county_code)"
        " union all by name"
        " select region_id, county_code, school_id as place_id, school_name as name, coalesce(county_name_zh, county_code) as county_name,"
        f" initials(name) as initials from dim_school {NEWEST} left join dim_county using (region_id, county_code))",
        "place_id <> county_code, name, place_id",
    ),
}
SOURCES = {
    "files": Table(
        "file_no, source_file, sheet",
        "(select distinct region_id, county_code, file_no, source_file, sheet from county_source)",
        "file_no",
    ),
    "cells": Table(
        "entity_id, stage, extract, column_name, name_zh, file_no, cell, said",
        "county_source",
        "entity_id, file_no, row_number, column_name, stage, cell",
    ),
}
# Of the newest year the cells and rosters of a county, its townships and its schools, numbered by file: a file's name stands once.
COUNTY_SOURCE = f"""
create or replace temp table county_source as
with cells as (
    select region_id, school_year, entity_id, null as stage, extract, column_name, coalesce(fact_zh, funding_zh, column_zh) as name_zh,
        source_file, sheet, row_number, cell, said
    from mart_source_cell {NEWEST}
    left join (select 'facts' as extract, fact_id as column_name, name_zh as fact_zh from dim_fact) using (extract, column_name)
    left join (
        select extract, column_name, min(name_zh) as funding_zh from dim_figure_source where extract = 'funding' group by extract, column_name
    ) using (extract, column_name)
    union all by name
    select region_id, school_year, school_id as entity_id, stage, extract, source_file, sheet, row_count || ' 行' as said
    from mart_source_roster {NEWEST}
),
placed as (
    select cells.*, county_code
    from cells
    inner join dim_county on cells.region_id = dim_county.region_id and county_code = coalesce(
        (select county_code from dim_school as s where (s.region_id, s.school_year, s.school_id) = (cells.region_id, cells.school_year, entity_id)),
        case when starts_with(entity_id, county_code) then county_code end
    )
)
select *, dense_rank() over (partition by region_id, county_code order by source_file, sheet) as file_no from placed
"""
REGION = {
    "counties": Table(
        "county_code, county_name_zh, school_year, verdict, resource_verdict, missing_school_count, school_count, failed_school_count,"
        " undecided_school_count, coefficient_count, failed_coefficient_count, government_item_count, government_met_count, quality_item_count, quality_met_count,"
        " open_requirement_count, pace_zh",
        f"mart_county_verdict {NEWEST} left join dim_county using (region_id, county_code)"
        " left join (select region_id, school_year, county_code, sentence as pace_zh from mart_county_action where kind = 'pace')"
        " using (region_id, school_year, county_code)",
        "open_requirement_count, county_code",
    ),
    "balance": Table(
        "county_code, stage, indicator_id, difference_coefficient, limit_value, is_met, rounding_flips",
        f"(from mart_county_balance semi join (from dim_indicator where is_national) using (indicator_id)) {NEWEST}",
        "county_code, stage, indicator_id",
    ),
    "between": Table(
        "stage, indicator_id, unit_count, area_mean, difference_coefficient, range_ratio, urban_rural_ratio, met_school_share, null_reason",
        "(select area_id as region_id, mart_area_balance.* exclude (area_id) from mart_area_balance"
        " semi join (from dim_indicator where is_national) using (indicator_id) where area_level = 'region')"
        f" {NEWEST}",
        "stage, indicator_id",
    ),
    "documents": Table(
        "document_id, document_zh, document_number",
        "(select distinct region_id, document_id, document_zh, document_number"
        f" from mart_target_progress {NEWEST} inner join dim_target using (document_id))",
        "document_id",
    ),
    "targets": Table(
        "document_id, target_id, clause, quote, indicator_zh, area_level, actual, actual_zh, demand_zh, due_year, status, reason, missing,"
        " actual_last_year, actual_last_year_zh, actual_two_years_ago_zh, rounding_flips, reading_zh",
        f"mart_target_progress {NEWEST}",
        "target_id",
    ),
    "alternatives": Table(
        ALTERNATIVE,
        f"(from mart_alternative_reading where target_id is not null) {NEWEST}",
        "alternative_id",
    ),
    "files": Table(
        "source_file, sheet, rows_in, rows_loaded, rows_quarantined, rows_skipped, status, reason, unknown_columns, remarks",
        f"mart_source_file {NEWEST}",
        "source_file, sheet",
    ),
    "quarantine": Table(
        "source_file, reason, rows",
        '(select region_id, source_file, reason, count(*) as "rows"'
        f" from mart_quarantine {NEWEST} where waits_for is null group by region_id, source_file, reason)",
        "source_file, reason",
    ),
    "blocked": Table("school_year, reason, since_release", "mart_blocked_partition", "school_year"),
    "filing": Table(
        "county_code, county_name_zh, extract, deadline, expected, received, late, rejected, missing",
        "(select region_id, school_year, county_code, county_name_zh, extract, max(deadline) as deadline, count(*) as expected,"
        " count(*) filter (status = 'received') as received, count(*) filter (status = 'late') as late,"
        " count(*) filter (status = 'rejected') as rejected, count(*) filter (status = 'missing') as missing"
        f" from mart_filing {NEWEST} left join dim_county using (region_id, county_code) group by all)",
        f"county_code, {IN_ORDER}",
    ),
    "missing": Table(
        "county_name_zh, county_code, kind_zh, stages_zh, reason, waiting_row_count, waiting_zh",
        f"mart_missing_school {NEWEST} left join dim_county using (region_id, county_code)",
        "county_code, place",
    ),
    "unread": Table(
        "source_file, sheet, row_number, column_zh, original, reason",
        f"mart_unread_cell {NEWEST}",
        "source_file, sheet, row_number, column_zh",
    ),
}
COUNTY = {
    "verdicts": Table(
        "school_year, verdict, resource_verdict, missing_school_count, school_count, failed_school_count, undecided_school_count, coefficient_count,"
        " failed_coefficient_count, is_prerequisite_met, government_item_count, government_met_count, government_failed_count, quality_item_count, quality_met_count,"
        " quality_failed_count, is_recognition_met, is_free_of_vetoes, reasons",
        "mart_county_verdict",
        "school_year",
    ),
    "completeness": Table(
        "extract, expected_school_count, handed_in_school_count, rejected_school_count, absent_school_count, undecided_school_count,"
        " rejected_row_count, unread_cell_count, is_complete, reason",
        f"mart_completeness {NEWEST}",
        IN_ORDER,
    ),
    "filing": Table(
        "school_key, school_name, extract, status, arrived_on, reason",
        f"(from mart_filing where status <> 'received') {NEWEST}",
        f"school_key, {IN_ORDER}",
    ),
    "missing": Table(
        "kind_zh, stages_zh, reason, waiting_row_count, waiting_zh",
        f"mart_missing_school {NEWEST}",
        "place",
    ),
    "balance": Table(
        "school_year, stage, indicator_id, school_count, missing_school_count, county_mean, difference_coefficient, limit_value,"
        " is_met, rounding_flips, urban_rural_ratio, reason",
        "mart_county_balance semi join (from dim_indicator where is_national) using (indicator_id)",
        "school_year, stage, indicator_id",
    ),
    "shares": Table(
        "stage, indicator_id, variance_rank, school_id, value, direction, variance_share, coefficient_without",
        f"(from mart_variance_share where variance_rank <= 10) {NEWEST}",
        "stage, indicator_id, variance_rank",
    ),
    "reasons": Table("kind, reason", f"mart_county_reason {NEWEST}", "reason_no"),
    "actions": Table("kind, sentence", f"mart_county_action {NEWEST}", "action_no"),
    "parts": Table("part, item_number, is_met, reason", f"mart_item_verdict {NEWEST}", "part, item_number"),
    "sentences": Table("sentence", f"mart_county_explanation {NEWEST}", "sentence_no"),
    "totals": Table(
        "one_off_yuan, yearly_yuan, pass_one_off_yuan, pass_yearly_yuan, balance_one_off_yuan, balance_yearly_yuan, has_sample_price,"
        " failed_school_count, failed_school_count_after, failed_coefficient_count, failed_coefficient_count_after, remaining,"
        " missing_value_count, missing_school_count",
        f"mart_county_plan {NEWEST}",
        "county_code",
    ),
    "outlays": Table(
        "plan, way_zh, school_count, units, unit_zh, cost_kind, unit_cost_yuan, cost_yuan, price_basis",
        f"mart_county_outlay {NEWEST}",
        "plan, cost_kind, way_zh",
    ),
    "steps": Table(
        "school_id, stage, step_no, way_zh, counts_zh, from_school_id, units, unit_zh, cost_kind, cost_yuan",
        f"(from mart_plan_step where plan = 'both') {NEWEST}",
        "school_id, stage, step_no",
    ),
    "gaps": Table(
        "stage, indicator_id, unit_zh, short_school_count, pass_units, difference_coefficient, limit_value,"
        " raised_school_count, balance_units, coefficient_after, null_reason",
        f"mart_county_gap {NEWEST}",
        "stage, indicator_id",
    ),
    "plans": Table(
        "school_id, stage, indicator_id, unit_zh, units_to_threshold, is_left_at_floor, pass_units, balance_units, null_reason",
        f"mart_gap_plan {NEWEST}",
        "school_id, stage, indicator_id",
    ),
    "transfers": Table(
        "stage, indicator_id, difference_coefficient, limit_value, status, teachers_moved, coefficient_after, least_coefficient, null_reason",
        f"mart_transfer_plan {NEWEST}",
        "stage, indicator_id",
    ),
    "moves": Table(
        "stage, indicator_id, from_school_id, to_school_id, teachers",
        f"mart_transfer_move {NEWEST}",
        "stage, indicator_id, from_school_id, to_school_id",
    ),
    "layout": Table(
        "school_id, stage, lever, reason, option_no, pupils, allowed_pupils, excess_pupils, to_school_id, is_same_township, is_same_side,"
        " room_pupils, moved_pupils, unplaced_pupils, yearly_entrants, years, null_reason",
        f"mart_layout_option {NEWEST}",
        "school_id, stage, lever, reason, option_no",
    ),
    "trends": Table(
        "stage, indicator_id, figure, projected_year, limit_value, projected_value, interval_low, interval_high, year_count, first_year,"
        " last_year, incomplete_year_count, outlook, crossing_year, reason",
        f"mart_indicator_trend {NEWEST}",
        "stage, indicator_id, figure, projected_year",
    ),
    "enrolment": Table(
        "stage, grade, projected_year, pupils, survival_ratio, projected_pupils, entrants_basis, is_assumed, year_count, first_year, last_year,"
        " missing_school_count, reason",
        f"mart_enrolment_projection {NEWEST}",
        "stage, grade, projected_year",
    ),
    "horizons": Table(
        "horizon, primary_year, primary_pupils, primary_projected_pupils, junior_year, junior_pupils, junior_projected_pupils, is_assumed,"
        " one_off_yuan, yearly_yuan, has_sample_price, additions, null_reason",
        f"mart_projected_plan {NEWEST}",
        "horizon",
    ),
    "funding": Table(
        "school_year, public_funds_per_pupil, urban_public_funds_per_pupil, rural_public_funds_per_pupil, urban_rural_ratio,"
        " below_standard_count, teacher_training_share, expenditure_yuan, expenditure_source, expenditure_per_pupil, is_not_decreasing, reason",
        "mart_county_funding",
        "school_year",
    ),
    "items": Table(
        "part, item_id, criterion_id, text_zh, measure_zh, actual, actual_zh, demand_zh, is_judged, is_met, rounding_flips, reason",
        f"(from mart_standard_item semi join mart_item_verdict using (region_id, school_year, county_code, standard_id, item_id)) {NEWEST}",
        "criterion_id",
    ),
    "alternatives": Table(
        ALTERNATIVE,
        f"(from mart_alternative_reading where criterion_id is not null) {NEWEST}",
        "alternative_id",
    ),
    "areas": Table(
        "target_id, value, value_zh, is_met, missing, rounding_flips",
        f"(from mart_target_area where area_level = 'county') {NEWEST}",
        "target_id",
    ),
    "schools": Table(
        "school_id, school_name, township, school_type_zh, urban_rural_class, status",
        f"dim_school {NEWEST}",
        "school_id",
    ),
    "sections": Table(
        "school_id, stage, pupils, is_in_scope, exclusion_reason, met_count, floor_failed_count, missing_count, is_passed, reasons",
        "(select fct_school_stage.*, met_count, floor_failed_count, missing_count, is_passed, reasons from fct_school_stage"
        " left join mart_school_verdict using (region_id, school_year, county_code, school_id, stage))"
        f" {NEWEST}",
        "school_id, stage",
    ),
    "values": Table(
        "school_id, stage, indicator_id, value, threshold, floor_value, percent_of_threshold, percent_zh, is_met, is_floor_met, rounding_flips, null_reason,"
        " similar_median, similar_count, standing",
        "(select fct_school_indicator.*, similar_median, similar_count, standing from fct_school_indicator"
        " left join mart_similar_standing using (region_id, school_year, county_code, school_id, stage, indicator_id))"
        f" {NEWEST}",
        "school_id, stage, indicator_id",
    ),
    "similar": Table(
        "school_id, stage, similar_region_id, similar_county_code, county_name_zh, similar_school_id, similar_school_name, similar_pupils, distance",
        "(select mart_similar_school.*, county_name_zh from mart_similar_school left join dim_county"
        " on dim_county.region_id = similar_region_id and dim_county.county_code = similar_county_code)"
        f" {NEWEST}",
        "school_id, stage, similar_rank",
    ),
    "checks": Table(
        "school_id, school_name, stage, check_name, severity, message, probable_cause, how_to_resolve, explanation",
        f"mart_data_check {NEWEST}",
        "school_id, check_name, stage",
    ),
}
MARTS = {
    "mart_alternative_reading", "mart_blocked_partition", "mart_completeness", "mart_filing", "mart_missing_school", "mart_unread_cell", "dim_county", "dim_fact", "dim_figure_source", "dim_indicator", "dim_label", "dim_school", "dim_target", "dim_term", "fct_school_indicator", "fct_school_stage", "mart_area_balance", "mart_county_action", "mart_county_balance",
    "mart_county_explanation", "mart_county_funding", "mart_county_gap", "mart_release_change", "mart_county_outlay", "mart_county_plan", "mart_county_reason", "mart_county_verdict", "mart_data_check", "mart_item_verdict", "mart_region_verdict",
    "mart_enrolment_projection", "mart_gap_plan", "mart_indicator_trend", "mart_layout_option", "mart_plan_step", "mart_projected_plan", "mart_quarantine", "mart_school_verdict", "mart_similar_school",
    "mart_similar_standing", "mart_source_cell", "mart_source_file", "mart_source_roster", "mart_standard_item", "mart_target_area", "mart_target_progress", "mart_transfer_move",
    "mart_transfer_plan", "mart_variance_share",
}  # fmt: skip
