-- Grain: region × school year × county × stage × indicator of the basic-balance standard of 2012.
-- Its schools are fewer: no private school, none that the county does not run, no teaching point. Formula as in mart_county_balance.
with years as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending() }}
),

limits as (
    select * from {{ ref('mean_limits') }}
    where standard_id = 'basic_2012'
),

schools as (
    select
        results.region_id,
        results.school_year,
        results.county_code,
        results.school_id,
        results.stage,
        results.indicator_id,
        results.pupils,
        results.numerator,
        results.value
    from {{ ref('fct_school_indicator') }} as results
    inner join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    left join {{ ref('school_types') }} as school_types using (school_type)
    inner join {{ ref('populations') }} as populations on populations.population_id = 'basic_2012_schools'
    where
        {{ pending('results') }}
        and not coalesce(school_types.is_teaching_point, false)
        and (schools.organiser is null or ';' || populations.organisers || ';' like '%;' || schools.organiser || ';%')
),

standards as (
    select * from {{ ref('int_standards__in_force') }}
    where standard_id = 'basic_2012' and {{ pending() }}
),

judged as (
    select schools.*
    from schools
    inner join standards using (region_id, school_year, county_code, indicator_id, stage)
),

counties as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        indicator_id,
        count(*) as listed_count,
        count(value) as school_count,
        sum(case when value is not null then pupils end) as pupils,
        {{ total('numerator') }} as numerator
    from judged
    group by region_id, school_year, county_code, stage, indicator_id
),

means as (
    select
        counties.*,
        limits.mean_cv_limit,
        indicators.scale * counties.numerator / counties.pupils as county_mean
    from counties
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ in_force('limits', 'years', ['stage']) }} as limits using (region_id, school_year, county_code, stage)
),

missing as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as absent_count
    from {{ ref('int_schools__missing') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage
),

spread as (
    select
        means.region_id,
        means.school_year,
        means.county_code,
        means.stage,
        means.indicator_id,
        {{ coefficient('cast(judged.pupils as double) / means.pupils', 'judged.value / means.county_mean') }} as difference_coefficient
    from judged
    inner join means using (region_id, school_year, county_code, stage, indicator_id)
    where judged.value is not null and means.school_count > 1 and means.numerator > 0
    group by means.region_id, means.school_year, means.county_code, means.stage, means.indicator_id
)

select
    means.region_id,
    means.school_year,
    means.county_code,
    means.stage,
    {{ stage_zh('means') }} as stage_zh,
    means.indicator_id,
    cast(means.school_count as bigint) as school_count,
    cast(means.listed_count - means.school_count + coalesce(missing.absent_count, 0) as bigint) as missing_school_count,
    means.county_mean,
    spread.difference_coefficient,
    cast(means.mean_cv_limit as double) as mean_limit_value,
    case
        when means.school_count = 0 then '所有学校均缺少数据，不可评估'
        when means.school_count = 1 then '只有1所学校有数据，不可评估'
        when means.numerator = 0 then '全县均值为0，差异系数无意义，不可评估'
        when means.listed_count + coalesce(missing.absent_count, 0) > means.school_count
            then
                cast(means.listed_count - means.school_count + coalesce(missing.absent_count, 0) as varchar)
                || '所学校缺报或缺少数据，差异系数只按其余'
                || cast(means.school_count as varchar) || '所计算，不作判定'
    end as reason
from means
left join spread using (region_id, school_year, county_code, stage, indicator_id)
left join missing using (region_id, school_year, county_code, stage)
