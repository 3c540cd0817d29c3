-- Grain: region × school year × extract × school × stage × file × sheet of a roster of teachers, classes or rooms.
select
    region_id,
    school_year,
    extract,
    school_id,
    stage,
    {{ stage_zh('rosters') }} as stage_zh,
    source_file,
    sheet,
    row_count
from {{ ref('stg_source_rosters') }} as rosters
where {{ pending() }}
