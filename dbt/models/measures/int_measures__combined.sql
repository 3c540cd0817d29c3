-- Grain: region × school year × measure × area (its level and id): measures of inputs, and measures of those in the same area.
-- Changes look a year back, and so does a figure of heads, so a refresh rebuilds the two years after too.
{{ config(years_after=2) }}
with computed as (
    select * from {{ ref('int_measures__computed') }}
),

-- measures of other measures: the last year's value is a part like any other
derived as (
    select
        measure_id,
        statistic,
        scale,
        trim({{ each_of(split("numerator || coalesce(';' || denominator, '')", ';')) }}) as part_id,
        denominator,
        0 as years_back
    from {{ ref('measures') }}
    where statistic in ('quotient', 'change', 'least')
    union all
    select
        measure_id,
        statistic,
        scale,
        numerator as part_id,
        denominator,
        1 as years_back
    from {{ ref('measures') }}
    where statistic = 'change'
),

parts as (
    select
        current_year.region_id,
        current_year.school_year,
        derived.measure_id,
        derived.statistic,
        derived.scale,
        current_year.area_level,
        current_year.area_id,
        current_year.county_code,
        derived.years_back,
        derived.part_id,
        derived.part_id = derived.denominator as is_denominator,
        of_year.value,
        of_year.lowest_value,
        of_year.highest_value,
        current_year.units_counted,
        current_year.units_missing,
        current_year.is_applicable,
        case
            when derived.years_back = 0 then current_year.missing
            when of_year.value is null then '缺上一学年的' || {{ quoted_zh('measures.name_zh') }}
        end as missing
    from computed as current_year
    inner join derived on current_year.measure_id = derived.part_id
    inner join {{ ref('measures') }} as measures on derived.part_id = measures.measure_id
    left join computed as of_year
        on
            {{ same('current_year', 'of_year', 'region_id, measure_id, area_level, area_id') }}
            and current_year.school_year - derived.years_back = of_year.school_year
    where {{ pending('current_year') }}
),

required as (
    select
        measure_id,
        count(*) as part_count,
        count(case when years_back = 0 then 1 end) as parts_of_the_year
    from derived
    group by measure_id
),

-- a part of which units are missing decides nothing here
joined as (
    select
        parts.region_id,
        parts.school_year,
        parts.measure_id,
        parts.statistic,
        parts.scale,
        parts.area_level,
        parts.area_id,
        max(parts.county_code) as county_code,
        count(*) = max(required.part_count)
        and count(case when parts.lowest_value = parts.highest_value then 1 end) = count(*) as is_whole,
        max(case when parts.years_back = 0 and not coalesce(parts.is_denominator, false) then parts.value end) as numerator,
        max(case when parts.is_denominator or parts.years_back = 1 then parts.value end) as denominator,
        min(parts.value) as least_value,
        sum(case when parts.years_back = 0 then parts.units_counted end) as units_counted,
        sum(case when parts.years_back = 0 then parts.units_missing end) as units_missing,
        count(case when parts.years_back = 0 and parts.is_applicable then 1 end) = max(required.parts_of_the_year)
        or sum(case when parts.years_back = 0 then parts.units_missing end) > 0 as is_applicable,
        {{ dbt.listagg('parts.missing', "'；'", 'order by parts.years_back, parts.part_id') }} as missing
    from parts
    inner join required using (measure_id)
    group by
        parts.region_id, parts.school_year, parts.measure_id, parts.statistic, parts.scale, parts.area_level, parts.area_id
),

combined as (
    select
        *,
        case
            when not is_whole then null
            when statistic = 'quotient' then scale * numerator / nullif(denominator, 0)
            when statistic = 'change' then scale * (numerator - denominator)
            else scale * least_value
        end as value
    from joined
)

select
    region_id,
    school_year,
    measure_id,
    area_level,
    area_id,
    county_code,
    numerator,
    denominator,
    value,
    lowest_value,
    highest_value,
    units_counted,
    units_missing,
    is_applicable,
    missing
from computed
where {{ pending() }}
union all
select
    region_id,
    school_year,
    measure_id,
    area_level,
    area_id,
    county_code,
    case when statistic <> 'least' then numerator end as numerator,
    case when statistic <> 'least' then denominator end as denominator,
    value,
    value as lowest_value,
    value as highest_value,
    cast(units_counted as bigint) as units_counted,
    cast(units_missing as bigint) as units_missing,
    is_applicable,
    case when is_applicable then coalesce(missing, case when not is_whole then '有一部分的分母为0' end) end as missing
from combined
