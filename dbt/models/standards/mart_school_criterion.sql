-- Grain: region × school year × school × criterion of a national standard that each school has to meet, for those whom it concerns.
select
    judged.region_id,
    judged.school_year,
    judged.county_code,
    judged.school_id,
    judged.standard_id,
    criteria.item_id,
    judged.criterion_id,
    criteria.measure_id,
    criteria.measure_zh,
    criteria.unit_zh,
    judged.value,
    criteria.operator,
    cast(criteria.threshold as double) as threshold,
    judged.is_met,
    judged.is_eased,
    judged.rounding_flips,
    case
        when criteria.operator is not null and judged.is_met is null then coalesce(judged.missing, '作分母的数为0，没有适用的对象')
    end as missing
from {{ ref('int_criteria__judged') }} as judged
inner join {{ ref('int_criteria__in_force') }} as criteria
    using (region_id, school_year, county_code, standard_id, criterion_id, area_level)
where judged.area_level = 'school' and criteria.transition_id is null and {{ pending('judged') }}
