-- Grain: region × school year × county: the numbers of the rules (seeds/parameters.csv) that bind it in the year.
{{ config(materialized='view') }}
with years as (
    select * from {{ ref('int_years__ruled') }}
),

parameters as (
    select * from {{ ref('parameters') }}
    where is_rule
),

bound as (
    select * from {{ in_force('parameters', 'years', ['parameter_id']) }} as rules
)

select
    region_id,
    school_year,
    county_code,
    max(case when parameter_id = 'min_indicators_met' then value end) as min_indicators_met,
    max(case when parameter_id = 'min_teaching_point_pupils' then value end) as min_teaching_point_pupils,
    max(case when parameter_id = 'small_school_pupils' then value end) as small_school_pupils,
    max(case when parameter_id = 'large_class_pupils' then value end) as large_class_pupils,
    max(case when parameter_id = 'huge_class_pupils' then value end) as huge_class_pupils,
    max(case when parameter_id = 'full_training_hours' then value end) as full_training_hours,
    max(case when parameter_id = 'training_years' then value end) as training_years,
    max(case when parameter_id = 'max_young_head_age' then value end) as max_young_head_age,
    max(case when parameter_id = 'long_service_terms' then value end) as long_service_terms,
    max(case when parameter_id = 'monitoring_cycle_years' then value end) as monitoring_cycle_years,
    max(case when parameter_id = 'rooms_built_year' then value end) as rooms_built_year,
    max(case when parameter_id = 'size_built_year' then value end) as size_built_year,
    max(case when parameter_id = 'most_migrant_share' then value end) as most_migrant_share,
    max(case when parameter_id = 'small_class_pupils' then value end) as small_class_pupils
from bound
group by region_id, school_year, county_code
