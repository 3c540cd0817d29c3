-- Grain: region × school year × teacher. teacher_id is hashed before it is loaded.
select
    region_id,
    school_year,
    teacher_id,
    school_id,
    stage,
    degree,
    subject,
    title,
    backbone_level,
    post
from {{ source('raw', 'teachers') }}
