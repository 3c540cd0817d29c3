-- Grain: region × school year × school: what the transition rules in force let it count in addition; null: nothing.
with facts as (
    select
        facts.region_id,
        facts.school_year,
        facts.unit_id as school_id,
        schools.county_code,
        max(case when facts.input_id = 'primary_visiting_pe_arts_teachers' then facts.value end) as primary_teachers,
        max(case when facts.input_id = 'junior_visiting_pe_arts_teachers' then facts.value end) as junior_teachers,
        max(case when facts.input_id = 'borrowed_sports_area_m2' then facts.value end) as borrowed_m2,
        max(case when facts.input_id = 'is_dense_city_centre' then facts.value end) = 1 as is_dense_city_centre
    from {{ ref('int_facts__settled') }} as facts
    inner join {{ ref('stg_schools') }} as schools
        on
            {{ same('facts', 'schools', 'region_id, school_year') }}
            and facts.unit_id = schools.school_id
    where facts.unit_level = 'school' and {{ pending('facts') }}
    group by facts.region_id, facts.school_year, facts.unit_id, schools.county_code
),

rules as (
    select * from {{ ref('int_transitions__in_force') }}
    where {{ pending() }}
)

select
    facts.region_id,
    facts.school_year,
    facts.school_id,
    case when visiting.transition_id is not null then facts.primary_teachers end as primary_pe_arts_teachers,
    case when visiting.transition_id is not null then facts.junior_teachers end as junior_pe_arts_teachers,
    case when borrowed.transition_id is not null and facts.is_dense_city_centre then facts.borrowed_m2 end as sports_area_m2
from facts
left join rules as visiting
    on {{ same('facts', 'visiting', 'region_id, school_year, county_code') }} and visiting.transition_id = 'visiting_pe_arts_teachers'
left join rules as borrowed
    on {{ same('facts', 'borrowed', 'region_id, school_year, county_code') }} and borrowed.transition_id = 'borrowed_sports_area'
where visiting.transition_id is not null or borrowed.transition_id is not null
