-- Grain: region × school year × county × horizon: what it takes for every school to pass at the peak, and at the trough, of pupils.
{{ config(years_after=var('trend_years') - 1) }}
with horizons as (
    select 'peak' as horizon
    union all
    select 'trough' as horizon
),

counties as (
    select
        plans.region_id,
        plans.school_year,
        plans.county_code,
        horizons.horizon
    from {{ ref('mart_county_plan') }} as plans
    cross join horizons
    where {{ pending('plans') }}
),

extremes as (
    select
        region_id,
        school_year,
        county_code,
        horizon,
        {%- for stage in ['primary', 'junior'] %}
        max(case when stage = '{{ stage }}' then projected_year end) as {{ stage }}_year,
        max(case when stage = '{{ stage }}' then pupils end) as {{ stage }}_pupils,
        max(case when stage = '{{ stage }}' then projected_pupils end) as {{ stage }}_projected_pupils,
        {%- endfor %}
        max(case when is_assumed then 1 else 0 end) = 1 as is_assumed
    from {{ ref('int_enrolment__extremes') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, horizon
),

costs as (
    select
        region_id,
        school_year,
        county_code,
        plan as horizon,
        {{ dbt.listagg("way_zh || " ~ quantity_zh(), "'；'", 'order by cost_kind, way_zh') }} as additions,
        {{ total("case when cost_kind = 'one_off' then cost_yuan else 0 end") }} as one_off_yuan,
        {{ total("case when cost_kind = 'yearly' then cost_yuan else 0 end") }} as yearly_yuan,
        count(case when price_basis = '示例' then 1 end) > 0 as has_sample_price
    from {{ ref('mart_county_outlay') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, plan
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    counties.horizon,
    extremes.primary_year,
    extremes.primary_pupils,
    extremes.primary_projected_pupils,
    extremes.junior_year,
    extremes.junior_pupils,
    extremes.junior_projected_pupils,
    extremes.is_assumed,
    costs.additions,
    case when extremes.horizon is not null then coalesce(costs.one_off_yuan, 0) end as one_off_yuan,
    case when extremes.horizon is not null then coalesce(costs.yearly_yuan, 0) end as yearly_yuan,
    case when extremes.horizon is not null then coalesce(costs.has_sample_price, false) end as has_sample_price,
    case when extremes.horizon is null then '没有连续两个学年的班级名册，学生数无从推算' end as null_reason
from counties
left join extremes using (region_id, school_year, county_code, horizon)
left join costs using (region_id, school_year, county_code, horizon)
