-- What: the schools of a coefficient, with and without a value, are the schools of that county and stage in scope, and those missing.
-- When it matters: a coefficient over fewer schools than the county has is another county's.
-- How to resolve: look for schools lost in the joins of mart_county_balance; region, year, county and stage must agree.
{{ config(meta={'dagster': {'ref': {'name': 'mart_county_balance'}}}) }}
with stages as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as school_count
    from {{ ref('fct_school_stage') }}
    where is_in_scope and {{ pending() }}
    group by region_id, school_year, county_code, stage
),

missing as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as school_count
    from {{ ref('int_schools__missing') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage
),

balance as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as indicator_count,
        min(school_count + missing_school_count) as fewest,
        max(school_count + missing_school_count) as most
    from {{ ref('mart_county_balance') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage
)

select
    stages.region_id,
    stages.school_year,
    stages.county_code,
    stages.stage,
    stages.school_count + coalesce(missing.school_count, 0) as school_count,
    balance.fewest,
    balance.most
from stages
left join balance using (region_id, school_year, county_code, stage)
left join missing using (region_id, school_year, county_code, stage)
where
    balance.indicator_count is null
    or balance.indicator_count <> (select count(*) from {{ ref('indicators') }})
    or stages.school_count + coalesce(missing.school_count, 0) <> balance.fewest
    or stages.school_count + coalesce(missing.school_count, 0) <> balance.most
