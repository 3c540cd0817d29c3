-- Grain: region × school year × school × stage × national indicator where something is to be added, or nothing is known.
-- Two plans stand side by side: to make the school pass, and to bring the county's coefficient to its limit. Each stands by itself.
{%- set school_key = 'region_id, school_year, school_id' %}
with results as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_id,
        schools.stage,
        schools.indicator_id,
        schools.value,
        schools.threshold,
        schools.units_to_threshold,
        schools.units_to_floor,
        schools.null_reason,
        costs.unit_zh,
        cast(costs.unit_cost_yuan as double) as unit_cost_yuan,
        indicators.is_split,
        indicators.sort_order,
        stages.sort_order as stage_order,
        coalesce(schools.units_to_threshold, 0) as to_threshold,
        coalesce(schools.units_to_floor, 0) as to_floor
    from {{ ref('fct_school_indicator') }} as schools
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ ref('stages') }} as stages using (stage)
    left join {{ ref('unit_costs') }} as costs using (indicator_id)
    where schools.threshold is not null and {{ pending('schools') }}
),

-- what is shared is added to the whole school and serves both stages: the larger need is the school's
needs as (
    select
        *,
        case when is_split then sum(to_threshold) over at_school - to_threshold else 0 end as other_to_threshold,
        case when is_split then sum(to_floor) over at_school - to_floor else 0 end as other_to_floor
    from results
    window at_school as (partition by {{ school_key }}, indicator_id)
),

rules as (
    select
        region_id,
        school_year,
        county_code,
        (select count(*) from {{ ref('indicators') }} where is_national) - min_indicators_met as may_stay_unmet
    from {{ ref('int_parameters__in_force') }}
    where {{ pending() }}
),

-- what is saved by leaving an indicator at 85%: in this stage alone, and in both stages of a school that shares it
savings as (
    select
        needs.*,
        needs.unit_cost_yuan * (
            greatest(needs.to_threshold, needs.other_to_threshold) - greatest(needs.to_floor, needs.other_to_threshold)
        ) as saved_alone,
        needs.unit_cost_yuan * (
            greatest(needs.to_threshold, needs.other_to_threshold) - greatest(needs.to_floor, needs.other_to_floor)
        ) as saved_together
    from needs
    inner join rules using (region_id, school_year, county_code)
    where needs.to_threshold > 0 and rules.may_stay_unmet >= 1
),

first_stages as (
    select * from savings
    where stage_order = 1
),

second_stages as (
    select * from savings
    where stage_order = 2
),

-- every pair of choices, one a stage, and the pair that saves most
choices as (
    select
        coalesce(first_stage.region_id, second_stage.region_id) as region_id,
        coalesce(first_stage.school_year, second_stage.school_year) as school_year,
        coalesce(first_stage.school_id, second_stage.school_id) as school_id,
        first_stage.indicator_id as first_left,
        second_stage.indicator_id as second_left,
        first_stage.sort_order as first_order,
        second_stage.sort_order as second_order,
        case
            when first_stage.indicator_id = second_stage.indicator_id and first_stage.is_split then first_stage.saved_together
            else coalesce(first_stage.saved_alone, 0) + coalesce(second_stage.saved_alone, 0)
        end as saved_yuan
    from first_stages as first_stage
    full outer join second_stages as second_stage
        on
            first_stage.region_id = second_stage.region_id
            and first_stage.school_year = second_stage.school_year
            and first_stage.school_id = second_stage.school_id
),

ranked as (
    select
        *,
        row_number() over (partition by {{ school_key }} order by -saved_yuan, first_order, second_order) as place
    from choices
),

aims as (
    select
        needs.*,
        coalesce(needs.indicator_id = case when needs.stage_order = 1 then ranked.first_left else ranked.second_left end, false) as is_left,
        case
            when needs.indicator_id = case when needs.stage_order = 1 then ranked.first_left else ranked.second_left end
                then needs.to_floor
            else needs.to_threshold
        end as aim
    from needs
    left join ranked
        on
            {{ same('needs', 'ranked', 'region_id, school_year, school_id') }}
            and ranked.place = 1
),

-- what is added once stands in the row of the stage that needs more of it
placed as (
    select
        *,
        case when is_split then max(aim) over at_school else aim end as school_aim,
        case when is_split then row_number() over (at_school order by -aim, stage_order) else 1 end as place
    from aims
    window at_school as (partition by {{ school_key }}, indicator_id)
)

select
    placed.region_id,
    placed.school_year,
    placed.county_code,
    placed.school_id,
    placed.stage,
    placed.indicator_id,
    placed.value,
    placed.threshold,
    placed.unit_zh,
    placed.units_to_threshold,
    placed.units_to_floor,
    placed.is_left and placed.school_aim < placed.to_threshold as is_left_at_floor,
    case when placed.null_reason is null then case when placed.place = 1 then placed.school_aim else 0 end end as pass_units,
    placed.unit_cost_yuan
    * case when placed.null_reason is null then case when placed.place = 1 then placed.school_aim else 0 end end as pass_cost_yuan,
    coalesce(filled.units, 0) as balance_units,
    placed.unit_cost_yuan * coalesce(filled.units, 0) as balance_cost_yuan,
    placed.null_reason
from placed
left join {{ ref('int_balance__filled') }} as filled using (region_id, school_year, school_id, stage, indicator_id)
where placed.to_threshold > 0 or filled.units > 0 or placed.null_reason is not null
