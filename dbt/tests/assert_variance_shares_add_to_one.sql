-- What: the schools' shares of a county's variance add up to 1, for every coefficient that is not 0.
-- When it matters: a county works on the schools with the largest shares first; a share of the wrong whole misleads it.
-- How to resolve: mart_variance_share reads mean and coefficient from mart_county_balance: both must be of one build.
{{ config(meta={'dagster': {'ref': {'name': 'mart_variance_share'}}}) }}
select
    region_id,
    school_year,
    county_code,
    stage,
    indicator_id,
    sum(variance_share) as shares
from {{ ref('mart_variance_share') }}
where {{ pending() }}
group by region_id, school_year, county_code, stage, indicator_id
having abs(sum(variance_share) - 1) > 1e-6
