-- Grain: region × school year × school that a criterion of the standard concerns: the figures and verdicts of its 学校自评表.
{%- set indicators = [
    'higher_degree_teachers_per_100',
    'backbone_teachers_per_100',
    'pe_arts_teachers_per_100',
    'teaching_area_per_pupil',
    'sports_area_per_pupil',
    'equipment_value_per_pupil',
    'multimedia_rooms_per_100'
] %}
{%- set of_a_stage = ['pupils', 'higher_degree_teachers', 'backbone_teachers', 'pe_arts_teachers'] %}
{%- set stages = ['primary', 'junior'] %}
{%- set items = {'G3': 'rooms', 'G4': 'size', 'G5': 'class_size', 'G6': 'small_school_funds', 'G7': 'special_school_funds'} %}
{%- set funded = {'G6': 'small_school', 'G7': 'special_school'} %}
with criteria as (
    select * from {{ ref('mart_school_criterion') }}
    where standard_id = '{{ var("standard_id") }}' and operator is not null and {{ pending() }}
),

sections as (
    select * from {{ ref('fct_school_stage') }}
    where {{ pending() }}
),

results as (
    select * from {{ ref('fct_school_indicator') }}
    where threshold is not null and {{ pending() }}
),

-- what belongs to a stage; what is the whole school's stands in the row of each of its stages
of_schools as (
    select
        region_id,
        school_year,
        school_id,
        {%- for stage in stages %}
        {%- for figure in of_a_stage %}
        max(case when stage = '{{ stage }}' then {{ figure }} end) as {{ stage }}_{{ figure }},
        {%- endfor %}
        max(case when stage = '{{ stage }}' then oversized_classes end) as {{ stage }}_oversized_classes,
        {%- endfor %}
        count(case when is_in_scope is null then 1 end) > 0 as is_doubted,
        count(case when coalesce(is_in_scope, true) then 1 end) > 0 as is_assessed,
        max(teaching_area_m2) as teaching_area_m2,
        max(sports_area_m2) as sports_area_m2,
        case when count(largest_class_pupils) = count(*) then max(largest_class_pupils) end as largest_class_pupils
    from sections
    group by region_id, school_year, school_id
),

-- an indicator is met where every stage of the school that is judged meets it
of_indicators as (
    select
        {%- for indicator in indicators %}
        {%- for stage in stages %}
        max(case when indicator_id = '{{ indicator }}' and stage = '{{ stage }}' then {{ half_up('value', 2) }} end)
            as {{ stage }}_{{ indicator }},
        {%- endfor %}
        case
            when count(case when indicator_id = '{{ indicator }}' and not is_met then 1 end) > 0 then 'not_met'
            when count(case when indicator_id = '{{ indicator }}' and is_met is null then 1 end) > 0 then 'unknown'
            when count(case when indicator_id = '{{ indicator }}' then 1 end) > 0 then 'met'
        end as {{ indicator }}_verdict,
        {%- endfor %}
        region_id,
        school_year,
        school_id
    from results
    group by region_id, school_year, school_id
),

items as (
    select
        region_id,
        school_year,
        school_id,
        item_id,
        case
            when count(case when not is_met then 1 end) > 0 then 'not_met'
            when count(is_met) < count(*) then 'unknown'
            when count(case when is_eased then 1 end) > 0 then 'eased'
            else 'met'
        end as verdict
    from criteria
    group by region_id, school_year, school_id, item_id
),

of_items as (
    select
        {%- for item in items %}
        max(case when item_id = '{{ item }}' then verdict end) as {{ item }}_verdict,
        {%- endfor %}
        region_id,
        school_year,
        school_id
    from items
    group by region_id, school_year, school_id
),

-- why a verdict is not known
lacks as (
    select
        sections.region_id,
        sections.school_year,
        sections.school_id,
        stages.sort_order as place,
        stages.name_zh || sections.exclusion_reason as lack
    from sections
    inner join {{ ref('stages') }} as stages using (stage)
    where sections.is_in_scope is null
    union
    select
        results.region_id,
        results.school_year,
        results.school_id,
        stages.sort_order as place,
        stages.name_zh || results.null_reason as lack
    from results
    inner join {{ ref('stages') }} as stages using (stage)
    where results.null_reason is not null
    union
    select
        criteria.region_id,
        criteria.school_year,
        criteria.school_id,
        9 as place,
        criteria.missing as lack
    from criteria
    inner join items using (region_id, school_year, school_id, item_id)
    where criteria.is_met is null and items.verdict = 'unknown'
),

