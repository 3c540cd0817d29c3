-- Grain: region × school year × county × criterion of a national standard × measure: its own, and that of each transition rule.
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

years as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending() }}
),

transitions as (
    select * from {{ ref('int_transitions__in_force') }}
    where {{ pending() }}
),

-- a transition rule that is switched on stands beside the criterion that it eases, for those whom it concerns
listed as (
    select
        items.*,
        measures.name_zh as measure_zh,
        measures.statistic,
        measures.unit_zh,
        measures.decimals,
        measures.factor,
        measures.shown_decimals,
        measures.suffix_zh,
        {{ bounds('items') }}
    from {{ ref('standard_items') }} as items
    inner join {{ ref('int_measures__shown') }} as measures using (measure_id)
)

select
    counties.region_id,
    counties.school_year,
    counties.has_schools,
    bound.county_code,
    bound.standard_id,
    bound.part,
    bound.item_id,
    bound.criterion_id,
    bound.transition_id,
    coalesce(transitions.is_easing, false) as is_easing,
    bound.text_zh,
    bound.measure_id,
    bound.measure_zh,
    bound.statistic,
    bound.unit_zh,
    bound.decimals,
    bound.factor,
    bound.shown_decimals,
    bound.suffix_zh,
    bound.area_level,
    bound.operator,
    bound.threshold,
    bound.is_judged,
    bound.lower_bound,
    bound.upper_bound,
    bound.is_open,
    bound.reading_zh,
    bound.ambiguity_zh,
    bound.evidence_grade,
    bound.sources,
    bound.failed_zh
from counties
inner join {{ in_force('listed', 'years', ['standard_id', 'criterion_id', 'transition_id', 'measure_id']) }} as bound
    using (region_id, school_year, county_code)
left join transitions using (region_id, school_year, county_code, transition_id)
where bound.transition_id is null or transitions.transition_id is not null
