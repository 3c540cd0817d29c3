-- Grain: fact that a bureau can hand in. Who needs it follows from the measures and indicators that read it.
{{ config(materialized='view') }}
with used as (
    select * from {{ ref('int_inputs__used') }}
),

asked as (
    select
        measure_id,
        target_id,
        document_id,
        cast(null as varchar) as item_id,
        cast(null as varchar) as form_table
    from {{ ref('targets') }}
    union all
    select
        measure_id,
        null as target_id,
        null as document_id,
        item_id,
        null as form_table
    from {{ ref('standard_items') }}
    union all
    select
        measure_id,
        null as target_id,
        null as document_id,
        null as item_id,
        form_table
    from {{ ref('application_form_blanks') }}
    union all
    select
        alternatives.measure_id,
        alternatives.target_id,
        targets.document_id,
        items.item_id,
        null as form_table
    from {{ ref('alternative_readings') }} as alternatives
    left join {{ ref('targets') }} as targets using (target_id)
    left join {{ ref('standard_items') }} as items using (criterion_id)
    where alternatives.measure_id is not null
),

needed as (
    select distinct
        used.input_id,
        asked.target_id,
        asked.item_id,
        asked.form_table
    from used
    inner join asked using (measure_id)
),

documents as (
    select distinct
        used.input_id,
        asked.document_id
    from used
    inner join asked using (measure_id)
),

needed_by as (
    select
        input_id,
        {{ dbt.listagg('target_id', "';'", 'order by target_id') }} as target_ids,
        {{ dbt.listagg('item_id', "';'", 'order by item_id') }} as item_ids,
        {{ dbt.listagg('form_table', "';'", 'order by form_table') }} as form_tables
    from needed
    group by input_id
),

documents_of as (
    select
        input_id,
        {{ dbt.listagg('document_id', "';'", 'order by document_id') }} as document_ids
    from documents
    group by input_id
),

counted_by as (
    select
        numerator as input_id,
        {{ dbt.listagg('name_zh', "';'", 'order by sort_order') }} as indicators_zh
    from {{ ref('indicators') }}
    group by numerator
)

select
    inputs.input_id as fact_id,
    inputs.name_zh,
    inputs.unit_level as entity_type,
    inputs.value_type,
    inputs.unit_zh,
    inputs.is_inherited,
    inputs.note_zh,
    needed_by.target_ids,
    needed_by.item_ids,
    needed_by.form_tables,
    counted_by.indicators_zh,
    documents_of.document_ids
from {{ ref('inputs') }} as inputs
left join needed_by using (input_id)
left join documents_of using (input_id)
left join counted_by using (input_id)
where inputs.source = 'facts'
