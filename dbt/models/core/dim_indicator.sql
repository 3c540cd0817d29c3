-- Grain: indicator, with the thresholds and limits that judge now in the whole country; a stricter area's stand in seeds/standards.csv.
{{ config(materialized='view') }}
with standards as (
    select
        indicator_id,
        max(case when stage = 'primary' then threshold end) as primary_threshold,
        max(case when stage = 'primary' then threshold * floor_share end) as primary_floor_value,
        max(case when stage = 'primary' then cv_limit end) as primary_limit_value,
        max(case when stage = 'junior' then threshold end) as junior_threshold,
        max(case when stage = 'junior' then threshold * floor_share end) as junior_floor_value,
        max(case when stage = 'junior' then cv_limit end) as junior_limit_value,
        max(source) as source
    from {{ ref('standards') }}
    where standard_id = '{{ var("standard_id") }}' and coalesce(area_code, '') = ''
    group by indicator_id
)

select
    indicators.indicator_id,
    indicators.sort_order,
    indicators.name_zh,
    indicators.short_name_zh,
    indicators.name_en,
    indicators.unit_zh,
    indicators.numerator,
    cast(indicators.scale as integer) as scale,
    indicators.is_national,
    indicators.is_split,
    cast(standards.primary_threshold as double) as primary_threshold,
    cast(standards.primary_floor_value as double) as primary_floor_value,
    cast(standards.primary_limit_value as double) as primary_limit_value,
    cast(standards.junior_threshold as double) as junior_threshold,
    cast(standards.junior_floor_value as double) as junior_floor_value,
    cast(standards.junior_limit_value as double) as junior_limit_value,
    standards.source
from {{ ref('indicators') }} as indicators
left join standards using (indicator_id)
