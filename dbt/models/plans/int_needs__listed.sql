-- Grain: region × school year × horizon × school × stage × national indicator: what is lacking, and whom the school could train for it.
-- At the peak and the trough of pupils every school has its part of them as now, to whole pupils; what it has is as now.
{{ config(years_after=var('trend_years') - 1) }}
with results as (
    select
        results.*,
        sections.resource_share,
        indicators.scale,
        indicators.is_split,
        indicators.part_of is not null as is_staff,
        indicators.sort_order,
        stages.sort_order as stage_order,
        cast(stages.split_weight as decimal(4, 2)) as weight,
        case
            when costs.measure = 'upgrade' then cast(greatest(sections.full_time_teachers - results.numerator, 0) as bigint) else 0
        end as trainable
    from {{ ref('fct_school_indicator') }} as results
    inner join {{ ref('fct_school_stage') }} as sections using (region_id, school_year, school_id, stage)
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ ref('stages') }} as stages using (stage)
    left join {{ ref('unit_costs') }} as costs using (indicator_id)
    where results.threshold is not null and {{ pending('results') }}
),

extremes as (
    select * from {{ ref('int_enrolment__extremes') }}
    where {{ pending() }}
),

horizons as (
    select distinct
        region_id,
        school_year,
        county_code,
        horizon
    from extremes
),

-- a stage that is not projected keeps its pupils
sized as (
    select
        sections.region_id,
        sections.school_year,
        sections.school_id,
        sections.stage,
        horizons.horizon,
        sections.pupils as pupils_now,
        sections.weighted_pupils,
        cast(stages.split_weight as decimal(4, 2)) as weight,
        coalesce(cast(floor(sections.pupils * extremes.growth + 0.5) as bigint), sections.pupils) as pupils
    from {{ ref('fct_school_stage') }} as sections
    inner join {{ ref('stages') }} as stages using (stage)
    inner join horizons using (region_id, school_year, county_code)
    left join extremes using (region_id, school_year, county_code, stage, horizon)
    where {{ pending('sections') }}
),

-- weighted pupils of the whole school, with those of its senior stage as now
weighted as (
    select
        *,
        cast(weighted_pupils as decimal(14, 2))
        + sum(weight * (pupils - pupils_now)) over (partition by region_id, school_year, school_id, horizon) as school_base
    from sized
),

-- units × scale × weight may not be less than lacking, as in fct_school_indicator
lacks as (
    select
        results.*,
        weighted.horizon,
        weighted.pupils as pupils_then,
        results.scale * case when results.is_split then results.weight else 1 end as each,
        {{ exact('results.threshold') }} * case when results.is_split then weighted.school_base else weighted.pupils end
        - results.scale * {{ exact('results.numerator / case when results.is_split then results.resource_share else 1 end') }}
        * case when results.is_split then results.weight else 1 end as lack,
        {{ exact('results.floor_value') }} * case when results.is_split then weighted.school_base else weighted.pupils end
        - results.scale * {{ exact('results.numerator / case when results.is_split then results.resource_share else 1 end') }}
        * case when results.is_split then results.weight else 1 end as floor_lack
    from results
    inner join weighted using (region_id, school_year, school_id, stage)
    where weighted.pupils > 0
)

select
    region_id,
    school_year,
    'now' as horizon,
    county_code,
    school_id,
    stage,
    indicator_id,
    pupils,
    numerator,
    threshold,
    units_to_threshold,
    units_to_floor,
    null_reason,
    is_split,
    is_staff,
    sort_order,
    stage_order,
    trainable
from results
union all
select
    region_id,
    school_year,
    horizon,
    county_code,
    school_id,
    stage,
    indicator_id,
    pupils_then as pupils,
    numerator,
    threshold,
    {{ whole_units('lack', 'each') }} as units_to_threshold,
    {{ whole_units('floor_lack', 'each') }} as units_to_floor,
    null_reason,
    is_split,
    is_staff,
    sort_order,
    stage_order,
    trainable
from lacks
