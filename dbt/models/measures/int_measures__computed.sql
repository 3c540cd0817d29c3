-- Grain: region × school year × measure × area (its level and id), for the measures that int_measures__asked lists. Measures of inputs
-- only; those of other measures are int_measures__combined's, those of verdicts fct_measure's. is_applicable: false where a share is 0 of 0
-- and no unit is missing: it is known that there is nobody of the kind.
-- Heads are followed from the year before, so a refresh rebuilds the year after too.
{{ config(years_after=1) }}
with measures as (
    select
        measures.measure_id,
        measures.numerator,
        measures.denominator,
        measures.scale,
        populations.condition_input
    from {{ ref('measures') }} as measures
    left join {{ ref('populations') }} as populations using (population_id)
    where measures.statistic not in ('quotient', 'change', 'least', 'areas', 'areas_share', 'verdict')
),

-- a;b: the least of both; a+b-c: their sum
terms as (
    select
        measure_id,
        'numerator' as part,
        numerator like '%+%' or numerator like '%-%' as is_sum,
        trim({{ each_of(split("replace(replace(numerator, '+', ';'), '-', ';-')", ';')) }}) as term
    from measures
    union all
    select
        measure_id,
        'denominator' as part,
        true as is_sum,
        trim({{ each_of(split("replace(replace(denominator, '+', ';'), '-', ';-')", ';')) }}) as term
    from measures
    where denominator is not null
    union all
    select
        measure_id,
        'condition' as part,
        false as is_sum,
        condition_input as term
    from measures
    where condition_input is not null
),

components as (
    select
        terms.measure_id,
        terms.part,
        terms.is_sum,
        case when terms.term like '-%' then -1 else 1 end as sign,
        inputs.input_id,
        nullif(inputs.condition_input, '') as condition_input,
        coalesce(conditions.value_type = 'last_year', false) as is_of_last_year
    from terms
    inner join {{ ref('inputs') }} as inputs on replace(terms.term, '-', '') = inputs.input_id
    left join {{ ref('inputs') }} as conditions on inputs.condition_input = conditions.input_id
),

inputs as (
    select * from {{ ref('int_inputs__melted') }}
    where {{ pending() }}
),

members as (
    select * from {{ ref('int_measures__members') }}
    where {{ pending() }}
),

parameters as (
    select * from {{ ref('int_parameters__in_force') }}
    where {{ pending() }}
),

-- a school's own fact before the one that its county hands in for all; what is asked only where another input is not 0 is not there
-- where that is 0, and missing where that is, or where it is a year before the latest cycle
found as (
    select
        members.region_id,
        members.school_year,
        members.measure_id,
        members.statistic,
        members.unit_id,
        members.unit_name,
        members.stage,
        members.county_code,
        members.township_id,
        members.is_known_member,
        members.lacks,
        components.part,
        components.is_sum,
        components.sign,
        case
            when components.condition_input is not null and conditions.value is null then components.condition_input
            else components.input_id
        end as input_id,
        case
            when components.condition_input is not null and conditions.value is null then null
            when own.unit_id is not null then own.value
            else of_county.value
        end as found_value,
        case
            when components.is_of_last_year and conditions.value < members.school_year - parameters.monitoring_cycle_years
                then conditions.value
        end as outdated_year
    from members
    inner join components using (measure_id)
    left join inputs as own using (region_id, school_year, unit_level, unit_id, stage, input_id)
    left join inputs as of_county
        on
            {{ same('members', 'of_county', 'region_id, school_year') }}
            and of_county.unit_level = case when members.unit_level = 'school' then 'county' end
            and members.county_code = of_county.unit_id
            and components.input_id = of_county.input_id
    left join inputs as conditions
        on
            {{ same('members', 'conditions', 'region_id, school_year, unit_level, unit_id, stage') }}
            and components.condition_input = conditions.input_id
    left join parameters on {{ same('members', 'parameters', 'region_id, school_year, county_code') }}
    where components.condition_input is null or coalesce(conditions.value, 1) <> 0
),

figures as (
    select
        *,
        case when outdated_year is null then found_value end as value
    from found
),

-- of several inputs the least, the greatest or the sum counts, and all must be there
of_units as (
    select
        region_id,
        school_year,
        measure_id,
        statistic,
        unit_id,
        stage,
        county_code,
        township_id,
        case
            when count(case when part = 'numerator' then value end) = count(case when part = 'numerator' then 1 end)
                then
                    case
                        when statistic = 'max' then max(case when part = 'numerator' then value end)
                        when max(case when part = 'numerator' and is_sum then 1 else 0 end) = 1
                            then {{ total("case when part = 'numerator' then sign * value end") }}
                        else min(case when part = 'numerator' then value end)
                    end
        end as numerator,
        case
            when count(case when part = 'denominator' then value end) = count(case when part = 'denominator' then 1 end)
                then {{ total("case when part = 'denominator' then sign * value end") }}
        end as denominator,
        max(case when part = 'denominator' then 1 else 0 end) as has_denominator,
        min(case when part = 'condition' then coalesce(value, -1) else 1 end) as condition_value,
        min(case when is_known_member then 1 else 0 end) = 1 as is_known_member
    from figures
    group by region_id, school_year, measure_id, statistic, unit_id, stage, county_code, township_id
),

-- who is known not to be concerned leaves; of whom it is not known, the figure is missing
concerned as (
    select
        *,
        is_known_member and condition_value = 1 and numerator is not null and (has_denominator = 0 or denominator is not null) as is_known,
        case
            when has_denominator = 0 then numerator
            when denominator > 0 then numerator / denominator
        end as unit_value
    from of_units
    where condition_value <> 0
),

