-- Grain: region × school year × county × stage × national indicator × figure (difference_coefficient, county_mean) × projected year.
-- A straight line through the last years (ordinary least squares), drawn on; it looks back, so a refresh rebuilds the years after too.
{{ config(years_after=var('trend_years') - 1) }}
{%- set trend_key = 'region_id, school_year, county_code, stage, indicator_id, figure' %}
with balance as (
    select * from {{ ref('mart_county_balance') }}
    where limit_value is not null and {{ pending_region() }}
),

standards as (
    select * from {{ ref('int_standards__in_force') }}
    where standard_id = '{{ var("standard_id") }}' and {{ pending_region() }}
),

-- a coefficient is to stay at or below its limit, a mean at or above what is asked of each school
figures as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        indicator_id,
        'difference_coefficient' as figure,
        difference_coefficient as value,
        limit_value,
        -1 as direction,
        missing_school_count
    from balance
    union all
    select
        balance.region_id,
        balance.school_year,
        balance.county_code,
        balance.stage,
        balance.indicator_id,
        'county_mean' as figure,
        balance.county_mean as value,
        cast(standards.threshold as double) as limit_value,
        1 as direction,
        balance.missing_school_count
    from balance
    inner join standards using (region_id, school_year, county_code, indicator_id, stage)
),

-- each year with the years that it looks at, counted from it: 0, -1, -2 …
points as (
    select
        present.region_id,
        present.school_year,
        present.county_code,
        present.stage,
        present.indicator_id,
        present.figure,
        present.limit_value,
        present.direction,
        past.value,
        past.missing_school_count,
        past.school_year - present.school_year as years_on
    from figures as present
    inner join figures as past
        on
            {{ same('present', 'past', 'region_id, county_code, stage, indicator_id, figure') }}
            and past.school_year between present.school_year - {{ var('trend_years') - 1 }} and present.school_year
    where {{ pending('present') }}
),

means as (
    select
        {{ trend_key }},
        max(limit_value) as limit_value,
        max(direction) as direction,
        max(case when years_on = 0 then value end) as value,
        count(value) as year_count,
        min(case when value is not null then school_year + years_on end) as first_year,
        max(case when value is not null then school_year + years_on end) as last_year,
        count(case when value is not null and missing_school_count > 0 then 1 end) as incomplete_year_count,
        cast(sum(case when value is not null then years_on end) as double) / nullif(count(value), 0) as mean_years_on,
        {{ total('value') }} / nullif(count(value), 0) as mean_value
    from points
    group by {{ trend_key }}
),

-- all in units of the mean, so that no sum can outgrow its digits; where the mean is 0, every value is
deviations as (
    select
        points.region_id,
        points.school_year,
        points.county_code,
        points.stage,
        points.indicator_id,
        points.figure,
        points.years_on - means.mean_years_on as years_off,
        case when means.mean_value = 0 then 0 else points.value / means.mean_value - 1 end as value_off
    from points
    inner join means using (region_id, school_year, county_code, stage, indicator_id, figure)
    where points.value is not null
),

slopes as (
    select
        {{ trend_key }},
        {{ sum_of_terms('years_off * years_off') }} as spread_of_years,
        {{ sum_of_terms('years_off * value_off') }} / nullif({{ sum_of_terms('years_off * years_off') }}, 0) as relative_slope
    from deviations
    group by {{ trend_key }}
),

residuals as (
    select
        deviations.region_id,
        deviations.school_year,
        deviations.county_code,
        deviations.stage,
        deviations.indicator_id,
        deviations.figure,
        max(slopes.spread_of_years) as spread_of_years,
        max(slopes.relative_slope) as relative_slope,
        {{ sum_of_terms(
            '(deviations.value_off - slopes.relative_slope * deviations.years_off)'
            ~ ' * (deviations.value_off - slopes.relative_slope * deviations.years_off)'
        ) }} as squares
    from deviations
    inner join slopes using (region_id, school_year, county_code, stage, indicator_id, figure)
    group by
        deviations.region_id, deviations.school_year, deviations.county_code, deviations.stage, deviations.indicator_id, deviations.figure
),

lines as (
    select
        means.*,
        residuals.spread_of_years,
        means.mean_value * residuals.relative_slope as slope,
        case
            when means.year_count > 2 then means.mean_value * sqrt(residuals.squares / (means.year_count - 2))
        end as residual_standard_error,
        -- Student's t for two-sided 95 %, whose square is F with one degree of freedom; rounded, so that every machine has the same
        case when means.year_count > 3 then round(sqrt(f_quantile(1, means.year_count - 2, 0.95)), 12) end as quantile_975
    from means
    left join residuals using (region_id, school_year, county_code, stage, indicator_id, figure)
),

ahead as (
    {{ dbt.generate_series(var('projection_years')) | indent(4) }}
),

drawn as (
    select
        lines.*,
        lines.school_year + cast(ahead.generated_number as integer) as projected_year,
        lines.mean_value + lines.slope * (ahead.generated_number - lines.mean_years_on) as on_the_line,
        lines.quantile_975 * lines.residual_standard_error * sqrt(
            1 + 1.0 / lines.year_count
            + (ahead.generated_number - lines.mean_years_on) * (ahead.generated_number - lines.mean_years_on) / lines.spread_of_years
        ) as half_width
    from lines
    cross join ahead
),

-- neither figure can be below 0, whatever the line says
projected as (
    select
        *,
        case when on_the_line < 0 then 0 else on_the_line end as projected_value,
        case when on_the_line - half_width < 0 then 0 else on_the_line - half_width end as interval_low,
        case when on_the_line + half_width < 0 then 0 else on_the_line + half_width end as interval_high
    from drawn
),

judged as (
    select
        *,
        {{ judged('direction * value') }} >= {{ judged('direction * limit_value') }} as is_within_now,
        {{ judged('direction * projected_value') }} >= {{ judged('direction * limit_value') }} as is_within
    from projected
),

crossed as (
    select
        *,
        min(case when is_within <> is_within_now then projected_year end) over (partition by {{ trend_key }}) as crossing_year
    from judged
)

select
    region_id,
    school_year,
    county_code,
    stage,
    {{ stage_zh('crossed') }} as stage_zh,
    indicator_id,
    figure,
    projected_year,
    value,
    limit_value,
    is_within_now,
    year_count,
    cast(first_year as integer) as first_year,
    cast(last_year as integer) as last_year,
    incomplete_year_count,
    slope,
    residual_standard_error,
    projected_value,
    interval_low,
    interval_high,
    is_within,
    case
        when slope is null or value is null then null
        when crossing_year is null then case when is_within_now then 'kept' else 'missed' end
        when is_within_now then 'lost'
        else 'reached'
    end as outlook,
    crossing_year,
    case
        when year_count = 0 then '近{{ var("trend_years") }}个学年都没有数值'
        when year_count = 1 then '只有1个学年有数值，看不出趋势'
        when value is null then '本学年没有数值，趋势只据' || cast(last_year as varchar) || '学年及以前'
        when quantile_975 is null then '只有' || cast(year_count as varchar) || '个学年有数值，太少，不给预测区间'
    end as reason
from crossed
