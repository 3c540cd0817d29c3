-- Grain: region × school year × unit (its level and id) × fact of which something is known. What the columns of a school's own row say
-- of a fact goes before what was handed in as a fact; column_value and fact_value are what either says, null: nothing.
with schools as (
    select * from {{ ref('stg_schools') }}
    where {{ pending() }}
),

classes as (
    select * from {{ ref('int_classes__counted') }}
    where {{ pending() }}
),

parameters as (
    select * from {{ ref('int_parameters__in_force') }}
    where {{ pending() }}
),

-- a stage that the school has, by its type or because it says so
sections as (
    select
        schools.region_id,
        schools.school_year,
        schools.school_id,
        coalesce({{ of_stage('pupils') }}, classes.pupils) as pupils,
        case
            when stages.is_judged then coalesce({{ of_compulsory_stage('largest_class') }}, classes.largest_class_pupils)
        end as largest_class,
        stages.is_judged
    from schools
    cross join {{ ref('stages') }} as stages
    left join {{ ref('school_types') }} as school_types using (school_type)
    left join classes using (region_id, school_year, school_id, stage)
    where
        coalesce({{ of_stage('pupils') }}, classes.pupils) > 0
        or ({{ of_stage('pupils') }} is null and school_types.stages like '%' || stages.stage || '%')
),

of_schools as (
    select
        region_id,
        school_year,
        school_id,
        case when count(pupils) = count(*) then sum(pupils) end as pupils,
        case
            when count(largest_class) = count(case when is_judged then 1 end) then max(largest_class)
        end as largest_class
    from sections
    group by region_id, school_year, school_id
),

compared as (
    select
        schools.*,
        urban_rural.urban_rural_class = 'rural' as is_rural,
        schools.built_year <= parameters.rooms_built_year as is_built_for_rooms,
        schools.built_year <= parameters.size_built_year as is_built_for_size,
        schools.migrant_pupils > parameters.most_migrant_share * of_schools.pupils as is_mostly_migrant,
        of_schools.largest_class < parameters.small_class_pupils as has_small_classes
    from schools
    left join of_schools using (region_id, school_year, school_id)
    left join parameters using (region_id, school_year, county_code)
    left join {{ ref('urban_rural') }} as urban_rural using (urban_rural_code)
),

-- an answer that its parts do not give is left to the fact
answers as (
    {% set answers = {
        'is_built_by_2016': 'cast(is_built_for_rooms as integer)',
        'is_built_by_2010_or_mostly_migrant': 'cast(is_built_for_size or is_mostly_migrant as integer)',
        'is_small_class_rural': 'case when is_rural then cast(has_small_classes as integer) end',
        'is_dense_city_centre': 'cast(is_dense_city_centre as integer)',
        'borrowed_sports_area_m2': 'coalesce(converted_sports_area_m2 + rented_sports_area_m2, converted_sports_area_m2, rented_sports_area_m2)',
        'primary_visiting_pe_arts_teachers': 'primary_visiting_pe_arts_teachers',
        'junior_visiting_pe_arts_teachers': 'junior_visiting_pe_arts_teachers',
    } -%}
    {%- for fact, answer in answers.items() %}
    select
        region_id,
        school_year,
        'school' as unit_level,
        school_id as unit_id,
        '{{ fact }}' as input_id,
        cast({{ answer }} as double) as column_value
    from compared
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

told as (
    select * from answers
    where column_value is not null
),

facts as (
    select * from {{ ref('int_facts__read') }}
    where {{ pending() }}
)

select
    region_id,
    school_year,
    unit_level,
    unit_id,
    input_id,
    told.column_value,
    facts.value as fact_value,
    coalesce(told.column_value, facts.value) as value
from told
full outer join facts using (region_id, school_year, unit_level, unit_id, input_id)
