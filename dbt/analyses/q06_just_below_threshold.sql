-- 哪些学校只差一点就达标？
-- 指标值在标准的95%以上而未到标准；units_to_threshold是还要增加的整数量（人、间、平方米、元）。
select
    county_code,
    school_name,
    stage,
    name_zh,
    round(value, 3) as value,
    threshold,
    units_to_threshold
from fct_school_indicator
inner join dim_indicator using (indicator_id)
inner join dim_school using (region_id, school_year, county_code, school_id)
where school_year = 2023 and not is_met and value >= 0.95 * threshold
order by value / threshold desc, school_id, stage
