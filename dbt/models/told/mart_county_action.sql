-- Grain: region × school year × county × action: what to do first, what to pay once and every year, what still fails after it, and by when.
-- Every figure is from another mart. Targets look as far back as their due years, so a refresh rebuilds every year of its regions.
{{ config(partition_by=['region_id']) }}
{%- set county_key = 'region_id, school_year, county_code' %}
with counties as (
    select * from {{ ref('mart_county_verdict') }}
    where {{ pending() }}
),

-- who goes where, the largest moves first
moves as (
    select
        moves.region_id,
        moves.school_year,
        moves.county_code,
        moves.stage,
        moves.indicator_id,
        givers.school_name || '→' || takers.school_name || cast(moves.teachers as varchar) || '人' as told,
        row_number() over (
            partition by moves.region_id, moves.school_year, moves.county_code, moves.stage, moves.indicator_id
            order by moves.teachers desc, moves.from_school_id asc, moves.to_school_id asc
        ) as place
    from {{ ref('mart_transfer_move') }} as moves
    inner join {{ ref('dim_school') }} as givers
        on {{ same('moves', 'givers', 'region_id, school_year') }} and moves.from_school_id = givers.school_id
    inner join {{ ref('dim_school') }} as takers
        on {{ same('moves', 'takers', 'region_id, school_year') }} and moves.to_school_id = takers.school_id
    where {{ pending('moves') }}
),

moves_told as (
    select
        {{ county_key }},
        stage,
        indicator_id,
        {{ and_more(dbt.listagg("case when place <= 2 then told end", "'、'", 'order by place'), 2, 'count(*)', '处') }} as told
    from moves
    group by {{ county_key }}, stage, indicator_id
),

transfers as (
    select
        plans.region_id,
        plans.school_year,
        plans.county_code,
        count(case when plans.status = 'infeasible' then 1 end) as infeasible_count,
        {{ dbt.listagg(
            "case when plans.status = 'optimal' then stages.name_zh || indicators.short_name_zh || '调' || cast(plans.teachers_moved as varchar) || '人（'"
            ~ " || moves_told.told || '），差异系数' || " ~ shown('plans.difference_coefficient', 3) ~ " || '→' || "
            ~ shown('plans.coefficient_after', 3) ~ ' end', "'；'", 'order by stages.sort_order, indicators.sort_order'
        ) }} as told
    from {{ ref('mart_transfer_plan') }} as plans
    inner join {{ ref('stages') }} as stages using (stage)
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    left join moves_told using (region_id, school_year, county_code, stage, indicator_id)
    where {{ pending('plans') }}
    group by plans.region_id, plans.school_year, plans.county_code
),

layouts as (
    select
        {{ county_key }},
        count(distinct school_id) as school_count
    from {{ ref('mart_layout_option') }}
    where null_reason is null and {{ pending() }}
    group by {{ county_key }}
),

-- both plans together, the dearest way first
outlays as (
    select
        *,
        row_number() over (partition by region_id, school_year, county_code, cost_kind order by cost_yuan desc, way_zh asc) as place
    from {{ ref('mart_county_outlay') }}
    where plan = 'both' and cost_yuan > 0 and {{ pending() }}
),

outlays_told as (
    select
        {{ county_key }},
        cost_kind,
        count(*) as way_count,
        {{ total('cost_yuan') }} as cost_yuan,
        count(case when price_basis = '示例' then 1 end) as sample_count,
        {{ dbt.listagg(
            "case when place <= 4 then way_zh || case when unit_zh = '元' then '' else cast(units as varchar) || unit_zh end || ' ' || "
            ~ shown('cost_yuan / 10000', 1) ~ " || '万元' end", "'、'", 'order by place'
        ) }} as ways
    from outlays
    group by {{ county_key }}, cost_kind
),

-- what no money of these plans reaches
items as (
    select
        {{ county_key }},
        part,
        count(case when not is_met then 1 end) as failed_count,
        count(case when is_met is null then 1 end) as unknown_count,
        {{ dbt.listagg("case when not is_met then cast(item_number as varchar) end", "'、'", 'order by item_number') }} as failed,
        {{ dbt.listagg("case when is_met is null then cast(item_number as varchar) end", "'、'", 'order by item_number') }} as unknown
    from {{ ref('mart_item_verdict') }}
    where standard_id = '{{ var("standard_id") }}' and {{ pending() }}
    group by {{ county_key }}, part
),

items_told as (
    select
        {{ county_key }},
        {{ dbt.listagg(
            "case when failed_count > 0 then parts.label_zh || case when part in ('government', 'quality')"
            ~ " then '第' || failed || '项' else '' end end", "'，'", 'order by parts.sort_order'
        ) }} as failed,
        {{ dbt.listagg(
            "case when unknown_count > 0 then parts.label_zh || case when part in ('government', 'quality')"
            ~ " then '第' || unknown || '项' else '' end end", "'，'", 'order by parts.sort_order'
        ) }} as unknown
    from items
    inner join {{ ref('labels') }} as parts on parts.kind = 'part' and items.part = parts.code
    group by {{ county_key }}
),

