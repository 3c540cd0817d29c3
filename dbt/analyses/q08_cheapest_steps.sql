-- 先补哪些学校的哪一项最省钱？
-- 学校达标计划中一次性投入最少的二十步；counts_zh是计入哪项指标、多少。
select
    mart_plan_step.county_code,
    school_name,
    stage,
    way_zh,
    counts_zh,
    cost_yuan
from mart_plan_step
inner join dim_school using (region_id, school_year, school_id)
where school_year = 2023 and plan = 'pass' and cost_kind = 'one_off'
order by cost_yuan, mart_plan_step.school_id, stage, step_no
limit 20
