-- Grain: region × school year × county × stage × teacher indicator: the fewest moves of teachers between schools that reach the limit.
{%- set county_key = 'region_id, school_year, county_code, stage, indicator_id' %}
with balance as (
    select
        balance.*,
        round(balance.difference_coefficient, 12) <= balance.limit_value as is_within,
        balance.county_mean * balance.pupils / indicators.scale as teachers
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where
        indicators.part_of = 'full_time_teachers'
        and balance.limit_value is not null
        and {{ pending('balance') }}
),

ranked as (
    select * from {{ ref('int_transfers__ranked') }}
    where {{ pending() }}
),

lowest as (
    select
        {{ county_key }},
        min(coefficient_after) as least_coefficient
    from ranked
    group by {{ county_key }}
),

enough as (
    select
        balance.region_id,
        balance.school_year,
        balance.county_code,
        balance.stage,
        balance.indicator_id,
        min(ranked.move_number) as moves,
        max(ranked.coefficient_after) as coefficient_after
    from ranked
    inner join balance using (region_id, school_year, county_code, stage, indicator_id)
    where round(ranked.coefficient_after, 12) <= balance.limit_value
    group by balance.region_id, balance.school_year, balance.county_code, balance.stage, balance.indicator_id
),

judged as (
    select
        balance.*,
        enough.moves,
        enough.coefficient_after,
        coalesce(lowest.least_coefficient, balance.difference_coefficient) as least_coefficient,
        case
            when balance.difference_coefficient is null or balance.missing_school_count > 0 then 'not_evaluable'
            when balance.is_within then 'not_needed'
            when balance.teachers > {{ parameter('max_transfer_teachers') }} then 'not_solved'
            when enough.moves is null then 'infeasible'
            else 'optimal'
        end as status
    from balance
    left join enough using (region_id, school_year, county_code, stage, indicator_id)
    left join lowest using (region_id, school_year, county_code, stage, indicator_id)
)

select
    region_id,
    school_year,
    county_code,
    stage,
    {{ stage_zh('judged') }} as stage_zh,
    indicator_id,
    school_count,
    difference_coefficient,
    limit_value,
    status,
    case when status = 'not_needed' then 0 else moves end as teachers_moved,
    case when status = 'not_needed' then difference_coefficient else coefficient_after end as coefficient_after,
    case when status in ('optimal', 'infeasible') then least_coefficient end as least_coefficient,
    case status
        when 'not_evaluable' then reason
        when 'not_solved' then '全县这类教师超过' || {{ plain(parameter('max_transfer_teachers')) }} || '人，没有求解'
        when 'infeasible'
            then
                '只在校际间调配，差异系数最低为'
                || {{ shown('least_coefficient', 3, half_up('least_coefficient', 3) ~ ' <= limit_value', 'limit_value') }}
                || '，仍高于限值' || {{ plain('limit_value') }}
    end as null_reason
from judged
