-- Grain: region × school year × unit (a school or a county) × stage ('all': the whole school or county) × check that its figures break.
-- Pupils are compared with the year before, who graduates with who entered two years before: a refresh rebuilds the years after too.
{{ config(years_after=2) }}
{%- set of_a_stage = [
    'pupils', 'pupils_last_year', 'pupils_allowed', 'average_class_size', 'largest_class_pupils',
    'full_time_teachers', 'higher_degree_teachers', 'backbone_teachers', 'pe_arts_teachers', 'midlevel_title_teachers',
    'reported_pupils', 'reported_classes', 'reported_full_time_teachers', 'reported_higher_degree_teachers',
    'reported_backbone_teachers', 'reported_pe_arts_teachers', 'reported_midlevel_title_teachers',
    'roster_pupils', 'roster_classes', 'roster_full_time_teachers', 'roster_higher_degree_teachers',
    'roster_backbone_teachers', 'roster_pe_arts_teachers', 'roster_midlevel_title_teachers', 'oversized_classes', 'classes',
    'catchment_pupils', 'reported_certified_teachers', 'reported_trained_teachers',
    'reported_largest_class', 'reported_oversized_classes', 'roster_certified_teachers', 'roster_trained_teachers',
    'roster_largest_class', 'roster_oversized_classes'
] %}
{%- set of_a_school = [
    'indoor_sports_area_m2', 'teaching_area_m2', 'roster_school_pupils', 'reported_school_pupils', 'migrant_pupils', 'school_pupils',
    'listed_music_rooms', 'listed_min_music_room_area_m2', 'listed_art_rooms', 'listed_min_art_room_area_m2', 'music_rooms',
    'min_music_room_area_m2', 'art_rooms', 'min_art_room_area_m2'
] %}
with schools as (
    select * from {{ ref('stg_schools') }}
    where status = 'open' and {{ pending() }}
),

classes as (
    select * from {{ ref('int_classes__counted') }}
    where {{ pending() }}
),

-- what counts in a roster is defined for the stages that are judged
teachers as (
    select counted.*
    from {{ ref('int_teachers__counted') }} as counted
    inner join {{ ref('stages') }} as stages
        on counted.stage = stages.stage and stages.is_judged
    where {{ pending('counted') }}
),

checks as (
    select * from {{ ref('data_checks') }}
),

-- both sides, side by side; senior too, as a stage of the school
told as (
    select
        schools.region_id,
        schools.school_year,
        schools.school_id,
        stages.stage,
        {{ of_stage('pupils') }} as reported_pupils,
        {{ of_stage('classes') }} as reported_classes,
        {{ of_stage('full_time_teachers') }} as reported_full_time_teachers,
        {{ of_stage('higher_degree_teachers') }} as reported_higher_degree_teachers,
        {{ of_stage('backbone_teachers') }} as reported_backbone_teachers,
        {{ of_stage('pe_arts_teachers') }} as reported_pe_arts_teachers,
        {{ of_stage('midlevel_title_teachers') }} as reported_midlevel_title_teachers,
        classes.pupils as roster_pupils,
        classes.classes as roster_classes,
        {{ of_compulsory_stage('certified_teachers') }} as reported_certified_teachers,
        {{ of_compulsory_stage('trained_teachers') }} as reported_trained_teachers,
        {{ of_compulsory_stage('largest_class') }} as reported_largest_class,
        {{ of_compulsory_stage('oversized_classes') }} as reported_oversized_classes,
        {{ of_compulsory_stage('catchment_pupils') }} as catchment_pupils,
        classes.largest_class_pupils as roster_largest_class,
        classes.oversized_classes as roster_oversized_classes,
        teachers.certified_teachers as roster_certified_teachers,
        teachers.trained_teachers as roster_trained_teachers,
        teachers.full_time_teachers as roster_full_time_teachers,
        teachers.higher_degree_teachers as roster_higher_degree_teachers,
        teachers.backbone_teachers as roster_backbone_teachers,
        teachers.pe_arts_teachers as roster_pe_arts_teachers,
        teachers.midlevel_title_teachers as roster_midlevel_title_teachers,
        case when school_types.stages not like '%' || stages.stage || '%' then 0 end as pupils_allowed
    from schools
    cross join {{ ref('stages') }} as stages
    left join {{ ref('school_types') }} as school_types using (school_type)
    left join classes using (region_id, school_year, school_id, stage)
    left join teachers using (region_id, school_year, school_id, stage)
),

