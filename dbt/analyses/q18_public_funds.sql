-- 生均公用经费是否达到标准，教育支出是否只增不减？
-- below_standard_count是低于标准的学校数；is_not_decreasing为false即总额下降。
select
    county_name_zh,
    school_year,
    public_funds_per_pupil,
    urban_rural_ratio,
    below_standard_count,
    below_floor_count,
    is_not_decreasing,
    is_per_pupil_not_decreasing
from mart_county_funding
left join dim_county using (region_id, county_code)
order by region_id, county_code, school_year
