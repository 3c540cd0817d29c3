-- 哪些目标没有达到或进度不够？
-- gap是离阈值的差额；quote是文件原文，reading_zh是现行读法；reason写明哪些县、学校没有达到。
select
    region_id,
    target_id,
    indicator_zh,
    actual,
    operator,
    threshold,
    unit_zh,
    gap,
    due_year,
    status,
    reason,
    quote,
    reading_zh
from mart_target_progress
where school_year = 2023 and status in ('not_met', 'missed', 'off_track')
order by due_year nulls last, region_id, target_id
