-- Grain: region × school year × plan × school × stage × step: what is to be done for an indicator, how much, at what price.
-- Who is in post is trained first, who is hired comes last.
{{ config(years_after=var('trend_years') - 1) }}
{%- set county_key = 'region_id, school_year, plan, county_code, stage' %}
with allotted as (
    select * from {{ ref('int_teachers__allotted') }}
    where {{ pending() }}
),

-- givers and receivers of a county stand in two lines; who stands abreast moves from the one to the other
receivers as (
    select
        allotted.*,
        sum(allotted.moves) over (
            partition by {{ county_key }} order by indicators.sort_order, -allotted.moves, allotted.school_id
            rows between unbounded preceding and current row
        ) as last_place
    from allotted
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where allotted.moves > 0
),

givers as (
    select
        *,
        sum(teachers) over (
            partition by {{ county_key }} order by -teachers, school_id rows between unbounded preceding and current row
        ) as last_place
    from {{ ref('int_teachers__spared') }}
    where {{ pending() }}
),

moved as (
    select
        receivers.region_id,
        receivers.school_year,
        receivers.plan,
        receivers.county_code,
        receivers.school_id,
        receivers.stage,
        receivers.indicator_id,
        givers.school_id as from_school_id,
        least(givers.last_place, receivers.last_place)
        - greatest(givers.last_place - givers.teachers, receivers.last_place - receivers.moves) as units
    from receivers
    inner join givers
        on
            {{ same('receivers', 'givers', county_key) }}
            and givers.last_place - givers.teachers < receivers.last_place
            and receivers.last_place - receivers.moves < givers.last_place
),

-- bought once, whatever it counts in
hired as (
    select
        allotted.region_id,
        allotted.school_year,
        allotted.plan,
        allotted.county_code,
        allotted.school_id,
        allotted.stage,
        max(allotted.hires) as units,
        {{ dbt.listagg(
            "indicators.numerator_zh || cast(least(allotted.units, allotted.hires) as varchar) || indicators.unit_zh", "'、'",
            'order by indicators.sort_order'
        ) }} as counts_zh
    from allotted
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where allotted.hires > 0
    group by allotted.region_id, allotted.school_year, allotted.plan, allotted.county_code, allotted.school_id, allotted.stage
),

steps as (
    select
        region_id,
        school_year,
        plan,
        county_code,
        school_id,
        stage,
        'upgrade' as measure,
        indicator_id,
        cast(null as varchar) as from_school_id,
        upgrades as units,
        cast(null as varchar) as counts_zh
    from allotted
    where upgrades > 0
    union all
    select
        region_id,
        school_year,
        plan,
        county_code,
        school_id,
        stage,
        'move' as measure,
        indicator_id,
        from_school_id,
        units,
        null as counts_zh
    from moved
    union all
    select
        region_id,
        school_year,
        plan,
        county_code,
        school_id,
        stage,
        'hire' as measure,
        null as indicator_id,
        null as from_school_id,
        units,
        counts_zh
    from hired
    union all
    select
        additions.region_id,
        additions.school_year,
        additions.plan,
        additions.county_code,
        additions.school_id,
        additions.stage,
        costs.measure,
        additions.indicator_id,
        null as from_school_id,
        additions.units,
        null as counts_zh
    from {{ ref('int_additions__placed') }} as additions
    left join {{ ref('unit_costs') }} as costs using (indicator_id)
    where not additions.is_staff and {{ pending('additions') }}
)

select
    steps.region_id,
    steps.school_year,
    steps.plan,
    steps.county_code,
    steps.school_id,
    steps.stage,
    {{ stage_zh('steps') }} as stage_zh,
    row_number() over (
        partition by steps.region_id, steps.school_year, steps.plan, steps.school_id, steps.stage
        order by
            costs.cost_kind,
            case steps.measure when 'upgrade' then 1 when 'hire' then 3 else 2 end,
            steps.measure,
            indicators.sort_order,
            steps.from_school_id
    ) as step_no,
    steps.measure,
    steps.indicator_id,
    steps.from_school_id,
    coalesce(costs.way_zh, indicators.numerator_zh) as way_zh,
    coalesce(steps.counts_zh, indicators.numerator_zh || {{ quantity_zh('steps.units', 'indicators.unit_zh') }}) as counts_zh,
    cast(steps.units as bigint) as units,
    costs.unit_zh,
    costs.cost_kind,
    cast(costs.unit_cost_yuan as double) as unit_cost_yuan,
    cast(steps.units * costs.unit_cost_yuan as double) as cost_yuan,
    costs.price_basis
from steps
left join {{ ref('unit_costs') }} as costs
    on
        steps.measure = costs.measure
        and (costs.indicator_id is null or steps.indicator_id = costs.indicator_id)
left join {{ ref('indicators') }} as indicators on steps.indicator_id = indicators.indicator_id
