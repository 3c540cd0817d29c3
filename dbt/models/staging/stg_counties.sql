-- Grain: region × county that raw/regions.yml lists.
select
    region_id,
    county_code,
    county_name_zh
from {{ source('raw', 'county') }}
