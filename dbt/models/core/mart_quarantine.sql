-- Grain: region × school year × row that could not be loaded (row_number null: a whole file).
-- waits_for: the row is right but for a school that is not there; null: the row itself is wrong.
-- The row as handed in stays out: it may hold identity or phone numbers.
select
    region_id,
    school_year,
    source_file,
    sheet,
    row_number,
    extract,
    reason,
    column_names,
    waits_for
from {{ ref('stg_quarantine') }}
where {{ pending() }}
