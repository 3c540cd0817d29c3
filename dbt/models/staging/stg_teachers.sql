-- Grain: region × school year × teacher. teacher_id is hashed before it is loaded.
select
    region_id,
    school_year,
    teacher_id,
    school_id,
    stage,
    degree,
    has_certificate,
    subject,
    title,
    backbone_level,
    post,
    birth_year,
    terms_at_school,
    rotation_eligible,
    rotated,
    training_hours_5y,
    annual_pay_yuan
from {{ source('raw', 'teachers') }}
