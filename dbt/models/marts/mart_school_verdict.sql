-- Grain: region × school year × school × stage in scope. The school rule: at least 6 of the 7 met, the rest at 85% or more.
with results as (
    select
        facts.*,
        indicators.name_zh,
        indicators.sort_order
    from {{ ref('fct_school_indicator') }} as facts
    inner join {{ ref('indicators') }} as indicators on facts.indicator_id = indicators.indicator_id
    where facts.threshold is not null and {{ pending() }}
),

explained as (
    select
        *,
        case
            when value is null then name_zh || '无法判定（' || null_reason || '）'
            when not is_floor_met
                then
                    name_zh || {{ shown('value', 2, 'rounding_flips') }} || '，低于标准' || {{ plain('threshold') }}
                    || '的85%（' || {{ plain('floor_value') }} || '）'
            when not is_met
                then
                    name_zh || {{ shown('value', 2, 'rounding_flips') }} || '，低于标准' || {{ plain('threshold') }}
                    || '，不低于其85%'
        end as reason
    from results
),

counted as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        count(*) as indicator_count,
        count(case when is_met then 1 end) as met_count,
        count(case when not is_floor_met then 1 end) as floor_failed_count,
        count(case when value is null then 1 end) as missing_count,
        {{ dbt.listagg('reason', "'；'", 'order by sort_order') }} as reasons
    from explained
    group by region_id, school_year, county_code, school_id, stage
)

-- missing values decide nothing only where they could not: something is below its floor, or too few would be met even with them
select
    counted.region_id,
    counted.school_year,
    counted.county_code,
    counted.school_id,
    counted.stage,
    schools.school_name,
    schools.pupils,
    counted.met_count,
    counted.floor_failed_count,
    counted.missing_count,
    case
        when counted.floor_failed_count > 0 then false
        when counted.met_count + counted.missing_count < {{ parameter('min_indicators_met') }} then false
        when counted.missing_count = 0 then true
    end as is_passed,
    counted.reasons
from counted
inner join {{ ref('fct_school_stage') }} as schools
    on
        counted.region_id = schools.region_id
        and counted.school_year = schools.school_year
        and counted.school_id = schools.school_id
        and counted.stage = schools.stage
