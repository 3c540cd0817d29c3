-- Grain: region × school year × school × column × cell of an official workbook. A figure is the sum of its cells.
select
    region_id,
    school_year,
    school_id,
    column_name,
    source_file,
    sheet,
    cell,
    said
from {{ source('raw', 'official_cell') }}
