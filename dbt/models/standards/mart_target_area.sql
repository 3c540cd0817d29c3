-- Grain: region × school year × target × area (region, county, township or school) that the target binds.
{{ config(years_after=2) }}
with targets as (
    select
        targets.*,
        measures.unit_zh,
        measures.decimals,
        measures.factor,
        measures.shown_decimals,
        measures.suffix_zh,
        measures.best_value,
        coalesce(documents.valid_from, 0) as valid_from,
        {{ bounds('targets', 'targets.threshold_high') }}
    from {{ ref('targets') }} as targets
    inner join {{ ref('policy_documents') }} as documents using (document_id)
    inner join {{ ref('int_measures__shown') }} as measures using (measure_id)
),

results as (
    select
        facts.region_id,
        facts.school_year,
        facts.area_level,
        facts.area_id,
        facts.county_code,
        facts.numerator,
        facts.denominator,
        facts.value,
        facts.units_counted,
        facts.units_missing,
        facts.is_applicable,
        facts.missing,
        targets.target_id,
        targets.is_judged and facts.school_year >= targets.valid_from as is_judged,
        targets.operator,
        targets.threshold,
        targets.threshold_high,
        targets.unit_zh,
        targets.factor,
        targets.shown_decimals,
        targets.suffix_zh,
        targets.is_open,
        targets.lower_bound,
        targets.upper_bound,
        facts.value is not null and coalesce({{ judged('facts.numerator') }} = targets.best_value, false) as is_at_best,
        {{ judged('facts.value') }} as judged_value,
        {{ judged('facts.lowest_value') }} as lowest_value,
        {{ judged('facts.highest_value') }} as highest_value,
        {{ judged_as_shown('facts.value', 'targets.decimals') }} as rounded_value
    from {{ ref('fct_measure') }} as facts
    inner join {{ ref('stg_region_documents') }} using (region_id)
    inner join targets using (document_id, measure_id, area_level)
    where
        {{ pending('facts') }}
        and (targets.county_codes is null or ';' || targets.county_codes || ';' like '%;' || facts.county_code || ';%')
),

-- what is at its best already cannot grow, and need not
judged as (
    select
        *,
        case when is_judged and is_at_best then true else {{ is_met() }} end as is_met,
        case when is_at_best then 0 * {{ gap() }} else {{ gap() }} end as gap,
        is_at_best or {{ satisfies('judged_value') }} as is_satisfied,
        is_at_best or {{ satisfies('rounded_value') }} as is_satisfied_rounded
    from results
),

named as (
    select
        region_id,
        school_year,
        'school' as area_level,
        school_id as area_id,
        school_name as area_name
    from {{ ref('stg_schools') }}
    where {{ pending() }}
    union all
    select distinct
        region_id,
        school_year,
        'township' as area_level,
        county_code || township as area_id,
        township as area_name
    from {{ ref('stg_schools') }}
    where {{ pending() }}
)

select
    judged.region_id,
    judged.school_year,
    judged.target_id,
    judged.area_level,
    judged.area_id,
    coalesce(named.area_name, county.county_name_zh, region.region_name_zh, judged.area_id) as area_name,
    judged.county_code,
    judged.numerator,
    judged.denominator,
    judged.value,
    {{ figure_zh('judged.value', 'judged') }} as value_zh,
    cast(judged.threshold as double) as threshold,
    cast(judged.threshold_high as double) as threshold_high,
    judged.operator,
    judged.is_met,
    judged.is_at_best,
    cast(judged.gap as double) as gap,
    case when judged.is_met is not null then coalesce(judged.is_satisfied <> judged.is_satisfied_rounded, false) end as rounding_flips,
    judged.units_counted,
    judged.units_missing,
    judged.is_applicable,
    judged.missing
from judged
left join named using (region_id, school_year, area_level, area_id)
left join {{ ref('stg_counties') }} as county
    on judged.region_id = county.region_id and case when judged.area_level = 'county' then judged.area_id end = county.county_code
left join {{ ref('stg_regions') }} as region
    on case when judged.area_level = 'region' then judged.region_id end = region.region_id
