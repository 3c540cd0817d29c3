-- Grain: measure × input that it counts, whose total a county may hand in instead, that it asks for, or by which it tells who belongs; also
-- through the measures that it is made of.
{{ config(materialized='view') }}
with parts as (
    select
        measure_id,
        trim({{ each_of(split("replace(replace(numerator || coalesce(';' || denominator, ''), '+', ';'), '-', ';')", ';')) }}) as part_id
    from {{ ref('measures') }}
),

-- a measure itself, and those that it is made of
made_of as (
    select
        measure_id,
        measure_id as part_id
    from {{ ref('measures') }}
    union
    select
        parts.measure_id,
        measures.measure_id as part_id
    from parts
    inner join {{ ref('measures') }} as measures on parts.part_id = measures.measure_id
)

-- what they count and whether it is asked, and what decides who belongs to their populations
select
    made_of.measure_id,
    parts.part_id as input_id
from made_of
inner join parts on made_of.part_id = parts.measure_id
union
select
    made_of.measure_id,
    inputs.condition_input as input_id
from made_of
inner join parts on made_of.part_id = parts.measure_id
inner join {{ ref('inputs') }} as inputs on parts.part_id = inputs.input_id
where inputs.condition_input <> ''
union
select
    made_of.measure_id,
    populations.condition_input as input_id
from made_of
inner join {{ ref('measures') }} as measures on made_of.part_id = measures.measure_id
inner join {{ ref('populations') }} as populations using (population_id)
where populations.condition_input is not null
union
select
    made_of.measure_id,
    totals.input_id
from made_of
inner join parts on made_of.part_id = parts.measure_id
inner join {{ ref('measures') }} as measures on made_of.part_id = measures.measure_id
inner join {{ ref('inputs') }} as totals on parts.part_id = totals.total_of
where measures.population_id is null
