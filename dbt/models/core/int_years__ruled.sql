-- Grain: region × school year × county that is listed or that a school names: the school year whose rules judge it.
{{ config(materialized='view') }}
with listed as (
    select distinct
        files.region_id,
        files.school_year,
        counties.county_code
    from {{ ref('stg_source_files') }} as files
    inner join {{ ref('stg_counties') }} as counties using (region_id)
    union
    select
        region_id,
        school_year,
        county_code
    from {{ ref('stg_schools') }}
    where county_code is not null
)

select
    listed.region_id,
    listed.school_year,
    listed.county_code,
    coalesce(regions.rules_of, listed.school_year) as rule_year
from listed
left join {{ ref('stg_regions') }} as regions using (region_id)
