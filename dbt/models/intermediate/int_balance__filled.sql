-- Grain: region × school year × county × school × stage × national indicator: the schools to raise where a coefficient is above its limit.
-- Water-filling: the least additions raise the lowest schools to a common floor. In units of the mean, a school has y = w r of the whole 1,
-- and with the k lowest at the floor f, W their pupils' share, R and S what Σ y and Σ y² / w are at the others, the limit L is reached at
-- f² W + S = (1 + L²)(f W + R)², a quadratic in each segment between two neighbours. Whole units follow: from just below the floor upwards,
-- each next unit to the school that it brings least far, until the limit holds. With own resources no fewer units would do.
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
        case when indicators.is_split then stages.resource_share else 1 end
        * indicators.scale / (counties.county_mean * counties.pupils) as unit
    from {{ ref('fct_school_indicator') }} as schools
    inner join counties
        on
            schools.region_id = counties.region_id
            and schools.school_year = counties.school_year
            and schools.county_code = counties.county_code
            and schools.stage = counties.stage
            and schools.indicator_id = counties.indicator_id
    inner join {{ ref('fct_school_stage') }} as stages
        on
            schools.region_id = stages.region_id
            and schools.school_year = stages.school_year
            and schools.school_id = stages.school_id
            and schools.stage = stages.stage
    inner join {{ ref('indicators') }} as indicators on schools.indicator_id = indicators.indicator_id
    where schools.value is not null and {{ pending('schools') }}
),

segments as (
    select
        county_id,
        bound,
        ratio,
        row_number() over lowest_first as place,
        lead(ratio) over lowest_first as next_ratio,
        {{ sum_of_terms('weight', 'over lowest_first') }} as raised_weight,
        coalesce({{ sum_of_terms('amount', 'over better_off') }}, 0) as amount_left,
        coalesce({{ sum_of_terms('amount * ratio', 'over better_off') }}, 0) as squares_left
    from schools
    window
        lowest_first as (partition by county_id order by ratio, school_id),
        better_off as (partition by county_id order by ratio, school_id rows between 1 following and unbounded following)
),

-- the first segment at whose end the limit holds
crossings as (
    select
        county_id,
        min(place) as place
    from segments
    where
        next_ratio is null
        or next_ratio * next_ratio * raised_weight + squares_left
        <= bound * (next_ratio * raised_weight + amount_left) * (next_ratio * raised_weight + amount_left)
    group by county_id
),

-- a f² − 2 h f + c = 0 with f = c / (h + sqrt(h² − a c)), which loses no digits
quadratics as (
    select
        segments.county_id,
        segments.raised_weight,
        segments.raised_weight - segments.bound * segments.raised_weight * segments.raised_weight as a,
        segments.bound * segments.raised_weight * segments.amount_left as h,
        segments.squares_left - segments.bound * segments.amount_left * segments.amount_left as c
    from segments
    inner join crossings on segments.county_id = crossings.county_id and segments.place = crossings.place
),

floors as (
    select
        county_id,
        raised_weight,
        c / nullif(h + sqrt(case when h * h > a * c then h * h - a * c else 0 end), 0) as floor_ratio
    from quadratics
),

-- Whole units are rounded to the nearest, so the floor may move by what rounding may take or add: half a unit a school.
-- Below least_level the units are fewer than the least that could do; most_level leaves twice the room that rounding may need.
levels as (
    select
        floors.county_id,
        floors.floor_ratio,
        floors.floor_ratio
        - 1.01 * least(max(schools.unit / schools.weight) / 2, sum(schools.unit) / 2 / max(floors.raised_weight)) as least_level,
        floors.floor_ratio
        + 2 * least(max(schools.unit / schools.weight) / 2, sum(schools.unit) / 2 / max(floors.raised_weight))
        + sum(schools.unit * schools.unit / schools.weight)
        / (4 * max(floors.raised_weight) * max(schools.limit_value * schools.limit_value)) as most_level
    from floors
    inner join schools on floors.county_id = schools.county_id
    where schools.unit > 0
    group by floors.county_id, floors.floor_ratio
),

bases as (
    select
        schools.*,
        levels.floor_ratio,
        cast(greatest(floor((levels.least_level * schools.weight - schools.amount) / schools.unit + 0.5), 0) as bigint) as base_units,
        cast(greatest(floor((levels.most_level * schools.weight - schools.amount) / schools.unit + 0.5), 0) as bigint) as most_units
    from schools
    inner join levels on schools.county_id = levels.county_id
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
        unit,
        amount,
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
        (next_units.amount + next_units.unit * (next_units.unit_number - 0.5)) / next_units.weight as level,
        2 * next_units.unit * ((next_units.amount + next_units.unit * (next_units.unit_number - 0.5)) / next_units.weight) as squares
    from next_units
),

counted as (
    select
        steps.county_id,
        steps.school_id,
        row_number() over lowest_first as place,
        wholes.amount + {{ sum_of_terms('steps.unit', 'over lowest_first') }} as amount,
        wholes.squares + {{ sum_of_terms('steps.squares', 'over lowest_first') }} as squares
    from steps
    inner join wholes on steps.county_id = wholes.county_id
    window lowest_first as (
        partition by steps.county_id order by steps.level, steps.school_id rows between unbounded preceding and current row
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
    inner join counties on judged.county_id = counties.county_id
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
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    bases.school_id,
    counties.stage,
    counties.indicator_id,
    bases.base_units + coalesce(added.units, 0) as units,
    bases.floor_ratio * counties.county_mean as floor_level,
    judged.coefficient as coefficient_after
from bases
inner join counties on bases.county_id = counties.county_id
inner join enough on bases.county_id = enough.county_id
inner join judged on enough.county_id = judged.county_id and enough.place = judged.place
left join added on bases.county_id = added.county_id and bases.school_id = added.school_id
where bases.base_units + coalesce(added.units, 0) > 0
