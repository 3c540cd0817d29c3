-- Grain: region × school year × county × school × stage that should be there to be judged, and is not or cannot be.
-- Expected are the schools of the year before that were not closed, merged or said to have left (fact closed_school), those whose rows
-- were rejected, those that any extract names, and of schools that are there every stage. Whose county is not known is missed in every
-- county of the region that handed in schools: it may be theirs.
with schools as (
    select * from {{ ref('stg_schools') }}
    where {{ pending() }}
),

counties as (
    select
        listed.region_id,
        listed.school_year,
        listed.county_code,
        coalesce(named.county_name_zh, listed.county_code) as county_name
    from {{ ref('int_counties__listed') }} as listed
    left join {{ ref('stg_counties') }} as named using (region_id, county_code)
    where listed.has_schools and {{ pending('listed') }}
),

judged_stages as (
    select
        stage,
        name_zh as stage_zh
    from {{ ref('stages') }}
    where is_judged
),

years as (
    select
        schools.region_id,
        schools.school_year + 1 as school_year,
        schools.school_id,
        schools.school_name,
        schools.county_code,
        stages.stage
    from {{ ref('stg_schools') }} as schools
    inner join {{ ref('school_types') }} as school_types using (school_type)
    cross join judged_stages as stages
    where
        schools.status = 'open'
        and coalesce(school_types.exclusion_reason_zh, '') = ''
        and case stages.stage
            when 'primary' then coalesce(schools.primary_pupils, case when school_types.stages like '%primary%' then 1 end)
            else coalesce(schools.junior_pupils, case when school_types.stages like '%junior%' then 1 end)
        end > 0
),

last_year as (
    select * from years
    where {{ pending() }}
),

lived_before as (
    select
        region_id,
        school_year,
        school_id,
        max(school_name) as school_name,
        max(county_code) as county_code
    from last_year
    group by region_id, school_year, school_id
),

-- who rightly left: said so, or named as its predecessor by a school of this year
gone as (
    select
        region_id,
        school_year,
        school_id
    from {{ ref('int_schools__closed') }}
    where {{ pending() }}
    union distinct
    select
        region_id,
        school_year,
        trim({{ each_of(split("replace(predecessor_ids, '；', ';')", ';')) }}) as school_id
    from schools
    where predecessor_ids is not null
),

rejects as (
    select
        *,
        regexp_replace(source_file, '^.*/', '') || coalesce('工作表“' || sheet || '”', '')
        || coalesce('第' || cast(row_number as varchar) || '行', '') as place
    from {{ ref('stg_quarantine') }}
    where {{ pending() }}
),

rejected as (
    select
        rejects.region_id,
        rejects.school_year,
        coalesce(rejects.school_id, rejects.source_file || ' ' || rejects.place) as school_key,
        rejects.school_id,
        coalesce(rejects.school_name, lived_before.school_name) as school_name,
        coalesce(counties.county_code, lived_before.county_code) as county_code,
        rejects.source_file,
        rejects.sheet,
        rejects.row_number,
        rejects.place,
        replace(rejects.reason, '；', '，') as reason
    from rejects
    left join lived_before using (region_id, school_year, school_id)
    left join counties on {{ same('rejects', 'counties', 'region_id, school_year, county_code') }}
    where rejects.extract = 'schools' and rejects.waits_for is null
),

named as (
    select
        region_id,
        school_year,
        waits_for as school_id,
        count(case when extract = 'teachers' then 1 end) as teachers,
        count(case when extract = 'classes' then 1 end) as classes,
        count(*) as row_count
    from rejects
    where waits_for is not null and not regexp_matches(waits_for, '^[0-9]{6}$')
    group by region_id, school_year, waits_for
),

-- the county of a school that is in no table, by the first six digits where all schools that begin so lie in one county
prefixes as (
    select
        region_id,
        school_year,
        substr(school_id, 1, 6) as prefix,
        max(county_code) as county_code
    from schools
    group by region_id, school_year, substr(school_id, 1, 6)
    having min(county_code) = max(county_code)
),

