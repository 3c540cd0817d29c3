-- Grain: region × school year × county × stage × grade × subject: the variance of pupils' scores, between and within schools in scope.
-- Deviations are in units of the largest score, so that no term is above 4 and sums are exact.
{%- set test_key = 'region_id, school_year, county_code, stage, grade, subject' %}
with scores as (
    select
        scores.region_id,
        scores.school_year,
        schools.county_code,
        scores.stage,
        scores.grade,
        scores.subject,
        scores.school_id,
        scores.score
    from {{ ref('stg_scores') }} as scores
    inner join {{ ref('fct_school_stage') }} as schools using (region_id, school_year, school_id, stage)
    where schools.is_in_scope and scores.score is not null and {{ pending('scores') }}
),

totals as (
    select
        {{ test_key }},
        school_id,
        count(*) as pupil_count,
        {{ total('score') }} as score_total,
        max(abs(score)) as largest
    from scores
    group by {{ test_key }}, school_id
),

schools as (
    select
        *,
        score_total / pupil_count as school_mean,
        {{ total('score_total', 'over test') }} / sum(pupil_count) over test as test_mean,
        coalesce(nullif(max(largest) over test, 0), 1) as unit
    from totals
    window test as (partition by {{ test_key }})
),

tests as (
    select
        {{ test_key }},
        count(*) as school_count,
        sum(pupil_count) as pupil_count,
        sum(pupil_count * pupil_count) as squared_pupil_count,
        max(unit) as unit,
        {{ sum_of_terms('pupil_count * ((school_mean - test_mean) / unit) * ((school_mean - test_mean) / unit)') }} as squares_between
    from schools
    group by {{ test_key }}
),

within_schools as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.stage,
        schools.grade,
        schools.subject,
        {{ sum_of_terms(
            '((scores.score - schools.school_mean) / schools.unit) * ((scores.score - schools.school_mean) / schools.unit)'
        ) }} as squares_within
    from scores
    inner join schools using (region_id, school_year, school_id, stage, grade, subject)
    group by schools.region_id, schools.school_year, schools.county_code, schools.stage, schools.grade, schools.subject
)

select
    tests.region_id,
    tests.school_year,
    tests.county_code,
    tests.stage,
    tests.grade,
    tests.subject,
    tests.school_count,
    cast(tests.pupil_count as bigint) as pupil_count,
    tests.unit * sqrt((tests.squares_between + within_schools.squares_within) / nullif(tests.pupil_count - 1, 0)) as score_sd,
    tests.school_count - 1 as freedom_between,
    cast(tests.pupil_count - tests.school_count as bigint) as freedom_within,
    -- pupils of the typical school, n0: their mean, less what the schools differ in size
    (tests.pupil_count - cast(tests.squared_pupil_count as double) / tests.pupil_count) / nullif(tests.school_count - 1, 0) as typical_size,
    tests.squares_between / nullif(tests.school_count - 1, 0) as variance_between,
    within_schools.squares_within / nullif(tests.pupil_count - tests.school_count, 0) as variance_within
from tests
inner join within_schools using (region_id, school_year, county_code, stage, grade, subject)
