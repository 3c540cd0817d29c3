-- Grain: region × school year × county × school that should be there to be judged, and is not or cannot be; place: in the order of telling.
{%- set extracts = [('teachers', '教师'), ('classes', '班级'), ('rooms', '专用教室'), ('funding', '经费'), ('scores', '成绩'), ('facts', '事实')] %}
with missing as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_key,
        max(schools.school_id) as school_id,
        max(schools.school_name) as school_name,
        {{ dbt.listagg('stages.name_zh', "'、'", 'order by stages.sort_order') }} as stages_zh,
        min(schools.kind) as kind,
        {{ dbt.listagg('distinct schools.told', "'、'", 'order by schools.told') }} as reason,
        max(schools.source_file) as source_file,
        max(schools.sheet) as sheet,
        max(schools.row_number) as row_number
    from {{ ref('int_schools__missing') }} as schools
    inner join {{ ref('stages') }} as stages using (stage)
    where {{ pending('schools') }}
    group by schools.region_id, schools.school_year, schools.county_code, schools.school_key
),

waiting as (
    select
        region_id,
        school_year,
        waits_for,
        {%- for extract, _ in extracts %}
        count(case when extract = '{{ extract }}' then 1 end) as {{ extract }},
        {%- endfor %}
        count(*) as row_count
    from {{ ref('stg_quarantine') }}
    where waits_for is not null and {{ pending() }}
    group by region_id, school_year, waits_for
),

placed as (
    select
        *,
        case kind
            when 'rejected' then '学校表的行被隔离'
            when 'moved' then '报在别的县'
            when 'absent' then '学校表里没有'
            when 'named' then '只在别的表里有'
            else '学段不能判定'
        end as kind_zh,
        row_number() over (
            partition by region_id, school_year, county_code
            order by
                case kind when 'rejected' then 1 when 'moved' then 2 when 'absent' then 3 when 'named' then 4 else 5 end,
                source_file, row_number, school_key
        ) as place
    from missing
)

select
    placed.region_id,
    placed.school_year,
    placed.county_code,
    placed.school_key,
    placed.place,
    placed.school_id,
    placed.school_name,
    placed.stages_zh,
    placed.kind,
    placed.kind_zh,
    placed.reason,
    placed.source_file,
    placed.sheet,
    placed.row_number,
    coalesce(waiting.row_count, 0) as waiting_row_count,
    nullif(concat_ws(
        '、'
        {%- for extract, zh in extracts %},
        case when waiting.{{ extract }} > 0 then '{{ zh }}' || cast(waiting.{{ extract }} as varchar) end
        {%- endfor %}
    ), '') as waiting_zh
from placed
left join waiting
    on
        {{ same('placed', 'waiting', 'region_id, school_year') }}
        and placed.school_id = waiting.waits_for
