-- Grain: region × school year × plan × county × stage × school: teachers whom it can spare for schools that would have to hire.
-- Who they are is not known, so each may count in all indicators: after they have left, a school still meets the threshold of each, and no
-- more leave than leaves every coefficient within its limit L, whichever schools they leave. With y = w r of the whole 1 and CV after the
-- additions, Σ y² / w = 1 + CV² does not grow when d leave, and Σ y is 1 − d: L holds as long as 1 + CV² ≤ (1 + L²) (1 − d)².
{{ config(years_after=var('trend_years') - 1) }}
{%- set county_key = 'region_id, school_year, plan, county_code, stage' %}
with additions as (
    select * from {{ ref('int_additions__placed') }}
    where is_staff and {{ pending() }}
),

-- only where somebody is needed
wanting as (
    select distinct
        {{ county_key }},
        horizon
    from additions
),

results as (
    select
        wanting.plan,
        needs.*,
        coalesce(additions.units, 0) as units
    from {{ ref('int_needs__listed') }} as needs
    inner join wanting
        on {{ same('needs', 'wanting', 'region_id, school_year, horizon, county_code, stage') }}
    left join additions
        on
            {{ same('needs', 'additions', 'region_id, school_year, school_id, stage, indicator_id') }}
            and wanting.plan = additions.plan
    where needs.is_staff and {{ pending('needs') }}
),

totals as (
    select
        {{ county_key }},
        indicator_id,
        sum(pupils) as pupils,
        {{ total('numerator + units') }} as teachers
    from results
    where numerator is not null
    group by {{ county_key }}, indicator_id
),

coefficients as (
    select
        results.region_id,
        results.school_year,
        results.plan,
        results.county_code,
        results.stage,
        results.indicator_id,
        totals.teachers,
        {{ coefficient(
            'cast(results.pupils as double) / totals.pupils',
            '(results.numerator + results.units) / totals.teachers * (cast(totals.pupils as double) / results.pupils)'
        ) }} as coefficient_after
    from results
    inner join totals using (region_id, school_year, plan, county_code, stage, indicator_id)
    where results.numerator is not null and totals.teachers > 0
    group by
        results.region_id, results.school_year, results.plan, results.county_code, results.stage, results.indicator_id, totals.teachers
),

-- how many may leave in all
budgets as (
    select
        coefficients.region_id,
        coefficients.school_year,
        coefficients.plan,
        coefficients.county_code,
        coefficients.stage,
        min(floor(
            coefficients.teachers
            * (1 - coalesce(sqrt((1 + power(coefficients.coefficient_after, 2)) / (1 + power(balance.limit_value, 2))), 0))
        )) as teachers
    from coefficients
    left join {{ ref('mart_county_balance') }} as balance using (region_id, school_year, county_code, stage, indicator_id)
    group by coefficients.region_id, coefficients.school_year, coefficients.plan, coefficients.county_code, coefficients.stage
),

spared as (
    select
        results.region_id,
        results.school_year,
        results.plan,
        results.county_code,
        results.stage,
        results.school_id,
        sum(results.units) as units,
        count(results.numerator) as known_count,
        count(*) as indicator_count,
        min(floor(cast(
            indicators.scale * {{ exact('results.numerator') }} - {{ exact('results.threshold') }} * results.pupils as double
        ) / indicators.scale)) as teachers
    from results
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    group by results.region_id, results.school_year, results.plan, results.county_code, results.stage, results.school_id
),

-- schools with most to spare come first
queued as (
    select
        spared.*,
        sum(spared.teachers) over (
            partition by {{ county_key }} order by -spared.teachers, spared.school_id rows between unbounded preceding and current row
        ) as teachers_so_far
    from spared
    where spared.units = 0 and spared.known_count = spared.indicator_count and spared.teachers > 0
)

select
    queued.region_id,
    queued.school_year,
    queued.plan,
    queued.county_code,
    queued.stage,
    queued.school_id,
    cast(least(queued.teachers, budgets.teachers - queued.teachers_so_far + queued.teachers) as bigint) as teachers
from queued
inner join budgets using (region_id, school_year, plan, county_code, stage)
where budgets.teachers > queued.teachers_so_far - queued.teachers
