-- Grain: region × school year × entity × item × account (budget, final). Amounts in yuan.
select
    region_id,
    school_year,
    entity_id,
    item,
    account,
    amount_yuan
from {{ source('raw', 'funding') }}
