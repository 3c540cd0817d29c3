-- 数据从哪些文件来，有多少行没有载入？
-- 读入行数＝载入＋隔离＋略过；隔离的行和原因见mart_quarantine。
select
    region_id,
    school_year,
    source_file,
    sheet,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_skipped,
    status,
    reason
from mart_source_file
order by rows_quarantined desc, region_id, school_year, source_file
