-- Grain: county. Listed in raw/regions.yml, or seen in an extract; a county that is only seen has no name.
{{ config(materialized='view') }}
with codes as (
    select
        region_id,
        county_code
    from {{ ref('stg_counties') }}
    union
    select
        region_id,
        county_code
    from {{ ref('int_counties__listed') }}
)

select
    codes.region_id,
    codes.county_code,
    listed.county_name_zh,
    region.region_name_zh,
    region.is_synthetic
from codes
left join {{ ref('stg_counties') }} as listed using (region_id, county_code)
left join {{ ref('stg_regions') }} as region using (region_id)
