-- What: for every source file and sheet, rows in = loaded + quarantined + skipped, and the quarantine holds those rows.
-- When it matters: nothing may be lost on the way in; a row that is nowhere was dropped in silence.
-- How to resolve: compare the file with mart_quarantine; the reader of that extract is in dagster_project/extracts/.
{{ config(meta={'dagster': {'ref': {'name': 'mart_source_file'}}}) }}
with files as (
    select * from {{ ref('mart_source_file') }}
    where {{ pending() }}
),

quarantined as (
    select
        region_id,
        school_year,
        source_file,
        coalesce(sheet, '') as sheet,
        count(distinct row_number) as row_count
    from {{ ref('mart_quarantine') }}
    where {{ pending() }}
    group by region_id, school_year, source_file, coalesce(sheet, '')
)

select
    files.region_id,
    files.school_year,
    files.source_file,
    files.sheet,
    files.rows_in,
    files.rows_loaded,
    files.rows_quarantined,
    files.rows_skipped,
    quarantined.row_count
from files
left join quarantined
    on
        {{ same('files', 'quarantined', 'region_id, school_year, source_file') }}
        and coalesce(files.sheet, '') = quarantined.sheet
where
    files.rows_in <> files.rows_loaded + files.rows_quarantined + files.rows_skipped
    or (files.status = 'loaded' and files.rows_quarantined <> coalesce(quarantined.row_count, 0))
