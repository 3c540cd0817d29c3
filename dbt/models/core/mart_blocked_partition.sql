-- Grain: region × school year that is not as raw/ has it: its new files failed a check or could not be loaded, its figures are older.
select
    region_id,
    school_year,
    reason,
    since_release
from {{ ref('stg_blocked_partitions') }}
where {{ pending() }}
