-- Grain: region × school year × source file × sheet. Nothing is lost: rows in = loaded + quarantined + skipped.
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
from {{ ref('stg_source_files') }}
where {{ pending() }}
