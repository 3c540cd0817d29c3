-- What: the parts of primary, junior and senior add up to the whole of what a school shares.
-- When it matters: a nine-year school counted whole in both stages makes a county look better than it is.
-- How to resolve: look at split_weight in seeds/stages.csv and at weighted_pupils in fct_school_stage.
{{ config(meta={'dagster': {'ref': {'name': 'fct_school_stage'}}}) }}
select
    region_id,
    school_year,
    school_id,
    sum(resource_share) as share_of_judged_stages
from {{ ref('fct_school_stage') }}
where {{ pending() }}
group by region_id, school_year, school_id
having
    sum(resource_share) > 1 + 1e-9
    or (
        -- without a senior stage the judged stages have it all
        abs(sum(resource_share) - 1) > 1e-9
        and abs(sum(pupils * split_weight) - max(weighted_pupils)) < 1e-6
    )
