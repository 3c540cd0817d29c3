-- Grain: region × school year × school. Equipment in yuan (the form collects 万元).
-- No indoor sports area stands for none; one that could not be read is unknown.
with unread as (
    select distinct
        region_id,
        school_year,
        school_id
    from {{ ref('stg_unread_cells') }}
    where extract = 'schools' and column_name = 'indoor_sports_area_m2'
)

select
    schools.region_id,
    schools.school_year,
    schools.school_id,
    schools.school_name,
    schools.county_code,
    schools.township,
    schools.school_type,
    schools.organiser,
    schools.urban_rural_code,
    schools.is_boarding,
    schools.is_township_seat,
    schools.predecessor_ids,
    schools.teaching_area_m2,
    schools.sports_ground_area_m2,
    schools.multimedia_rooms,
    schools.classrooms,
    schools.music_rooms,
    schools.min_music_room_area_m2,
    schools.art_rooms,
    schools.min_art_room_area_m2,
    schools.books,
    schools.computers,
    schools.built_year,
    schools.primary_pupils,
    schools.primary_classes,
    schools.primary_grades,
    schools.primary_full_time_teachers,
    schools.primary_higher_degree_teachers,
    schools.primary_backbone_teachers,
    schools.primary_pe_arts_teachers,
    schools.primary_midlevel_title_teachers,
    schools.junior_pupils,
    schools.junior_classes,
    schools.junior_grades,
    schools.junior_full_time_teachers,
    schools.junior_higher_degree_teachers,
    schools.junior_backbone_teachers,
    schools.junior_pe_arts_teachers,
    schools.junior_midlevel_title_teachers,
    schools.senior_pupils,
    schools.senior_classes,
    schools.senior_grades,
    schools.senior_full_time_teachers,
    schools.senior_higher_degree_teachers,
    schools.senior_backbone_teachers,
    schools.senior_pe_arts_teachers,
    schools.senior_midlevel_title_teachers,
    coalesce(schools.indoor_sports_area_m2, case when unread.school_id is null then 0 end) as indoor_sports_area_m2,
    schools.equipment_value_wan_yuan * 10000 as equipment_value_yuan,
    coalesce(schools.status, 'open') as status
from {{ source('raw', 'schools') }} as schools
left join unread using (region_id, school_year, school_id)
