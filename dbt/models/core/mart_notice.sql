-- Grain: region × school year × kind × subject: what of this release needs somebody to act, or to know.
-- What happens to the warehouse itself (a run that failed, a disk that fills up) no release can hold: `junheng status` tells that too.
with counties as (
    select
        region_id,
        county_code,
        county_name_zh
    from {{ ref('stg_counties') }}
),

extracts as (
    select
        code as extract,
        label_zh as extract_zh
    from {{ ref('labels') }}
    where kind = 'extract'
),

filings as (
    select
        filings.*,
        coalesce(counties.county_name_zh, filings.county_code) || extracts.extract_zh as subject,
        coalesce(filings.school_name, filings.school_key) as name,
        case when filings.status = 'late' then 'filed_late' else 'deadline_missed' end as kind
    from {{ ref('mart_filing') }} as filings
    inner join extracts using (extract)
    left join counties using (region_id, county_code)
    where filings.is_deadline_over and filings.status <> 'received' and {{ pending('filings') }}
),

placed as (
    select
        *,
        row_number() over (partition by region_id, school_year, county_code, extract, kind order by school_key) as place
    from filings
),

told_filings as (
    select
        region_id,
        school_year,
        kind,
        subject,
        max(deadline) as deadline,
        count(*) as school_count,
        count(case when status = 'rejected' then 1 end) as rejected_count,
        count(case when status = 'missing' then 1 end) as missing_count,
        {{ dbt.listagg("case when place <= 3 then name end", "'、'", 'order by place') }} as names
    from placed
    group by region_id, school_year, kind, subject
)

select
    region_id,
    school_year,
    kind,
    subject,
    '截止' || cast(deadline as varchar) || '，'
    || concat_ws(
        '，',
        case when kind = 'filed_late' then '迟报' || cast(school_count as varchar) || '所' end,
        case when missing_count > 0 then '没有报' || cast(missing_count as varchar) || '所' end,
        case when rejected_count > 0 then '被隔离' || cast(rejected_count as varchar) || '所' end
    )
    || '：' || {{ and_more('names', 3, 'school_count', '所') }} as notice
from told_filings
union all
select
    region_id,
    school_year,
    'file_rejected' as kind,
    source_file || coalesce('工作表“' || sheet || '”', '') as subject,
    reason as notice
from {{ ref('stg_source_files') }}
where status = 'quarantined' and {{ pending() }}
union all
select
    region_id,
    school_year,
    'partition_blocked' as kind,
    region_id || ' ' || cast(school_year as varchar) as subject,
    reason as notice
from {{ ref('stg_blocked_partitions') }}
where {{ pending() }}
