-- Grain: region × school year × entity (school or county). What was budgeted and finally spent, yuan; null: not reported.
select
    region_id,
    school_year,
    entity_id,
    {%- for item in ['public_funds', 'personnel', 'teacher_training', 'capital', 'equipment', 'total_expenditure'] %}
    sum(case when item = '{{ item }}' and account = 'budget' then amount_yuan end) as {{ item }}_budget_yuan,
    sum(case when item = '{{ item }}' and account = 'final' then amount_yuan end) as {{ item }}_final_yuan{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('stg_funding') }}
where {{ pending() }}
group by region_id, school_year, entity_id
