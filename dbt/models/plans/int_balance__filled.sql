-- Grain: region × school year × county × school × stage × national indicator: the schools to raise where a coefficient is above its limit.
-- Water-filling. In units of the mean a school has y = w r of the whole 1; with κ = 1 + L², the limit L holds where Σ y² / w ≤ κ (Σ y)².
-- One unit brings a stage its share s of it, and gains s (c − r), with c = κ times the mean after all: the least units raise every school
-- to one gain g, that is to r = c − g / s, and so the lowest schools to a common floor where all is their own. With W, A and B what
-- Σ w, Σ w / s and Σ w / s² are at the schools raised, R and S what Σ y and Σ y² / w are at the others, the limit is reached at
-- c² W − 2 c g A + g² B + S = κ (c W − g A + R)², a quadratic in g between two neighbours; c is found by doing it again.
-- Whole units follow: each next one where it gains most, until the limit holds. With own resources no fewer units would do.
{%- set county_key = 'region_id, school_year, county_code, stage, indicator_id' %}
with counties as (
    select
        {{ county_key }},
        pupils,
        county_mean,
        limit_value,
        1 + limit_value * limit_value as bound,
        row_number() over (order by {{ county_key }}) as county_id
    from {{ ref('mart_county_balance') }}
    where round(difference_coefficient, 12) > limit_value and {{ pending() }}
),

-- one whole unit at a school brings its stage only the stage's share
schools as (
    select
        counties.county_id,
        counties.bound,
        counties.limit_value,
        schools.school_id,
        cast(schools.pupils as double) / counties.pupils as weight,
        schools.value / counties.county_mean as ratio,
        cast(schools.pupils as double) / counties.pupils * (schools.value / counties.county_mean) as amount,
        case when indicators.is_split then stages.resource_share else 1 end as share,
        case when indicators.is_split then stages.resource_share else 1 end
        * indicators.scale / (counties.county_mean * counties.pupils) as unit
    from {{ ref('fct_school_indicator') }} as schools
    inner join counties using (region_id, school_year, county_code, stage, indicator_id)
    inner join {{ ref('fct_school_stage') }} as stages using (region_id, school_year, school_id, stage)
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where schools.value is not null and {{ pending('schools') }}
),

