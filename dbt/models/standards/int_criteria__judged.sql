-- Grain: region × school year × county × criterion of a national standard × area that must meet it: the county, or each of its schools.
with results as (
    select
        criteria.region_id,
        criteria.school_year,
        criteria.county_code,
        criteria.standard_id,
        criteria.criterion_id,
        criteria.transition_id,
        criteria.is_easing,
        criteria.is_judged,
        criteria.lower_bound,
        criteria.upper_bound,
        criteria.is_open,
        facts.area_level,
        facts.area_id,
        facts.numerator,
        facts.value,
        facts.missing,
        {{ judged('facts.value') }} as judged_value,
        {{ judged('facts.lowest_value') }} as lowest_value,
        {{ judged('facts.highest_value') }} as highest_value,
        {{ judged_as_shown('facts.value', 'criteria.decimals') }} as rounded_value
    from {{ ref('int_criteria__in_force') }} as criteria
    inner join {{ ref('int_measures__combined') }} as facts using (region_id, school_year, county_code, measure_id, area_level)
    where {{ pending('facts') }}
),

judged as (
    select
        *,
        {{ is_met() }} as is_met,
        {{ gap() }} as gap,
        {{ satisfies('judged_value') }} <> {{ satisfies('rounded_value') }} as rounding_flips
    from results
)

-- one row an area: the criterion itself, or a transition rule that is known to concern it, is enough; what judges it another way decides
-- where its own figure is missing, and against it
select
    region_id,
    school_year,
    county_code,
    standard_id,
    criterion_id,
    area_level,
    area_id,
    case when area_level = 'school' then area_id end as school_id,
    case
        when count(case when is_easing and is_met then 1 end) > 0 then true
        when count(case when not is_easing and not is_met then 1 end) > 0 then false
        when count(case when is_met then 1 end) > 0 then true
    end as is_met,
    max(case when transition_id is null then gap end) as gap,
    max(case when transition_id is null then numerator end) as numerator,
    max(case when transition_id is null then value end) as value,
    max(case when transition_id is null then missing end) as missing,
    max(case when is_met is not null and rounding_flips then 1 else 0 end) = 1 as rounding_flips,
    max(case when is_easing and is_met then 1 else 0 end) = 1
    and max(case when not is_easing and is_met then 1 else 0 end) = 0 as is_eased
from judged
group by region_id, school_year, county_code, standard_id, criterion_id, area_level, area_id
