-- Grain: region × school year × school × stage × lever × reason × option: who might take pupils in, the nearest first, or what a cap asks.
{%- set need_key = 'region_id, school_year, county_code, school_id, stage, lever, reason' %}
with limits as (
    select * from {{ ref('int_layout__limits') }}
    where {{ pending() }}
),

sections as (
    select
        sections.*,
        sides.ratio_side
    from {{ ref('fct_school_stage') }} as sections
    left join {{ ratio_sides() }} as sides using (urban_rural_class)
    where sections.is_in_scope and {{ pending('sections') }}
),

over as (
    select
        limits.region_id,
        limits.school_year,
        limits.county_code,
        limits.school_id,
        limits.stage,
        levers.lever,
        limits.reason,
        limits.pupils,
        limits.excess_pupils
    from limits
    inner join {{ ref('layout_levers') }} as levers using (reason)
    where limits.excess_pupils > 0 and limits.excess_pupils <= {{ parameter('max_diverted_share') }} * limits.pupils
),

-- a small school of one stage that fails: all its pupils
small as (
    select
        sections.region_id,
        sections.school_year,
        sections.county_code,
        sections.school_id,
        sections.stage,
        levers.lever,
        levers.reason,
        sections.pupils,
        sections.pupils as excess_pupils
    from sections
    inner join {{ ref('mart_school_verdict') }} as verdicts using (region_id, school_year, school_id, stage)
    inner join {{ ref('int_parameters__in_force') }} as parameters
        on {{ same('sections', 'parameters', 'region_id, school_year, county_code') }}
    inner join {{ ref('layout_levers') }} as levers on levers.lever = 'merge'
    where
        not verdicts.is_passed
        and sections.pupils < parameters.small_school_pupils
        and sections.resource_share = 1
),

needs as (
    select * from over
    union all
    select * from small
),

-- a room that is unknown is none: one figure of the school is missing
rooms as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        min(room_pupils) as room_pupils
    from limits
    group by region_id, school_year, county_code, school_id, stage
    having count(*) = count(room_pupils)
),

public as (
    select
        schools.region_id,
        schools.school_year,
        schools.school_id
    from {{ ref('dim_school') }} as schools
    inner join {{ ref('populations') }} as populations on populations.population_id = 'public_schools'
    where
        coalesce(';' || populations.organisers || ';' like '%;' || schools.organiser || ';%', true)
        and {{ pending('schools') }}
),

hosts as (
    select
        sections.*,
        rooms.room_pupils
    from rooms
    inner join sections using (region_id, school_year, county_code, school_id, stage)
    inner join public using (region_id, school_year, school_id)
    where rooms.room_pupils > 0
),

-- of the same township first, then of the same side of town and country, then the one of most room; who is merged needs one that takes all
ranked as (
    select
        needs.*,
        hosts.school_id as to_school_id,
        hosts.room_pupils,
        mine.township = hosts.township as is_same_township,
        mine.ratio_side = hosts.ratio_side as is_same_side,
        row_number() over nearest as option_no,
        sum(hosts.room_pupils) over nearest - hosts.room_pupils as placed_before
    from needs
    inner join sections as mine using (region_id, school_year, school_id, stage)
    inner join hosts
        on
            {{ same('needs', 'hosts', 'region_id, school_year, county_code, stage') }}
            and needs.school_id <> hosts.school_id
            and (needs.lever <> 'merge' or needs.excess_pupils <= hosts.room_pupils)
    where needs.lever <> 'cap'
    window nearest as (
        partition by needs.region_id, needs.school_year, needs.school_id, needs.stage, needs.lever, needs.reason
        order by
            coalesce(mine.township = hosts.township, false) desc,
            coalesce(mine.ratio_side = hosts.ratio_side, false) desc,
            hosts.room_pupils desc,
            hosts.school_id asc
        rows between unbounded preceding and current row
    )
),

options as (
    select
        *,
        least(room_pupils, excess_pupils - placed_before) as moved_pupils
    from ranked
    where placed_before < excess_pupils
),

joined as (
    select
        needs.*,
        sections.grades,
        coalesce(options.option_no, 1) as option_no,
        options.to_school_id,
        options.is_same_township,
        options.is_same_side,
        options.room_pupils,
        options.moved_pupils,
        coalesce(sum(options.moved_pupils) over (
            partition by needs.region_id, needs.school_year, needs.school_id, needs.stage, needs.lever, needs.reason
        ), 0) as placed_pupils
    from needs
    inner join sections using (region_id, school_year, county_code, school_id, stage)
    left join options using ({{ need_key }})
)

select
    {{ need_key }},
    {{ stage_zh('joined') }} as stage_zh,
    option_no,
    pupils,
    case when lever <> 'merge' then pupils - excess_pupils end as allowed_pupils,
    cast(excess_pupils as bigint) as excess_pupils,
    to_school_id,
    is_same_township,
    is_same_side,
    room_pupils,
    cast(moved_pupils as bigint) as moved_pupils,
    case when lever <> 'cap' then cast(excess_pupils - placed_pupils as bigint) end as unplaced_pupils,
    case when lever = 'cap' and grades > 0 then cast(floor((pupils - excess_pupils) / grades) as bigint) end as yearly_entrants,
    case when lever = 'cap' then grades end as years,
    case
        when lever = 'cap' and coalesce(grades, 0) = 0 then '没有填报年级数，算不出每年招生人数'
        when lever = 'merge' and to_school_id is null then '县内没有一所同学段公办学校能接收全部学生、各项仍达标'
        when lever = 'divert' and to_school_id is null then '县内没有同学段公办学校接收后各项仍达标'
    end as null_reason
from joined
