-- Grain: region × school year × source file × sheet.
select
    region_id,
    school_year,
    source_file,
    sheet,
    extract,
    sha256,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_skipped,
    status,
    reason,
    unknown_columns,
    remarks
from {{ source('raw', 'source_file') }}
