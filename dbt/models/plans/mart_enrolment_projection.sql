-- Grain: region × school year × county × stage × grade × projected year; primary and junior grades of the class roster.
-- Cohort survival: a grade next year is the grade below it this year × the share that went on, as it was in the last years. Who enters is
-- who was born and has moved in, where that was handed in; else as many as of late.
{{ config(years_after=var('trend_years') - 1) }}
{%- set base_key = 'region_id, school_year, county_code' %}
with classes as (
    select * from {{ ref('stg_classes') }}
    where stage in ('primary', 'junior') and {{ pending_region() }}
),

schools as (
    select * from {{ ref('stg_schools') }}
    where {{ pending_region() }}
),

grades as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        classes.stage,
        classes.grade,
        cast(sum(classes.pupils) as bigint) as pupils
    from classes
    inner join schools using (region_id, school_year, school_id)
    group by schools.region_id, schools.school_year, schools.county_code, classes.stage, classes.grade
),

-- a roster may count junior grades from 1 again
ends as (
    select
        {{ base_key }},
        min(case when stage = 'junior' then grade end) as first_junior_grade,
        max(case when stage = 'primary' then grade end) as last_primary_grade
    from grades
    group by {{ base_key }}
),

numbered as (
    select
        grades.*,
        grades.grade + case
            when grades.stage = 'junior' and ends.first_junior_grade = 1 then coalesce(ends.last_primary_grade, 6) else 0
        end as place
    from grades
    inner join ends using (region_id, school_year, county_code)
),

-- where some primary schools have five years and others six, the sixth grade is one cohort in two stages
cohorts as (
    select
        {{ base_key }},
        place,
        cast(sum(pupils) as bigint) as pupils,
        count(*) as stage_count
    from numbered
    group by {{ base_key }}, place
),

-- stages of schools with pupils that the roster leaves out, a count a county and year
left_out as (
    select
        {{ base_key }},
        count(*) as missing_count
    from {{ ref('fct_school_stage') }}
    where pupils > 0 and roster_pupils is null and {{ pending_region() }}
    group by {{ base_key }}
),

years as (
    select distinct
        region_id,
        school_year,
        county_code
    from numbered
),

-- each year with the years that it looks back at
windows as (
    select
        present.region_id,
        present.school_year,
        present.county_code,
        past.school_year as past_year
    from years as present
    inner join years as past
        on
            {{ same('present', 'past', 'region_id, county_code') }}
            and past.school_year between present.school_year - {{ var('trend_years') - 1 }} and present.school_year
    where {{ pending('present') }}
),

bases as (
    select
        windows.region_id,
        windows.school_year,
        windows.county_code,
        count(*) as year_count,
        min(windows.past_year) as first_year,
        max(windows.past_year) as last_year,
        coalesce(cast(sum(left_out.missing_count) as bigint), 0) as missing_count
    from windows
    left join left_out
        on
            {{ same('windows', 'left_out', 'region_id, county_code') }}
            and windows.past_year = left_out.school_year
    group by windows.region_id, windows.school_year, windows.county_code
),

-- the share that went on into a grade, one for each two years that follow each other; the plain mean of them
survival as (
    select
        windows.region_id,
        windows.school_year,
        windows.county_code,
        later.place,
        count(*) as ratio_count,
        {{ sum_of_terms('cast(later.pupils as double) / earlier.pupils') }} / count(*) as survival_ratio
    from windows
    inner join cohorts as later
        on
            {{ same('windows', 'later', 'region_id, county_code') }}
            and windows.past_year = later.school_year
    inner join cohorts as earlier
        on
            {{ same('later', 'earlier', 'region_id, county_code') }}
            and later.school_year = earlier.school_year + 1
            and later.place = earlier.place + 1
            and earlier.pupils > 0
    where earlier.school_year > windows.school_year - {{ var('trend_years') }}
    group by windows.region_id, windows.school_year, windows.county_code, later.place
),

-- children who reach school age in the years to come, where every township of the county said how many were born and have moved in;
-- a school that does not say its township leaves one that said nothing
townships as (
    select distinct
        region_id,
        school_year,
        county_code,
        county_code || coalesce(township, '') as township_id
    from schools
),

