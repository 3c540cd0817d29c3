-- Grain: term of the page's glossary.
{{ config(materialized='view') }}
select
    term_id,
    sort_order,
    term_zh,
    meaning_zh,
    formula_zh,
    source_zh
from {{ ref('terms') }}
