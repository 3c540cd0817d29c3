-- Grain: region × school year × county: the heads and deputies who had served their terms at one of its schools a year before, and how
-- many of them stand in another school of the region this year. Null where a roster that would say so is missing or lacks a row.
{{ config(years_after=1) }}
with sections as (
    select
        units.region_id,
        units.school_year,
        units.county_code,
        teachers.full_time_teachers,
        teachers.long_serving_heads
    from {{ ref('int_units__listed') }} as units
    left join {{ ref('int_teachers__counted') }} as teachers
        on
            {{ same('units', 'teachers', 'region_id, school_year, stage') }}
            and units.unit_id = teachers.school_id
    where units.unit_level = 'section' and {{ pending_region('units') }}
),

counties as (
    select
        region_id,
        school_year + 1 as school_year,
        county_code,
        count(long_serving_heads) = count(*) as is_known
    from sections
    group by region_id, school_year, county_code
),

-- who is found nowhere may stand wherever a roster is not whole
regions as (
    select
        region_id,
        school_year,
        count(full_time_teachers) = count(*) as is_known
    from sections
    where {{ pending() }}
    group by region_id, school_year
),

heads as (
    select distinct
        teachers.region_id,
        teachers.school_year + 1 as school_year,
        teachers.teacher_id,
        teachers.school_id,
        schools.county_code
    from {{ ref('stg_teachers') }} as teachers
    inner join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    inner join {{ ref('int_parameters__in_force') }} as parameters
        on
            {{ same('teachers', 'parameters', 'region_id, school_year') }}
            and schools.county_code = parameters.county_code
    inner join {{ ref('teacher_attributes') }} as attributes
        on teachers.stage = attributes.stage and teachers.post = attributes.value and attributes.attribute = 'head'
    where teachers.terms_at_school >= parameters.long_service_terms and {{ pending_region('teachers') }}
),

teachers as (
    select distinct
        region_id,
        school_year,
        teacher_id,
        school_id
    from {{ ref('stg_teachers') }}
    where {{ pending() }}
),

followed as (
    select
        heads.region_id,
        heads.school_year,
        heads.county_code,
        heads.school_id,
        heads.teacher_id,
        count(teachers.school_id) > 0 as is_found,
        count(case when teachers.school_id <> heads.school_id then 1 end) > 0 as has_moved
    from heads
    left join teachers using (region_id, school_year, teacher_id)
    where {{ pending('heads') }}
    group by heads.region_id, heads.school_year, heads.county_code, heads.school_id, heads.teacher_id
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    case when max(case when counties.is_known then 1 else 0 end) = 1 then count(followed.teacher_id) end as long_serving_heads_last_year,
    case
        when max(case when counties.is_known then 1 else 0 end) = 0 then null
        when max(case when regions.is_known then 1 else 0 end) = 1 or count(case when not followed.is_found then 1 end) = 0
            then count(case when followed.is_found then 1 end)
    end as long_serving_heads_still_here,
    case
        when max(case when counties.is_known then 1 else 0 end) = 0 then null
        when max(case when regions.is_known then 1 else 0 end) = 1 or count(case when not followed.is_found then 1 end) = 0
            then count(case when followed.has_moved then 1 end)
    end as rotated_long_serving_heads
from counties
inner join regions using (region_id, school_year)
left join followed using (region_id, school_year, county_code)
where {{ pending('counties') }}
group by counties.region_id, counties.school_year, counties.county_code
