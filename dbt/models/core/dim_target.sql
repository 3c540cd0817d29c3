-- Grain: target of a policy document, as the register has it.
{{ config(materialized='view') }}
select
    targets.target_id,
    targets.document_id,
    documents.title_zh as document_zh,
    documents.number_zh as document_number,
    documents.note_zh as document_note_zh,
    targets.clause,
    targets.quote,
    targets.indicator_zh,
    targets.kind,
    targets.area_level,
    targets.county_codes,
    targets.operator,
    cast(targets.threshold as double) as threshold,
    cast(targets.threshold_high as double) as threshold_high,
    targets.due_years,
    targets.is_judged,
    targets.measure_id,
    measures.name_zh as measure_zh,
    measures.statistic,
    measures.unit_level,
    measures.numerator,
    measures.denominator,
    populations.name_zh as population_zh,
    measures.unit_zh,
    targets.reading_zh,
    targets.ambiguity_zh,
    targets.evidence_grade
from {{ ref('targets') }} as targets
inner join {{ ref('policy_documents') }} as documents using (document_id)
inner join {{ ref('measures') }} as measures using (measure_id)
left join {{ ref('populations') }} as populations using (population_id)
