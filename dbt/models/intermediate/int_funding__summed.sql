-- Grain: region × school year × entity (school or county) × item.
-- amount_yuan is the final account where there is one, else the budget.
with by_account as (
    select
        region_id,
        school_year,
        entity_id,
        item,
        sum(case when account = 'budget' then amount_yuan end) as budget_yuan,
        sum(case when account = 'final' then amount_yuan end) as final_yuan
    from {{ ref('stg_funding') }}
    where {{ pending() }}
    group by region_id, school_year, entity_id, item
)

select
    region_id,
    school_year,
    entity_id,
    item,
    budget_yuan,
    final_yuan,
    coalesce(final_yuan, budget_yuan) as amount_yuan
from by_account
