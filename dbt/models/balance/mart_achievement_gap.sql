-- Grain: region × school year × county × stage × grade × subject: the bureau's own estimate of the difference rate 校际差异率.
-- ANOVA ICC(1) of unbalanced groups: (MSB − MSW) / (MSB + (n0 − 1) MSW). The interval is Searle's, with n0 for the pupils of a school.
-- Nothing here has the scale of a score: all scores a + b × score give the same row, and none can be worked out from any number of rows.
-- so many schools as the national monitoring samples, or all that the county has
with counties as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        least(
            count(*),
            case stage
                when 'primary' then {{ parameter('min_score_primary_schools') }} else {{ parameter('min_score_junior_schools') }}
            end
        ) as asked_count
    from {{ ref('fct_school_stage') }}
    where is_in_scope and {{ pending() }}
    group by region_id, school_year, county_code, stage
),

tests as (
    select
        decomposed.*,
        case
            when
                decomposed.school_count < {{ parameter('min_score_schools') }}
                then '抽样学校不足' || {{ plain(parameter('min_score_schools')) }} || '所，不作估计'
            when
                decomposed.school_count < counties.asked_count
                then '抽样学校不足' || cast(cast(counties.asked_count as integer) as varchar) || '所，不作估计'
            when
                decomposed.typical_size < {{ parameter('min_score_pupils_per_school') }} or decomposed.freedom_within = 0
                then '抽样学生每校不足' || {{ plain(parameter('min_score_pupils_per_school')) }} || '人，不作估计'
            when decomposed.score_sd = 0 then '成绩全部相同，没有差异可分'
        end as null_reason,
        -- each tail holds half of what the interval leaves out
        (1 - {{ parameter('interval_confidence') }}) / 2 as tail
    from {{ ref('int_scores__decomposed') }} as decomposed
    inner join counties using (region_id, school_year, county_code, stage)
    where {{ pending('decomposed') }}
),

-- F between its quantiles (dagster_project/transform/functions.py); an F that is infinite, where no two pupils of a school differ,
-- has no interval
bounded as (
    select
        *,
        variance_between / nullif(variance_within, 0) / f_quantile(freedom_between, freedom_within, 1 - tail) as lowest_f,
        variance_between / nullif(variance_within, 0) / f_quantile(freedom_between, freedom_within, tail) as highest_f
    from tests
)

select
    region_id,
    school_year,
    county_code,
    stage,
    {{ stage_zh('bounded') }} as stage_zh,
    grade,
    subject,
    case
        when null_reason is null
            then (variance_between - variance_within) / (variance_between + (typical_size - 1) * variance_within)
    end as difference_rate,
    case when null_reason is null then (lowest_f - 1) / (lowest_f + typical_size - 1) end as ci_low,
    case when null_reason is null then (highest_f - 1) / (highest_f + typical_size - 1) end as ci_high,
    pupil_count,
    school_count,
    null_reason
from bounded
