-- Grain: region × school year × county × school × extract that it has to file: whether it has, in time or late, or what became of it.
-- Expected are the open schools of the schools table, those missing from it, and where a county has filed no schools at all, those of
-- its year before. Late is known only of a region that was watched before the day was over.
with deadlines as (
    select
        region_id,
        school_year,
        deadline,
        is_over
    from {{ ref('stg_deadlines') }}
    where {{ pending() }}
),

watched as (
    select
        region_id,
        min(arrived_on) as watched_since
    from {{ ref('stg_arrivals') }}
    group by region_id
),

extracts as (
    select
        code as extract,
        label_zh as extract_zh
    from {{ ref('labels') }}
    where kind = 'extract' and code in ('schools', '{{ rosters() | join("', '") }}')
),

open_schools as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_id,
        schools.school_name
    from {{ ref('stg_schools') }} as schools
    inner join {{ ref('school_types') }} as school_types using (school_type)
    where schools.status = 'open' and coalesce(school_types.exclusion_reason_zh, '') = ''
),

-- a row of the schools table alone: a file that was rejected whole is told beside those whose rows it may hold
lost as (
    select
        *,
        lower(trim(school_name)) as name_key
    from {{ ref('mart_missing_school') }}
    where (kind in ('absent', 'named') or (kind = 'rejected' and row_number is not null)) and {{ pending() }}
),

rejected_names as (
    select
        region_id,
        school_year,
        county_code,
        name_key,
        min(reason) as reason
    from lost
    where kind = 'rejected'
    group by region_id, school_year, county_code, name_key
),

absent_names as (
    select distinct
        region_id,
        school_year,
        county_code,
        name_key
    from lost
    where kind = 'absent'
),

-- a school of last year whose row cannot be told by its code, but by its name, was rejected, not absent: it stands once
lost_schools as (
    select
        lost.region_id,
        lost.school_year,
        lost.county_code,
        lost.school_key,
        lost.school_id,
        lost.school_name,
        case when lost.kind = 'rejected' or rejected_names.name_key is not null then 'rejected' else 'missing' end as status,
        coalesce(rejected_names.reason, lost.reason) as reason
    from lost
    left join rejected_names
        on {{ same('lost', 'rejected_names', 'region_id, school_year, county_code, name_key') }} and lost.kind = 'absent'
    left join absent_names on {{ same('lost', 'absent_names', 'region_id, school_year, county_code, name_key') }}
    where lost.kind <> 'rejected' or absent_names.name_key is null
),

years_before as (
    select
        region_id,
        school_year + 1 as school_year,
        county_code,
        school_id,
        school_name
    from open_schools
),

silent_counties as (
    select
        region_id,
        school_year,
        county_code
    from {{ ref('int_counties__listed') }}
    where not has_schools and {{ pending() }}
),

closed as (
    select
        region_id,
        school_year,
        school_id
    from {{ ref('int_schools__closed') }}
    where {{ pending() }}
),

silent_schools as (
    select years_before.*
    from years_before
    inner join silent_counties using (region_id, school_year, county_code)
    left join closed using (region_id, school_year, school_id)
    left join lost on {{ same('years_before', 'lost', 'region_id, school_year, county_code, school_id') }}
    where closed.school_id is null and lost.school_id is null
),

expected as (
    select
        region_id,
        school_year,
        county_code,
        school_id as school_key,
        school_id,
        school_name,
        'received' as status,
        cast(null as varchar) as reason
    from open_schools
    where {{ pending() }}
    union all
    select
        region_id,
        school_year,
        county_code,
        school_key,
        school_id,
        school_name,
        status,
        reason
    from lost_schools
    union all
    select
        region_id,
        school_year,
        county_code,
        school_id as school_key,
        school_id,
        school_name,
        'missing' as status,
        '“' || school_name || '”（本县没有报送学校表，上学年有这所学校）' as reason
    from silent_schools
),

rosters as (
    select * from {{ ref('int_extracts__filed') }}
    where {{ pending() }}
),

rejects as (
    select
        region_id,
        school_year,
        extract,
        coalesce(waits_for, school_id) as school_id,
        count(case when waits_for is null then 1 end) as rejected_row_count,
        count(*) as row_count,
        min(case when waits_for is null then reason end) as reason
    from {{ ref('stg_quarantine') }}
    where row_number is not null and coalesce(waits_for, school_id) is not null and {{ pending() }}
    group by region_id, school_year, extract, coalesce(waits_for, school_id)
),

refused_files as (
    select
        region_id,
        school_year,
        extract,
        min(source_file) as source_file,
        count(*) as file_count
    from {{ ref('stg_source_files') }}
    where status = 'quarantined' and {{ pending() }}
    group by region_id, school_year, extract
),

judged as (
    select
        expected.*,
        extracts.extract,
        extracts.extract_zh,
        coalesce(rejects.rejected_row_count, 0) as rejected_row_count,
        case
            when extracts.extract = 'schools' then expected.status
            when rosters.school_id is not null then 'received'
            when rejects.row_count > 0 then 'rejected'
            else 'missing'
        end as filed,
        case
            when extracts.extract = 'schools' then expected.reason
            when rosters.school_id is not null then null
            when rejects.rejected_row_count > 0 then cast(rejects.rejected_row_count as varchar) || '行被隔离：' || rejects.reason
            when rejects.row_count > 0 then cast(rejects.row_count as varchar) || '行等着学校表里有这所学校'
            else extracts.extract_zh || '里没有这所学校'
        end as why
    from expected
    cross join extracts
    left join rosters using (region_id, school_year, school_id, extract)
    left join rejects using (region_id, school_year, school_id, extract)
    where extracts.extract = 'schools' or expected.school_id is not null
)

select
    judged.region_id,
    judged.school_year,
    judged.county_code,
    judged.school_key,
    judged.extract,
    judged.school_id,
    judged.school_name,
    deadlines.deadline,
    deadlines.is_over as is_deadline_over,
    case when deadlines.deadline is not null and watched.watched_since <= deadlines.deadline then arrivals.arrived_on end as arrived_on,
    case
        when
            judged.filed = 'received' and watched.watched_since <= deadlines.deadline and arrivals.arrived_on > deadlines.deadline
            then 'late'
        else judged.filed
    end as status,
    cast(judged.rejected_row_count as bigint) as rejected_row_count,
    case
        when judged.filed = 'missing' and refused_files.file_count > 0
            then
                judged.why || '；' || refused_files.source_file
                || case when refused_files.file_count > 1 then '等' || cast(refused_files.file_count as varchar) || '个文件' else '' end
                || '没能载入，可能在里面'
        else judged.why
    end as reason
from judged
left join deadlines using (region_id, school_year)
left join watched using (region_id)
left join {{ ref('stg_arrivals') }} as arrivals
    on
        {{ same('judged', 'arrivals', 'region_id, school_year, school_id, extract') }}
        and judged.filed = 'received'
left join refused_files on {{ same('judged', 'refused_files', 'region_id, school_year, extract') }}
