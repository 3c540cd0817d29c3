-- Grain: region × school year × entity × item × account (budget, final) × fiscal year. Amounts in yuan.
select
    region_id,
    school_year,
    entity_id,
    item,
    account,
    amount_yuan,
    coalesce(fiscal_year, school_year) as fiscal_year
from {{ source('raw', 'funding') }}
