-- Grain: region × school year × county × criterion of a national standard; an item of the standard has one criterion or several.
with criteria as (
    select * from {{ ref('int_criteria__in_force') }}
    where {{ pending() }}
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
    from {{ ref('int_criteria__judged') }} as eased
    left join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    where {{ pending('eased') }}
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
        max(case when place = 1 then numerator end) as worst_numerator,
        max(case when rounding_flips then 1 else 0 end) = 1 as rounding_flips,
        max(case when place = 1 and rounding_flips then 1 else 0 end) = 1 as worst_flips,
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
        over_areas.worst_flips,
        over_areas.worst_numerator,
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
            else coalesce({{ and_more('over_areas.missing', 3, 'over_areas.areas_missing', '所学校', '；') }}, '没有适用的对象（分母为0）')
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
    {{ figure_zh('actual', flips='coalesce(worst_flips, false)', bound='threshold') }} as actual_zh,
    operator,
    cast(threshold as double) as threshold,
    {{ demand_zh() }} as demand_zh,
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
                || {{ rule_zh('threshold') }}
                || '：' || {{ and_more('failed_names', 5, 'areas_not_met', '所') }}
        when failed_zh is not null
            then
                replace(
                    replace(failed_zh, '{numerator}', {{ shown('worst_numerator', 0) }}), '{actual}',
                    {{ figure_zh('actual', flips='coalesce(worst_flips, false)', bound='threshold') }}
                )
        when operator = '=' then measure_zh || '：申报为' || case when actual = 1 then '是' else '否' end
        else
            measure_zh || {{ figure_zh('actual', flips='coalesce(worst_flips, false)', bound='threshold') }} || '，'
            || case operator
                when '>=' then case when unit_zh = '比例' and threshold = 1 then '未达到' else '低于' end
                when '<' then '未低于'
                when '>' then '未高于'
                else '超过'
            end || {{ rule_zh('threshold') }}
    end as reason,
    reading_zh,
    ambiguity_zh,
    evidence_grade,
    sources
from decided
