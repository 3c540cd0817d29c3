-- Grain: region × school year × cell that could not be read, of a row that was loaded without it.
select
    region_id,
    school_year,
    source_file,
    coalesce(sheet, '') as sheet,
    row_number,
    extract,
    column_name,
    school_id
from {{ source('raw', 'unread_cell') }}