-- the outlook of a coefficient is the same in each of its projected years
paces as (
    select
        {{ county_key }},
        max(projected_year) as projected_year,
        count(distinct case when outlook in ('reached', 'missed') then stage || ' ' || indicator_id end) as above_count,
        count(distinct case when outlook = 'reached' then stage || ' ' || indicator_id end) as reached_count,
        count(distinct case when outlook = 'lost' then stage || ' ' || indicator_id end) as lost_count
    from {{ ref('mart_indicator_trend') }}
    where figure = 'difference_coefficient' and outlook is not null and {{ pending() }}
    group by {{ county_key }}
),

-- what cannot be judged, and no plan mends
unjudged as (
    select
        {{ county_key }},
        {{ dbt.listagg('reason', "'；'", 'order by reason_no') }} as told
    from {{ ref('mart_county_reason') }}
    where kind in ('no_schools_handed_in', 'coefficients_unknown', 'stage_not_there') and {{ pending() }}
    group by {{ county_key }}
),

-- the targets that count counties by this verdict
dues as (
    select
        progress.region_id,
        progress.school_year,
        counties.county_code,
        {{ dbt.listagg(
            "cast(progress.due_year as varchar) || '年秋以前' || progress.indicator_zh || progress.demand_zh || '，现在' || "
            ~ "coalesce(progress.actual_zh, '没有数') || '，' || progress.status_zh || '（' || documents.title_zh || '）'",
            "'；'", 'order by progress.due_year, progress.target_id'
        ) }} as told
    from {{ ref('mart_target_progress') }} as progress
    inner join {{ ref('targets') }} as targets using (target_id)
    inner join {{ ref('measures') }} as measures using (measure_id)
    inner join {{ ref('policy_documents') }} as documents on progress.document_id = documents.document_id
    inner join counties
        on
            {{ same('progress', 'counties', 'region_id, school_year') }}
            and (targets.county_codes is null or targets.county_codes like '%' || counties.county_code || '%')
    where
        (measures.measure_id = 'quality_balanced_county' or ';' || measures.numerator || ';' like '%;quality_balanced_county;%')
        and progress.due_year is not null
        and {{ pending('progress') }}
    group by progress.region_id, progress.school_year, counties.county_code
),

actions as (
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        1 as action_no,
        'move' as kind,
        coalesce(transfers.told || '。', '')
        || case
            when transfers.infeasible_count > 0 then cast(transfers.infeasible_count as varchar) || '项教师指标只靠县内调配降不到限值。' else ''
        end
        || coalesce(cast(layouts.school_count as varchar) || '所学校可以分流、限制招生或并入，见布局调整。', '') as sentence
    from counties
    left join transfers using (region_id, school_year, county_code)
    left join layouts using (region_id, school_year, county_code)
    union all
    select
        region_id,
        school_year,
        county_code,
        case cost_kind when 'one_off' then 2 else 3 end as action_no,
        cost_kind as kind,
        '共' || {{ shown('cost_yuan / 10000', 1) }} || '万元：' || {{ and_more('ways', 4, 'way_count', '种') }}
        || case when sample_count > 0 then '（含示例单价，请换成本局核定的）' else '' end || '。' as sentence
    from outlays_told
    union all
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        4 as action_no,
        'left' as kind,
        coalesce(
            nullif(
                concat_ws(
                    '；',
                    case
                        when plans.failed_school_count_after > 0
                            then cast(plans.failed_school_count_after as varchar) || '所学校（分学段计）'
                    end,
                    case
                        when plans.failed_coefficient_count_after > 0
                            then cast(plans.failed_coefficient_count_after as varchar) || '项差异系数'
                    end,
                    items_told.failed,
                    '缺数据的' || items_told.unknown,
                    unjudged.told,
                    case
                        when counties.undecided_school_count > 0
                            then cast(counties.undecided_school_count as varchar) || '所学校（分学段计）无法判定'
                    end,
                    case when counties.missing_school_count > 0 then '缺' || cast(counties.missing_school_count as varchar) || '所学校的数据' end,
                    case
                        when plans.missing_value_count > 0 then '缺' || cast(plans.missing_value_count as varchar) || '个学校指标的数据'
                    end
                ), ''
            ) || '。',
            '没有：做到以上各条，各项要求就都达到。'
        ) as sentence
    from counties
    left join {{ ref('mart_county_plan') }} as plans using (region_id, school_year, county_code)
    left join items_told using (region_id, school_year, county_code)
    left join unjudged using (region_id, school_year, county_code)
    where counties.verdict <> 'met'
    union all
    select
        region_id,
        school_year,
        county_code,
        5 as action_no,
        'pace' as kind,
        coalesce(nullif(concat_ws(
            '；',
            case
                when above_count > 0
                    then
                        '到' || cast(projected_year as varchar) || '学年，现在超限的' || cast(above_count as varchar) || '项差异系数'
                        || case reached_count
                            when 0 then '都降不到限值' when above_count then '都降到限值以内'
                            else '中' || cast(reached_count as varchar) || '项降到限值以内'
                        end
            end,
            case
                when lost_count > 0
                    then
                        '现在不超限的有' || cast(lost_count as varchar) || '项在' || cast(projected_year as varchar)
                        || '学年以前将超过限值（预警）'
            end
        ), ''), '到' || cast(projected_year as varchar) || '学年，没有一项差异系数要越过限值') || '。' as sentence
    from paces
    union all
    select
        region_id,
        school_year,
        county_code,
        6 as action_no,
        'due' as kind,
        told || '。' as sentence
    from dues
)

select
    region_id,
    school_year,
    county_code,
    action_no,
    kind,
    sentence
from actions
where sentence <> ''
