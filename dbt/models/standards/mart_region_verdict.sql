-- Grain: region × school year: how many of its counties have which verdict.
select
    region_id,
    school_year,
    count(*) as county_count,
    count(case when verdict = 'met' then 1 end) as met_count,
    count(case when verdict = 'not_met' then 1 end) as not_met_count,
    count(case when verdict = 'not_evaluable' then 1 end) as not_evaluable_count,
    count(case when resource_verdict = 'met' then 1 end) as resource_met_count,
    count(case when resource_verdict = 'not_met' then 1 end) as resource_not_met_count,
    count(case when resource_verdict = 'not_evaluable' then 1 end) as resource_not_evaluable_count
from {{ ref('mart_county_verdict') }}
where {{ pending() }}
group by region_id, school_year
