-- Grain: region × school year × plan × school × stage × teacher indicator: how the teachers that a plan adds are found.
-- First those in post are trained, as far as there are any; then teachers who can be spared move within the county and stage; who is
-- still lacking is hired. One who is hired counts in each indicator of the stage, one who moves in the one that he moves for. So the n-th
-- hire of a school takes as many moves to spare as indicators ask for it; the cheapest are spared first, and no other choice spares more.
{{ config(years_after=var('trend_years') - 1) }}
with asked as (
    select
        additions.region_id,
        additions.school_year,
        additions.plan,
        additions.county_code,
        additions.school_id,
        additions.stage,
        additions.indicator_id,
        additions.units,
        greatest(additions.units - coalesce(needs.trainable, 0), 0) as beyond
    from {{ ref('int_additions__placed') }} as additions
    inner join {{ ref('int_needs__listed') }} as needs
        on {{ same('additions', 'needs', 'region_id, school_year, horizon, school_id, stage, indicator_id') }}
    where additions.is_staff and {{ pending('additions') }}
),

spared as (
    select
        region_id,
        school_year,
        plan,
        county_code,
        stage,
        sum(teachers) as teachers
    from {{ ref('int_teachers__spared') }}
    where {{ pending() }}
    group by region_id, school_year, plan, county_code, stage
),

most as (
    select
        region_id,
        school_year,
        plan,
        county_code,
        stage,
        school_id,
        max(beyond) as hires
    from asked
    group by region_id, school_year, plan, county_code, stage, school_id
),

numbered as (
    select
        *,
        {{ each_number('1', 'hires') }} as hire_number
    from most
    where hires > 0
),

-- the moves that stand in for a hire
moves as (
    select
        numbered.region_id,
        numbered.school_year,
        numbered.plan,
        numbered.county_code,
        numbered.stage,
        numbered.school_id,
        numbered.hire_number,
        count(*) as moves
    from numbered
    inner join asked
        on
            {{ same('numbered', 'asked', 'region_id, school_year, plan, stage, school_id') }}
            and numbered.hire_number <= asked.beyond
    group by
        numbered.region_id, numbered.school_year, numbered.plan, numbered.county_code, numbered.stage, numbered.school_id,
        numbered.hire_number
),

queued as (
    select
        *,
        sum(moves) over (
            partition by region_id, school_year, plan, county_code, stage order by moves, -hire_number, school_id
            rows between unbounded preceding and current row
        ) as moves_so_far
    from moves
),

replaced as (
    select
        queued.region_id,
        queued.school_year,
        queued.plan,
        queued.stage,
        queued.school_id,
        count(*) as hires
    from queued
    inner join spared using (region_id, school_year, plan, county_code, stage)
    where queued.moves_so_far <= spared.teachers
    group by queued.region_id, queued.school_year, queued.plan, queued.stage, queued.school_id
),

hired as (
    select
        most.region_id,
        most.school_year,
        most.plan,
        most.stage,
        most.school_id,
        most.hires - coalesce(replaced.hires, 0) as hires
    from most
    left join replaced using (region_id, school_year, plan, stage, school_id)
)

select
    asked.region_id,
    asked.school_year,
    asked.plan,
    asked.county_code,
    asked.school_id,
    asked.stage,
    asked.indicator_id,
    asked.units,
    greatest(asked.units - greatest(asked.beyond, hired.hires), 0) as upgrades,
    greatest(asked.beyond - hired.hires, 0) as moves,
    hired.hires
from asked
inner join hired using (region_id, school_year, plan, stage, school_id)
