-- Grain: region × school year × school × stage in scope: a row of the application form's table Ⅱ-2, primary schools first.
{%- set indicators = [
    'higher_degree_teachers_per_100',
    'backbone_teachers_per_100',
    'pe_arts_teachers_per_100',
    'teaching_area_per_pupil',
    'sports_area_per_pupil',
    'equipment_value_per_pupil',
    'multimedia_rooms_per_100'
] %}
{%- set bound = 'case when results.is_floor_met then results.threshold else results.floor_value end' %}
with results as (
    select
        results.*,
        indicators.sort_order,
        {{ half_up('results.value', 2) }} as shown,
        case
            when {{ half_up('results.value', 2) }} >= {{ bound }}
                then '（' || {{ shown('results.value', 2, 'true', bound) }} || '，未达到' || {{ plain(bound) }} || '）'
            else ''
        end as onto,
        'L' || cast(indicators.sort_order + 6 as varchar) as column_name
    from {{ ref('fct_school_indicator') }} as results
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where indicators.is_national and {{ pending('results') }}
),

-- the remark names the indicators by their column in the form, L7 to L13, and says more exactly what rounds onto a bound without meeting it
wide as (
    select
        region_id,
        school_year,
        school_id,
        stage,
        {%- for indicator in indicators %}
        max(case when indicator_id = '{{ indicator }}' then shown end) as {{ indicator }},
        {%- endfor %}
        {{ shown('100 * max(floor_value / threshold)', 0) }} || '%' as floor_share,
        {{ dbt.listagg("case when is_met then column_name end", "'、'", 'order by sort_order') }} as met,
        {{ dbt.listagg("case when not is_met and is_floor_met then column_name || onto end", "'、'", 'order by sort_order') }} as at_floor,
        {{ dbt.listagg("case when not is_floor_met then column_name || onto end", "'、'", 'order by sort_order') }} as below,
        {{ dbt.listagg("case when value is null then column_name end", "'、'", 'order by sort_order') }} as unknown
    from results
    group by region_id, school_year, school_id, stage
)

select
    stages.region_id,
    stages.school_year,
    stages.county_code,
    stages.school_id,
    stages.stage,
    {{ stage_zh('stages') }} as stage_zh,
    row_number() over (
        partition by stages.region_id, stages.school_year, stages.county_code order by stage_names.sort_order, stages.school_id
    ) as row_no,
    row_number() over (
        partition by stages.region_id, stages.school_year, stages.county_code, stages.stage order by stages.school_id
    ) as serial_no,
    stages.school_name || case when school_types.stages like '%;%' then '（' || stage_names.name_zh || '部）' else '' end as school_label,
    schools.organiser,
    stages.pupils,
    stages.grades,
    stages.classes,
    {%- for indicator in indicators %}
    wide.{{ indicator }},
    {%- endfor %}
    verdicts.is_passed,
    concat_ws(
        '；',
        '达到要求：' || wide.met,
        '达到' || wide.floor_share || '：' || wide.at_floor,
        '低于' || wide.floor_share || '：' || wide.below,
        '缺少数据：' || wide.unknown
    ) as remark
from {{ ref('fct_school_stage') }} as stages
inner join {{ ref('stages') }} as stage_names using (stage)
inner join {{ ref('mart_school_verdict') }} as verdicts using (region_id, school_year, school_id, stage)
inner join wide using (region_id, school_year, school_id, stage)
left join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
left join {{ ref('school_types') }} as school_types on stages.school_type = school_types.school_type
where stages.is_in_scope and {{ pending('stages') }}
