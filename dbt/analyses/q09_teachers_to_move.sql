-- 不增加教师，县内调配几人可以降到限值？
-- status：not_needed不需要、optimal已证明最少要调teachers_moved人、infeasible只靠调配达不到，least_coefficient是最低能降到多少。
select
    county_name_zh,
    stage,
    name_zh,
    status,
    difference_coefficient,
    limit_value,
    teachers_moved,
    coefficient_after,
    least_coefficient
from mart_transfer_plan
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and status <> 'not_needed'
order by region_id, county_code, stage, sort_order
