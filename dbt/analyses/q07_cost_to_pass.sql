-- 要让每所学校达标，各县要花多少钱？
-- pass_cost_yuan按dbt/seeds/unit_costs.csv的单价计算，先换成当地单价；short_school_count是未达标的校数。
select
    county_name_zh,
    stage,
    name_zh,
    short_school_count,
    pass_units,
    mart_county_gap.unit_zh,
    pass_cost_yuan
from mart_county_gap
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and pass_units > 0
order by pass_cost_yuan desc nulls last
