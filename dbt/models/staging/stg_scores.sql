-- Grain: pupil × subject of a region and school year, without the pupil's identity.
select
    region_id,
    school_year,
    school_id,
    stage,
    grade,
    subject,
    score
from {{ source('raw', 'scores') }}
