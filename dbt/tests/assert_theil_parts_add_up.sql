-- What: the Theil index is the part within the urban, town and rural classes plus the part between them; so for townships.
-- When it matters: a reader who asks how much of the gap is urban against rural gets a share of the wrong whole.
-- How to resolve: look at the joins of schools with their classes and townships in mart_county_balance.
{{ config(meta={'dagster': {'ref': {'name': 'mart_county_balance'}}}) }}
select
    region_id,
    school_year,
    county_code,
    stage,
    indicator_id,
    theil,
    theil_within,
    theil_between,
    theil_within_townships,
    theil_between_townships
from {{ ref('mart_county_balance') }}
where
    {{ pending() }}
    and (abs(theil - theil_within - theil_between) > 1e-9 or abs(theil - theil_within_townships - theil_between_townships) > 1e-9)
