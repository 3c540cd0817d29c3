-- Grain: region × school year × county: both plans of mart_gap_plan carried out together, and what passes then.
-- What is done, and at what cost, is what its steps add up to (mart_county_outlay).
{%- set county_key = 'region_id, school_year, county_code' %}
with outlays as (
    select * from {{ ref('mart_county_outlay') }}
    where {{ pending() }}
),

-- outlay that is made once, and what is to be paid every year
costs as (
    select
        {{ county_key }},
        {%- for plan in ['both', 'pass', 'balance'] %}
        {%- for kind in ['one_off', 'yearly'] %}
        {{ total("case when plan = '" ~ plan ~ "' and cost_kind = '" ~ kind ~ "' then cost_yuan else 0 end") }}
            as {{ plan }}_{{ kind }}_yuan,
        {%- endfor %}
        {%- endfor %}
        count(case when plan = 'both' and price_basis = '示例' then 1 end) > 0 as has_sample_price,
        {{ dbt.listagg(
            "case when plan = 'both' then way_zh || " ~ quantity_zh() ~ " end", "'；'", 'order by cost_kind, way_zh'
        ) }} as additions
    from outlays
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
    from {{ ref('int_additions__placed') }} as additions
    inner join {{ ref('stages') }} as stages on additions.is_split or additions.stage = stages.stage
    where additions.plan = 'both' and {{ pending('additions') }}
),

given as (
    select
        region_id,
        school_year,
        from_school_id as school_id,
        stage,
        indicator_id,
        sum(units) as units
    from {{ ref('mart_plan_step') }}
    where plan = 'both' and measure = 'move' and {{ pending() }}
    group by region_id, school_year, from_school_id, stage, indicator_id
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
        coalesce(given.units, 0) as given,
        indicators.scale * ({{ exact('schools.numerator') }} - coalesce(given.units, 0))
        >= {{ exact('schools.threshold') }} * schools.pupils as is_met_without_given,
        schools.value + (coalesce(served.units, 0) - coalesce(given.units, 0)) * indicators.scale
        * case when indicators.is_split then stages.resource_share else 1 end / schools.pupils as value_after
    from {{ ref('fct_school_indicator') }} as schools
    inner join {{ ref('fct_school_stage') }} as stages using (region_id, school_year, school_id, stage)
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    left join served using (region_id, school_year, school_id, indicator_id, stage)
    left join given using (region_id, school_year, school_id, indicator_id, stage)
    where schools.threshold is not null and {{ pending('schools') }}
),

-- the school rule, as mart_school_verdict has it
verdicts as (
    select
        {{ county_key }},
        school_id,
        stage,
        count(case when units >= units_to_threshold and (given = 0 or is_met_without_given) then 1 end) as met_count,
        count(case when units < units_to_floor then 1 end) as floor_failed_count,
        count(case when value is null then 1 end) as missing_count
    from results
    group by {{ county_key }}, school_id, stage
),

schools_after as (
    select
        verdicts.region_id,
        verdicts.school_year,
        verdicts.county_code,
        count(
            case
                when verdicts.floor_failed_count > 0 or verdicts.met_count + verdicts.missing_count < parameters.min_indicators_met then 1
            end
        ) as failed_school_count,
        sum(verdicts.missing_count) as missing_value_count
    from verdicts
    inner join {{ ref('int_parameters__in_force') }} as parameters using ({{ county_key }})
    group by verdicts.region_id, verdicts.school_year, verdicts.county_code
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
)

select
    schools_after.region_id,
    schools_after.school_year,
    schools_after.county_code,
    costs.additions,
    {%- for plan in ['both', 'pass', 'balance'] %}
    {%- for kind in ['one_off', 'yearly'] %}
    coalesce(costs.{{ plan }}_{{ kind }}_yuan, 0) as {{ plan ~ '_' if plan != 'both' }}{{ kind }}_yuan,
    {%- endfor %}
    {%- endfor %}
    coalesce(costs.has_sample_price, false) as has_sample_price,
    schools_now.failed_school_count,
    schools_after.failed_school_count as failed_school_count_after,
    coalesce(balanced.failed_coefficient_count, 0) as failed_coefficient_count,
    coalesce(balanced.failed_coefficient_count_after, 0) as failed_coefficient_count_after,
    balanced.remaining,
    cast(schools_after.missing_value_count as bigint) as missing_value_count,
    coalesce(absent.school_count, 0) as missing_school_count
from schools_after
inner join schools_now using (region_id, school_year, county_code)
left join balanced using (region_id, school_year, county_code)
left join costs using (region_id, school_year, county_code)
left join absent using (region_id, school_year, county_code)
