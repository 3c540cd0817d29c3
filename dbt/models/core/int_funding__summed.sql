-- Grain: region × school year × entity (school or county). What was budgeted and finally spent, yuan; null: not reported.
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
from {{ ref('stg_funding') }}
where {{ pending() }}
group by region_id, school_year, entity_id
