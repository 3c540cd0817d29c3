-- Grain: region × school year × school × extract of which a row was ever loaded here.
select
    region_id,
    school_year,
    school_id,
    extract,
    arrived_on
from {{ source('raw', 'arrival') }}
