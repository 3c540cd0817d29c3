-- 今后几年一年级、七年级新生各有多少？
-- 按升级比例推算；entrants_basis是一年级的人数据什么推出，constant的是假定，越往后越不可靠。
select
    county_name_zh,
    stage,
    grade,
    projected_year,
    round(projected_pupils) as projected_pupils,
    entrants_basis
from mart_enrolment_projection
left join dim_county using (region_id, county_code)
where school_year = 2023 and grade in (1, 7)
order by region_id, county_code, grade, projected_year