{%- for round in range(3) %}
{#- at first as if every share were 1: a common floor, the same whatever c is, whose mean is near the one that is sought #}
{%- set means = 'schools' if loop.first else 'solved_' ~ (round - 1) %}
{%- set share = '1.0' if loop.first else 'schools.share' %}
aims_{{ round }} as (
    select
        county_id,
        max(bound) * max({{ 'ratio' if loop.first else 'mean_after' }}) as aim
    from {{ means }}
    group by county_id
),

segments_{{ round }} as (
    select
        schools.county_id,
        schools.bound,
        aims.aim,
        row_number() over most_first as place,
        lead({{ share }} * (aims.aim - schools.ratio)) over most_first as next_gain,
        {{ sum_of_terms('schools.weight', 'over most_first') }} as w,
        {{ sum_of_terms('schools.weight / ' ~ share, 'over most_first') }} as a,
        {{ sum_of_terms('schools.weight / ' ~ share ~ ' / ' ~ share, 'over most_first') }} as b,
        coalesce({{ sum_of_terms('schools.amount', 'over others') }}, 0) as r,
        coalesce({{ sum_of_terms('schools.amount * schools.ratio', 'over others') }}, 0) as s
    from schools
    inner join aims_{{ round }} as aims using (county_id)
    window
        most_first as (partition by schools.county_id order by {{ share }} * (schools.ratio - aims.aim), schools.school_id),
        others as (
            partition by schools.county_id order by {{ share }} * (schools.ratio - aims.aim), schools.school_id
            rows between 1 following and unbounded following
        )
),

-- the first segment at whose end the limit holds; without a gain there is nothing to raise
crossings_{{ round }} as (
    select
        county_id,
        min(place) as place
    from segments_{{ round }}
    where
        next_gain is null
        or next_gain <= 0
        or aim * aim * w - 2 * aim * next_gain * a + next_gain * next_gain * b + s
        <= bound * (aim * w - next_gain * a + r) * (aim * w - next_gain * a + r)
    group by county_id
),

-- p g² − 2 q g + t = 0 with g = t / (q − sqrt(q² − p t)), which loses no digits
quadratics_{{ round }} as (
    select
        segments.*,
        segments.b - segments.bound * segments.a * segments.a as p,
        segments.a * (segments.aim - segments.bound * (segments.aim * segments.w + segments.r)) as q,
        segments.aim * segments.aim * segments.w + segments.s
        - segments.bound * (segments.aim * segments.w + segments.r) * (segments.aim * segments.w + segments.r) as t
    from segments_{{ round }} as segments
    inner join crossings_{{ round }} using (county_id, place)
),

gains_{{ round }} as (
    select
        *,
        t / nullif(q - sqrt(case when q * q > p * t then q * q - p * t else 0 end), 0) as gain
    from quadratics_{{ round }}
),

solved_{{ round }} as (
    select
        *,
        aim * w - gain * a + r as mean_after
    from gains_{{ round }}
),
{% endfor %}
widths as (
    select
        solved.county_id,
        solved.aim,
        solved.gain,
        least(max(schools.share * schools.unit / schools.weight) / 2, sum(schools.unit) / 2 / max(solved.a)) as half_unit,
        sum(schools.unit * schools.unit / schools.weight) / (4 * max(solved.a) * solved.gain) as rounding,
        max(schools.ratio) as best_ratio
    from solved_2 as solved
    inner join schools using (county_id)
    group by solved.county_id, solved.aim, solved.gain
),

-- Whole units are rounded to the nearest, so the gain may move by what rounding may take or add: half a unit a school.
-- Base units are fewer than the least that could do; most units leave twice the room that rounding may need, yet no school is
-- raised above the best-off.
bases as (
    select
        schools.*,
        widths.aim,
        cast(greatest(
            floor(
                ((widths.aim - (widths.gain + 1.01 * widths.half_unit) / schools.share) * schools.weight - schools.amount)
                / schools.unit + 0.5
            ),
            0
        ) as bigint) as base_units,
        cast(greatest(
            floor(
                (
                    least(widths.aim - (widths.gain - 2 * widths.half_unit - 2 * widths.rounding) / schools.share, widths.best_ratio)
                    * schools.weight - schools.amount
                ) / schools.unit + 1.5
            ),
            0
        ) as bigint) as most_units
    from schools
    inner join widths using (county_id)
),

wholes as (
    select
        county_id,
        {{ sum_of_terms('amount + unit * base_units') }} as amount,
        {{ sum_of_terms('(amount + unit * base_units) * ((amount + unit * base_units) / weight)') }} as squares
    from bases
    group by county_id
),

next_units as (
    select
        county_id,
        school_id,
        weight,
        share,
        unit,
        amount,
        aim,
        {{ each_number('base_units + 1', 'most_units') }} as unit_number
    from bases
    where most_units > base_units
),

-- what a unit adds to Σ y and to Σ y² / w
steps as (
    select
        next_units.county_id,
        next_units.school_id,
        next_units.unit,
        next_units.share
        * (next_units.aim - (next_units.amount + next_units.unit * (next_units.unit_number - 0.5)) / next_units.weight) as gain,
        2 * next_units.unit * ((next_units.amount + next_units.unit * (next_units.unit_number - 0.5)) / next_units.weight) as squares
    from next_units
),

counted as (
    select
        steps.county_id,
        steps.school_id,
        row_number() over most_first as place,
        wholes.amount + {{ sum_of_terms('steps.unit', 'over most_first') }} as amount,
        wholes.squares + {{ sum_of_terms('steps.squares', 'over most_first') }} as squares
    from steps
    inner join wholes using (county_id)
    window most_first as (
        partition by steps.county_id order by -steps.gain, steps.school_id rows between unbounded preceding and current row
    )
),

judged as (
    select
        *,
        sqrt(case when squares > amount * amount then squares / (amount * amount) - 1 else 0 end) as coefficient
    from counted
),

enough as (
    select
        judged.county_id,
        min(judged.place) as place
    from judged
    inner join counties using (county_id)
    where round(judged.coefficient, 12) <= counties.limit_value
    group by judged.county_id
),

added as (
    select
        judged.county_id,
        judged.school_id,
        count(*) as units
    from judged
    inner join enough on judged.county_id = enough.county_id and judged.place <= enough.place
    group by judged.county_id, judged.school_id
),

raised as (
    select
        bases.county_id,
        bases.school_id,
        bases.base_units + coalesce(added.units, 0) as units,
        (bases.amount + bases.unit * (bases.base_units + coalesce(added.units, 0))) / bases.weight as ratio
    from bases
    inner join enough using (county_id)
    left join added using (county_id, school_id)
),

lowest as (
    select
        county_id,
        min(ratio) as ratio
    from raised
    group by county_id
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    raised.school_id,
    counties.stage,
    counties.indicator_id,
    raised.units,
    lowest.ratio * counties.county_mean as lowest_value_after,
    judged.coefficient as coefficient_after
from raised
inner join counties using (county_id)
inner join lowest using (county_id)
inner join enough using (county_id)
inner join judged using (county_id, place)
where raised.units > 0
