-- Grain: region × school year × entity × fact. Values are text, as handed in.
select
    region_id,
    school_year,
    entity_type,
    entity_id,
    fact_id,
    value,
    evidence
from {{ source('raw', 'facts') }}
