-- Grain: region × school year × county × extract: how many schools should have handed it in, did, were rejected, or are absent.
-- Expected are the open schools of the schools table and those missing from it; of scores, a sample, and of facts nothing is expected.
{%- set county_key = 'region_id, school_year, county_code' %}
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

schools as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_id,
        schools.school_name
    from {{ ref('stg_schools') }} as schools
    inner join {{ ref('school_types') }} as school_types using (school_type)
    where schools.status = 'open' and coalesce(school_types.exclusion_reason_zh, '') = '' and {{ pending('schools') }}
),

missing as (
    select
        {{ county_key }},
        count(case when kind in ('rejected', 'absent', 'named') then 1 end) as gone_count,
        count(case when kind = 'rejected' then 1 end) as rejected_count,
        count(case when kind in ('absent', 'named', 'moved') then 1 end) as absent_count,
        count(case when kind = 'undecided' then 1 end) as undecided_count,
        {{ dbt.listagg("case when place <= 3 then reason end", "'、'", 'order by place') }} as names,
        count(*) as school_count
    from {{ ref('mart_missing_school') }}
    where {{ pending() }}
    group by {{ county_key }}
),

handed_in as (
    select * from {{ ref('int_extracts__filed') }}
    where {{ pending() }}
),

extracts as (
    select
        code as extract,
        label_zh as extract_zh
    from {{ ref('labels') }}
    where kind = 'extract' and code in ('{{ rosters() | join("', '") }}')
),

by_school as (
    select
        schools.*,
        extracts.extract,
        handed_in.school_id is not null as is_there,
        row_number() over (
            partition by schools.region_id, schools.school_year, schools.county_code, extracts.extract, handed_in.school_id is null
            order by schools.school_id
        ) as place
    from schools
    cross join extracts
    left join handed_in using (region_id, school_year, school_id, extract)
),

counted as (
    select
        {{ county_key }},
        extract,
        count(*) as school_count,
        count(case when is_there then 1 end) as handed_in_count,
        {{ dbt.listagg("case when not is_there and place <= 3 then school_name end", "'、'", 'order by place') }} as names
    from by_school
    group by {{ county_key }}, extract
),

of_schools as (
    select
        {{ county_key }},
        count(*) as school_count
    from schools
    group by {{ county_key }}
),

-- rows by the county that they name or their school lies in; what names neither may be any county's
rejected_rows as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        quarantine.extract,
        count(*) as row_count
    from {{ ref('stg_quarantine') }} as quarantine
    left join {{ ref('stg_schools') }} as of_school using (region_id, school_year, school_id)
    left join counties as named
        on
            {{ same('quarantine', 'named', 'region_id, school_year') }}
            and quarantine.school_id = named.county_code
    inner join counties
        on
            {{ same('quarantine', 'counties', 'region_id, school_year') }}
            and coalesce(of_school.county_code, named.county_code, counties.county_code) = counties.county_code
    where
        quarantine.waits_for is null
        and (quarantine.extract <> 'schools' or of_school.school_id is not null)
        and {{ pending('quarantine') }}
    group by counties.region_id, counties.school_year, counties.county_code, quarantine.extract
),

-- cells by the county of their school
unread_cells as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        cells.extract,
        count(*) as cell_count
    from {{ ref('stg_unread_cells') }} as cells
    inner join schools using (region_id, school_year, school_id)
    where {{ pending('cells') }}
    group by schools.region_id, schools.school_year, schools.county_code, cells.extract
),

everything as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        'schools' as extract,
        coalesce(of_schools.school_count, 0) + coalesce(missing.gone_count, 0) as expected_school_count,
        coalesce(of_schools.school_count, 0) as handed_in_school_count,
        coalesce(missing.rejected_count, 0) as rejected_school_count,
        coalesce(missing.absent_count, 0) as absent_school_count,
        coalesce(missing.undecided_count, 0) as undecided_school_count,
        coalesce(missing.school_count, 0) = 0 and counties.has_schools as is_complete,
        case
            when not counties.has_schools then '没有报送学校表'
            else
                '缺' || cast(missing.school_count as varchar) || '所学校：' || missing.names
                || case when missing.school_count > 3 then '等' else '' end
        end as reason
    from counties
    left join of_schools using (region_id, school_year, county_code)
    left join missing using (region_id, school_year, county_code)
    union all
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        extracts.extract,
        coalesce(counted.school_count, 0) + coalesce(missing.gone_count, 0) as expected_school_count,
        coalesce(counted.handed_in_count, 0) as handed_in_school_count,
        coalesce(missing.rejected_count, 0) as rejected_school_count,
        coalesce(counted.school_count - counted.handed_in_count, 0) + coalesce(missing.absent_count, 0) as absent_school_count,
        0 as undecided_school_count,
        coalesce(counted.handed_in_count = counted.school_count and coalesce(missing.gone_count, 0) = 0, false) as is_complete,
        case
            when coalesce(counted.handed_in_count, 0) = 0 then '没有报送' || extracts.extract_zh
            when counted.handed_in_count < counted.school_count
                then
                    extracts.extract_zh || '里没有'
                    || {{ and_more('counted.names', 3, 'counted.school_count - counted.handed_in_count', '所') }}
            when missing.gone_count > 0 then '缺' || cast(missing.gone_count as varchar) || '所学校'
        end as reason
    from counties
    cross join extracts
    left join counted using (region_id, school_year, county_code, extract)
    left join missing using (region_id, school_year, county_code)
)

select
    everything.region_id,
    everything.school_year,
    everything.county_code,
    everything.extract,
    cast(everything.expected_school_count as bigint) as expected_school_count,
    cast(everything.handed_in_school_count as bigint) as handed_in_school_count,
    cast(everything.rejected_school_count as bigint) as rejected_school_count,
    cast(everything.absent_school_count as bigint) as absent_school_count,
    cast(everything.undecided_school_count as bigint) as undecided_school_count,
    coalesce(rejected_rows.row_count, 0) as rejected_row_count,
    coalesce(unread_cells.cell_count, 0) as unread_cell_count,
    everything.is_complete and rejected_rows.row_count is null and unread_cells.cell_count is null as is_complete,
    nullif(concat_ws(
        '；',
        everything.reason,
        cast(rejected_rows.row_count as varchar) || '行被隔离，见mart_quarantine',
        cast(unread_cells.cell_count as varchar) || '个单元格读不出，按未知处理，见mart_unread_cell'
    ), '') as reason
from everything
left join rejected_rows using (region_id, school_year, county_code, extract)
left join unread_cells using (region_id, school_year, county_code, extract)
