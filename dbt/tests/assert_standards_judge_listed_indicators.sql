-- What: a row of the standards names a standard that has items too, and an indicator; the one that judges schools has the national seven.
-- When it matters: another indicator would count among the seven of the school rule; a row of another name would judge nothing.
-- How to resolve: an indicator of one's own needs no row, it is shown; what it must reach is a target: seeds/measures.csv, targets.csv.
{{ config(meta={'dagster': {'ref': {'name': 'fct_school_indicator'}}}) }}
select
    standards.standard_id,
    standards.area_code,
    standards.indicator_id
from {{ ref('standards') }} as standards
left join {{ ref('indicators') }} as indicators using (indicator_id)
where
    indicators.indicator_id is null
    or standards.standard_id not in (select items.standard_id from {{ ref('standard_items') }} as items)
    or (standards.standard_id = '{{ var("standard_id") }}' and not indicators.is_national)
