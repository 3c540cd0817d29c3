-- Grain: region × school year × row that could not be loaded (row_number null: a whole file).
-- The row as handed in stays out: it may hold identity or phone numbers.
select
    region_id,
    school_year,
    source_file,
    sheet,
    row_number,
    extract,
    reason,
    column_names
from {{ source('raw', 'quarantine') }}
where {{ pending() }}
