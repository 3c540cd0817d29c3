-- Grain: region × school year × school × kind (music, art) × room.
select
    region_id,
    school_year,
    school_id,
    kind,
    room_no,
    area_m2
from {{ source('raw', 'rooms') }}
