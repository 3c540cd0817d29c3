-- Grain: region × school year × horizon × school × stage × national indicator: the units to add so that the school passes for least.
-- A stage may leave one indicator at 85%. Which one, a price decides: one-off outlay and plan_years of yearly pay. Of teachers, those in
-- post are trained as far as there are any; who is hired beyond them counts in every indicator of the stage.
{{ config(years_after=var('trend_years') - 1) }}
{%- set school_key = 'region_id, school_year, horizon, school_id' %}
with needs as (
    select
        *,
        coalesce(units_to_threshold, 0) as to_threshold,
        coalesce(units_to_floor, 0) as to_floor
    from {{ ref('int_needs__listed') }}
    where {{ pending() }}
),

prices as (
    select
        measure,
        indicator_id,
        cast(unit_cost_yuan * case cost_kind when 'yearly' then {{ parameter('plan_years') }} else 1 end as double) as price
    from {{ ref('unit_costs') }}
),

national as (
    select count(*) as indicator_count
    from {{ ref('indicators') }}
    where is_national
),

rules as (
    select
        parameters.region_id,
        parameters.school_year,
        parameters.county_code,
        national.indicator_count - parameters.min_indicators_met as may_stay_unmet
    from {{ ref('int_parameters__in_force') }} as parameters
    cross join national
    where {{ pending('parameters') }}
),

-- teachers of a stage, with each of their indicators left at 85%, and with none
staff as (
    select * from needs
    where is_staff
),

choices_of_staff as (
    select
        {{ school_key }},
        stage,
        indicator_id as left_id
    from staff
    where to_threshold > 0
    union all
    select distinct
        {{ school_key }},
        stage,
        '' as left_id
    from staff
),

wanted_staff as (
    select
        staff.*,
        choices.left_id,
        case when staff.indicator_id = choices.left_id then staff.to_floor else staff.to_threshold end as units
    from choices_of_staff as choices
    inner join staff using (region_id, school_year, horizon, school_id, stage)
),

hired_staff as (
    select
        *,
        max(greatest(units - coalesce(trainable, 0), 0)) over (partition by {{ school_key }}, stage, left_id) as hires
    from wanted_staff
),

prices_of_staff as (
    select
        hired.region_id,
        hired.school_year,
        hired.horizon,
        hired.school_id,
        hired.stage,
        hired.left_id,
        max(hired.hires) * max(hiring.price) + {{ total('greatest(hired.units - hired.hires, 0) * coalesce(training.price, 0)') }} as price
    from hired_staff as hired
    inner join prices as hiring on hiring.measure = 'hire'
    left join prices as training on hired.indicator_id = training.indicator_id
    group by hired.region_id, hired.school_year, hired.horizon, hired.school_id, hired.stage, hired.left_id
),

-- what is shared is added to the whole school and serves both stages: the larger need is the school's
shared as (
    select
        *,
        sum(to_threshold) over at_school - to_threshold as other_to_threshold,
        sum(to_floor) over at_school - to_floor as other_to_floor
    from needs
    where not is_staff
    window at_school as (partition by {{ school_key }}, indicator_id)
),

-- what is saved by leaving an indicator at 85%: in this stage alone, and in both stages of a school that shares it
savings as (
    select
        shared.region_id,
        shared.school_year,
        shared.horizon,
        shared.county_code,
        shared.school_id,
        shared.stage_order,
        shared.indicator_id,
        shared.sort_order,
        shared.is_split,
        prices.price
        * (greatest(shared.to_threshold, shared.other_to_threshold) - greatest(shared.to_floor, shared.other_to_threshold)) as saved_alone,
        prices.price
        * (greatest(shared.to_threshold, shared.other_to_threshold) - greatest(shared.to_floor, shared.other_to_floor)) as saved_together
    from shared
    left join prices using (indicator_id)
    where shared.to_threshold > 0
    union all
    select
        staff.region_id,
        staff.school_year,
        staff.horizon,
        staff.county_code,
        staff.school_id,
        staff.stage_order,
        staff.indicator_id,
        staff.sort_order,
        staff.is_split,
        none.price - less.price as saved_alone,
        null as saved_together
    from staff
    inner join prices_of_staff as less
        on
            {{ same('staff', 'less', 'region_id, school_year, horizon, school_id, stage') }}
            and staff.indicator_id = less.left_id
    inner join prices_of_staff as none
        on
            {{ same('staff', 'none', 'region_id, school_year, horizon, school_id, stage') }}
            and none.left_id = ''
),

first_stages as (
    select savings.*
    from savings
    inner join rules using (region_id, school_year, county_code)
    where rules.may_stay_unmet >= 1 and savings.stage_order = 1
),

second_stages as (
    select savings.*
    from savings
    inner join rules using (region_id, school_year, county_code)
    where rules.may_stay_unmet >= 1 and savings.stage_order = 2
),

-- every pair of choices, one a stage, and the pair that saves most
choices as (
    select
        coalesce(first_stage.region_id, second_stage.region_id) as region_id,
        coalesce(first_stage.school_year, second_stage.school_year) as school_year,
        coalesce(first_stage.horizon, second_stage.horizon) as horizon,
        coalesce(first_stage.school_id, second_stage.school_id) as school_id,
        first_stage.indicator_id as first_left,
        second_stage.indicator_id as second_left,
        first_stage.sort_order as first_order,
        second_stage.sort_order as second_order,
        case
            when first_stage.indicator_id = second_stage.indicator_id and first_stage.is_split then first_stage.saved_together
            else coalesce(first_stage.saved_alone, 0) + coalesce(second_stage.saved_alone, 0)
        end as saved
    from first_stages as first_stage
    full outer join second_stages as second_stage
        on {{ same('first_stage', 'second_stage', 'region_id, school_year, horizon, school_id') }}
),

ranked as (
    select
        *,
        row_number() over (partition by {{ school_key }} order by -saved, first_order, second_order) as place
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
            {{ same('needs', 'ranked', 'region_id, school_year, horizon, school_id') }}
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
    region_id,
    school_year,
    horizon,
    county_code,
    school_id,
    stage,
    indicator_id,
    is_left and school_aim < to_threshold as is_left_at_floor,
    case when null_reason is null then case when place = 1 then school_aim else 0 end end as units
from placed
