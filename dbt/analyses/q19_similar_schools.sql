-- 与一所学校最相似的十所学校是哪些？
-- distance越小越相似；is_same_class、is_same_type是城乡类型、办学类型是否相同。换学校标识码即可。
select
    similar_rank,
    similar_region_id,
    similar_school_name,
    pupils,
    similar_pupils,
    is_same_class,
    is_same_type,
    distance
from mart_similar_school
where school_year = 2023 and school_id = '3715020001' and stage = 'primary'
order by similar_rank
