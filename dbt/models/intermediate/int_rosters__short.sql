-- Grain: region × school year × extract × school whose roster lacks a row that was rejected. A row of no known school may be any school's.
select distinct
    schools.region_id,
    schools.school_year,
    rejects.extract,
    schools.school_id
from {{ ref('stg_quarantine') }} as rejects
inner join {{ ref('stg_schools') }} as schools
    on
        rejects.region_id = schools.region_id
        and rejects.school_year = schools.school_year
        and coalesce(rejects.school_id, schools.school_id) = schools.school_id
where rejects.extract in ('teachers', 'classes') and rejects.waits_for is null and {{ pending('schools') }}
