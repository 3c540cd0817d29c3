-- Grain: region × school year × school × stage × national indicator where something is to be added, or nothing is known.
-- Two plans stand side by side: to make the school pass, and to bring the county's coefficient to its limit. Each stands by itself.
select
    results.region_id,
    results.school_year,
    results.county_code,
    results.school_id,
    results.stage,
    {{ stage_zh('results') }} as stage_zh,
    results.indicator_id,
    results.value,
    results.threshold,
    indicators.unit_zh,
    results.units_to_threshold,
    results.units_to_floor,
    aimed.is_left_at_floor,
    aimed.units as pass_units,
    coalesce(filled.units, 0) as balance_units,
    results.null_reason
from {{ ref('fct_school_indicator') }} as results
inner join {{ ref('indicators') }} as indicators using (indicator_id)
inner join {{ ref('int_needs__aimed') }} as aimed using (region_id, school_year, school_id, stage, indicator_id)
left join {{ ref('int_balance__filled') }} as filled using (region_id, school_year, school_id, stage, indicator_id)
where
    aimed.horizon = 'now'
    and (results.units_to_threshold > 0 or filled.units > 0 or results.null_reason is not null)
    and {{ pending('results') }}
