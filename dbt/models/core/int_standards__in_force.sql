-- Grain: region × school year × county × standard × indicator × stage: the row of seeds/standards.csv that binds the county in the year.
{{ config(materialized='view') }}
with years as (
    select * from {{ ref('int_years__ruled') }}
),

standards as (
    select * from {{ ref('standards') }}
),

bound as (
    select * from {{ in_force('standards', 'years', ['standard_id', 'indicator_id', 'stage']) }} as rules
)

select
    region_id,
    school_year,
    county_code,
    standard_id,
    indicator_id,
    stage,
    threshold,
    threshold * floor_share as floor_value,
    cv_limit
from bound
