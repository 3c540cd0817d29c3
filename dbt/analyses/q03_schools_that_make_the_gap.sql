-- 一个县一项指标的差距主要由哪几所学校造成？
-- variance_share是该校占全县差异的份额，全县合计为1；coefficient_without是去掉该校后的差异系数。换县、学段、指标即可。
select
    variance_rank,
    school_name,
    direction,
    round(value, 2) as value,
    round(variance_share, 3) as variance_share,
    coefficient_without
from mart_variance_share
inner join dim_school using (region_id, school_year, county_code, school_id)
where school_year = 2023 and county_code = '371502' and stage = 'primary' and indicator_id = 'sports_area_per_pupil' and variance_rank <= 10
order by variance_rank
