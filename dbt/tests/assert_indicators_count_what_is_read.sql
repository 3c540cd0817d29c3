-- What: every indicator counts a figure that fct_school_indicator reads, or a fact that schools hand in; the fact is split by stage.
-- When it matters: an indicator without a figure is without a value at every school; a fact of a whole school would count twice.
-- How to resolve: name the numerator as in school_figures() of macros/figures.sql, or as a fact of schools in seeds/inputs.csv.
{{ config(meta={'dagster': {'ref': {'name': 'fct_school_indicator'}}}) }}
select
    indicators.indicator_id,
    indicators.numerator
from {{ ref('indicators') }} as indicators
left join {{ ref('inputs') }} as inputs
    on
        indicators.numerator = inputs.input_id
        and inputs.source = 'facts'
        and inputs.unit_level = 'school'
        and indicators.is_split
where
    inputs.input_id is null
    and indicators.numerator not in (
        {%- for figure in school_figures() %}
        '{{ figure }}'{{ ',' if not loop.last }}
        {%- endfor %}
    )
