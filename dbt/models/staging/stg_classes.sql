-- Grain: region × school year × school × stage × grade × class.
select
    region_id,
    school_year,
    school_id,
    stage,
    grade,
    class_no,
    pupils
from {{ source('raw', 'classes') }}
