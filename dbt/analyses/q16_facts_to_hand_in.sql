-- 补报哪些事实，能让最多的目标得出结论？
-- 缺哪项事实、影响几项目标；照名称在facts表中填报。
select
    missing,
    count(*) as target_count,
    string_agg(target_id, '、' order by target_id) as target_ids
from mart_target_progress
where school_year = 2023 and missing is not null
group by missing
order by target_count desc, missing
