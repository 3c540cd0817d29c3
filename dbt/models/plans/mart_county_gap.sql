-- Grain: region × school year × county × stage × national indicator: what the gap plans of its schools add up to.
{%- set county_key = 'region_id, school_year, county_code, stage, indicator_id' %}
with plans as (
    select
        {{ county_key }},
        count(case when units_to_threshold > 0 then 1 end) as short_school_count,
        sum(pass_units) as pass_units,
        count(case when balance_units > 0 then 1 end) as raised_school_count,
        sum(balance_units) as balance_units
    from {{ ref('mart_gap_plan') }}
    where {{ pending() }}
    group by {{ county_key }}
),

filled as (
    select
        {{ county_key }},
        max(lowest_value_after) as lowest_value_after,
        max(coefficient_after) as coefficient_after
    from {{ ref('int_balance__filled') }}
    where {{ pending() }}
    group by {{ county_key }}
),

balance as (
    select
        *,
        round(difference_coefficient, 12) <= limit_value as is_within
    from {{ ref('mart_county_balance') }}
    where limit_value is not null and {{ pending() }}
)

select
    balance.region_id,
    balance.school_year,
    balance.county_code,
    balance.stage,
    {{ stage_zh('balance') }} as stage_zh,
    balance.indicator_id,
    indicators.unit_zh,
    balance.school_count,
    balance.missing_school_count,
    coalesce(plans.short_school_count, 0) as short_school_count,
    cast(coalesce(plans.pass_units, 0) as bigint) as pass_units,
    balance.difference_coefficient,
    balance.limit_value,
    filled.lowest_value_after,
    case
        when balance.is_within or filled.lowest_value_after is not null then coalesce(plans.raised_school_count, 0)
    end as raised_school_count,
    cast(
        case
            when balance.is_within or filled.lowest_value_after is not null then coalesce(plans.balance_units, 0)
        end as bigint
    ) as balance_units,
    case when balance.is_within then balance.difference_coefficient else filled.coefficient_after end as coefficient_after,
    case
        when balance.difference_coefficient is null then balance.reason
        when not balance.is_within and filled.lowest_value_after is null then '按整数单位补足也达不到限值'
    end as null_reason
from balance
inner join {{ ref('indicators') }} as indicators using (indicator_id)
left join plans using (region_id, school_year, county_code, stage, indicator_id)
left join filled using (region_id, school_year, county_code, stage, indicator_id)
