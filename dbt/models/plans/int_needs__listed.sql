-- Grain: region × school year × horizon × school × stage × national indicator: what is lacking, and whom the school could train for it.
select
    results.region_id,
    results.school_year,
    'now' as horizon,
    results.county_code,
    results.school_id,
    results.stage,
    results.indicator_id,
    results.pupils,
    results.numerator,
    results.threshold,
    results.units_to_threshold,
    results.units_to_floor,
    results.null_reason,
    indicators.is_split,
    indicators.part_of is not null as is_staff,
    indicators.sort_order,
    stages.sort_order as stage_order,
    case
        when costs.measure = 'upgrade' then cast(greatest(sections.full_time_teachers - results.numerator, 0) as bigint) else 0
    end as trainable
from {{ ref('fct_school_indicator') }} as results
inner join {{ ref('fct_school_stage') }} as sections using (region_id, school_year, school_id, stage)
inner join {{ ref('indicators') }} as indicators using (indicator_id)
inner join {{ ref('stages') }} as stages using (stage)
left join {{ ref('unit_costs') }} as costs using (indicator_id)
where results.threshold is not null and {{ pending('results') }}
