-- 各文件的目标完成得怎样？
-- 状态：met达到、met_late逾期达到、not_met未达到、missed到期未达到、on_track进度足够、off_track进度不足、not_applicable不适用、not_evaluable缺数据。
select
    region_id,
    document_zh,
    status,
    count(*) as target_count
from mart_target_progress
inner join dim_target using (target_id, document_id)
where school_year = 2023
group by region_id, document_zh, status
order by region_id, document_zh, target_count desc
