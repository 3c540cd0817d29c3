-- 哪些差异系数超过限值，超过多少？
-- 差异系数按在校生加权；限值小学0.50、初中0.45。is_met为空是有学校缺数据或缺学校（missing_school_count所），不作判定。
select
    county_name_zh,
    stage,
    name_zh,
    round(difference_coefficient, 3) as difference_coefficient,
    limit_value,
    is_met,
    missing_school_count,
    reason
from mart_county_balance
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and difference_coefficient > limit_value
order by difference_coefficient - limit_value desc
