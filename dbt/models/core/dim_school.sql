-- Grain: region × school year × school. Successors are looked up a year ahead, so a refresh rebuilds the year before too.
{{ config(years_before=1) }}
with schools as (
    select * from {{ ref('stg_schools') }}
    where {{ pending() }}
),

successions as (
    select
        region_id,
        school_year - 1 as school_year,
        school_id as successor_id,
        trim({{ each_of(split("replace(predecessor_ids, '；', ';')", ';')) }}) as school_id
    from {{ ref('stg_schools') }}
    where predecessor_ids is not null
),

successors as (
    select
        region_id,
        school_year,
        school_id,
        {{ dbt.listagg('successor_id', "';'", 'order by successor_id') }} as successor_ids
    from successions
    group by region_id, school_year, school_id
)

select
    schools.region_id,
    schools.school_year,
    schools.county_code,
    schools.school_id,
    schools.school_name,
    schools.township,
    schools.school_type,
    school_types.name_zh as school_type_zh,
    schools.organiser,
    urban_rural.urban_rural_class,
    schools.is_boarding,
    schools.is_township_seat,
    schools.is_central_school,
    schools.status,
    schools.predecessor_ids,
    successors.successor_ids
from schools
left join {{ ref('school_types') }} as school_types using (school_type)
left join {{ ref('urban_rural') }} as urban_rural using (urban_rural_code)
left join successors using (region_id, school_year, school_id)
