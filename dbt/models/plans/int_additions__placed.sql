-- Grain: region × school year × plan × school × stage × national indicator: whole units that a plan adds; what stages share stands once.
-- Plans: pass (schools meet their thresholds), balance (coefficients hold their limits), both together: of one thing at one school the
-- larger of the two is added, for the smaller is in it; peak and trough: schools meet their thresholds with the pupils of that year.
{{ config(years_after=var('trend_years') - 1) }}
with aimed as (
    select * from {{ ref('int_needs__aimed') }}
    where units > 0 and {{ pending() }}
),

filled as (
    select * from {{ ref('int_balance__filled') }}
    where {{ pending() }}
),

plans as (
    {%- for plan, horizon in {'pass': 'now', 'both': 'now', 'peak': 'peak', 'trough': 'trough'}.items() %}
    select
        '{{ plan }}' as plan,
        '{{ horizon }}' as horizon
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

additions as (
    select
        aimed.region_id,
        aimed.school_year,
        plans.plan,
        aimed.horizon,
        aimed.county_code,
        aimed.school_id,
        aimed.stage,
        aimed.indicator_id,
        aimed.units
    from aimed
    inner join plans using (horizon)
    {%- for plan in ['balance', 'both'] %}
    union all
    select
        region_id,
        school_year,
        '{{ plan }}' as plan,
        'now' as horizon,
        county_code,
        school_id,
        stage,
        indicator_id,
        units
    from filled
    {%- endfor %}
),

placed as (
    select
        additions.*,
        indicators.part_of is not null as is_staff,
        indicators.is_split,
        row_number() over (
            partition by
                additions.region_id,
                additions.school_year,
                additions.plan,
                additions.school_id,
                additions.indicator_id,
                case when not indicators.is_split then additions.stage end
            order by -additions.units, stages.sort_order
        ) as place
    from additions
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ ref('stages') }} as stages using (stage)
)

select
    region_id,
    school_year,
    plan,
    horizon,
    county_code,
    school_id,
    stage,
    indicator_id,
    is_staff,
    is_split,
    cast(units as bigint) as units
from placed
where place = 1
