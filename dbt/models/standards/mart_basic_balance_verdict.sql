-- Grain: region × school year × county. The basic-balance standard of 2012: the mean of the eight coefficients of each stage within its
-- limit, the schools at the provincial basic standard, the government's work and the public's satisfaction.
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

required as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as coefficient_count
    from {{ ref('int_standards__in_force') }}
    where standard_id = 'basic_2012' and {{ pending() }}
    group by region_id, school_year, county_code, stage
),

coefficients as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        mean_limit_value,
        count(case when missing_school_count = 0 then difference_coefficient end) as coefficient_count,
        {{ total('difference_coefficient') }} / nullif(count(difference_coefficient), 0) as mean_coefficient
    from {{ ref('mart_basic_balance') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage, mean_limit_value
),

-- a mean of fewer than are asked for is none
means as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        required.stage,
        coefficients.mean_limit_value,
        cast(required.coefficient_count as varchar) || '项差异系数' as required_zh,
        coalesce(coefficients.coefficient_count, 0) as coefficient_count,
        case when coefficients.coefficient_count = required.coefficient_count then coefficients.mean_coefficient end as mean_coefficient
    from counties
    inner join required using (region_id, school_year, county_code)
    left join coefficients using (region_id, school_year, county_code, stage)
),

judged as (
    select
        *,
        round(mean_coefficient, 12) <= mean_limit_value as is_met,
        (round(mean_coefficient, 12) <= mean_limit_value) <> ({{ half_up('mean_coefficient', 3) }} <= mean_limit_value) as rounding_flips
    from means
),

parts as (
    select
        judged.region_id,
        judged.school_year,
        judged.county_code,
        stages.sort_order as place,
        judged.is_met,
        case
            when judged.is_met then null
            when judged.is_met is null
                then stages.name_zh || judged.required_zh || '只有' || cast(judged.coefficient_count as varchar) || '项可评估，平均值无法判定'
            else
                stages.name_zh || judged.required_zh || '平均值'
                || {{ shown('judged.mean_coefficient', 3, 'judged.rounding_flips', 'judged.mean_limit_value') }}
                || '，超过' || {{ shown('judged.mean_limit_value', 2) }}
        end as reason
    from judged
    inner join {{ ref('stages') }} as stages using (stage)
    union all
    select
        region_id,
        school_year,
        county_code,
        100 + cast({{ digits('item_id') }} as integer) as place,
        is_met,
        reason
    from {{ ref('mart_standard_item') }}
    where standard_id = 'basic_2012' and is_judged and {{ pending() }}
),

told as (
    select
        region_id,
        school_year,
        county_code,
        count(case when not is_met then 1 end) as failed_count,
        count(case when is_met is null then 1 end) as undecided_count,
        {{ dbt.listagg('case when is_met is null or not is_met then reason end', "'；'", 'order by place') }} as reasons
    from parts
    group by region_id, school_year, county_code
),

by_stage as (
    select
        region_id,
        school_year,
        county_code,
        max(case when stage = 'primary' then mean_coefficient end) as primary_mean_coefficient,
        max(case when stage = 'primary' then mean_limit_value end) as primary_limit_value,
        max(case when stage = 'junior' then mean_coefficient end) as junior_mean_coefficient,
        max(case when stage = 'junior' then mean_limit_value end) as junior_limit_value,
        min(case when is_met is null then -1 when is_met then 1 else 0 end) as least,
        count(case when not is_met then 1 end) as failed_count
    from judged
    group by region_id, school_year, county_code
)

select
    by_stage.region_id,
    by_stage.school_year,
    by_stage.county_code,
    by_stage.primary_mean_coefficient,
    by_stage.primary_limit_value,
    by_stage.junior_mean_coefficient,
    by_stage.junior_limit_value,
    case
        when by_stage.failed_count > 0 then 'not_met'
        when by_stage.least = 1 then 'met'
        else 'not_evaluable'
    end as coefficient_verdict,
    case
        when told.failed_count > 0 then 'not_met'
        when told.undecided_count = 0 then 'met'
        else 'not_evaluable'
    end as verdict,
    told.reasons
from by_stage
inner join told using (region_id, school_year, county_code)