told as (
    select
        region_id,
        school_year,
        school_id,
        {{ dbt.listagg('lack', "'；'", 'order by place, lack') }} as missing
    from lacks
    group by region_id, school_year, school_id
),

inputs as (
    select
        region_id,
        school_year,
        unit_id as school_id,
        max(case when input_id = 'school_pupils' then value end) as pupils,
        max(case when input_id = 'school_classes' then value end) as classes,
        max(case when input_id = 'public_funds_budget_yuan' then value end) as public_funds_yuan
    from {{ ref('int_inputs__melted') }}
    where
        unit_level = 'school'
        and input_id in ('school_pupils', 'school_classes', 'public_funds_budget_yuan')
        and {{ pending() }}
    group by region_id, school_year, unit_id
)

select
    schools.region_id,
    schools.school_year,
    schools.county_code,
    schools.school_id,
    row_number() over (partition by schools.region_id, schools.school_year, schools.county_code order by schools.school_id) as row_no,
    schools.school_name,
    school_types.name_zh as school_type_zh,
    cast(schools.built_year as integer) as built_year,
    {%- for stage in stages %}
    {%- for figure in of_a_stage %}
    of_schools.{{ stage }}_{{ figure }},
    {%- endfor %}
    {%- for indicator in indicators %}
    of_indicators.{{ stage }}_{{ indicator }},
    {%- endfor %}
    of_schools.{{ stage }}_oversized_classes,
    {%- endfor %}
    of_schools.teaching_area_m2,
    of_schools.sports_area_m2,
    schools.sports_ground_area_m2,
    schools.indoor_sports_area_m2,
    schools.converted_sports_area_m2,
    schools.rented_sports_area_m2,
    {{ half_up('schools.equipment_value_yuan / 10000', 4) }} as equipment_value_wan_yuan,
    schools.multimedia_rooms,
    cast(inputs.classes as bigint) as classes,
    coalesce(schools.music_rooms, rooms.music_rooms) as music_rooms,
    coalesce(schools.min_music_room_area_m2, rooms.min_music_room_area_m2) as min_music_room_area_m2,
    rooms.music_room_areas,
    coalesce(schools.art_rooms, rooms.art_rooms) as art_rooms,
    coalesce(schools.min_art_room_area_m2, rooms.min_art_room_area_m2) as min_art_room_area_m2,
    rooms.art_room_areas,
    cast(inputs.pupils as bigint) as pupils,
    schools.senior_pupils,
    of_schools.largest_class_pupils,
    {%- for item, kind in funded.items() %}
    case when of_items.{{ item }}_verdict is not null then cast(inputs.pupils as bigint) end as {{ kind }}_pupils,
    case when of_items.{{ item }}_verdict is not null then {{ half_up('inputs.public_funds_yuan / 10000', 2) }} end
        as {{ kind }}_public_funds_wan_yuan,
    case when of_items.{{ item }}_verdict is not null then {{ half_up('inputs.public_funds_yuan / nullif(inputs.pupils, 0)', 0) }} end
        as {{ kind }}_public_funds_per_pupil_yuan,
    {%- endfor %}
    {%- for indicator in indicators %}
    case
        when of_indicators.{{ indicator }}_verdict = 'not_met' then 'not_met'
        when not of_schools.is_assessed then 'not_applicable'
        when of_schools.is_doubted or of_indicators.{{ indicator }}_verdict = 'unknown' then null
        else coalesce(of_indicators.{{ indicator }}_verdict, 'not_applicable')
    end as {{ indicator }}_verdict,
    {%- endfor %}
    {%- for item, name in items.items() %}
    case
        when of_items.{{ item }}_verdict is null then 'not_applicable'
        when of_items.{{ item }}_verdict <> 'unknown' then of_items.{{ item }}_verdict
    end as {{ name }}_verdict,
    {%- endfor %}
    told.missing
from {{ ref('stg_schools') }} as schools
inner join of_items using (region_id, school_year, school_id)
left join {{ ref('school_types') }} as school_types using (school_type)
left join of_schools using (region_id, school_year, school_id)
left join of_indicators using (region_id, school_year, school_id)
left join inputs using (region_id, school_year, school_id)
left join {{ ref('int_rooms__counted') }} as rooms using (region_id, school_year, school_id)
left join told using (region_id, school_year, school_id)
where {{ pending('schools') }}