placed as (
    select
        concerned.*,
        asked.area_level,
        case asked.area_level
            when 'region' then concerned.region_id
            when 'county' then concerned.county_code
            when 'township' then concerned.township_id
            else concerned.unit_id
        end as area_id
    from concerned
    inner join {{ ref('int_measures__asked') }} as asked using (region_id, measure_id)
),

-- a unit that is missing itself is told once, not once an input
first_inputs as (
    select
        measure_id,
        min(input_id) as input_id
    from components
    where part = 'numerator'
    group by measure_id
),

gaps as (
    select
        placed.region_id,
        placed.school_year,
        placed.measure_id,
        placed.area_level,
        placed.area_id,
        case when figures.is_known_member then figures.input_id else '' end as input_id,
        case when not figures.is_known_member then figures.lacks end as lacks,
        figures.outdated_year,
        figures.unit_id,
        figures.unit_name,
        placed.area_level in ('school', 'township')
        or (placed.area_level = 'county' and figures.unit_id = placed.county_code)
        or figures.unit_id = placed.region_id as is_area_itself,
        row_number() over (
            partition by
                placed.region_id, placed.school_year, placed.measure_id, placed.area_level, placed.area_id,
                case when figures.is_known_member then figures.input_id else figures.lacks end
            order by figures.unit_id, figures.stage
        ) as place
    from placed
    inner join figures using (region_id, school_year, measure_id, unit_id, stage)
    inner join first_inputs using (measure_id)
    where
        not placed.is_known
        and case
            when figures.is_known_member then figures.value is null
            else figures.part = 'numerator' and figures.input_id = first_inputs.input_id
        end
),

named as (
    select
        gaps.region_id,
        gaps.school_year,
        gaps.measure_id,
        gaps.area_level,
        gaps.area_id,
        gaps.input_id,
        coalesce(
            gaps.lacks,
            {{ quoted_zh('inputs.name_zh') }} || '是' || cast(cast(max(gaps.outdated_year) as integer) as varchar) || '年的结果，早于最近一轮监测',
            case inputs.source
                when 'facts' then '尚未报送'
                when 'schools' then '学校表缺'
                when 'teachers' then '教师表缺'
                when 'classes' then '班级表缺'
                when 'rooms' then '专用教室表缺'
                when 'funding' then '经费表缺'
                else '尚未得出'
            end || {{ quoted_zh('inputs.name_zh') }}
        )
        || case
            when max(case when gaps.is_area_itself then 1 else 0 end) = 1 and max(gaps.lacks) is null then ''
            else
                '：' || {{ and_more(
                    dbt.listagg('case when gaps.place <= 3 then gaps.unit_name end', "'、'", 'order by gaps.place'), 3, 'count(*)', '个单位'
                ) }}
        end as gap
    from gaps
    left join {{ ref('inputs') }} as inputs using (input_id)
    group by
        gaps.region_id, gaps.school_year, gaps.measure_id, gaps.area_level, gaps.area_id, gaps.input_id, gaps.lacks, inputs.source,
        inputs.name_zh
),

missing as (
    select
        region_id,
        school_year,
        measure_id,
        area_level,
        area_id,
        {{ dbt.listagg('gap', "'；'", 'order by input_id, gap') }} as missing
    from named
    group by region_id, school_year, measure_id, area_level, area_id
),

summed as (
    select
        placed.region_id,
        placed.school_year,
        placed.measure_id,
        placed.statistic,
        placed.area_level,
        placed.area_id,
        max(case when placed.area_level <> 'region' then placed.county_code end) as county_code,
        max(placed.has_denominator) as has_denominator,
        count(case when placed.is_known then 1 end) as units_counted,
        count(case when not placed.is_known then 1 end) as units_missing,
        {{ total('case when placed.is_known then placed.numerator end') }} as numerator,
        case
            when max(placed.has_denominator) = 1 then {{ total('case when placed.is_known then placed.denominator end') }}
            when placed.statistic = 'share' then count(case when placed.is_known then 1 end)
        end as denominator,
        min(case when placed.is_known then placed.unit_value end) as least_value,
        max(case when placed.is_known then placed.unit_value end) as greatest_value
    from placed
    group by placed.region_id, placed.school_year, placed.measure_id, placed.statistic, placed.area_level, placed.area_id
),

valued as (
    select
        summed.*,
        measures.scale,
        measures.scale * case summed.statistic
            when 'min' then summed.least_value
            when 'max' then summed.greatest_value
            when 'share' then summed.numerator / nullif(summed.denominator, 0)
            else summed.numerator
        end as value
    from summed
    inner join measures using (measure_id)
)

-- between what it would be if every unit that is missing counted nothing, and if it counted in full
select
    valued.region_id,
    valued.school_year,
    valued.measure_id,
    valued.area_level,
    valued.area_id,
    valued.county_code,
    valued.numerator,
    valued.denominator,
    valued.value,
    case
        when valued.units_missing = 0 or valued.statistic = 'max' then valued.value
        when valued.statistic = 'count' then coalesce(valued.numerator, 0)
        when valued.statistic = 'share' and valued.has_denominator = 0
            then coalesce(valued.numerator, 0) / (valued.units_counted + valued.units_missing)
    end as lowest_value,
    case
        when valued.units_missing = 0 or valued.statistic = 'min' then valued.value
        when valued.statistic = 'count' then coalesce(valued.numerator, 0) + valued.units_missing
        when valued.statistic = 'share' and valued.has_denominator = 0
            then (coalesce(valued.numerator, 0) + valued.units_missing) / (valued.units_counted + valued.units_missing)
    end as highest_value,
    valued.units_counted,
    valued.units_missing,
    valued.units_missing > 0 or valued.numerator <> 0 or coalesce(valued.denominator, 1) <> 0 as is_applicable,
    missing.missing
from valued
left join missing using (region_id, school_year, measure_id, area_level, area_id)
