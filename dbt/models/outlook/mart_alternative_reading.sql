-- Grain: region × school year × alternative reading of a rule × county that a standard's criterion judges; a target's is of the region.
-- What a reading takes from the year before may change with that year, so a refresh rebuilds every year of its regions.
{{ config(partition_by=['region_id']) }}
with criteria as (
    select
        items.region_id,
        items.school_year,
        items.county_code,
        items.criterion_id,
        null as target_id,
        null as county_codes,
        items.text_zh as rule_zh,
        items.reading_zh,
        items.measure_id,
        items.area_level,
        items.operator,
        items.threshold,
        items.actual_zh,
        items.is_met
    from {{ ref('mart_standard_item') }} as items
    where {{ pending('items') }}
),

targets as (
    select
        progress.region_id,
        progress.school_year,
        null as county_code,
        null as criterion_id,
        progress.target_id,
        targets.county_codes,
        progress.quote as rule_zh,
        progress.reading_zh,
        targets.measure_id,
        progress.area_level,
        progress.operator,
        progress.threshold,
        progress.actual_zh,
        progress.is_met
    from {{ ref('mart_target_progress') }} as progress
    inner join {{ ref('targets') }} as targets using (target_id)
    where {{ pending('progress') }}
),

rules as (
    select * from criteria
    union all
    select * from targets
),

-- what a reading does not say otherwise is as it is in force; one without a measure, a number or a year of its own cannot be tried
read_otherwise as (
    select
        rules.region_id,
        rules.school_year,
        rules.county_code,
        rules.criterion_id,
        rules.target_id,
        rules.county_codes,
        rules.rule_zh,
        rules.reading_zh,
        rules.actual_zh,
        rules.is_met,
        coalesce(alternatives.area_level, rules.area_level) as area_level,
        alternatives.alternative_id,
        alternatives.alternative_zh,
        alternatives.lacks_zh,
        alternatives.evidence_grade,
        coalesce(alternatives.operator, rules.operator) is not null as is_judged,
        coalesce(alternatives.measure_id, rules.measure_id) as measure_id,
        rules.school_year - coalesce(alternatives.years_back, 0) as read_year,
        coalesce(alternatives.operator, rules.operator) as operator,
        cast(coalesce(alternatives.threshold, rules.threshold) as decimal(18, 4)) as threshold,
        alternatives.threshold_high
    from rules
    inner join {{ ref('alternative_readings') }} as alternatives
        on coalesce(rules.criterion_id, rules.target_id) = coalesce(alternatives.criterion_id, alternatives.target_id)
),

bound as (
    select
        read_otherwise.*,
        measures.statistic,
        measures.unit_zh,
        measures.decimals,
        measures.factor,
        measures.shown_decimals,
        measures.suffix_zh,
        {{ bounds('read_otherwise', 'read_otherwise.threshold_high') }}
    from read_otherwise
    inner join {{ ref('int_measures__shown') }} as measures using (measure_id)
),

results as (
    select
        bound.*,
        facts.area_id,
        facts.value,
        facts.missing,
        {{ judged('facts.value') }} as judged_value,
        {{ judged('facts.lowest_value') }} as lowest_value,
        {{ judged('facts.highest_value') }} as highest_value
    from bound
    inner join {{ ref('fct_measure') }} as facts
        on
            {{ same('bound', 'facts', 'region_id, measure_id, area_level') }}
            and bound.read_year = facts.school_year
            and (bound.county_code is null or bound.county_code = facts.county_code)
            and (bound.county_codes is null or ';' || bound.county_codes || ';' like '%;' || facts.county_code || ';%')
    where bound.lacks_zh is null and facts.is_applicable
),

judged as (
    select
        *,
        {{ is_met() }} as is_met_otherwise,
        {{ gap() }} as gap
    from results
),

ranked as (
    select
        *,
        row_number() over (
            partition by region_id, school_year, county_code, alternative_id
            order by case when is_met_otherwise is null then 2 when is_met_otherwise then 1 else 0 end asc, gap desc, area_id asc
        ) as place
    from judged
),

over_areas as (
    select
        region_id,
        school_year,
        county_code,
        alternative_id,
        count(*) as areas_counted,
        count(case when is_met_otherwise then 1 end) as areas_met,
        count(case when not is_met_otherwise then 1 end) as areas_not_met,
        max(case when place = 1 then value end) as worst_value,
        min(missing) as missing
    from ranked
    group by region_id, school_year, county_code, alternative_id
),

-- a criterion that asks for every school of a kind is met where there is none of that kind
decided as (
    select
        bound.*,
        over_areas.missing,
        case
            when bound.lacks_zh is not null or not bound.is_judged then null
            when over_areas.areas_not_met > 0 then false
            when over_areas.areas_met = over_areas.areas_counted then true
            when over_areas.areas_counted is null and bound.area_level = 'school' and listed.has_schools then true
        end as is_met_otherwise,
        case
            when over_areas.areas_not_met > 0 or over_areas.areas_met = over_areas.areas_counted or not bound.is_judged
                then over_areas.worst_value
        end as actual
    from bound
    left join over_areas
        on
            {{ same('bound', 'over_areas', 'region_id, school_year, alternative_id') }}
            and coalesce(bound.county_code, '') = coalesce(over_areas.county_code, '')
    left join {{ ref('int_counties__listed') }} as listed
        on
            {{ same('bound', 'listed', 'region_id, county_code') }}
            and bound.read_year = listed.school_year
)

select
    region_id,
    school_year,
    county_code,
    criterion_id,
    target_id,
    alternative_id,
    rule_zh,
    reading_zh,
    actual_zh,
    is_met,
    alternative_zh,
    case when lacks_zh is null then measure_id end as alternative_measure_id,
    actual as alternative_actual,
    {{ figure_zh('actual') }} as alternative_actual_zh,
    case when lacks_zh is null then {{ demand_zh('threshold_high') }} end as alternative_demand_zh,
    is_met_otherwise as alternative_is_met,
    is_met <> is_met_otherwise as is_turned,
    case
        when lacks_zh is not null then lacks_zh
        when is_met_otherwise is null and is_judged then coalesce(missing, '没有' || cast(read_year as varchar) || '学年适用的数')
    end as reason,
    evidence_grade
from decided
