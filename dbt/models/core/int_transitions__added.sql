-- Grain: region × school year × school: what the transition rules that are switched on let it count in addition; null: nothing.
with facts as (
    select
        region_id,
        school_year,
        entity_id as school_id,
        fact_id,
        {{ number("replace(trim(value), ',', '')") }} as value
    from {{ ref('stg_facts') }}
    where entity_type = 'school' and {{ pending() }}
)

select
    region_id,
    school_year,
    school_id,
    max(case when fact_id = 'primary_visiting_pe_arts_teachers' and {{ is_on('visiting_pe_arts_teachers') }} then value end)
        as primary_pe_arts_teachers,
    max(case when fact_id = 'junior_visiting_pe_arts_teachers' and {{ is_on('visiting_pe_arts_teachers') }} then value end)
        as junior_pe_arts_teachers,
    max(case when fact_id = 'borrowed_sports_area_m2' and {{ is_on('borrowed_sports_area') }} then value end) as sports_area_m2
from facts
where fact_id in ('primary_visiting_pe_arts_teachers', 'junior_visiting_pe_arts_teachers', 'borrowed_sports_area_m2')
group by region_id, school_year, school_id
