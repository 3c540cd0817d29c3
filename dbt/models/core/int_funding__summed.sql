-- Grain: region × school year × entity (school or county). What was budgeted and finally spent, yuan; null: not reported.
-- Of an item and account that was handed in for several fiscal years the latest one counts that does not begin after the school year.
with dated as (
    select
        *,
        rank() over (partition by region_id, school_year, entity_id, item, account order by fiscal_year desc) as place
    from {{ ref('stg_funding') }}
    where fiscal_year <= school_year and {{ pending() }}
)

select
    region_id,
    school_year,
    entity_id,
    sum(case when item = 'public_funds' and account = 'budget' then amount_yuan end) as public_funds_budget_yuan,
    sum(case when item = 'public_funds' and account = 'final' then amount_yuan end) as public_funds_final_yuan,
    sum(case when item = 'personnel' and account = 'budget' then amount_yuan end) as personnel_budget_yuan,
    sum(case when item = 'personnel' and account = 'final' then amount_yuan end) as personnel_final_yuan,
    sum(case when item = 'teacher_training' and account = 'budget' then amount_yuan end) as teacher_training_budget_yuan,
    sum(case when item = 'teacher_training' and account = 'final' then amount_yuan end) as teacher_training_final_yuan,
    sum(case when item = 'capital' and account = 'budget' then amount_yuan end) as capital_budget_yuan,
    sum(case when item = 'capital' and account = 'final' then amount_yuan end) as capital_final_yuan,
    sum(case when item = 'equipment' and account = 'budget' then amount_yuan end) as equipment_budget_yuan,
    sum(case when item = 'equipment' and account = 'final' then amount_yuan end) as equipment_final_yuan,
    sum(case when item = 'total_expenditure' and account = 'budget' then amount_yuan end) as total_expenditure_budget_yuan,
    sum(case when item = 'total_expenditure' and account = 'final' then amount_yuan end) as total_expenditure_final_yuan
from dated
where place = 1
group by region_id, school_year, entity_id
