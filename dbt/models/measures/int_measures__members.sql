-- Grain: region × school year × measure of inputs × unit that belongs to its population, or may: nothing says that it does not.
-- A county that handed in the totals of all that a measure of every section reads stands for its sections.
{{ config(materialized='view') }}
with measures as (
    select
        measures.measure_id,
        measures.statistic,
        measures.unit_level,
        measures.population_id,
        populations.stage,
        populations.school_types,
        populations.urban_rural_classes,
        populations.is_township_seat,
        populations.is_boarding,
        populations.organisers,
        populations.min_pupils,
        populations.max_pupils,
        populations.is_in_scope
    from {{ ref('measures') }} as measures
    left join {{ ref('populations') }} as populations using (population_id)
    where measures.statistic not in ('quotient', 'change', 'least', 'areas', 'areas_share', 'verdict')
),

units as (
    select * from {{ ref('int_units__listed') }}
),

needed as (
    select distinct
        region_id,
        measure_id
    from {{ ref('int_measures__asked') }}
),

-- who belongs to a measure's population; a column that the population leaves empty asks for nothing. Of whom it is not known,
-- because an attribute is not, the figure is missing: only who certainly does not belong is left out
compared as (
    select
        units.*,
        measures.measure_id,
        measures.statistic,
        (measures.stage is null or units.stages like '%;' || measures.stage || ';%')
        and (measures.school_types is null or ';' || measures.school_types || ';' like '%;' || units.school_type || ';%')
        and (
            measures.urban_rural_classes is null
            or ';' || measures.urban_rural_classes || ';' like '%;' || units.urban_rural_class || ';%'
            or (measures.urban_rural_classes like '%seat' and units.is_township_seat)
        )
        and (measures.is_township_seat is null or units.is_township_seat = measures.is_township_seat)
        and (measures.is_boarding is null or units.is_boarding = measures.is_boarding)
        and (measures.organisers is null or ';' || measures.organisers || ';' like '%;' || units.organiser || ';%')
        and (measures.min_pupils is null or units.pupils >= measures.min_pupils)
        and (measures.max_pupils is null or units.pupils <= measures.max_pupils)
        and (measures.is_in_scope is null or units.is_in_scope = measures.is_in_scope) as is_member,
        case
            when units.unit_level = 'township' then '学校表缺“乡镇街道”'
            when units.missing_zh is not null then '缺学校'
            when measures.urban_rural_classes is not null and units.urban_rural_class is null then '学校表缺“城乡类型”'
            when (measures.is_township_seat is not null or measures.urban_rural_classes like '%seat') and units.is_township_seat is null
                then '学校表缺“是否乡镇驻地”'
            when measures.is_boarding is not null and units.is_boarding is null then '学校表缺“是否寄宿制”'
            when measures.organisers is not null and units.organiser is null then '学校表缺“举办者”'
            else '学校表缺“在校生数”'
        end as lacks
    from units
    inner join needed using (region_id)
    inner join measures using (measure_id, unit_level)
),

parts as (
    select
        used.measure_id,
        totals.input_id as total_id,
        count(*) over (partition by used.measure_id) as part_count
    from {{ ref('int_inputs__used') }} as used
    inner join {{ ref('inputs') }} as inputs using (input_id)
    left join {{ ref('inputs') }} as totals on used.input_id = totals.total_of
    where inputs.total_of is null
),

counties as (
    select
        totals.region_id,
        totals.school_year,
        totals.unit_id as county_code,
        parts.measure_id
    from parts
    inner join measures using (measure_id)
    inner join {{ ref('int_facts__settled') }} as totals on parts.total_id = totals.input_id
    where measures.population_id is null and totals.unit_level = 'county' and totals.value is not null
    group by totals.region_id, totals.school_year, totals.unit_id, parts.measure_id
    having count(*) = max(parts.part_count)
)

select
    compared.region_id,
    compared.school_year,
    compared.measure_id,
    compared.statistic,
    compared.unit_level,
    compared.unit_id,
    compared.unit_name,
    compared.stage,
    compared.county_code,
    compared.township_id,
    compared.is_member is not null and compared.missing_zh is null as is_known_member,
    compared.lacks
from compared
left join counties using (region_id, school_year, county_code, measure_id)
where coalesce(compared.is_member, true) and counties.measure_id is null
union all
select
    units.region_id,
    units.school_year,
    counties.measure_id,
    measures.statistic,
    measures.unit_level,
    units.unit_id,
    units.unit_name,
    units.stage,
    units.county_code,
    units.township_id,
    true as is_known_member,
    cast(null as varchar) as lacks
from counties
inner join measures using (measure_id)
inner join needed using (region_id, measure_id)
inner join units on {{ same('counties', 'units', 'region_id, school_year, county_code') }} and units.unit_level = 'county'
