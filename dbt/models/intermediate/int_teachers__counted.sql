-- Grain: region × school year × school × stage that stands in the teacher roster.
-- A count is null where the roster does not say it: no degree, subject or title for any teacher of the school and stage;
-- no backbone level in the whole partition (who is not a backbone teacher is left blank, so a blank alone says nothing).
with teachers as (
    select * from {{ ref('stg_teachers') }}
    where {{ pending() }}
),

attributes as (
    select * from {{ ref('teacher_attributes') }}
),

counted as (
    select
        teachers.region_id,
        teachers.school_year,
        teachers.school_id,
        teachers.stage,
        count(*) as full_time_teachers,
        count(teachers.degree) as known_degrees,
        count(teachers.subject) as known_subjects,
        count(teachers.title) as known_titles,
        count(teachers.backbone_level) as known_backbone_levels,
        count(higher_degree.value) as higher_degree_teachers,
        count(backbone.value) as backbone_teachers,
        count(pe_arts.value) as pe_arts_teachers,
        count(midlevel_title.value) as midlevel_title_teachers
    from teachers
    left join attributes as higher_degree
        on teachers.stage = higher_degree.stage and teachers.degree = higher_degree.value and higher_degree.attribute = 'higher_degree'
    left join attributes as backbone
        on teachers.stage = backbone.stage and teachers.backbone_level = backbone.value and backbone.attribute = 'backbone'
    left join attributes as pe_arts
        on teachers.stage = pe_arts.stage and teachers.subject = pe_arts.value and pe_arts.attribute = 'pe_arts'
    left join attributes as midlevel_title
        on teachers.stage = midlevel_title.stage and teachers.title = midlevel_title.value and midlevel_title.attribute = 'midlevel_title'
    left join attributes as other_post
        on teachers.stage = other_post.stage and teachers.post = other_post.value and other_post.attribute = 'other_post'
    where other_post.value is null
    group by teachers.region_id, teachers.school_year, teachers.school_id, teachers.stage
),

partitions as (
    select
        region_id,
        school_year,
        sum(known_backbone_levels) as known_backbone_levels
    from counted
    group by region_id, school_year
)

select
    counted.region_id,
    counted.school_year,
    counted.school_id,
    counted.stage,
    counted.full_time_teachers,
    case when counted.known_degrees > 0 then counted.higher_degree_teachers end as higher_degree_teachers,
    case when partitions.known_backbone_levels > 0 then counted.backbone_teachers end as backbone_teachers,
    case when counted.known_subjects > 0 then counted.pe_arts_teachers end as pe_arts_teachers,
    case when counted.known_titles > 0 then counted.midlevel_title_teachers end as midlevel_title_teachers
from counted
inner join partitions
    on counted.region_id = partitions.region_id and counted.school_year = partitions.school_year
