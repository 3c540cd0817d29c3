-- Grain: region × school year × county × criterion of a national standard; an item of the standard has one criterion or several.
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

years as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending() }}
),

transitions as (
    select * from {{ ref('int_transitions__in_force') }}
    where {{ pending() }}
),

-- a transition rule that is switched on stands beside the criterion that it eases, for those whom it concerns
listed as (
    select
        items.*,
        measures.name_zh as measure_zh,
        measures.unit_zh,
        case when measures.unit_zh not in ('比例', '比值') then measures.unit_zh else '' end as said_unit,
        measures.decimals,
        {{ bounds('items') }}
    from {{ ref('standard_items') }} as items
    inner join {{ ref('measures') }} as measures using (measure_id)
),

criteria as (
    select
        counties.region_id,
        counties.school_year,
        counties.has_schools,
        bound.*
    from counties
    inner join {{ in_force('listed', 'years', ['standard_id', 'criterion_id', 'transition_id', 'measure_id']) }} as bound
        using (region_id, school_year, county_code)
    left join transitions using (region_id, school_year, county_code, transition_id)
    where bound.transition_id is null or transitions.transition_id is not null
),

results as (
    select
        criteria.region_id,
        criteria.school_year,
        criteria.county_code,
        criteria.standard_id,
        criteria.criterion_id,
        criteria.transition_id,
        criteria.is_judged,
        criteria.lower_bound,
        criteria.upper_bound,
        criteria.is_open,
        facts.area_level,
        facts.area_id,
        facts.value,
        facts.missing,
        {{ judged('facts.value') }} as judged_value,
        {{ judged('facts.lowest_value') }} as lowest_value,
        {{ judged('facts.highest_value') }} as highest_value,
        {{ judged_as_shown('facts.value', 'criteria.decimals') }} as rounded_value
    from criteria
    inner join {{ ref('int_measures__combined') }} as facts using (region_id, school_year, county_code, measure_id, area_level)
    where {{ pending('facts') }}
),

judged as (
    select
        *,
        {{ is_met() }} as is_met,
        {{ gap() }} as gap,
        {{ satisfies('judged_value') }} <> {{ satisfies('rounded_value') }} as rounding_flips
    from results
),

-- one row an area: the criterion itself, or a transition rule that is known to concern it, is enough
eased as (
    select
        region_id,
        school_year,
        county_code,
        standard_id,
        criterion_id,
        area_level,
        area_id,
        case when area_level = 'school' then area_id end as school_id,
        case
            when count(case when is_met then 1 end) > 0 then true
            when count(case when transition_id is null and not is_met then 1 end) > 0 then false
        end as is_met,
        max(case when transition_id is null then gap end) as gap,
        max(case when transition_id is null then value end) as value,
        max(case when transition_id is null then missing end) as missing,
        max(case when is_met is not null and rounding_flips then 1 else 0 end) = 1 as rounding_flips,
        max(case when transition_id is not null and is_met then 1 else 0 end) = 1
        and max(case when transition_id is null and is_met then 1 else 0 end) = 0 as is_eased
    from judged
    group by region_id, school_year, county_code, standard_id, criterion_id, area_level, area_id
),

ranked as (
    select
        eased.*,
        schools.school_name,
        coalesce(schools.school_name || '：', '') || eased.missing as told_missing,
        row_number() over (
            partition by eased.region_id, eased.school_year, eased.county_code, eased.standard_id, eased.criterion_id
            order by case when eased.is_met then 1 when eased.is_met is null then 2 else 0 end asc, eased.gap desc, eased.area_id asc
        ) as place,
        row_number() over (
            partition by
                eased.region_id, eased.school_year, eased.county_code, eased.standard_id, eased.criterion_id, eased.missing is null
            order by eased.area_id
        ) as missing_place
    from eased
    left join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
),

