-- Grain: fact that a bureau can hand in. Which targets and items need it follows from the measures that read it.
{{ config(materialized='view') }}
with parts as (
    select
        measure_id,
        trim({{ each_of(split("replace(replace(numerator || coalesce(';' || denominator, ''), '+', ';'), '-', ';')", ';')) }}) as part_id
    from {{ ref('measures') }}
),

-- a measure's own inputs, those of the measures that it is made of, and what decides who belongs to its population
used as (
    select
        measure_id,
        part_id as input_id
    from parts
    union
    select
        parts.measure_id,
        inner_parts.part_id as input_id
    from parts
    inner join parts as inner_parts on parts.part_id = inner_parts.measure_id
    union
    select
        measures.measure_id,
        populations.condition_input as input_id
    from {{ ref('measures') }} as measures
    inner join {{ ref('populations') }} as populations using (population_id)
    where populations.condition_input is not null
),

needed as (
    select
        used.input_id,
        {{ dbt.listagg('targets.target_id', "';'", 'order by targets.target_id') }} as target_ids
    from used
    inner join {{ ref('targets') }} as targets using (measure_id)
    group by used.input_id
),

items as (
    select distinct
        used.input_id,
        items.item_id
    from used
    inner join {{ ref('standard_items') }} as items using (measure_id)
),

needed_by_items as (
    select
        input_id,
        {{ dbt.listagg('item_id', "';'", 'order by item_id') }} as item_ids
    from items
    group by input_id
)

select
    inputs.input_id as fact_id,
    inputs.name_zh,
    inputs.unit_level as entity_type,
    inputs.value_type,
    inputs.unit_zh,
    inputs.is_inherited,
    inputs.note_zh,
    needed.target_ids,
    needed_by_items.item_ids
from {{ ref('inputs') }} as inputs
left join needed using (input_id)
left join needed_by_items using (input_id)
where inputs.source = 'facts'
