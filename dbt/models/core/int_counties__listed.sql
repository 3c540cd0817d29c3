-- Grain: region × school year × county: those that the region lists, and those that its schools name.
with partitions as (
    select distinct
        region_id,
        school_year
    from {{ ref('stg_source_files') }}
    where {{ pending() }}
),

with_schools as (
    select distinct
        region_id,
        school_year,
        county_code
    from {{ ref('fct_school_stage') }}
    where {{ pending() }}
),

counties as (
    select
        partitions.region_id,
        partitions.school_year,
        listed.county_code
    from partitions
    inner join {{ ref('stg_counties') }} as listed using (region_id)
    union
    select
        region_id,
        school_year,
        county_code
    from with_schools
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    with_schools.county_code is not null as has_schools
from counties
left join with_schools using (region_id, school_year, county_code)