-- as fct_school_stage has them: a reported total wins over a roster
counted as (
    select
        *,
        coalesce(reported_pupils, roster_pupils) as pupils,
        coalesce(reported_classes, roster_classes) as classes,
        coalesce(reported_full_time_teachers, roster_full_time_teachers) as full_time_teachers,
        coalesce(reported_higher_degree_teachers, roster_higher_degree_teachers) as higher_degree_teachers,
        coalesce(reported_backbone_teachers, roster_backbone_teachers) as backbone_teachers,
        coalesce(reported_pe_arts_teachers, roster_pe_arts_teachers) as pe_arts_teachers,
        coalesce(reported_midlevel_title_teachers, roster_midlevel_title_teachers) as midlevel_title_teachers,
        coalesce(reported_largest_class, roster_largest_class) as largest_class_pupils,
        coalesce(reported_oversized_classes, roster_oversized_classes) as oversized_classes
    from told
),

predecessors as (
    select
        region_id,
        school_year,
        school_id,
        trim({{ each_of(split("replace(predecessor_ids, '；', ';')", ';')) }}) as predecessor_id
    from schools
    where predecessor_ids is not null
),

-- where the pupils of a school come from: its predecessors, and itself unless it names others and another school names it
origins as (
    select * from predecessors
    union distinct
    select
        schools.region_id,
        schools.school_year,
        schools.school_id,
        schools.school_id as predecessor_id
    from schools
    left join predecessors
        on
            {{ same('schools', 'predecessors', 'region_id, school_year') }}
            and schools.school_id = predecessors.predecessor_id
    where schools.predecessor_ids is null or predecessors.school_id is null
),

-- a school that became several is divided among them by the pupils they have now
inherited as (
    select
        counted.region_id,
        counted.school_year,
        counted.school_id,
        counted.stage,
        case
            when count(*) over heirs = 1 then before.pupils
            else before.pupils * counted.pupils / nullif(sum(counted.pupils) over heirs, 0)
        end as pupils
    from counted
    inner join origins using (region_id, school_year, school_id)
    inner join {{ ref('fct_school_stage') }} as before
        on
            origins.region_id = before.region_id
            and origins.school_year = before.school_year + 1
            and origins.predecessor_id = before.school_id
            and counted.stage = before.stage
    where counted.pupils is not null
    window heirs as (partition by before.region_id, before.school_year, before.school_id, before.stage)
),

last_year as (
    select
        region_id,
        school_year,
        school_id,
        stage,
        {{ total('pupils') }} as pupils
    from inherited
    group by region_id, school_year, school_id, stage
),

-- pupils without a class are taken as one class: no average hides them
of_stages as (
    select
        counted.*,
        last_year.pupils as pupils_last_year,
        case
            when counted.classes > 0 then cast(counted.pupils as double) / counted.classes
            when counted.classes = 0 and counted.pupils > 0 then counted.pupils
        end as average_class_size
    from counted
    left join last_year using (region_id, school_year, school_id, stage)
),

-- the sums say something of their own only where there are several stages
summed as (
    select
        region_id,
        school_year,
        school_id,
        sum(pupils) as school_pupils,
        case when count(pupils) > 1 then sum(roster_pupils) end as roster_school_pupils,
        case when count(pupils) > 1 then sum(reported_pupils) end as reported_school_pupils
    from counted
    group by region_id, school_year, school_id
),

of_schools as (
    select
        schools.region_id,
        schools.school_year,
        schools.school_id,
        schools.indoor_sports_area_m2,
        schools.teaching_area_m2,
        schools.migrant_pupils,
        schools.music_rooms,
        schools.min_music_room_area_m2,
        schools.art_rooms,
        schools.min_art_room_area_m2,
        rooms.music_rooms as listed_music_rooms,
        rooms.min_music_room_area_m2 as listed_min_music_room_area_m2,
        rooms.art_rooms as listed_art_rooms,
        rooms.min_art_room_area_m2 as listed_min_art_room_area_m2,
        summed.school_pupils,
        summed.roster_school_pupils,
        summed.reported_school_pupils
    from schools
    inner join summed using (region_id, school_year, school_id)
    left join {{ ref('int_rooms__counted') }} as rooms using (region_id, school_year, school_id)
),

of_counties as (
    select * from {{ ref('int_counties__counted') }}
    where {{ pending() }}
),

