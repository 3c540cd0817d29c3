-- Grain: region × school year whose extracts are due at a day.
select
    region_id,
    school_year,
    deadline,
    is_over
from {{ source('raw', 'deadline') }}
