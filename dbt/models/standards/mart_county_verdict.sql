-- Grain: region × school year × county. resource_verdict judges the allocation of resources alone (every school passes, 14
-- coefficients within their limits); verdict the whole county rule: prerequisites, resources, the items of government guarantee and
-- of education quality, recognition, no veto. While a school is missing what fails still fails, and nothing is met.
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

school_counts as (
    select
        region_id,
        school_year,
        county_code,
        count(*) as school_count,
        count(case when not is_passed then 1 end) as failed_school_count,
        count(case when is_passed is null then 1 end) as undecided_school_count
    from {{ ref('mart_school_verdict') }}
    where {{ pending() }}
    group by region_id, school_year, county_code
),

missing as (
    select
        region_id,
        school_year,
        county_code,
        count(*) as missing_school_count
    from {{ ref('mart_missing_school') }}
    where {{ pending() }}
    group by region_id, school_year, county_code
),

coefficients as (
    select * from {{ ref('mart_county_balance') }}
    where limit_value is not null and {{ pending() }}
),

-- a mean of the seven only where each of them is there
by_stage as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(is_met) as coefficient_count,
        count(case when not is_met then 1 end) as failed_coefficient_count,
        case
            when count(difference_coefficient) = count(*) then {{ total('difference_coefficient') }} / count(*)
        end as mean_coefficient
    from coefficients
    group by region_id, school_year, county_code, stage
),

coefficient_counts as (
    select
        region_id,
        school_year,
        county_code,
        sum(coefficient_count) as coefficient_count,
        sum(failed_coefficient_count) as failed_coefficient_count,
        max(case when stage = 'primary' then mean_coefficient end) as primary_mean_coefficient,
        max(case when stage = 'junior' then mean_coefficient end) as junior_mean_coefficient
    from by_stage
    group by region_id, school_year, county_code
),

-- an item's state: 0 not met, 1 not known, 2 met
items as (
    select
        *,
        case when is_met then 2 when is_met is null then 1 else 0 end as state
    from {{ ref('mart_item_verdict') }}
    where {{ pending() }}
),

item_counts as (
    select
        region_id,
        school_year,
        county_code,
        count(case when not is_met then 1 end) as failed_count,
        count(case when is_met is null then 1 end) as undecided_count,
        count(case when part = 'government' then 1 end) as government_item_count,
        count(case when part = 'government' and is_met then 1 end) as government_met_count,
        count(case when part = 'government' and not is_met then 1 end) as government_failed_count,
        count(case when part = 'quality' then 1 end) as quality_item_count,
        count(case when part = 'quality' and is_met then 1 end) as quality_met_count,
        count(case when part = 'quality' and not is_met then 1 end) as quality_failed_count,
        min(case when part = 'prerequisite' then state end) as prerequisite_state,
        min(case when part = 'recognition' then state end) as recognition_state,
        min(case when part = 'veto' then state end) as veto_state
    from items
    group by region_id, school_year, county_code
),

told as (
    select
        region_id,
        school_year,
        county_code,
        {{ dbt.listagg('reason', "'；'", 'order by reason_no') }} as reasons
    from {{ ref('mart_county_reason') }}
    where {{ pending() }}
    group by region_id, school_year, county_code
),

required as (
    select
        region_id,
        school_year,
        county_code,
        count(*) as coefficient_count
    from {{ ref('int_standards__in_force') }}
    where standard_id = '{{ var("standard_id") }}' and cv_limit is not null and {{ pending() }}
    group by region_id, school_year, county_code
),

counted as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        coalesce(school_counts.school_count, 0) as school_count,
        coalesce(school_counts.failed_school_count, 0) as failed_school_count,
        coalesce(school_counts.undecided_school_count, 0) as undecided_school_count,
        coalesce(missing.missing_school_count, 0) as missing_school_count,
        cast(coalesce(coefficient_counts.coefficient_count, 0) as bigint) as coefficient_count,
        cast(coalesce(coefficient_counts.failed_coefficient_count, 0) as bigint) as failed_coefficient_count,
        required.coefficient_count as required_count,
        coefficient_counts.primary_mean_coefficient,
        coefficient_counts.junior_mean_coefficient,
        item_counts.failed_count as failed_item_count,
        item_counts.undecided_count as undecided_item_count,
        case item_counts.prerequisite_state when 2 then true when 0 then false end as is_prerequisite_met,
        item_counts.government_item_count,
        item_counts.government_met_count,
        item_counts.government_failed_count,
        item_counts.quality_item_count,
        item_counts.quality_met_count,
        item_counts.quality_failed_count,
        case item_counts.recognition_state when 2 then true when 0 then false end as is_recognition_met,
        case item_counts.veto_state when 2 then true when 0 then false end as is_free_of_vetoes,
        told.reasons
    from counties
    inner join required using (region_id, school_year, county_code)
    left join school_counts using (region_id, school_year, county_code)
    left join missing using (region_id, school_year, county_code)
    left join coefficient_counts using (region_id, school_year, county_code)
    left join item_counts using (region_id, school_year, county_code)
    left join told using (region_id, school_year, county_code)
),

judged as (
    select
        *,
        case
            when failed_school_count > 0 or failed_coefficient_count > 0 then 'not_met'
            when missing_school_count > 0 or undecided_school_count > 0 or coefficient_count < required_count then 'not_evaluable'
            else 'met'
        end as resource_verdict
    from counted
),

concluded as (
    select
        *,
        case
            when resource_verdict = 'not_met' or failed_item_count > 0 then 'not_met'
            when resource_verdict = 'met' and undecided_item_count = 0 then 'met'
            else 'not_evaluable'
        end as verdict
    from judged
),

labelled as (
    select
        concluded.*,
        concluded.failed_school_count + concluded.undecided_school_count + concluded.missing_school_count
        + concluded.failed_coefficient_count + concluded.required_count - concluded.coefficient_count
        + concluded.failed_item_count + concluded.undecided_item_count as open_requirement_count,
        years.rule_year,
        labels.label_zh as verdict_zh
    from concluded
    left join {{ ref('int_years__ruled') }} as years using (region_id, school_year, county_code)
    left join {{ ref('labels') }} as labels on labels.kind = 'verdict' and concluded.verdict = labels.code
)

select
    region_id,
    school_year,
    county_code,
    rule_year,
    resource_verdict,
    verdict,
    verdict_zh,
    school_count,
    failed_school_count,
    undecided_school_count,
    missing_school_count,
    coefficient_count,
    failed_coefficient_count,
    primary_mean_coefficient,
    junior_mean_coefficient,
    is_prerequisite_met,
    government_item_count,
    government_met_count,
    government_failed_count,
    quality_item_count,
    quality_met_count,
    quality_failed_count,
    is_recognition_met,
    is_free_of_vetoes,
    open_requirement_count,
    reasons
from labelled
