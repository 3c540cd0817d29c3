-- Grain: region × school year that is not as raw/ has it.
select
    region_id,
    school_year,
    reason,
    since_release
from {{ source('raw', 'blocked_partition') }}
