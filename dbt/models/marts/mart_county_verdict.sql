-- Grain: region × school year × county. resource_verdict judges the allocation of resources alone (every school passes, 14
-- coefficients within their limits); verdict the whole county rule, which also asks for facts that are not judged here.
with counties as (
    select distinct
        region_id,
        school_year,
        county_code
    from {{ ref('fct_school_stage') }}
    where {{ pending() }}
),

county_stages as (
    select
        counties.*,
        stages.stage,
        stages.name_zh as stage_zh,
        stages.sort_order as stage_order
    from counties
    cross join {{ ref('stages') }} as stages
    where stages.is_judged
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
    inner join {{ ref('stages') }} as stages on verdicts.stage = stages.stage
    where {{ pending() }}
),

school_counts as (
    select
        region_id,
        school_year,
        county_code,
        count(*) as school_count,
        count(case when not is_passed then 1 end) as failed_school_count,
        count(case when is_passed is null then 1 end) as undecided_school_count,
        {{ dbt.listagg("case when not is_passed and place <= 10 then label end", "'、'", 'order by place') }} as failed_names,
        {{ dbt.listagg("case when is_passed is null and place <= 10 then label end", "'、'", 'order by place') }} as undecided_names
    from schools
    group by region_id, school_year, county_code
),

coefficients as (
    select
        balance.*,
        indicators.name_zh,
        indicators.sort_order
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators on balance.indicator_id = indicators.indicator_id
    where balance.limit_value is not null and {{ pending() }}
),

coefficient_counts as (
    select
        region_id,
        school_year,
        county_code,
        count(is_met) as coefficient_count,
        count(case when not is_met then 1 end) as failed_coefficient_count
    from coefficients
    group by region_id, school_year, county_code
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
        {{ dbt.listagg('name_zh', "'、'", 'order by sort_order') }} as names
    from coefficients
    where is_met is null
    group by region_id, school_year, county_code, stage, reason
),

-- one row a reason, in the order in which they are told
reasons as (
    select
        coefficients.region_id,
        coefficients.school_year,
        coefficients.county_code,
        1 as part,
        stages.sort_order * 100 + coefficients.sort_order as place,
        stages.name_zh || coefficients.name_zh || '差异系数'
        || {{ shown('coefficients.difference_coefficient', 3, 'coefficients.rounding_flips') }}
        || '，超过' || {{ shown('coefficients.limit_value', 2) }} as reason
    from coefficients
    inner join {{ ref('stages') }} as stages on coefficients.stage = stages.stage
    where not coefficients.is_met
    union all
    select
        region_id,
        school_year,
        county_code,
        2 as part,
        1 as place,
        '未达标学校：' || failed_names
        || case when failed_school_count > 10 then '等' || cast(failed_school_count as varchar) || '所' else '' end as reason
    from school_counts
    where failed_school_count > 0
    union all
    select
        region_id,
        school_year,
        county_code,
        3 as part,
        1 as place,
        '缺少数据、无法判定的学校：' || undecided_names
        || case when undecided_school_count > 10 then '等' || cast(undecided_school_count as varchar) || '所' else '' end as reason
    from school_counts
    where undecided_school_count > 0
    union all
    select
        unassessed.region_id,
        unassessed.school_year,
        unassessed.county_code,
        4 as part,
        stages.sort_order * 100 + unassessed.sort_order as place,
        stages.name_zh || unassessed.names || '差异系数：' || unassessed.reason as reason
    from unassessed
    inner join {{ ref('stages') }} as stages on unassessed.stage = stages.stage
    union all
    select
        county_stages.region_id,
        county_stages.school_year,
        county_stages.county_code,
        5 as part,
        county_stages.stage_order as place,
        '没有在评的' || county_stages.stage_zh || '，' || county_stages.stage_zh || '差异系数不可评估' as reason
    from county_stages
    left join coefficients
        on
            county_stages.region_id = coefficients.region_id
            and county_stages.school_year = coefficients.school_year
            and county_stages.county_code = coefficients.county_code
            and county_stages.stage = coefficients.stage
    where coefficients.stage is null
    union all
    select
        region_id,
        school_year,
        county_code,
        6 as part,
        1 as place,
        '政府保障程度、教育质量、社会认可度等尚未判定' as reason
    from counties
),

told as (
    select
        region_id,
        school_year,
        county_code,
        {{ dbt.listagg('reason', "'；'", 'order by part, place') }} as reasons
    from reasons
    group by region_id, school_year, county_code
),

required as (
    select count(*) as coefficient_count
    from {{ ref('standards') }}
    where standard_id = '{{ var("standard_id") }}'
),

judged as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        coalesce(school_counts.school_count, 0) as school_count,
        coalesce(school_counts.failed_school_count, 0) as failed_school_count,
        coalesce(school_counts.undecided_school_count, 0) as undecided_school_count,
        coalesce(coefficient_counts.coefficient_count, 0) as coefficient_count,
        coalesce(coefficient_counts.failed_coefficient_count, 0) as failed_coefficient_count,
        told.reasons,
        required.coefficient_count as required_count
    from counties
    cross join required
    left join school_counts
        on
            counties.region_id = school_counts.region_id
            and counties.school_year = school_counts.school_year
            and counties.county_code = school_counts.county_code
    left join coefficient_counts
        on
            counties.region_id = coefficient_counts.region_id
            and counties.school_year = coefficient_counts.school_year
            and counties.county_code = coefficient_counts.county_code
    left join told
        on
            counties.region_id = told.region_id
            and counties.school_year = told.school_year
            and counties.county_code = told.county_code
)

select
    region_id,
    school_year,
    county_code,
    case
        when failed_school_count > 0 or failed_coefficient_count > 0 then 'not_met'
        when undecided_school_count > 0 or coefficient_count < required_count then 'not_evaluable'
        else 'met'
    end as resource_verdict,
    case
        when failed_school_count > 0 or failed_coefficient_count > 0 then 'not_met'
        else 'not_evaluable'
    end as verdict,
    school_count,
    failed_school_count,
    undecided_school_count,
    coefficient_count,
    failed_coefficient_count,
    reasons
from judged
