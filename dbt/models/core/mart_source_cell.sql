-- Grain: region × school year × file × sheet × column × cell. A figure is the sum of its cells.
select
    region_id,
    school_year,
    extract,
    entity_id,
    column_name,
    column_zh,
    header,
    source_file,
    sheet,
    row_number,
    cell,
    said
from {{ ref('stg_source_cells') }}
where {{ pending() }}
