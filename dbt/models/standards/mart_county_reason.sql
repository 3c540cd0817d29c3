-- Grain: region × school year × county × reason: why something is not met or not known, in the order in which it is told.
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

county_stages as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        stages.stage,
        stages.name_zh as stage_zh,
        stages.sort_order as stage_order
    from counties
    cross join {{ ref('stages') }} as stages
    where stages.is_judged and counties.has_schools
),

schools as (
    select
        verdicts.*,
        verdicts.school_name || '（' || stages.name_zh || '）' as label,
        row_number() over (
            partition by verdicts.region_id, verdicts.school_year, verdicts.county_code, verdicts.is_passed
            order by stages.sort_order, verdicts.school_id
        ) as place
    from {{ ref('mart_school_verdict') }} as verdicts
    inner join {{ ref('stages') }} as stages using (stage)
    where {{ pending() }}
),

schools_named as (
    select
        region_id,
        school_year,
        county_code,
        count(case when not is_passed then 1 end) as failed_count,
        count(case when is_passed is null then 1 end) as undecided_count,
        {{ dbt.listagg("case when not is_passed and place <= 10 then label end", "'、'", 'order by place') }} as failed_names,
        {{ dbt.listagg("case when is_passed is null and place <= 10 then label end", "'、'", 'order by place') }} as undecided_names
    from schools
    group by region_id, school_year, county_code
),

missing as (
    select
        region_id,
        school_year,
        county_code,
        count(*) as missing_school_count,
        {{ dbt.listagg("case when place <= 3 then reason end", "'、'", 'order by place') }} as missing_names
    from {{ ref('mart_missing_school') }}
    where {{ pending() }}
    group by region_id, school_year, county_code
),

coefficients as (
    select
        balance.*,
        indicators.name_zh,
        indicators.sort_order
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where balance.limit_value is not null and {{ pending() }}
),

items as (
    select
        *,
        count(*) over (partition by region_id, school_year, county_code, part) as item_count
    from {{ ref('mart_item_verdict') }}
    where {{ pending() }}
),

parts as (
    select
        code as part,
        sort_order as place,
        label_zh as name_zh
    from {{ ref('labels') }}
    where kind = 'part'
),

-- indicators that stand still for one and the same reason are named together
unassessed as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        reason,
        min(sort_order) as sort_order,
        case
            when count(*) = max(indicator_count) then '各项'
            else {{ dbt.listagg('name_zh', "'、'", 'order by sort_order') }}
        end as names
    from (
        select
            *,
            count(*) over (partition by region_id, school_year, county_code, stage) as indicator_count
        from coefficients
    ) as counted
    where is_met is null
    group by region_id, school_year, county_code, stage, reason
),