counted as (
    select
        *,
        count(*) over (partition by {{ base_key }}) as township_count
    from townships
),

entering as (
    select
        counted.region_id,
        counted.school_year,
        counted.county_code,
        facts.input_id,
        {{ total('facts.value') }} as children
    from counted
    inner join {{ ref('int_facts__read') }} as facts
        on
            {{ same('counted', 'facts', 'region_id, school_year') }}
            and counted.township_id = facts.unit_id
            and facts.unit_level = 'township'
    where facts.value is not null
    group by counted.region_id, counted.school_year, counted.county_code, facts.input_id
    having count(*) = max(counted.township_count)
),

-- assumed: as many enter the first grade as did on average of late
entrants as (
    select
        windows.region_id,
        windows.school_year,
        windows.county_code,
        count(*) as ratio_count,
        cast(sum(cohorts.pupils) as double) / count(*) as pupils
    from windows
    inner join cohorts
        on
            {{ same('windows', 'cohorts', 'region_id, county_code') }}
            and windows.past_year = cohorts.school_year
    where cohorts.place = 1 and windows.past_year > windows.school_year - {{ var('entrant_years') }}
    group by windows.region_id, windows.school_year, windows.county_code
),

present as (
    select
        cohorts.*,
        bases.year_count,
        bases.first_year,
        bases.last_year,
        bases.missing_count,
        survival.survival_ratio,
        coalesce(survival.ratio_count, 0) as ratio_count
    from cohorts
    inner join bases using (region_id, school_year, county_code)
    left join survival using (region_id, school_year, county_code, place)
),

year_0 as (
    select
        {{ base_key }},
        place,
        cast(pupils as double) as pupils,
        'roster' as entrants_basis
    from present
),

{%- for ahead in range(1, var('projection_years') + 1) %}

year_{{ ahead }} as (
    select
        present.region_id,
        present.school_year,
        present.county_code,
        present.place,
        case
            when present.place = 1 and births.children is not null
                then greatest(births.children + coalesce(migrants.children, 0), 0)
            when present.year_count < 2 then null
            when present.place = 1 then entrants.pupils
            else below.pupils * present.survival_ratio
        end as pupils,
        case
            when present.place > 1 then coalesce(below.entrants_basis, 'roster')
            when births.children is null then 'constant'
            when migrants.children is null then 'births'
            else 'births_and_migration'
        end as entrants_basis
    from present
    left join entrants using (region_id, school_year, county_code)
    {%- for kind in ['births', 'migrants'] %}
    left join entering as {{ kind }}
        on
            {{ same('present', kind, 'region_id, school_year, county_code') }}
            and {{ kind }}.input_id = '{{ kind }}_entering_in_{{ ahead }}y'
    {%- endfor %}
    left join year_{{ ahead - 1 }} as below
        on
            {{ same('present', 'below', 'region_id, school_year, county_code') }}
            and present.place = below.place + 1
),
{%- endfor %}

projected as (
    {%- for ahead in range(1, var('projection_years') + 1) %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        *,
        school_year + {{ ahead }} as projected_year
    from year_{{ ahead }}
    {%- endfor %}
)

select
    present.region_id,
    present.school_year,
    present.county_code,
    numbered.stage,
    {{ stage_zh('numbered') }} as stage_zh,
    numbered.grade,
    projected.projected_year,
    numbered.pupils,
    present.survival_ratio,
    present.ratio_count,
    projected.pupils * case when present.pupils > 0 then cast(numbered.pupils as double) / present.pupils else 1.0 / present.stage_count end
        as projected_pupils,
    projected.entrants_basis,
    projected.entrants_basis = 'constant' as is_assumed,
    present.year_count,
    present.first_year,
    present.last_year,
    present.missing_count as missing_school_count,
    case
        when projected.pupils is not null then null
        when present.year_count < 2 then '只有1个学年有班级名册，升级比例无从计算'
        when present.place = 1 then '近{{ var("entrant_years") }}个学年都没有一年级'
        else '本年级或下面的年级没有连续两个学年的班级名册，升级比例无从计算'
    end as reason
from projected
inner join present using (region_id, school_year, county_code, place)
inner join numbered using (region_id, school_year, county_code, place)
