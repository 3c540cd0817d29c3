-- 各县最新学年达标了吗？
-- verdict：met达标、not_met未达标、not_evaluable缺数据，无法判定；reasons列出全部原因，空为全部达到；missing_school_count大于0，缺学校，见mart_missing_school。
select
    region_name_zh,
    county_name_zh,
    school_year,
    verdict,
    resource_verdict,
    missing_school_count,
    failed_school_count,
    failed_coefficient_count,
    reasons
from mart_county_verdict
left join dim_county using (region_id, county_code)
where school_year = 2023
order by region_id, county_code
