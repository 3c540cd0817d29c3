-- Grain: region × school year × school × stage × indicator; schools in scope only, every indicator one row, also without a value.
{%- set percent = '(100 * value / threshold)' %}
{%- set floor_percent = '(100 * floor_value / threshold)' %}
with stages as (
    select * from {{ ref('fct_school_stage') }}
    where is_in_scope and {{ pending() }}
),

facts as (
    select
        region_id,
        school_year,
        unit_id as school_id,
        input_id as fact_id,
        value
    from {{ ref('int_facts__read') }}
    where unit_level = 'school' and {{ pending() }}
),

standards as (
    select * from {{ ref('int_standards__in_force') }}
    where standard_id = '{{ var("standard_id") }}' and {{ pending() }}
),

-- what the school has of it, before it is split
long as (
    select
        stages.region_id,
        stages.school_year,
        stages.county_code,
        stages.school_id,
        stages.stage,
        stages.urban_rural_class,
        stages.township,
        stages.pupils,
        indicators.indicator_id,
        indicators.numerator_zh,
        indicators.part_of,
        indicators.scale,
        stages.full_time_teachers,
        case indicators.numerator
            {%- for figure in school_figures() %}
            when '{{ figure }}' then stages.{{ figure }}
            {%- endfor %}
            else facts.value
        end as total,
        case when indicators.is_split then stages.resource_share else 1 end as resource_share,
        -- exact: pupils are whole, weights have two decimals
        case when indicators.is_split then cast(stages.split_weight as decimal(4, 2)) else 1 end as weight,
        case when indicators.is_split then cast(stages.weighted_pupils as decimal(14, 2)) else stages.pupils end as base
    from stages
    cross join {{ ref('indicators') }} as indicators
    left join facts
        on
            {{ same('stages', 'facts', 'region_id, school_year, school_id') }}
            and indicators.numerator = facts.fact_id
),

explained as (
    select
        *,
        case
            when total is null then '缺少数据：' || numerator_zh
            when total < 0 then '数据矛盾：室内体育用房面积大于教学及辅助用房面积'
            when total > {{ parameter('max_plausible_total') }} then '数据超出可信范围：' || numerator_zh
            when part_of = 'full_time_teachers' and total > full_time_teachers then '数据矛盾：' || numerator_zh || '大于专任教师数'
            when resource_share is null then '另一学段在校生数缺失，共用资源无法拆分'
        end as null_reason
    from long
),

-- surplus = scale × total × weight − threshold × base, in decimals: its sign judges, so nothing is rounded before.
-- The value is scale × total × weight / base, hence value ≥ threshold exactly where surplus ≥ 0.
judged as (
    select
        explained.*,
        standards.threshold,
        standards.floor_value,
        case when explained.null_reason is null then explained.total * explained.resource_share end as numerator,
        case
            when explained.null_reason is null
                then explained.scale * {{ exact('explained.total') }} * explained.weight - standards.threshold * explained.base
        end as surplus,
        case
            when explained.null_reason is null
                then explained.scale * {{ exact('explained.total') }} * explained.weight - standards.floor_value * explained.base
        end as floor_surplus
    from explained
    left join standards using (region_id, school_year, county_code, indicator_id, stage)
),

valued as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        indicator_id,
        urban_rural_class,
        township,
        numerator,
        pupils,
        cast(scale as double) * numerator / pupils as value,
        cast(threshold as double) as threshold,
        cast(floor_value as double) as floor_value,
        surplus,
        floor_surplus,
        {{ whole_units('-surplus', '(scale * weight)') }} as units_to_threshold,
        {{ whole_units('-floor_surplus', '(scale * weight)') }} as units_to_floor,
        cast(surplus as double) / scale * (pupils / cast(base as double)) as excess,
        null_reason
    from judged
)

select
    region_id,
    school_year,
    county_code,
    school_id,
    stage,
    {{ stage_zh('valued') }} as stage_zh,
    indicator_id,
    urban_rural_class,
    township,
    numerator,
    pupils,
    value,
    threshold,
    floor_value,
    {{ percent }} as percent_of_threshold,
    case
        when surplus < 0 and {{ half_up(percent, 0) }} >= 100 then '<100'
        when floor_surplus < 0 and {{ half_up(percent, 0) }} >= {{ half_up(floor_percent, 0) }} then '<' || {{ shown(floor_percent, 0) }}
        else {{ shown(percent, 0) }}
    end as percent_zh,
    surplus >= 0 as is_met,
    floor_surplus >= 0 as is_floor_met,
    case when excess >= 0 then 0 else -excess end as shortfall,
    units_to_threshold,
    units_to_floor,
    ({{ half_up('value', 2) }} >= threshold) <> (surplus >= 0)
    or ({{ half_up('value', 2) }} >= floor_value) <> (floor_surplus >= 0) as rounding_flips,
    null_reason
from valued
