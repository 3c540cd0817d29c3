-- 与上一学年相比，差距扩大了还是缩小了？
-- coefficient_change小于0是缩小；common_coefficient_change只看两年都有的学校，不受撤并、新建影响。
select
    county_name_zh,
    stage,
    name_zh,
    coefficient_change,
    common_coefficient_change,
    new_school_count,
    gone_school_count
from mart_county_change
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and coefficient_change is not null
order by coefficient_change desc
limit 20
