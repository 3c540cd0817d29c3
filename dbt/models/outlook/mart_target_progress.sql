-- Grain: region × target of a document that the region lists × school year that it handed in.
-- Trends look at three years, so a refresh rebuilds the three years after too.
{{ config(years_after=3) }}
with years as (
    select distinct
        region_id,
        school_year
    from {{ ref('stg_source_files') }}
    where {{ pending_region() }}
),

targets as (
    select
        targets.*,
        measures.unit_zh
    from {{ ref('targets') }} as targets
    inner join {{ ref('measures') }} as measures using (measure_id)
),

due_years as (
    select
        target_id,
        cast(trim({{ each_of(split('due_years', ';')) }}) as integer) as due_year
    from {{ ref('targets') }}
    where due_years is not null
),

-- the next year in which it is due, or the last; due from the first on
bound as (
    select
        years.region_id,
        years.school_year,
        targets.target_id,
        coalesce(min(case when due_years.due_year >= years.school_year then due_years.due_year end), max(due_years.due_year)) as due_year,
        coalesce(min(due_years.due_year) <= years.school_year, true) as is_due
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
    where {{ pending_region() }}
),

over_areas as (
    select
        region_id,
        school_year,
        target_id,
        count(*) as areas_counted,
        count(case when is_met then 1 end) as areas_met,
        count(case when not is_met then 1 end) as areas_not_met,
        count(case when missing is not null then 1 end) as areas_missing,
        max(case when place = 1 then value end) as worst_value,
        max(case when place = 1 then gap end) as worst_gap,
        max(case when rounding_flips then 1 else 0 end) = 1 as rounding_flips,
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
        targets.unit_zh,
        targets.kind,
        targets.is_judged,
        targets.reading_zh,
        targets.ambiguity_zh,
        over_areas.areas_counted,
        over_areas.areas_met,
        over_areas.areas_not_met,
        over_areas.areas_missing,
        over_areas.failed_names,
        over_areas.is_of_region,
        over_areas.worst_gap,
        over_areas.rounding_flips,
        case
            when over_areas.areas_not_met > 0 then false
            when over_areas.areas_met = over_areas.areas_counted then true
        end as is_met,
        case
            when over_areas.areas_not_met > 0 or over_areas.areas_met = over_areas.areas_counted then over_areas.worst_value
            when not targets.is_judged and over_areas.areas_missing = 0 then over_areas.worst_value
        end as actual,
        case
            when over_areas.areas_counted is null then '没有适用的学校、乡镇或县'
            when over_areas.missing is not null then {{ and_more('over_areas.missing', 3, 'over_areas.areas_missing', '个地区或学校', '；') }}
            when targets.is_judged and over_areas.areas_met + over_areas.areas_not_met < over_areas.areas_counted
                then '作分母的数为0，没有适用的对象'
        end as missing
    from bound
    inner join targets using (target_id)
    left join over_areas using (region_id, school_year, target_id)
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

-- a pace is a change a year, upwards positive: over the years on hand, and to the nearest value that satisfies by the due year
paced as (
    select
        judged.*,
        trend.actual_last_year,
        trend.actual_two_years_ago,
        cast(case
            when trend.actual_two_years_ago is not null
                then ({{ judged('judged.actual') }} - {{ judged('trend.actual_two_years_ago') }}) / 2
            else {{ judged('judged.actual') }} - {{ judged('trend.actual_last_year') }}
        end as double) as pace_observed,
        case
            when not judged.is_due and judged.actual is not null and judged.kind <> 'milestone'
                then case
                    when judged.is_met then 0
                    when judged.operator not in ('>=', '>') and judged.actual > judged.threshold then -judged.worst_gap
                    else judged.worst_gap
                end / (judged.due_year - judged.school_year)
        end as pace_needed
    from judged
    left join trend using (region_id, school_year, target_id)
    where {{ pending('judged') }}
)

select
    region_id,
    target_id,
    school_year,
    document_id,
    indicator_zh,
    area_level,
    actual,
    cast(threshold as double) as threshold,
    cast(threshold_high as double) as threshold_high,
    operator,
    unit_zh,
    case when kind <> 'milestone' and actual is not null then worst_gap end as gap,
    due_year,
    case
        when not is_judged then case when actual is null then 'not_evaluable' else 'measured' end
        when is_met then 'met'
        when not is_due and (kind = 'milestone' or (not is_met and pace_observed is null)) then 'not_yet_due'
        when is_met is null then 'not_evaluable'
        when is_due then 'not_met'
        when {{ judged('pace_observed') }} * sign(pace_needed) >= abs({{ judged('pace_needed') }}) then 'on_track'
        else 'off_track'
    end as status,
    pace_needed,
    case when kind <> 'milestone' then pace_observed end as pace_observed,
    actual_last_year,
    actual_two_years_ago,
    coalesce(areas_counted, 0) as areas_counted,
    coalesce(areas_met, 0) as areas_met,
    coalesce(areas_missing, 0) as areas_missing,
    coalesce(rounding_flips, false) as rounding_flips,
    missing,
    case
        when is_met is null and is_judged and not is_due and kind = 'milestone' then '未到完成期限'
        when actual is null then '无法判定：' || missing
        when not is_met and not is_of_region
            then '未达到：' || {{ and_more('failed_names', 5, 'areas_not_met', '个') }}
    end as reason,
    clause,
    quote,
    reading_zh,
    ambiguity_zh
from paced
