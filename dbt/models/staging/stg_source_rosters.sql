-- Grain: region × school year × extract × school × stage × file × sheet of a roster: how many rows, and nothing of any one of them.
select
    region_id,
    school_year,
    'teachers' as extract,
    school_id,
    stage,
    source_file,
    sheet,
    count(*) as row_count
from {{ source('raw', 'teachers') }}
group by region_id, school_year, school_id, stage, source_file, sheet
union all
select
    region_id,
    school_year,
    'classes' as extract,
    school_id,
    stage,
    source_file,
    sheet,
    count(*) as row_count
from {{ source('raw', 'classes') }}
group by region_id, school_year, school_id, stage, source_file, sheet
union all
select
    region_id,
    school_year,
    'rooms' as extract,
    school_id,
    null as stage,
    source_file,
    sheet,
    count(*) as row_count
from {{ source('raw', 'rooms') }}
group by region_id, school_year, school_id, source_file, sheet
