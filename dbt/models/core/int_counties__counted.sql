-- Grain: region × school year × county × figure: a fact that it hands in, or what its own extracts hold to compare it with.
-- Schools that the assessment leaves out by their type are not counted, but for rotation, which is of all.
-- Who graduates now entered two years before, so a refresh rebuilds two years after too.
{{ config(years_after=2) }}
{%- set key = 'region_id, school_year, county_code' %}
{%- set totals = ['rotation_eligible_teachers', 'rotated_teachers', 'rotated_backbone_teachers'] %}
with schools as (
    select schools.*
    from {{ ref('stg_schools') }} as schools
    inner join {{ ref('school_types') }} as school_types using (school_type)
    where
        schools.status = 'open' and coalesce(school_types.exclusion_reason_zh, '') = '' and {{ pending_region('schools') }}
),

facts as (
    select
        region_id,
        school_year,
        unit_id as county_code,
        input_id,
        value
    from {{ ref('int_facts__read') }}
    where unit_level = 'county' and value is not null and {{ pending() }}
),

-- unknown as soon as one school does not say it
sections as (
    select
        stages.region_id,
        stages.school_year,
        stages.county_code,
        stages.stage,
        count(case when stages.pupils > 0 and stages.roster_pupils is null then 1 end) as sections_without_roster,
        case when count(stages.pupils) = count(*) then sum(stages.pupils) end as pupils,
        case when count(stages.full_time_teachers) = count(*) then sum(stages.full_time_teachers) end as full_time_teachers
    from {{ ref('fct_school_stage') }} as stages
    inner join schools using (region_id, school_year, school_id)
    where {{ pending_region('stages') }}
    group by stages.region_id, stages.school_year, stages.county_code, stages.stage
),

grades as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        classes.stage,
        classes.grade,
        sum(classes.pupils) as pupils
    from {{ ref('stg_classes') }} as classes
    inner join schools using (region_id, school_year, school_id)
    group by schools.region_id, schools.school_year, schools.county_code, classes.stage, classes.grade
),

whole_grades as (
    select grades.*
    from grades
    inner join sections using (region_id, school_year, county_code, stage)
    where sections.sections_without_roster = 0
),

last_grades as (
    select *
    from whole_grades
    qualify grade = max(grade) over (partition by {{ key }}, stage)
),

cohorts as (
    select
        leaving.region_id,
        leaving.school_year,
        leaving.county_code,
        leaving.stage,
        leaving.pupils as last_grade_pupils,
        entered.pupils as entered_pupils
    from last_grades as leaving
    left join whole_grades as entered
        on
            {{ same('leaving', 'entered', 'region_id, county_code, stage') }}
            and leaving.school_year = entered.school_year + 2
            and leaving.grade = entered.grade + 2
),

pay as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        sum(teachers.annual_pay_yuan) / nullif(sum(teachers.teachers_with_pay), 0) as roster_average_pay
    from {{ ref('int_teachers__counted') }} as teachers
    inner join schools using (region_id, school_year, school_id)
    inner join {{ ref('stages') }} as stages
        on teachers.stage = stages.stage and stages.is_judged
    where {{ pending('teachers') }}
    group by schools.region_id, schools.school_year, schools.county_code
),

rotations as (
    select
        stages.region_id,
        stages.school_year,
        stages.county_code,
        {%- for figure in totals %}
        case when count(teachers.{{ figure }}) = count(*) then sum(teachers.{{ figure }}) end as {{ figure }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('fct_school_stage') }} as stages
    left join {{ ref('int_teachers__counted') }} as teachers using (region_id, school_year, school_id, stage)
    where coalesce(stages.pupils, 1) > 0 and {{ pending('stages') }}
    group by stages.region_id, stages.school_year, stages.county_code
),

-- what table Ⅰ asks a county to say of itself
profiles as (
    select facts.*
    from facts
    inner join {{ ref('measures') }} as measures on facts.input_id = measures.numerator
    inner join {{ ref('application_form_blanks') }} as blanks using (measure_id)
    where blanks.form_table = 'Ⅰ'
),

alike as (
    select
        profiles.region_id,
        profiles.school_year,
        profiles.county_code,
        others.county_code as other_county_code,
        count(*) as figures_alike
    from profiles
    inner join profiles as others
        on
            {{ same('profiles', 'others', 'region_id, school_year, input_id, value') }}
            and profiles.county_code <> others.county_code
    group by profiles.region_id, profiles.school_year, profiles.county_code, others.county_code
),

everybody as (
    select
        {{ key }},
        case when count(pupils) = count(*) then sum(pupils) end as pupils
    from sections
    group by {{ key }}
),

figures as (
    select
        {{ key }},
        input_id as figure_id,
        value
    from facts
    union all
    select
        {{ key }},
        stage || '_full_time_teachers' as figure_id,
        full_time_teachers as value
    from sections
    union all
    select
        {{ key }},
        stage || '_last_grade_pupils' as figure_id,
        last_grade_pupils as value
    from cohorts
    union all
    select
        {{ key }},
        stage || '_entered_pupils' as figure_id,
        entered_pupils as value
    from cohorts
    union all
    select
        {{ key }},
        'roster_average_pay' as figure_id,
        roster_average_pay as value
    from pay
    {%- for figure in totals %}
    union all
    select
        {{ key }},
        'roster_{{ figure }}' as figure_id,
        {{ figure }} as value
    from rotations
    {%- endfor %}
    union all
    select
        {{ key }},
        'figures_alike' as figure_id,
        max(figures_alike) as value
    from alike
    group by {{ key }}
    union all
    select
        everybody.region_id,
        everybody.school_year,
        everybody.county_code,
        'pupils_per_100_people' as figure_id,
        everybody.pupils / nullif(100 * facts.value, 0) as value
    from everybody
    inner join facts
        on
            {{ same('everybody', 'facts', key) }}
            and facts.input_id = 'population_wan'
)

select
    {{ key }},
    figure_id,
    cast(value as double) as value
from figures
where value is not null and {{ pending() }}
