-- Grain: region × school year × cell that could not be read; its row is loaded without it, and the figure is unknown.
select
    region_id,
    school_year,
    source_file,
    sheet,
    row_number,
    extract,
    school_id,
    column_name,
    column_zh,
    original,
    reason
from {{ ref('stg_unread_cells') }}
where {{ pending() }}
