-- Grain: region × school year × plan × county × way: what the steps of a plan add up to; outlay made once and yearly pay stand apart.
{{ config(years_after=var('trend_years') - 1) }}
select
    region_id,
    school_year,
    plan,
    county_code,
    way_zh,
    measure,
    cost_kind,
    count(distinct school_id) as school_count,
    cast(sum(units) as bigint) as units,
    unit_zh,
    unit_cost_yuan,
    {{ total('cost_yuan') }} as cost_yuan,
    price_basis
from {{ ref('mart_plan_step') }}
where {{ pending() }}
group by region_id, school_year, plan, county_code, way_zh, measure, cost_kind, unit_zh, unit_cost_yuan, price_basis
