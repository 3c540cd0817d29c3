-- Grain: region × school year × unit (its level, id and stage) × input: every figure that seeds/inputs.csv lists, one a row. A total that
-- a county hands in stands as the input of a section of its own, of the stage 'all'.
-- Heads are followed from the year before, so a refresh rebuilds the year after too.
{{ config(years_after=1) }}
{%- set of_a_section = [
    'pupils', 'classes', 'full_time_teachers', 'largest_class_pupils', 'large_classes', 'huge_classes', 'oversized_classes', 'teachers_with_degree', 'bachelor_teachers',
    'roster_higher_degree_teachers', 'certified_teachers', 'certificate_teachers', 'trained_teachers', 'training_teachers', 'experienced_teachers', 'experienced_trained_teachers', 'rotation_eligible_teachers', 'rotated_teachers', 'rotated_backbone_teachers', 'teachers_with_pay',
    'annual_pay_yuan', 'heads', 'young_heads'
] %}
{%- set of_a_school = [
    'schools', 'school_pupils', 'compulsory_pupils', 'school_classes', 'compulsory_classes', 'school_classrooms', 'is_boarding', 'is_central_school', 'music_rooms',
    'min_music_room_area_m2', 'art_rooms', 'min_art_room_area_m2', 'large_enough_rooms', 'public_funds_budget_yuan', 'public_funds_final_yuan',
    'teacher_training_budget_yuan', 'total_expenditure_final_yuan'
] %}
with inputs as (
    select * from {{ ref('inputs') }}
),

sections as (
    select
        stages.region_id,
        stages.school_year,
        stages.school_id as unit_id,
        stages.stage,
        stages.pupils,
        stages.classes,
        stages.full_time_teachers,
        stages.largest_class_pupils,
        classes.large_classes,
        classes.huge_classes,
        stages.oversized_classes,
        teachers.teachers_with_degree,
        teachers.bachelor_teachers,
        teachers.higher_degree_teachers as roster_higher_degree_teachers,
        coalesce(stages.certified_teachers, teachers.certified_teachers) as certified_teachers,
        case when stages.certified_teachers is null then teachers.full_time_teachers else stages.full_time_teachers end
            as certificate_teachers,
        coalesce(stages.trained_teachers, teachers.trained_teachers) as trained_teachers,
        case when stages.trained_teachers is null then teachers.full_time_teachers else stages.full_time_teachers end
            as training_teachers,
        teachers.experienced_teachers,
        teachers.experienced_trained_teachers,
        teachers.rotation_eligible_teachers,
        teachers.rotated_teachers,
        teachers.rotated_backbone_teachers,
        teachers.teachers_with_pay,
        teachers.annual_pay_yuan,
        teachers.heads,
        teachers.young_heads
    from {{ ref('fct_school_stage') }} as stages
    left join {{ ref('int_classes__counted') }} as classes using (region_id, school_year, school_id, stage)
    left join {{ ref('int_teachers__counted') }} as teachers using (region_id, school_year, school_id, stage)
    where {{ pending('stages') }}
),

-- what the indicators count, already split by stage; full-time teachers are known of schools out of scope too
counted as (
    select
        results.region_id,
        results.school_year,
        'section' as unit_level,
        results.school_id as unit_id,
        results.stage,
        indicators.numerator as input_id,
        cast(results.numerator as double) as value
    from {{ ref('fct_school_indicator') }} as results
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join inputs on indicators.numerator = inputs.input_id and inputs.unit_level = 'section'
    where results.indicator_id <> 'teachers_per_100' and {{ pending('results') }}
),

-- schools of which the pupils of a stage are not known
short as (
    select distinct
        region_id,
        school_year,
        school_id
    from {{ ref('fct_school_stage') }}
    where pupils is null and {{ pending() }}
),

-- counties that lack a school
lacking as (
    select distinct
        region_id,
        school_year,
        county_code
    from {{ ref('int_schools__missing') }}
    where kind not in ('undecided', 'moved') and {{ pending() }}
),

