-- Grain: region × target of a document that the region lists × school year that it handed in.
-- What a due year came to stays, however many years ago it was, so a refresh rebuilds every year of its regions.
{{ config(partition_by=['region_id']) }}
with years as (
    select distinct
        region_id,
        school_year
    from {{ ref('stg_source_files') }}
    where {{ pending() }}
),

-- a region of which no county is known has not handed in schools: that it has none of a kind is not known
with_counties as (
    select distinct
        region_id,
        school_year
    from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

targets as (
    select
        targets.*,
        measures.statistic,
        measures.unit_zh,
        measures.factor,
        measures.shown_decimals,
        measures.suffix_zh,
        coalesce(documents.valid_from, 0) as valid_from,
        -- a date, a yes or no, and a change from year to year have no pace
        measures.unit_zh is not null and targets.kind <> 'milestone' and measures.statistic <> 'change' as has_pace
    from {{ ref('targets') }} as targets
    inner join {{ ref('policy_documents') }} as documents using (document_id)
    inner join {{ ref('int_measures__shown') }} as measures using (measure_id)
),

due_years as (
    select
        target_id,
        cast(trim({{ each_of(split('due_years', ';')) }}) as integer) as due_year
    from {{ ref('targets') }}
    where due_years is not null
),

-- the next year in which it is due, or the last; a standing duty is due every year
bound as (
    select
        years.region_id,
        years.school_year,
        targets.target_id,
        coalesce(min(case when due_years.due_year >= years.school_year then due_years.due_year end), max(due_years.due_year)) as due_year,
        max(due_years.due_year) is null or max(case when due_years.due_year = years.school_year then 1 else 0 end) = 1 as is_due,
        coalesce(max(due_years.due_year) < years.school_year, false) as is_past
    from years
    inner join {{ ref('stg_region_documents') }} using (region_id)
    inner join targets using (document_id)
    left join due_years using (target_id)
    group by years.region_id, years.school_year, targets.target_id
),

-- the worst area first: those not met, by how much, then those that lie nearest to the threshold
ranked as (
    select
        areas.*,
        row_number() over (
            partition by areas.region_id, areas.school_year, areas.target_id
            order by
                case when areas.is_met is null then 2 when areas.is_met then 1 else 0 end asc,
                areas.gap desc,
                case when areas.operator in ('>=', '>') then areas.value else -areas.value end asc,
                areas.area_id asc
        ) as place,
        row_number() over (
            partition by areas.region_id, areas.school_year, areas.target_id, areas.missing is null
            order by areas.area_id
        ) as missing_place,
        row_number() over (
            partition by areas.region_id, areas.school_year, areas.target_id, areas.is_met
            order by areas.gap desc, areas.area_id asc
        ) as failed_place
    from {{ ref('mart_target_area') }} as areas
    where {{ pending('areas') }}
),

over_areas as (
    select
        region_id,
        school_year,
        target_id,
        count(case when is_applicable then 1 end) as areas_counted,
        count(case when is_met then 1 end) as areas_met,
        count(case when not is_met then 1 end) as areas_not_met,
        count(case when missing is not null then 1 end) as areas_missing,
        count(case when is_met and value > threshold_high then 1 end) as areas_above,
        max(case when place = 1 then value end) as worst_value,
        max(case when place = 1 then gap end) as worst_gap,
        max(case when rounding_flips then 1 else 0 end) = 1 as rounding_flips,
        max(case when place = 1 and rounding_flips then 1 else 0 end) = 1 as worst_flips,
        max(case when area_level = 'region' then 1 else 0 end) = 1 as is_of_region,
        {{ dbt.listagg(
            "case when missing is not null and missing_place <= 3 then case when area_level = 'region' then '' else area_name || '：' end || missing end",
            "'；'", 'order by missing_place'
        ) }} as missing,
        {{ dbt.listagg("case when not is_met and failed_place <= 5 then area_name end", "'、'", 'order by failed_place') }} as failed_names
    from ranked
    group by region_id, school_year, target_id
),

judged as (
    select
        bound.region_id,
        bound.school_year,
        bound.due_year,
        bound.is_due,
        bound.is_past,
        targets.target_id,
        targets.document_id,
        targets.clause,
        targets.quote,
        targets.indicator_zh,
        targets.measure_id,
        targets.area_level,
        targets.operator,
        targets.threshold,
        targets.threshold_high,
        targets.statistic,
        targets.unit_zh,
        targets.factor,
        targets.shown_decimals,
        targets.suffix_zh,
        targets.kind,
        targets.has_pace,
        targets.is_judged and bound.school_year >= targets.valid_from as is_judged,
        case when bound.school_year < targets.valid_from then targets.valid_from end as binds_from,
        targets.reading_zh,
        targets.ambiguity_zh,
        over_areas.areas_counted,
        over_areas.areas_met,
        over_areas.areas_not_met,
        over_areas.areas_missing,
        over_areas.areas_above,
        over_areas.failed_names,
        over_areas.is_of_region,
        over_areas.worst_gap,
        over_areas.rounding_flips,
        over_areas.worst_flips,
        case
            when over_areas.areas_not_met > 0 then false
            when over_areas.areas_counted > 0 and over_areas.areas_met = over_areas.areas_counted then true
        end as is_met,
        -- nobody of the kind, and that is known: nothing that is missing could be one
        case
            when over_areas.target_id is null then with_counties.region_id is not null
            else over_areas.areas_counted = 0
        end as is_not_applicable,
        case
            when over_areas.areas_not_met > 0 or over_areas.areas_met = over_areas.areas_counted then over_areas.worst_value
            when not (targets.is_judged and bound.school_year >= targets.valid_from) and over_areas.areas_missing = 0
                then over_areas.worst_value
        end as actual,
        case
            when over_areas.target_id is null and with_counties.region_id is null then '没有报送学校表'
            when over_areas.missing is not null then {{ and_more('over_areas.missing', 3, 'over_areas.areas_missing', '个地区或学校', '；') }}
            when
                targets.is_judged and bound.school_year >= targets.valid_from
                and over_areas.areas_met + over_areas.areas_not_met < over_areas.areas_counted
                then '分母为0'
        end as missing
    from bound
    inner join targets using (target_id)
    left join over_areas using (region_id, school_year, target_id)
    left join with_counties using (region_id, school_year)
),

-- this year and up to two before it
trend as (
    select
        current_year.region_id,
        current_year.school_year,
        current_year.target_id,
        max(case when history.school_year = current_year.school_year - 1 then history.actual end) as actual_last_year,
        max(case when history.school_year = current_year.school_year - 2 then history.actual end) as actual_two_years_ago
    from judged as current_year
    inner join judged as history
        on
            {{ same('current_year', 'history', 'region_id, target_id') }}
            and history.school_year between current_year.school_year - 2 and current_year.school_year - 1
    group by current_year.region_id, current_year.school_year, current_year.target_id
),

-- the result of the last due year, where that is past
at_due as (
    select
        current_year.region_id,
        current_year.school_year,
        current_year.target_id,
        due.is_met as is_met_at_due,
        due.actual as actual_at_due,
        coalesce(due.is_not_applicable, false) as was_not_applicable,
        case
            when due.target_id is null then '没有报送' || cast(current_year.due_year as varchar) || '学年的数'
            else due.missing
        end as missing_at_due
    from judged as current_year
    left join judged as due
        on
            {{ same('current_year', 'due', 'region_id, target_id') }}
            and current_year.due_year = due.school_year
    where current_year.is_past
),

-- a pace is a change a year, upwards positive: over the years on hand, and to the nearest value that satisfies by the due year
paced as (
    select
        judged.*,
        trend.actual_last_year,
        trend.actual_two_years_ago,
        at_due.is_met_at_due,
        at_due.actual_at_due,
        at_due.was_not_applicable,
        at_due.missing_at_due,
        cast(case
            when trend.actual_two_years_ago is not null
                then ({{ judged('judged.actual') }} - {{ judged('trend.actual_two_years_ago') }}) / 2
            else {{ judged('judged.actual') }} - {{ judged('trend.actual_last_year') }}
        end as double) as pace_observed,
        case
            when not judged.is_due and not judged.is_past and judged.actual is not null and judged.has_pace
                then case
                    when judged.is_met then 0
                    when judged.operator not in ('>=', '>') and judged.actual > judged.threshold then -judged.worst_gap
                    else judged.worst_gap
                end / (judged.due_year - judged.school_year)
        end as pace_needed
    from judged
    left join trend using (region_id, school_year, target_id)
    left join at_due using (region_id, school_year, target_id)
    where {{ pending('judged') }}
),

-- a date says by itself whether it was kept; all else is as it stood in its due year
settled as (
    select
        *,
        is_past and is_judged and kind <> 'milestone' as is_settled,
        case
            when binds_from is not null then 'measured'
            when not is_judged and is_not_applicable then 'not_applicable'
            when not is_judged then case when actual is null then 'not_evaluable' else 'measured' end
            when is_past and was_not_applicable then 'not_applicable'
            when is_past and (is_met_at_due or (kind = 'milestone' and is_met)) then 'met'
            when is_past and kind = 'milestone' and not is_met then 'met_late'
            when is_past and is_met_at_due is null then 'not_evaluable'
            when is_past and is_met then 'met_late'
            when is_past then 'missed'
            when is_not_applicable then 'not_applicable'
            when is_met then 'met'
            when not is_due and (kind = 'milestone' or (not is_met and (not has_pace or pace_observed is null))) then 'not_yet_due'
            when is_met is null then 'not_evaluable'
            when is_due then 'not_met'
            when {{ judged('pace_observed') }} * sign(pace_needed) >= abs({{ judged('pace_needed') }}) then 'on_track'
            else 'off_track'
        end as status,
        case
            when binds_from is not null then '文件自' || cast(binds_from as varchar) || '学年起执行，以前只列数'
            when is_not_applicable then '没有适用的学校、乡镇、县或人员'
            when kind = 'milestone' and not is_met then '完成日期晚于规定'
            when actual is null then '无法判定：' || missing
            when not is_met and not is_of_region
                then
                    case when is_judged and not is_due and not is_past then '尚' else '' end || '未达到：'
                    || {{ and_more('failed_names', 5, 'areas_not_met', '个') }}
            when areas_above > 0 then '超过' || {{ rule_zh('threshold_high') }} || '的上限，也算达到'
        end as told
    from paced
),

labelled as (
    select
        settled.*,
        statuses.label_zh as status_zh
    from settled
    left join {{ ref('labels') }} as statuses on statuses.kind = 'status' and settled.status = statuses.code
)

select
    region_id,
    target_id,
    school_year,
    document_id,
    indicator_zh,
    area_level,
    actual,
    {{ figure_zh('actual', flips='coalesce(worst_flips, false)', bound='threshold') }} as actual_zh,
    cast(threshold as double) as threshold,
    cast(threshold_high as double) as threshold_high,
    operator,
    {{ demand_zh('threshold_high') }} as demand_zh,
    unit_zh,
    case when kind <> 'milestone' and actual is not null then worst_gap end as gap,
    due_year,
    status,
    status_zh,
    case when is_judged then is_met end as is_met,
    is_met_at_due,
    actual_at_due,
    pace_needed,
    case when has_pace then pace_observed end as pace_observed,
    actual_last_year,
    actual_two_years_ago,
    {{ figure_zh('actual_two_years_ago') }} as actual_two_years_ago_zh,
    {{ figure_zh('actual_last_year') }} as actual_last_year_zh,
    coalesce(areas_counted, 0) as areas_counted,
    coalesce(areas_met, 0) as areas_met,
    coalesce(areas_missing, 0) as areas_missing,
    coalesce(rounding_flips, false) as rounding_flips,
    case when is_settled and is_met_at_due is null and not was_not_applicable then missing_at_due else missing end as missing,
    case
        when is_met is null and is_judged and not is_due and not is_past and kind = 'milestone' then '未到完成期限'
        when not is_settled then told
        when status = 'not_applicable' then '到期的' || cast(due_year as varchar) || '学年没有适用的学校、乡镇、县或人员'
        else
            '到期的' || cast(due_year as varchar) || '学年'
            || case when is_met_at_due then '已达到' when not is_met_at_due then '未达到' else '无法判定（' || missing_at_due || '）' end
            || case
                when is_met and is_met_at_due then ''
                when is_met then '；本学年达到'
                else '；本学年' || coalesce(told, '未达到')
            end
    end as reason,
    clause,
    quote,
    reading_zh,
    ambiguity_zh
from labelled
