-- What: every school type and urban–rural code stands in its seed.
-- When it matters: a type without a row would count as in scope; a place without one would drop out of the Theil parts.
-- How to resolve: add the code to seeds/school_types.csv or seeds/urban_rural.csv, as the contract's domains have it.
{{ config(meta={'dagster': {'ref': {'name': 'stg_schools'}}}) }}
select
    schools.region_id,
    schools.school_year,
    schools.school_id,
    schools.school_type,
    schools.urban_rural_code
from {{ ref('stg_schools') }} as schools
left join {{ ref('school_types') }} as school_types using (school_type)
left join {{ ref('urban_rural') }} as urban_rural using (urban_rural_code)
where
    {{ pending() }}
    and (school_types.school_type is null or (schools.urban_rural_code is not null and urban_rural.urban_rural_code is null))
