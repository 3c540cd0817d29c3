-- Grain: region × school year × county × stage × grade × subject: the bureau's own estimate of the difference rate 校际差异率.
-- ANOVA ICC(1) of unbalanced groups: (MSB − MSW) / (MSB + (n0 − 1) MSW). The interval is Searle's, with n0 for the pupils of a school.
-- Nothing here has the scale of a score: all scores a + b × score give the same row, and none can be worked out from any number of rows.
with tests as (
    select
        *,
        case
            when
                school_count < {{ parameter('min_score_schools') }}
                then '抽样学校不足' || {{ plain(parameter('min_score_schools')) }} || '所，不作估计'
            when
                pupil_count < {{ parameter('min_score_pupils') }} or freedom_within = 0
                then '抽样学生不足' || {{ plain(parameter('min_score_pupils')) }} || '人，不作估计'
            when score_sd = 0 then '成绩全部相同，没有差异可分'
        end as null_reason,
        -- each tail holds half of what the interval leaves out
        (1 - {{ parameter('interval_confidence') }}) / 2 as tail
    from {{ ref('int_scores__decomposed') }}
    where {{ pending() }}
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
