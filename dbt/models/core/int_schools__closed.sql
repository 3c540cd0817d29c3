-- Grain: region × school year × school that a fact says rightly left: closed, merged, moved to another county or no longer judged.
select distinct
    region_id,
    school_year,
    entity_id as school_id
from {{ ref('stg_facts') }}
where
    entity_type = 'school'
    and fact_id = 'closed_school'
    and lower(trim(value)) in ('是', '有', '1', 'true')
    and {{ pending() }}
