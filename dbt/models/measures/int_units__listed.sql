-- Grain: region × school year × unit (its level, id and stage): everything that can hand in a figure, with the attributes that
-- populations ask for; null: not known. A section is a stage of a school. A school that is missing is a unit of which nothing is known;
-- missing_zh: why; where it is not known whose it is, it is a unit in each county that it may be of. So is whatever a county that handed in
-- no schools may have, and the township of a school that names none. A stage of which a school says that it has no pupils is no unit.
with partitions as (
    select distinct
        region_id,
        school_year
    from {{ ref('stg_source_files') }}
    where {{ pending() }}
),

schools as (
    select
        schools.*,
        urban_rural.urban_rural_class
    from {{ ref('stg_schools') }} as schools
    left join {{ ref('urban_rural') }} as urban_rural using (urban_rural_code)
    where schools.status = 'open' and {{ pending('schools') }}
),

counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

absent as (
    select * from {{ ref('int_schools__missing') }}
    where kind not in ('undecided', 'moved') and {{ pending() }}
),

-- one school a county is enough to say that its townships are not all known
nowhere as (
    select
        *,
        row_number() over (partition by region_id, school_year, county_code order by school_id) as place
    from schools
    where township is null
),

silent as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        coalesce(listed.county_name_zh, counties.county_code) || '没有报送学校表' as told
    from counties
    left join {{ ref('stg_counties') }} as listed using (region_id, county_code)
    where not counties.has_schools
),

levels as (
    select
        'section' as unit_level,
        stage,
        ';' || stage || ';' as stages
    from {{ ref('stages') }}
    where is_judged
    union all
    select
        'school' as unit_level,
        'all' as stage,
        ';' || {{ dbt.listagg('stage', "';'", 'order by stage') }} || ';' as stages
    from {{ ref('stages') }}
    where is_judged
    union all
    select
        'township' as unit_level,
        'all' as stage,
        ';' as stages
),

-- a school is in scope where one of its stages is
scopes as (
    select
        region_id,
        school_year,
        school_id,
        case
            when max(case when is_in_scope then 1 else 0 end) = 1 then true
            when count(is_in_scope) = count(*) then false
        end as is_in_scope,
        count(case when is_in_scope is null and pupils is null then 1 end) > 0 as is_pupils_unknown
    from {{ ref('fct_school_stage') }}
    where {{ pending() }}
    group by region_id, school_year, school_id
),

