-- Grain: region × school year × row that could not be loaded (row_number null: a whole file or sheet).
-- waits_for: the school or county that the row waits for; null: the row itself is wrong.
select
    region_id,
    school_year,
    source_file,
    sheet,
    row_number,
    extract,
    school_id,
    school_name,
    county_code,
    waits_for,
    column_names,
    reason
from {{ source('raw', 'quarantine') }}
