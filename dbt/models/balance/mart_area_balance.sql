-- Grain: area (its level and id) × school year × stage × indicator. Units of a region are its counties, of a province its regions.
-- A province has rows of several regions, so a refresh rebuilds the year in all of them.
{{ config(partition_by=['school_year']) }}
{%- set area_key = 'area_level, area_id, school_year, stage, indicator_id' %}
with sides as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.stage,
        schools.indicator_id,
        {{ total("case when ratio_sides.ratio_side = 'urban' then schools.value * schools.pupils end") }} as urban_resource,
        sum(case when ratio_sides.ratio_side = 'urban' then schools.pupils end) as urban_pupils,
        {{ total("case when ratio_sides.ratio_side = 'rural' then schools.value * schools.pupils end") }} as rural_resource,
        sum(case when ratio_sides.ratio_side = 'rural' then schools.pupils end) as rural_pupils
    from {{ ref('fct_school_indicator') }} as schools
    left join {{ ratio_sides() }} as ratio_sides using (urban_rural_class)
    where schools.value is not null and {{ pending('schools') }}
    group by schools.region_id, schools.school_year, schools.county_code, schools.stage, schools.indicator_id
),

counties as (
    select
        counties.*,
        counties.county_mean * counties.pupils as resource,
        sides.urban_resource,
        sides.urban_pupils,
        sides.rural_resource,
        sides.rural_pupils
    from {{ ref('mart_county_balance') }} as counties
    left join sides using (region_id, school_year, county_code, stage, indicator_id)
    where {{ pending('counties') }}
),

members as (
    select
        *,
        'region' as area_level,
        region_id as area_id,
        county_code as unit_id
    from counties
    union all
    select
        *,
        'province' as area_level,
        substr(county_code, 1, 2) as area_id,
        region_id as unit_id
    from counties
    where length(county_code) = 6 and length({{ digits('county_code') }}) = 6
),

-- a unit's value is pooled: what all its pupils have, over its pupils
units as (
    select
        {{ area_key }},
        unit_id,
        sum(school_count) as school_count,
        sum(pupils) as pupils,
        {{ total('resource') }} as resource,
        {{ total('met_school_share * school_count') }} as met_schools,
        {{ total('met_pupil_share * pupils') }} as met_pupils
    from members
    group by {{ area_key }}, unit_id
),

areas as (
    select
        {{ area_key }},
        count(*) as listed_count,
        count(resource) as unit_count,
        sum(school_count) as school_count,
        sum(pupils) as pupils,
        {{ total('resource') }} as resource,
        {{ total('resource / pupils') }} / nullif(count(resource), 0) as unweighted_mean,
        {{ total('met_schools') }} / nullif(sum(school_count), 0) as met_school_share,
        {{ total('met_pupils') }} / sum(pupils) as met_pupil_share,
        row_number() over (order by {{ area_key }}) as mean_id
    from units
    group by {{ area_key }}
),

-- the Theil index of all schools: that of the counties, and each county's own by its share of the resource; and the two sides
schools as (
    select
        areas.mean_id,
        {{ sum_of_terms('cast(members.pupils as double) / areas.pupils * ' ~ theil_term(
            '(members.resource / members.pupils / (areas.resource / areas.pupils))'
        )) }}
        + {{ sum_of_terms('members.resource / areas.resource * coalesce(members.theil, 0)') }} as theil_of_schools,
        {{ total('members.urban_resource') }} / sum(members.urban_pupils)
        / nullif({{ total('members.rural_resource') }} / sum(members.rural_pupils), 0) as urban_rural_ratio
    from members
    inner join areas using (area_level, area_id, school_year, stage, indicator_id)
    where members.resource is not null and areas.resource > 0
    group by areas.mean_id
),

spread as (
    select
        areas.mean_id,
        areas.pupils as all_pupils,
        units.resource / units.pupils as value,
        cast(units.pupils as double) / areas.pupils as weight,
        units.resource / units.pupils / (areas.resource / areas.pupils) as ratio,
        units.resource / units.pupils / areas.unweighted_mean as unweighted_ratio,
        sum(units.pupils) over by_value as pupils_below,
        {{ total('units.resource', 'over by_value') }} / areas.resource as resource_below
    from units
    inner join areas using (area_level, area_id, school_year, stage, indicator_id)
    where units.resource is not null and areas.unit_count > 1 and areas.resource > 0
    window by_value as (
        partition by areas.mean_id
        order by cast(units.resource / units.pupils / (areas.resource / areas.pupils) as decimal(38, 12))
    )
),

measures as (
    select
        mean_id,
        {{ measures_of_spread() }}
    from spread
    group by mean_id
)

select
    areas.area_level,
    areas.area_id,
    areas.school_year,
    areas.stage,
    {{ stage_zh('areas') }} as stage_zh,
    areas.indicator_id,
    areas.unit_count,
    areas.listed_count - areas.unit_count as missing_unit_count,
    cast(areas.school_count as bigint) as school_count,
    cast(areas.pupils as bigint) as pupils,
    areas.resource / areas.pupils as area_mean,
    measures.difference_coefficient,
    measures.unweighted_cv,
    measures.gini,
    measures.theil,
    schools.theil_of_schools,
    schools.theil_of_schools - measures.theil as theil_within_units,
    measures.mean_log_deviation,
    measures.mcloone,
    measures.range_ratio,
    schools.urban_rural_ratio,
    areas.met_school_share,
    areas.met_pupil_share,
    case
        when areas.unit_count = 0 then '各单位均缺少数据，不可比较'
        when areas.unit_count = 1 then '只有1个单位有数据，不可比较'
        when areas.resource = 0 then '均值为0，差异系数无意义'
    end as null_reason
from areas
left join measures using (mean_id)
left join schools using (mean_id)
