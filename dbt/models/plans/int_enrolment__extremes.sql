-- Grain: region × school year × county × stage × horizon: the projected year of most pupils (peak) and of fewest (trough).
-- As many as projected against as many as on the roster now; years of which a grade is not projected do not count.
{{ config(years_after=var('trend_years') - 1) }}
with years as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        projected_year,
        sum(pupils) as pupils,
        {{ total('projected_pupils') }} as projected_pupils,
        max(case when is_assumed then 1 else 0 end) = 1 as is_assumed
    from {{ ref('mart_enrolment_projection') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage, projected_year
    having count(projected_pupils) = count(*) and sum(pupils) > 0
),

ranked as (
    select
        *,
        row_number() over (partition by region_id, school_year, county_code, stage order by -projected_pupils, projected_year) as from_most,
        row_number() over (partition by region_id, school_year, county_code, stage order by projected_pupils, projected_year) as from_fewest
    from years
)
{% for horizon, place in {'peak': 'from_most', 'trough': 'from_fewest'}.items() %}
select
    region_id,
    school_year,
    county_code,
    stage,
    '{{ horizon }}' as horizon,
    projected_year,
    cast(pupils as bigint) as pupils,
    projected_pupils,
    projected_pupils / pupils as growth,
    is_assumed
from ranked
where {{ place }} = 1
{{ 'union all' if not loop.last }}
{%- endfor %}
