-- Grain: region × school year × stage × teacher indicator × school that gives × school that receives.
-- Givers and receivers of a county stand in two lines, those of most teachers first; who stands abreast moves from the one to the other.
{%- set county_key = 'region_id, school_year, county_code, stage, indicator_id' %}
with moves as (
    select ranked.*
    from {{ ref('int_transfers__ranked') }} as ranked
    inner join {{ ref('mart_transfer_plan') }} as plans
        on
            {{ same('ranked', 'plans', 'region_id, school_year, county_code, stage, indicator_id') }}
            and ranked.move_number <= plans.teachers_moved
    where {{ pending('ranked') }}
),

{%- for side in ['from', 'to'] %}
{{ side }}_totals as (
    select
        {{ county_key }},
        {{ side }}_school_id,
        count(*) as teachers
    from moves
    group by {{ county_key }}, {{ side }}_school_id
),

{{ side }}_line as (
    select
        *,
        sum(teachers) over (
            partition by {{ county_key }} order by -teachers, {{ side }}_school_id rows between unbounded preceding and current row
        ) as last_place
    from {{ side }}_totals
){{ ',\n' if not loop.last }}
{%- endfor %}

select
    givers.region_id,
    givers.school_year,
    givers.county_code,
    givers.stage,
    {{ stage_zh('givers') }} as stage_zh,
    givers.indicator_id,
    givers.from_school_id,
    receivers.to_school_id,
    cast(
        least(givers.last_place, receivers.last_place)
        - greatest(givers.last_place - givers.teachers, receivers.last_place - receivers.teachers) as bigint
    ) as teachers
from from_line as givers
inner join to_line as receivers
    on
        {{ same('givers', 'receivers', 'region_id, school_year, county_code, stage, indicator_id') }}
        and givers.last_place - givers.teachers < receivers.last_place
        and receivers.last_place - receivers.teachers < givers.last_place