-- one row a reason, in the order in which they are told: where, then what fails before what is not known
reasons as (
    select
        items.region_id,
        items.school_year,
        items.county_code,
        parts.place as part,
        items.item_number as place,
        'item_not_met' as kind,
        items.item_id,
        cast(null as varchar) as stage,
        cast(null as varchar) as indicator_id,
        cast(null as double) as figure,
        cast(null as double) as limit_value,
        case when items.item_count > 1 then parts.name_zh || '第' || cast(items.item_number as varchar) || '项：' else '' end
        || items.reason as reason
    from items
    inner join parts using (part)
    where not items.is_met
    union all
    select
        items.region_id,
        items.school_year,
        items.county_code,
        parts.place as part,
        1000 as place,
        'items_unknown' as kind,
        cast(null as varchar) as item_id,
        cast(null as varchar) as stage,
        cast(null as varchar) as indicator_id,
        cast(null as double) as figure,
        cast(null as double) as limit_value,
        parts.name_zh
        || case
            when max(items.item_count) = 1 then ''
            else '第' || {{ dbt.listagg('cast(items.item_number as varchar)', "'、'", 'order by items.item_number') }} || '项'
        end || '缺少数据，无法判定' as reason
    from items
    inner join parts using (part)
    where items.is_met is null
    group by items.region_id, items.school_year, items.county_code, parts.place, parts.name_zh
    union all
    select
        region_id,
        school_year,
        county_code,
        0 as part,
        1 as place,
        'schools_missing' as kind,
        cast(null as varchar) as item_id,
        cast(null as varchar) as stage,
        cast(null as varchar) as indicator_id,
        cast(missing_school_count as double) as figure,
        cast(null as double) as limit_value,
        '缺' || cast(missing_school_count as varchar) || '所学校：' || missing_names
        || case when missing_school_count > 3 then '等' else '' end as reason
    from missing
    union all
    select
        region_id,
        school_year,
        county_code,
        2 as part,
        1 as place,
        'no_schools_handed_in' as kind,
        cast(null as varchar) as item_id,
        cast(null as varchar) as stage,
        cast(null as varchar) as indicator_id,
        cast(null as double) as figure,
        cast(null as double) as limit_value,
        '没有报送学校表' as reason
    from counties
    where not has_schools
    union all
    select
        region_id,
        school_year,
        county_code,
        2 as part,
        2 as place,
        'schools_not_met' as kind,
        cast(null as varchar) as item_id,
        cast(null as varchar) as stage,
        cast(null as varchar) as indicator_id,
        cast(failed_count as double) as figure,
        cast(null as double) as limit_value,
        '未达标学校：' || {{ and_more('failed_names', 10, 'failed_count', '所') }} as reason
    from schools_named
    where failed_count > 0
    union all
    select
        region_id,
        school_year,
        county_code,
        2 as part,
        3 as place,
        'schools_unknown' as kind,
        cast(null as varchar) as item_id,
        cast(null as varchar) as stage,
        cast(null as varchar) as indicator_id,
        cast(undecided_count as double) as figure,
        cast(null as double) as limit_value,
        '缺少数据、无法判定的学校：' || {{ and_more('undecided_names', 10, 'undecided_count', '所') }} as reason
    from schools_named
    where undecided_count > 0
    union all
    select
        coefficients.region_id,
        coefficients.school_year,
        coefficients.county_code,
        3 as part,
        stages.sort_order * 100 + coefficients.sort_order as place,
        'coefficient_over_limit' as kind,
        cast(null as varchar) as item_id,
        coefficients.stage,
        coefficients.indicator_id,
        coefficients.difference_coefficient as figure,
        cast(coefficients.limit_value as double) as limit_value,
        stages.name_zh || coefficients.name_zh || '差异系数'
        || {{ shown('coefficients.difference_coefficient', 3, 'coefficients.rounding_flips', 'coefficients.limit_value') }}
        || '，超过' || {{ shown('coefficients.limit_value', 2) }} as reason
    from coefficients
    inner join {{ ref('stages') }} as stages using (stage)
    where not coefficients.is_met
    union all
    select
        unassessed.region_id,
        unassessed.school_year,
        unassessed.county_code,
        4 as part,
        stages.sort_order * 100 + unassessed.sort_order as place,
        'coefficients_unknown' as kind,
        cast(null as varchar) as item_id,
        unassessed.stage,
        cast(null as varchar) as indicator_id,
        cast(null as double) as figure,
        cast(null as double) as limit_value,
        stages.name_zh || unassessed.names || '差异系数：' || unassessed.reason as reason
    from unassessed
    inner join {{ ref('stages') }} as stages using (stage)
    union all
    select
        county_stages.region_id,
        county_stages.school_year,
        county_stages.county_code,
        4 as part,
        county_stages.stage_order * 100 + 99 as place,
        'stage_not_there' as kind,
        cast(null as varchar) as item_id,
        county_stages.stage,
        cast(null as varchar) as indicator_id,
        cast(null as double) as figure,
        cast(null as double) as limit_value,
        '没有在评的' || county_stages.stage_zh || '，' || county_stages.stage_zh || '差异系数不可评估' as reason
    from county_stages
    left join coefficients using (region_id, school_year, county_code, stage)
    where coefficients.stage is null
)

select
    region_id,
    school_year,
    county_code,
    row_number() over (partition by region_id, school_year, county_code order by part, place, reason) as reason_no,
    kind,
    item_id,
    stage,
    {{ stage_zh('reasons') }} as stage_zh,
    indicator_id,
    figure,
    limit_value,
    reason
from reasons
