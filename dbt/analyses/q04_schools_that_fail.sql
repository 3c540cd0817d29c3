-- 哪些学校综合评估没有通过，差在哪几项？
-- 七项中至少六项达标、余项不低于85%为通过；reasons写明哪项差多少。
select
    region_id,
    county_name_zh,
    school_name,
    stage,
    met_count,
    floor_failed_count,
    reasons
from mart_school_verdict
left join dim_county using (region_id, county_code)
where school_year = 2023 and not is_passed
order by met_count, region_id, county_code, school_id, stage
