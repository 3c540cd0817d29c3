-- Grain: region × school year × county: both plans of mart_gap_plan carried out together, and what passes then.
-- Of one thing at one school the larger of the plans is added, for the smaller is in it; what is shared is added once.
{%- set county_key = 'region_id, school_year, county_code' %}
with plans as (
    select
        plans.region_id,
        plans.school_year,
        plans.county_code,
        plans.school_id,
        plans.stage,
        plans.indicator_id,
        plans.unit_zh,
        indicators.numerator_zh,
        indicators.sort_order,
        indicators.is_split,
        stages.sort_order as stage_order,
        cast(costs.unit_cost_yuan as double) as unit_cost_yuan,
        greatest(coalesce(plans.pass_units, 0), plans.balance_units) as stage_units
    from {{ ref('mart_gap_plan') }} as plans
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ ref('stages') }} as stages using (stage)
    left join {{ ref('unit_costs') }} as costs using (indicator_id)
    where greatest(coalesce(plans.pass_units, 0), plans.balance_units) > 0 and {{ pending('plans') }}
),

placed as (
    select
        *,
        case when not is_split then stage end as own_stage,
        row_number() over (
            partition by region_id, school_year, school_id, indicator_id, case when not is_split then stage end
            order by -stage_units, stage_order
        ) as place
    from plans
),

additions as (
    select
        *,
        stage_units as units
    from placed
    where place = 1
),

by_indicator as (
    select
        {{ county_key }},
        indicator_id,
        sort_order,
        numerator_zh || '：' || cast(sum(units) as varchar) || coalesce(unit_zh, '') as addition,
        {{ total('units * unit_cost_yuan') }} as cost_yuan
    from additions
    group by {{ county_key }}, indicator_id, sort_order, numerator_zh, unit_zh
),

bought as (
    select
        {{ county_key }},
        {{ dbt.listagg('addition', "'；'", 'order by sort_order') }} as additions,
        {{ total('cost_yuan') }} as cost_yuan
    from by_indicator
    group by {{ county_key }}
),

-- in each stage that an addition serves
served as (
    select
        additions.region_id,
        additions.school_year,
        additions.school_id,
        additions.indicator_id,
        additions.units,
        stages.stage
    from additions
    inner join {{ ref('stages') }} as stages on additions.own_stage is null or additions.own_stage = stages.stage
),

results as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_id,
        schools.stage,
        schools.indicator_id,
        schools.pupils,
        schools.value,
        schools.units_to_threshold,
        schools.units_to_floor,
        coalesce(served.units, 0) as units,
        schools.value + coalesce(served.units, 0) * indicators.scale
        * case when indicators.is_split then stages.resource_share else 1 end / schools.pupils as value_after
    from {{ ref('fct_school_indicator') }} as schools
    inner join {{ ref('fct_school_stage') }} as stages using (region_id, school_year, school_id, stage)
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    left join served using (region_id, school_year, school_id, indicator_id, stage)
    where schools.threshold is not null and {{ pending('schools') }}
),

-- the school rule, as mart_school_verdict has it
verdicts as (
    select
        {{ county_key }},
        school_id,
        stage,
        count(case when units >= units_to_threshold then 1 end) as met_count,
        count(case when units < units_to_floor then 1 end) as floor_failed_count,
        count(case when value is null then 1 end) as missing_count
    from results
    group by {{ county_key }}, school_id, stage
),

schools_after as (
    select
        {{ county_key }},
        count(
            case when floor_failed_count > 0 or met_count + missing_count < parameters.min_indicators_met then 1 end
        ) as failed_school_count,
        sum(missing_count) as missing_value_count
    from verdicts
    inner join {{ ref('int_parameters__in_force') }} as parameters using ({{ county_key }})
    group by {{ county_key }}
),

schools_now as (
    select
        {{ county_key }},
        count(case when not is_passed then 1 end) as failed_school_count
    from {{ ref('mart_school_verdict') }}
    where {{ pending() }}
    group by {{ county_key }}
),

means as (
    select
        {{ county_key }},
        stage,
        indicator_id,
        sum(pupils) as pupils,
        {{ total('value_after * pupils') }} / sum(pupils) as mean_after
    from results
    where value is not null
    group by {{ county_key }}, stage, indicator_id
),

coefficients as (
    select
        results.region_id,
        results.school_year,
        results.county_code,
        results.stage,
        results.indicator_id,
        {{ coefficient('cast(results.pupils as double) / means.pupils', 'results.value_after / means.mean_after') }} as coefficient_after
    from results
    inner join means using (region_id, school_year, county_code, stage, indicator_id)
    where results.value is not null and means.mean_after > 0
    group by results.region_id, results.school_year, results.county_code, results.stage, results.indicator_id
),

judged as (
    select
        balance.region_id,
        balance.school_year,
        balance.county_code,
        stages.sort_order as stage_order,
        indicators.sort_order,
        round(balance.difference_coefficient, 12) > balance.limit_value as is_above,
        round(coefficients.coefficient_after, 12) > balance.limit_value as is_above_after,
        stages.name_zh || indicators.name_zh || {{ shown('coefficients.coefficient_after', 3) }}
        || '，限值' || {{ plain('balance.limit_value') }} as told
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ ref('stages') }} as stages using (stage)
    left join coefficients using (region_id, school_year, county_code, stage, indicator_id)
    where balance.limit_value is not null and balance.difference_coefficient is not null and {{ pending('balance') }}
),

balanced as (
    select
        {{ county_key }},
        count(case when is_above then 1 end) as failed_coefficient_count,
        count(case when is_above_after then 1 end) as failed_coefficient_count_after,
        {{ dbt.listagg('case when is_above_after then told end', "'；'", 'order by stage_order, sort_order') }} as remaining
    from judged
    group by {{ county_key }}
),

absent as (
    select
        {{ county_key }},
        count(*) as school_count
    from {{ ref('mart_missing_school') }}
    where {{ pending() }}
    group by {{ county_key }}
),

costs as (
    select
        {{ county_key }},
        {{ total('pass_cost_yuan') }} as pass_cost_yuan,
        {{ total('balance_cost_yuan') }} as balance_cost_yuan
    from {{ ref('mart_county_gap') }}
    where {{ pending() }}
    group by {{ county_key }}
)

select
    schools_after.region_id,
    schools_after.school_year,
    schools_after.county_code,
    bought.additions,
    coalesce(bought.cost_yuan, 0) as cost_yuan,
    coalesce(costs.pass_cost_yuan, 0) as pass_cost_yuan,
    coalesce(costs.balance_cost_yuan, 0) as balance_cost_yuan,
    schools_now.failed_school_count,
    schools_after.failed_school_count as failed_school_count_after,
    coalesce(balanced.failed_coefficient_count, 0) as failed_coefficient_count,
    coalesce(balanced.failed_coefficient_count_after, 0) as failed_coefficient_count_after,
    balanced.remaining,
    cast(schools_after.missing_value_count as bigint) as missing_value_count,
    coalesce(absent.school_count, 0) as missing_school_count
from schools_after
inner join schools_now using (region_id, school_year, county_code)
left join bought using (region_id, school_year, county_code)
left join balanced using (region_id, school_year, county_code)
left join costs using (region_id, school_year, county_code)
left join absent using (region_id, school_year, county_code)
