-- 先补哪些学校的哪一项最省钱？
-- 学校达标计划中费用最低的二十项；is_left_at_floor为true的，是可以不达标、只补到85%的那一项。
select
    county_code,
    school_name,
    stage,
    name_zh,
    pass_units,
    mart_gap_plan.unit_zh,
    pass_cost_yuan,
    is_left_at_floor
from mart_gap_plan
inner join dim_indicator using (indicator_id)
inner join dim_school using (region_id, school_year, county_code, school_id)
where school_year = 2023 and pass_cost_yuan > 0
order by pass_cost_yuan, school_id, stage, sort_order
limit 20
