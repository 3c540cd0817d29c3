-- 哪些学校的数据自相矛盾或可疑，怎样处理？
-- severity：error自相矛盾、warning可疑、explained县里已说明；message里有两个数，how_to_resolve是处理办法。
select
    county_code,
    school_name,
    stage,
    check_name,
    severity,
    message,
    probable_cause,
    how_to_resolve
from mart_data_check
where school_year = 2023
order by severity, county_code, school_id, check_id, stage