over_areas as (
    select
        region_id,
        school_year,
        county_code,
        standard_id,
        criterion_id,
        count(*) as areas_counted,
        count(case when is_met then 1 end) as areas_met,
        count(case when not is_met then 1 end) as areas_not_met,
        count(case when missing is not null then 1 end) as areas_missing,
        count(case when is_eased then 1 end) as areas_eased,
        max(case when place = 1 then value end) as worst_value,
        max(case when rounding_flips then 1 else 0 end) = 1 as rounding_flips,
        {{ dbt.listagg("case when not is_met and place <= 5 then school_name end", "'、'", 'order by place') }} as failed_names,
        {{ dbt.listagg("case when missing_place <= 3 then told_missing end", "'；'", 'order by missing_place') }} as missing
    from ranked
    group by region_id, school_year, county_code, standard_id, criterion_id
),

-- what asks for every school of a kind is met where there is none of that kind
decided as (
    select
        criteria.*,
        over_areas.areas_met,
        over_areas.areas_not_met,
        over_areas.areas_missing,
        over_areas.areas_eased,
        over_areas.failed_names,
        over_areas.rounding_flips,
        coalesce(over_areas.areas_counted, 0) as areas_counted,
        case
            when over_areas.areas_not_met > 0 then false
            when over_areas.areas_met = over_areas.areas_counted then true
            when over_areas.areas_counted is null and criteria.area_level = 'school' and criteria.has_schools and criteria.is_judged
                then true
        end as is_met,
        case
            when over_areas.areas_not_met > 0 or over_areas.areas_missing = 0 then over_areas.worst_value
        end as actual,
        case
            when over_areas.areas_counted is null and not criteria.has_schools then '没有报送学校表'
            when over_areas.areas_counted is null and criteria.area_level = 'county' then '没有适用的数据'
            else coalesce({{ and_more('over_areas.missing', 3, 'over_areas.areas_missing', '所学校', '；') }}, '作分母的数为0，没有适用的对象')
        end as missing
    from criteria
    left join over_areas using (region_id, school_year, county_code, standard_id, criterion_id)
    where criteria.transition_id is null
)

select
    region_id,
    school_year,
    county_code,
    standard_id,
    part,
    item_id,
    criterion_id,
    text_zh,
    measure_id,
    measure_zh,
    unit_zh,
    area_level,
    actual,
    operator,
    cast(threshold as double) as threshold,
    is_judged,
    is_met,
    coalesce(rounding_flips, false) as rounding_flips,
    cast(areas_counted as bigint) as areas_counted,
    cast(coalesce(areas_met, 0) as bigint) as areas_met,
    cast(coalesce(areas_not_met, 0) as bigint) as areas_not_met,
    cast(coalesce(areas_missing, 0) as bigint) as areas_missing,
    cast(coalesce(areas_eased, 0) as bigint) as areas_eased,
    case
        when not is_judged then null
        when is_met is null then '无法判定：' || missing
        when is_met and areas_counted = 0 then '没有适用的学校，视为达到'
        when is_met then null
        when area_level = 'school'
            then
                measure_zh || case when operator in ('>=', '>') then '不足' else '超过' end
                || {{ plain('cast(threshold as double)') }} || said_unit
                || '：' || {{ and_more('failed_names', 5, 'areas_not_met', '所') }}
        when operator = '=' then measure_zh || '：申报为' || case when actual = 1 then '是' else '否' end
        else
            measure_zh
            || case
                when rounding_flips then cast(cast(actual as decimal(28, 6)) as varchar)
                else {{ plain('cast(' ~ judged_as_shown('actual', 'decimals') ~ ' as double)') }}
            end
            || said_unit || '，应'
            || case operator when '>=' then '不低于' when '<' then '低于' when '>' then '高于' else '不超过' end
            || {{ plain('cast(threshold as double)') }}
    end as reason,
    reading_zh,
    ambiguity_zh,
    evidence_grade,
    sources
from decided
