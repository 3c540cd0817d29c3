-- Grain: region × school year × school × stage in scope. The school rule: at least 6 of the 7 met, the rest at 85% or more.
with results as (
    select
        *,
        {{ shown('100 * floor_value / threshold', 0) }} || '%' as floor_share
    from {{ ref('fct_school_indicator') }}
    where threshold is not null and {{ pending() }}
),

counted as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        count(case when is_met then 1 end) as met_count,
        count(case when not is_floor_met then 1 end) as floor_failed_count,
        count(case when value is null then 1 end) as missing_count
    from results
    group by region_id, school_year, county_code, school_id, stage
),

explained as (
    select
        results.region_id,
        results.school_year,
        results.school_id,
        results.stage,
        indicators.sort_order,
        case
            when results.value is null then indicators.name_zh || '无法判定（' || results.null_reason || '）'
            else
                indicators.name_zh || {{ shown(
                    'results.value', 2, 'results.rounding_flips', 'case when results.is_floor_met then results.threshold else results.floor_value end'
                ) }}
                || '，低于标准' || {{ plain('results.threshold') }}
                || case
                    when results.is_floor_met then '，不低于其' || results.floor_share
                    else '的' || results.floor_share || '（' || {{ plain('results.floor_value') }} || '）'
                end
        end as reason
    from results
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where results.is_met is null or not results.is_met
),

told as (
    select
        region_id,
        school_year,
        school_id,
        stage,
        {{ dbt.listagg('reason', "'；'", 'order by sort_order') }} as reasons
    from explained
    group by region_id, school_year, school_id, stage
)

-- missing values decide nothing only where they could not: something is below its floor, or too few would be met even with them
select
    counted.region_id,
    counted.school_year,
    counted.county_code,
    counted.school_id,
    counted.stage,
    {{ stage_zh('counted') }} as stage_zh,
    schools.school_name,
    schools.pupils,
    counted.met_count,
    counted.floor_failed_count,
    counted.missing_count,
    case
        when counted.floor_failed_count > 0 then false
        when counted.met_count + counted.missing_count < parameters.min_indicators_met then false
        when counted.missing_count = 0 then true
    end as is_passed,
    told.reasons
from counted
inner join {{ ref('fct_school_stage') }} as schools using (region_id, school_year, school_id, stage)
left join {{ ref('int_parameters__in_force') }} as parameters
    on {{ same('counted', 'parameters', 'region_id, school_year, county_code') }}
left join told using (region_id, school_year, school_id, stage)
