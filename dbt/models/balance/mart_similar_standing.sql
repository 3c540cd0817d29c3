-- Grain: region × school year × school × stage × indicator (the national ones and public funds per pupil).
{{ config(partition_by=['school_year']) }}
with results as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        indicator_id,
        value,
        null_reason
    from {{ ref('fct_school_indicator') }}
    where (threshold is not null or indicator_id = 'public_funds_per_pupil') and {{ pending() }}
),

others as (
    select
        pairs.region_id,
        pairs.school_year,
        pairs.school_id,
        pairs.stage,
        results.indicator_id,
        results.value
    from {{ ref('mart_similar_school') }} as pairs
    inner join results
        on
            pairs.similar_region_id = results.region_id
            and {{ same('pairs', 'results', 'school_year, stage') }}
            and pairs.similar_school_id = results.school_id
    where results.value is not null and {{ pending('pairs') }}
),

compared as (
    select
        results.region_id,
        results.school_year,
        results.county_code,
        results.school_id,
        results.stage,
        results.indicator_id,
        max(results.value) as value,
        max(results.null_reason) as null_reason,
        count(others.value) as similar_count,
        median(others.value) as similar_median,
        count(case when others.value > results.value then 1 end) as better_count
    from results
    left join others using (region_id, school_year, school_id, stage, indicator_id)
    group by
        results.region_id, results.school_year, results.county_code, results.school_id, results.stage, results.indicator_id
)

select
    region_id,
    school_year,
    county_code,
    school_id,
    stage,
    {{ stage_zh('compared') }} as stage_zh,
    indicator_id,
    value,
    similar_count,
    similar_median,
    value / nullif(similar_median, 0) as ratio_to_median,
    case when value is not null and similar_count > 0 then better_count + 1 end as standing,
    case
        when value is null then null_reason
        when similar_count = 0 then '没有相似的学校，或相似学校都没有数据'
        when similar_count < {{ var('similar_schools') }} then '只有' || cast(similar_count as varchar) || '所相似学校有数据'
    end as reason
from compared
