-- Grain: measure: how its figures are shown to a reader: times factor, with so many decimals, and what follows (seeds/units.csv).
{{ config(materialized='view') }}
select
    measures.measure_id,
    measures.name_zh,
    measures.statistic,
    measures.unit_zh,
    measures.decimals,
    measures.best_value,
    coalesce(units.factor, 1) as factor,
    coalesce(units.decimals, measures.decimals) as shown_decimals,
    case when units.unit_zh is not null then coalesce(units.suffix_zh, '') else coalesce(measures.unit_zh, '') end as suffix_zh
from {{ ref('measures') }} as measures
left join {{ ref('units') }} as units using (unit_zh)
