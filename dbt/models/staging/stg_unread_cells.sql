-- Grain: region × school year × cell that could not be read, of a row that was loaded without it.
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
from {{ source('raw', 'unread_cell') }}
