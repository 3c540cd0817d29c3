-- 城区和乡村差多少？
-- urban_rural_ratio为城区合计值除以乡村合计值：大于1城区多，小于1乡村多；镇区不计入。
select
    county_name_zh,
    stage,
    name_zh,
    county_mean,
    urban_rural_ratio
from mart_county_balance
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and urban_rural_ratio is not null
order by urban_rural_ratio desc
limit 20