schools as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_id as unit_id,
        'all' as stage,
        1 as schools,
        case
            when short.school_id is null and coalesce(schools.primary_pupils, schools.junior_pupils, schools.senior_pupils) is not null
                then coalesce(schools.primary_pupils, 0) + coalesce(schools.junior_pupils, 0) + coalesce(schools.senior_pupils, 0)
        end as school_pupils,
        case
            when short.school_id is null and coalesce(schools.primary_pupils, schools.junior_pupils) is not null
                then coalesce(schools.primary_pupils, 0) + coalesce(schools.junior_pupils, 0)
        end as compulsory_pupils,
        case
            when coalesce(schools.primary_classes, schools.junior_classes, schools.senior_classes) is not null
                then coalesce(schools.primary_classes, 0) + coalesce(schools.junior_classes, 0) + coalesce(schools.senior_classes, 0)
        end as school_classes,
        case
            when coalesce(schools.primary_classes, schools.junior_classes) is not null
                then coalesce(schools.primary_classes, 0) + coalesce(schools.junior_classes, 0)
        end as compulsory_classes,
        schools.classrooms as school_classrooms,
        cast(schools.is_boarding as integer) as is_boarding,
        cast(schools.is_central_school as integer) as is_central_school,
        coalesce(schools.music_rooms, rooms.music_rooms) as music_rooms,
        coalesce(schools.min_music_room_area_m2, rooms.min_music_room_area_m2) as min_music_room_area_m2,
        coalesce(schools.art_rooms, rooms.art_rooms) as art_rooms,
        coalesce(schools.min_art_room_area_m2, rooms.min_art_room_area_m2) as min_art_room_area_m2,
        coalesce(rooms.large_enough_music_rooms, case when schools.music_rooms = 0 then 0 end)
        + coalesce(rooms.large_enough_art_rooms, case when schools.art_rooms = 0 then 0 end) as large_enough_rooms,
        funds.public_funds_budget_yuan,
        funds.public_funds_final_yuan,
        funds.teacher_training_budget_yuan,
        funds.total_expenditure_final_yuan
    from {{ ref('stg_schools') }} as schools
    left join short using (region_id, school_year, school_id)
    left join {{ ref('int_rooms__counted') }} as rooms using (region_id, school_year, school_id)
    left join {{ ref('int_funding__summed') }} as funds
        on
            {{ same('schools', 'funds', 'region_id, school_year') }}
            and schools.school_id = funds.entity_id
    where schools.status = 'open' and {{ pending('schools') }}
),

-- a stage of which a school says that it has no pupils counts none
of_counties as (
    select
        sections.region_id,
        sections.school_year,
        schools.county_code,
        sections.stage,
        sections.pupils
    from sections
    inner join schools on {{ same('sections', 'schools', 'region_id, school_year, unit_id') }}
)

select
    sections.region_id,
    sections.school_year,
    inputs.unit_level,
    sections.unit_id,
    sections.stage,
    inputs.input_id,
    cast(case inputs.input_id
        {%- for figure in of_a_section %}
        when '{{ figure }}' then sections.{{ figure }}
        {%- endfor %}
    end as double) as value
from sections
inner join inputs
    on
        inputs.unit_level = 'section'
        and (inputs.source in ('classes', 'teachers') or inputs.input_id in ('pupils', 'classes', 'full_time_teachers'))
union all
select * from counted
union all
select
    schools.region_id,
    schools.school_year,
    inputs.unit_level,
    schools.unit_id,
    schools.stage,
    inputs.input_id,
    cast(case inputs.input_id
        {%- for figure in of_a_school %}
        when '{{ figure }}' then schools.{{ figure }}
        {%- endfor %}
    end as double) as value
from schools
inner join inputs on inputs.unit_level = 'school' and inputs.source in ('schools', 'rooms', 'funding')
union all
select
    of_counties.region_id,
    of_counties.school_year,
    'county' as unit_level,
    of_counties.county_code as unit_id,
    'all' as stage,
    'county_' || of_counties.stage || '_pupils' as input_id,
    case when count(of_counties.pupils) = count(*) and max(lacking.county_code) is null then {{ total('of_counties.pupils') }} end as value
from of_counties
left join lacking using (region_id, school_year, county_code)
group by of_counties.region_id, of_counties.school_year, of_counties.county_code, of_counties.stage
union all
select
    heads.region_id,
    heads.school_year,
    'county' as unit_level,
    heads.county_code as unit_id,
    'all' as stage,
    inputs.input_id,
    cast(case inputs.input_id
        when 'long_serving_heads_last_year' then heads.long_serving_heads_last_year
        when 'long_serving_heads_still_here' then heads.long_serving_heads_still_here
        when 'rotated_long_serving_heads' then heads.rotated_long_serving_heads
    end as double) as value
from {{ ref('int_heads__followed') }} as heads
inner join inputs on inputs.unit_level = 'county' and inputs.source = 'teachers'
where {{ pending('heads') }}
union all
select
    region_id,
    school_year,
    unit_level,
    unit_id,
    'all' as stage,
    input_id,
    value
from {{ ref('int_facts__settled') }}
where {{ pending() }}
union all
select
    facts.region_id,
    facts.school_year,
    'section' as unit_level,
    facts.unit_id,
    'all' as stage,
    inputs.total_of as input_id,
    facts.value
from {{ ref('int_facts__settled') }} as facts
inner join inputs on facts.input_id = inputs.input_id
where inputs.total_of is not null and facts.unit_level = 'county' and {{ pending('facts') }}
union all
select
    region_id,
    school_year,
    'county' as unit_level,
    county_code as unit_id,
    'all' as stage,
    input_id,
    value
from {{ ref('int_counties__summed') }}
where {{ pending() }}
