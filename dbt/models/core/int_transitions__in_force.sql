-- Grain: region × school year × county × transition rule that is switched on for it in the year.
{{ config(materialized='view') }}
with years as (
    select * from {{ ref('int_years__ruled') }}
),

transitions as (
    select * from {{ ref('transitions') }}
),

bound as (
    select * from {{ in_force('transitions', 'years', ['transition_id']) }} as rules
)

select
    region_id,
    school_year,
    county_code,
    transition_id,
    is_easing
from bound
where is_on