candidates as (
    select
        region_id,
        school_year,
        county_code,
        school_key,
        school_id,
        school_name,
        source_file,
        sheet,
        row_number,
        'rejected' as kind,
        1 as priority,
        coalesce('“' || school_name || '”', school_id, '') || '（' || place || '：' || reason || '）' as told
    from rejected
    union all
    select
        lived_before.region_id,
        lived_before.school_year,
        lived_before.county_code,
        lived_before.school_id as school_key,
        lived_before.school_id,
        lived_before.school_name,
        null as source_file,
        null as sheet,
        null as row_number,
        case when schools.school_id is null then 'absent' else 'moved' end as kind,
        2 as priority,
        '“' || lived_before.school_name || '”（上学年'
        || case
            when schools.school_id is null then '有，本学年学校表里没有'
            else '在本县，本学年报在' || coalesce(counties.county_name, schools.county_code)
        end || '，属实请报事实“学校已撤并或划出本县”）' as told
    from lived_before
    left join schools using (region_id, school_year, school_id)
    left join counties on {{ same('schools', 'counties', 'region_id, school_year, county_code') }}
    left join gone using (region_id, school_year, school_id)
    where gone.school_id is null and (schools.school_id is null or schools.county_code <> lived_before.county_code)
    union all
    select
        named.region_id,
        named.school_year,
        prefixes.county_code,
        named.school_id as school_key,
        named.school_id,
        null as school_name,
        null as source_file,
        null as sheet,
        null as row_number,
        'named' as kind,
        3 as priority,
        '标识码' || named.school_id || '的学校（别的表里有它的' || cast(named.row_count as varchar) || '行，学校表里没有）' as told
    from named
    left join gone using (region_id, school_year, school_id)
    left join schools using (region_id, school_year, school_id)
    left join prefixes
        on
            {{ same('named', 'prefixes', 'region_id, school_year') }}
            and substr(named.school_id, 1, 6) = prefixes.prefix
    where gone.school_id is null and schools.school_id is null
),

-- one reason a school; one whose row was rejected may stand in another row that was not
first_reasons as (
    select ranked.*
    from (
        select
            *,
            row_number() over (
                partition by region_id, school_year, school_key order by priority, source_file, sheet, row_number
            ) as place
        from candidates
    ) as ranked
    left join schools using (region_id, school_year, school_id)
    where ranked.place = 1 and (schools.school_id is null or ranked.kind = 'moved')
),

absent as (
    select
        counties.county_code,
        reasons.region_id,
        reasons.school_year,
        reasons.school_key,
        reasons.school_id,
        reasons.school_name,
        stages.stage,
        reasons.kind,
        reasons.source_file,
        reasons.sheet,
        reasons.row_number,
        reasons.told
    from first_reasons as reasons
    cross join judged_stages as stages
    left join lived_before using (region_id, school_year, school_id)
    left join last_year using (region_id, school_year, school_id, stage)
    inner join counties
        on
            {{ same('reasons', 'counties', 'region_id, school_year') }}
            and coalesce(reasons.county_code, counties.county_code) = counties.county_code
    where lived_before.school_id is null or last_year.school_id is not null
)

select
    region_id,
    school_year,
    county_code,
    school_key,
    school_id,
    school_name,
    stage,
    kind,
    source_file,
    sheet,
    row_number,
    told
from absent
union all
select
    sections.region_id,
    sections.school_year,
    sections.county_code,
    sections.school_id as school_key,
    sections.school_id,
    sections.school_name,
    sections.stage,
    'undecided' as kind,
    null as source_file,
    null as sheet,
    null as row_number,
    '“' || sections.school_name || '”' || stages.stage_zh || '（' || sections.exclusion_reason || '）' as told
from {{ ref('fct_school_stage') }} as sections
inner join judged_stages as stages using (stage)
where sections.is_in_scope is null and {{ pending('sections') }}
