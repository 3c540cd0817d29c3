-- 差距主要在城乡之间，还是在同类学校之间？
-- 泰尔指数＝组内＋组间；theil_between大，差距主要在城区、镇区、乡村之间。
select
    county_name_zh,
    stage,
    name_zh,
    theil,
    theil_within,
    theil_between
from mart_county_balance
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and theil_between is not null
order by theil_between desc
limit 20