compared as (
    {%- for figures, rows, stage in [(of_a_stage, 'of_stages', 'of_stages.stage'), (of_a_school, 'of_schools', "'all'")] %}
    select
        {{ rows }}.region_id,
        {{ rows }}.school_year,
        cast(null as varchar) as county_code,
        {{ rows }}.school_id,
        {{ stage }} as stage,
        checks.check_id,
        cast(case checks.actual
            {%- for figure in figures %}
            when '{{ figure }}' then {{ rows }}.{{ figure }}
            {%- endfor %}
        end as double) as actual,
        cast(case checks.expected
            {%- for figure in figures %}
            when '{{ figure }}' then {{ rows }}.{{ figure }}
            {%- endfor %}
        end as double) as expected
    from {{ rows }}
    inner join checks on checks.unit_level = 'school'
    union all
    {%- endfor %}
    select
        told.region_id,
        told.school_year,
        told.county_code,
        null as school_id,
        'all' as stage,
        checks.check_id,
        told.value as actual,
        held.value as expected
    from of_counties as told
    inner join checks
        on
            checks.unit_level = 'county'
            and told.figure_id = checks.actual
    left join of_counties as held
        on
            {{ same('told', 'held', 'region_id, school_year, county_code') }}
            and checks.expected = held.figure_id
    union all
    select
        settled.region_id,
        settled.school_year,
        null as county_code,
        settled.unit_id as school_id,
        'all' as stage,
        checks.check_id,
        settled.column_value as actual,
        settled.fact_value as expected
    from {{ ref('int_facts__settled') }} as settled
    inner join checks
        on
            checks.unit_level = 'school'
            and settled.input_id = checks.expected
    where settled.unit_level = 'school' and settled.column_value is not null and {{ pending('settled') }}
),

-- without another figure, the limit that is passed is what was expected
expected as (
    select
        compared.region_id,
        compared.school_year,
        compared.county_code,
        compared.school_id,
        compared.stage,
        compared.actual,
        checks.*,
        coalesce(
            compared.expected,
            case
                when compared.actual < checks.min_value then checks.min_value
                when compared.actual > checks.max_value then checks.max_value
            end
        ) as expected_value
    from compared
    inner join checks using (check_id)
),

-- in whole numbers of percent, so that what lies exactly on the tolerance passes; absurd figures have their reason in fct_school_indicator
broken as (
    select
        *,
        actual - expected_value as difference
    from expected
    where
        abs(actual - expected_value) > tolerance
        and abs(actual - expected_value) * 100 > tolerance_percent * expected_value
        and (actual > expected_value or not is_upper_only)
        and greatest(actual, expected_value) <= {{ parameter('max_plausible_total') }}
)

select
    broken.region_id,
    broken.school_year,
    coalesce(broken.county_code, schools.county_code) as county_code,
    coalesce(broken.school_id, broken.county_code) as unit_id,
    broken.school_id,
    schools.school_name,
    broken.stage,
    {{ stage_zh('broken') }} as stage_zh,
    broken.check_id,
    broken.name_zh as check_name,
    case when facts.value is null then broken.severity else 'explained' end as severity,
    broken.expected_value as expected,
    broken.actual,
    broken.difference,
    coalesce(stages.name_zh, case broken.unit_level when 'county' then '全县' else '全校' end) || '：'
    || case
        when coalesce(broken.unit_zh, '') = ''
            then
                broken.actual_zh || case when broken.actual = 1 then '为是，' else '为否，' end
                || broken.expected_zh || case when broken.expected_value = 1 then '为是' else '为否' end
        else
            broken.actual_zh || {{ plain(half_up('broken.actual', 2)) }} || broken.unit_zh || '，'
            || broken.expected_zh || {{ plain(half_up('broken.expected_value', 2)) }} || broken.unit_zh || '，相差'
            || {{ plain(half_up('abs(broken.difference)', 2)) }} || broken.unit_zh
    end as message,
    broken.probable_cause_zh as probable_cause,
    broken.how_to_resolve_zh as how_to_resolve,
    facts.value is not null as is_explained,
    {{ without_long_numbers('facts.value') }} as explanation,
    {{ without_long_numbers('facts.evidence') }} as evidence
from broken
left join schools using (region_id, school_year, school_id)
left join {{ ref('stages') }} as stages using (stage)
left join {{ ref('stg_facts') }} as facts
    on
        {{ same('broken', 'facts', 'region_id, school_year') }}
        and coalesce(broken.school_id, broken.county_code) = facts.entity_id
        and broken.unit_level = facts.entity_type
        and facts.fact_id = 'explained_' || broken.check_id
