-- Grain: region × school year × measure × area (its level and id).
-- What county verdicts give comes last: the verdicts themselves rest on the other measures.
{{ config(years_after=2) }}
with combined as (
    select * from {{ ref('int_measures__combined') }}
    where {{ pending() }}
),

verdicts as (
    select
        verdicts.region_id,
        verdicts.school_year,
        measures.measure_id,
        'county' as area_level,
        verdicts.county_code as area_id,
        verdicts.county_code,
        case verdicts.verdict when 'met' then 1.0 when 'not_met' then 0.0 end as value,
        case when verdicts.verdict = 'not_evaluable' then '整县结论无法判定，原因见mart_county_verdict' end as missing
    from {{ ref('mart_county_verdict') }} as verdicts
    inner join {{ ref('measures') }} as measures on measures.statistic = 'verdict'
    where {{ pending('verdicts') }}
),

of_counties as (
    select
        region_id,
        school_year,
        measure_id,
        area_id,
        value,
        missing
    from combined
    where area_level = 'county'
    union all
    select
        region_id,
        school_year,
        measure_id,
        area_id,
        value,
        missing
    from verdicts
),

parts as (
    select
        measure_id,
        statistic,
        scale,
        trim({{ each_of(split('numerator', ';')) }}) as part_id
    from {{ ref('measures') }}
    where statistic in ('areas', 'areas_share')
),

required as (
    select
        measure_id,
        count(*) as part_count
    from parts
    group by measure_id
),

-- a county counts where every part of the measure is 1, and does not where one of them is 0
counted as (
    select
        of_counties.region_id,
        of_counties.school_year,
        parts.measure_id,
        parts.statistic,
        parts.scale,
        of_counties.area_id,
        min(of_counties.value) as least_value,
        count(of_counties.value) = count(*) or coalesce(min(of_counties.value) = 0, false) as is_known,
        {{ dbt.listagg('of_counties.missing', "'；'", 'order by parts.part_id') }} as missing
    from of_counties
    inner join parts on of_counties.measure_id = parts.part_id
    inner join required on parts.measure_id = required.measure_id
    group by of_counties.region_id, of_counties.school_year, parts.measure_id, parts.statistic, parts.scale, of_counties.area_id
    having count(*) = max(required.part_count)
),

decided as (
    select
        counted.*,
        coalesce(listed.county_name_zh, counted.area_id) as county_name,
        row_number() over (
            partition by counted.region_id, counted.school_year, counted.measure_id, counted.is_known
            order by counted.area_id
        ) as place
    from counted
    left join {{ ref('stg_counties') }} as listed
        on counted.region_id = listed.region_id and counted.area_id = listed.county_code
),

over_counties as (
    select
        region_id,
        school_year,
        measure_id,
        max(scale) as scale,
        max(case when statistic = 'areas_share' then 1 else 0 end) = 1 as is_share,
        count(case when is_known and least_value = 1 then 1 end) as counties_in,
        count(case when is_known then 1 end) as units_counted,
        count(case when not is_known then 1 end) as units_missing,
        {{ dbt.listagg("case when not is_known and place <= 3 then county_name || '：' || missing end", "'；'", 'order by place') }}
            as missing
    from decided
    group by region_id, school_year, measure_id
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
from combined
union all
select
    region_id,
    school_year,
    measure_id,
    area_level,
    area_id,
    county_code,
    value as numerator,
    null as denominator,
    value,
    value as lowest_value,
    value as highest_value,
    cast(case when value is null then 0 else 1 end as bigint) as units_counted,
    cast(case when value is null then 1 else 0 end as bigint) as units_missing,
    true as is_applicable,
    missing
from verdicts
union all
select
    region_id,
    school_year,
    measure_id,
    'region' as area_level,
    region_id as area_id,
    null as county_code,
    counties_in as numerator,
    case when is_share then units_counted end as denominator,
    scale * counties_in / case when is_share then nullif(units_counted, 0) else 1 end as value,
    scale * counties_in / case when is_share then units_counted + units_missing else 1 end as lowest_value,
    scale * (counties_in + units_missing) / case when is_share then units_counted + units_missing else 1 end as highest_value,
    units_counted,
    units_missing,
    true as is_applicable,
    {{ and_more('missing', 3, 'units_missing', '个县', '；') }} as missing
from over_counties
