-- 照近几年的步伐，哪些差异系数将越过限值？
-- crossing_year是预计越过限值的学年：lost将突破限值，reached将回到限值以内；不足四个学年不给预测区间，只作参考。
select
    county_name_zh,
    stage,
    name_zh,
    value,
    limit_value,
    slope,
    outlook,
    crossing_year,
    year_count
from mart_indicator_trend
inner join dim_indicator using (indicator_id)
left join dim_county using (region_id, county_code)
where school_year = 2023 and figure = 'difference_coefficient' and projected_year = crossing_year
order by crossing_year, region_id, county_code, stage, sort_order