units as (
    select
        schools.region_id,
        schools.school_year,
        'section' as unit_level,
        stages.school_id as unit_id,
        stages.stage,
        ';' || stages.stage || ';' as stages,
        schools.school_name as unit_name,
        schools.county_code,
        schools.county_code || schools.township as township_id,
        schools.school_type,
        schools.urban_rural_class,
        schools.is_township_seat,
        schools.is_boarding,
        schools.organiser,
        stages.pupils,
        stages.is_in_scope,
        cast(null as varchar) as missing_zh
    from {{ ref('fct_school_stage') }} as stages
    inner join schools using (region_id, school_year, school_id)
    where coalesce(stages.pupils, 1) > 0 and {{ pending('stages') }}
    union all
    select
        schools.region_id,
        schools.school_year,
        'school' as unit_level,
        schools.school_id as unit_id,
        'all' as stage,
        case when schools.primary_pupils > 0 then ';primary;' else ';' end
        || case when schools.junior_pupils > 0 then 'junior;' else '' end as stages,
        schools.school_name as unit_name,
        schools.county_code,
        schools.county_code || schools.township as township_id,
        schools.school_type,
        schools.urban_rural_class,
        schools.is_township_seat,
        schools.is_boarding,
        schools.organiser,
        case
            when not coalesce(scopes.is_pupils_unknown, false)
                then coalesce(schools.primary_pupils, 0) + coalesce(schools.junior_pupils, 0) + coalesce(schools.senior_pupils, 0)
        end as pupils,
        case when scopes.school_id is null then false else scopes.is_in_scope end as is_in_scope,
        null as missing_zh
    from schools
    left join scopes using (region_id, school_year, school_id)
    union all
    select
        region_id,
        school_year,
        'section' as unit_level,
        school_key as unit_id,
        stage,
        ';' || stage || ';' as stages,
        coalesce(school_name, school_key) as unit_name,
        county_code,
        null as township_id,
        null as school_type,
        null as urban_rural_class,
        null as is_township_seat,
        null as is_boarding,
        null as organiser,
        null as pupils,
        null as is_in_scope,
        told as missing_zh
    from absent
    union all
    select
        region_id,
        school_year,
        'school' as unit_level,
        school_key as unit_id,
        'all' as stage,
        ';' || {{ dbt.listagg('stage', "';'", 'order by stage') }} || ';' as stages,
        coalesce(max(school_name), school_key) as unit_name,
        county_code,
        null as township_id,
        null as school_type,
        null as urban_rural_class,
        null as is_township_seat,
        null as is_boarding,
        null as organiser,
        null as pupils,
        null as is_in_scope,
        max(told) as missing_zh
    from absent
    group by region_id, school_year, county_code, school_key
    union all
    select distinct
        region_id,
        school_year,
        'township' as unit_level,
        county_code || township as unit_id,
        'all' as stage,
        ';' as stages,
        township as unit_name,
        county_code,
        county_code || township as township_id,
        cast(null as varchar) as school_type,
        cast(null as varchar) as urban_rural_class,
        cast(null as boolean) as is_township_seat,
        cast(null as boolean) as is_boarding,
        cast(null as varchar) as organiser,
        cast(null as bigint) as pupils,
        true as is_in_scope,
        null as missing_zh
    from schools
    where township is not null
    union all
    select
        region_id,
        school_year,
        'township' as unit_level,
        county_code as unit_id,
        'all' as stage,
        ';' as stages,
        school_name as unit_name,
        county_code,
        county_code as township_id,
        cast(null as varchar) as school_type,
        cast(null as varchar) as urban_rural_class,
        cast(null as boolean) as is_township_seat,
        cast(null as boolean) as is_boarding,
        cast(null as varchar) as organiser,
        cast(null as bigint) as pupils,
        cast(null as boolean) as is_in_scope,
        '学校表缺“乡镇街道”' as missing_zh
    from nowhere
    where place = 1
    union all
    select
        silent.region_id,
        silent.school_year,
        levels.unit_level,
        silent.county_code as unit_id,
        levels.stage,
        levels.stages,
        silent.told as unit_name,
        silent.county_code,
        case when levels.unit_level = 'township' then silent.county_code end as township_id,
        cast(null as varchar) as school_type,
        cast(null as varchar) as urban_rural_class,
        cast(null as boolean) as is_township_seat,
        cast(null as boolean) as is_boarding,
        cast(null as varchar) as organiser,
        cast(null as bigint) as pupils,
        cast(null as boolean) as is_in_scope,
        '缺学校' as missing_zh
    from silent
    cross join levels
    union all
    select
        counties.region_id,
        counties.school_year,
        'county' as unit_level,
        counties.county_code as unit_id,
        'all' as stage,
        ';' as stages,
        coalesce(listed.county_name_zh, counties.county_code) as unit_name,
        counties.county_code,
        null as township_id,
        null as school_type,
        null as urban_rural_class,
        null as is_township_seat,
        null as is_boarding,
        null as organiser,
        null as pupils,
        true as is_in_scope,
        null as missing_zh
    from counties
    left join {{ ref('stg_counties') }} as listed using (region_id, county_code)
    union all
    select
        partitions.region_id,
        partitions.school_year,
        'region' as unit_level,
        partitions.region_id as unit_id,
        'all' as stage,
        ';' as stages,
        region.region_name_zh as unit_name,
        null as county_code,
        null as township_id,
        null as school_type,
        null as urban_rural_class,
        null as is_township_seat,
        null as is_boarding,
        null as organiser,
        null as pupils,
        true as is_in_scope,
        null as missing_zh
    from partitions
    inner join {{ ref('stg_regions') }} as region using (region_id)
)

select * from units
