-- Grain: region × school year × school × stage that stands in the teacher roster.
-- A count is null where the roster does not say it: no degree, subject or title for any teacher of the school and stage;
-- no backbone level in the whole partition (who is not a backbone teacher is left blank, so a blank alone says nothing);
-- and no certificate or training hours for even one of them, where the rule asks for all.
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
        count(midlevel_title.value) as midlevel_title_teachers,
        count(bachelor.value) as bachelor_teachers,
        count(teachers.has_certificate) as known_certificates,
        count(case when teachers.has_certificate then 1 end) as certified_teachers,
        count(teachers.training_hours_5y) as known_training_hours,
        count(case when teachers.training_hours_5y >= {{ parameter('full_training_hours') }} then 1 end) as trained_teachers,
        count(teachers.rotation_eligible) as known_eligibilities,
        count(case when teachers.rotation_eligible then 1 end) as rotation_eligible_teachers,
        count(teachers.rotated) as known_rotations,
        count(case when teachers.rotated then 1 end) as rotated_teachers,
        count(case when teachers.rotated then backbone.value end) as rotated_backbone_teachers,
        count(teachers.annual_pay_yuan) as teachers_with_pay,
        {{ total('teachers.annual_pay_yuan') }} as annual_pay_yuan,
        count(head.value) as known_heads,
        count(case when head.value is not null then teachers.birth_year end) as heads,
        count(
            case when teachers.school_year - teachers.birth_year <= {{ parameter('max_young_head_age') }} then head.value end
        ) as young_heads,
        count(case when head.value is not null then teachers.terms_at_school end) as known_head_terms,
        count(case when teachers.terms_at_school >= {{ parameter('long_service_terms') }} then head.value end) as long_serving_heads,
        count(
            case when teachers.terms_at_school >= {{ parameter('long_service_terms') }} and teachers.rotated then head.value end
        ) as rotated_long_serving_heads
    from teachers
    left join attributes as higher_degree
        on teachers.stage = higher_degree.stage and teachers.degree = higher_degree.value and higher_degree.attribute = 'higher_degree'
    left join attributes as backbone
        on teachers.stage = backbone.stage and teachers.backbone_level = backbone.value and backbone.attribute = 'backbone'
    left join attributes as pe_arts
        on teachers.stage = pe_arts.stage and teachers.subject = pe_arts.value and pe_arts.attribute = 'pe_arts'
    left join attributes as midlevel_title
        on teachers.stage = midlevel_title.stage and teachers.title = midlevel_title.value and midlevel_title.attribute = 'midlevel_title'
    left join attributes as bachelor
        on teachers.stage = bachelor.stage and teachers.degree = bachelor.value and bachelor.attribute = 'bachelor'
    left join attributes as head
        on teachers.stage = head.stage and teachers.post = head.value and head.attribute = 'head'
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
    case when counted.known_titles > 0 then counted.midlevel_title_teachers end as midlevel_title_teachers,
    case when counted.known_degrees > 0 then counted.known_degrees end as teachers_with_degree,
    case when counted.known_degrees > 0 then counted.bachelor_teachers end as bachelor_teachers,
    case when counted.known_certificates = counted.full_time_teachers then counted.certified_teachers end as certified_teachers,
    case when counted.known_training_hours = counted.full_time_teachers then counted.trained_teachers end as trained_teachers,
    case when counted.known_eligibilities > 0 then counted.rotation_eligible_teachers end as rotation_eligible_teachers,
    case when counted.known_rotations > 0 then counted.rotated_teachers end as rotated_teachers,
    case
        when counted.known_rotations > 0 and partitions.known_backbone_levels > 0 then counted.rotated_backbone_teachers
    end as rotated_backbone_teachers,
    case when counted.teachers_with_pay > 0 then counted.teachers_with_pay end as teachers_with_pay,
    counted.annual_pay_yuan,
    counted.heads,
    counted.young_heads,
    case when counted.known_head_terms > 0 or counted.known_heads = 0 then counted.long_serving_heads end as long_serving_heads,
    case when counted.known_rotations > 0 then counted.rotated_long_serving_heads end as rotated_long_serving_heads
from counted
inner join partitions
    on counted.region_id = partitions.region_id and counted.school_year = partitions.school_year
