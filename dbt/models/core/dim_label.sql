-- Grain: kind × code that the marts hold. The word that a reader sees for it.
{{ config(materialized='view') }}
select
    kind,
    code,
    sort_order,
    label_zh,
    sign,
    tone,
    colour
from {{ ref('labels') }}
union all
select
    'stage' as kind,
    stage as code,
    sort_order,
    name_zh as label_zh,
    null as sign,
    null as tone,
    colour
from {{ ref('stages') }}
union all
select
    'urban_rural_class' as kind,
    urban_rural_class as code,
    cast(min(urban_rural_code) as integer) as sort_order,
    class_zh as label_zh,
    null as sign,
    null as tone,
    null as colour
from {{ ref('urban_rural') }}
group by urban_rural_class, class_zh
