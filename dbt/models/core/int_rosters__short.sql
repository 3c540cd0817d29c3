-- Grain: region × school year × extract × school whose roster lacks a row that was rejected. A row of no known school may be any school's.
with rejects as (
    select
        quarantine.region_id,
        quarantine.school_year,
        quarantine.extract,
        schools.school_id
    from {{ ref('stg_quarantine') }} as quarantine
    left join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    where quarantine.extract in ('teachers', 'classes', 'rooms') and quarantine.waits_for is null and {{ pending('quarantine') }}
)

select distinct
    schools.region_id,
    schools.school_year,
    rejects.extract,
    schools.school_id
from rejects
inner join {{ ref('stg_schools') }} as schools
    on
        {{ same('rejects', 'schools', 'region_id, school_year') }}
        and coalesce(rejects.school_id, schools.school_id) = schools.school_id
