-- 要让每所学校达标，各县要花多少钱？
-- 一种办法一行，一次性（one_off）和每年（yearly）的钱不相加；单价见dbt/seeds/unit_costs.csv，price_basis是示例的，先换成当地单价。
select
    county_name_zh,
    cost_kind,
    way_zh,
    school_count,
    units,
    unit_zh,
    cost_yuan,
    price_basis
from mart_county_outlay
left join dim_county using (region_id, county_code)
where school_year = 2023 and plan = 'pass'
order by region_id, county_code, cost_kind, cost_yuan desc nulls last, way_zh
