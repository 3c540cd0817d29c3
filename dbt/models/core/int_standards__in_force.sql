-- Grain: region × school year × county × standard × indicator × stage: the row of seeds/standards.csv that binds the county.
{{ config(materialized='view') }}
with counties as (
    select * from {{ ref('int_counties__listed') }}
),

standards as (
    select * from {{ ref('standards') }}
),

bound as (
    select * from {{ in_force('standards', 'counties', ['standard_id', 'indicator_id', 'stage']) }} as rules
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    bound.standard_id,
    bound.indicator_id,
    bound.stage,
    bound.threshold,
    bound.threshold * bound.floor_share as floor_value,
    bound.cv_limit
from counties
inner join bound using (county_code)
