-- Grain: region × school year × measure of inputs × unit that belongs to its population, or may: nothing says that it does not.
{{ config(materialized='view') }}
with measures as (
    select
        measures.measure_id,
        measures.statistic,
        measures.unit_level,
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
)

select
    region_id,
    school_year,
    measure_id,
    statistic,
    unit_level,
    unit_id,
    unit_name,
    stage,
    county_code,
    township_id,
    is_member is not null and missing_zh is null as is_known_member,
    lacks
from compared
where coalesce(is_member, true)
