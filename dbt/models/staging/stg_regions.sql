-- Grain: region, as raw/regions.yml lists them.
select
    region_id,
    region_name_zh,
    is_synthetic,
    rules_of
from {{ source('raw', 'region') }}
