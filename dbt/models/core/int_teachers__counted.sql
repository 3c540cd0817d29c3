-- Grain: region × school year × school × stage that stands in the teacher roster.
-- A count is null where the roster does not say it of each teacher: a degree, title or pay that is blank or could not be read, or
-- a row of the school that was rejected. Left blank on purpose, and so no unknown, are the level of who is no backbone teacher,
-- the subject of who teaches none, and the post of an ordinary teacher; but no level in the whole partition, or no subject in the
-- whole roster of a school and stage, says nothing either.
with teachers as (
    select
        teachers.*,
        parameters.full_training_hours,
        teachers.school_year - teachers.start_year >= parameters.training_years as has_served_training_years,
        parameters.max_young_head_age,
        parameters.long_service_terms
    from {{ ref('stg_teachers') }} as teachers
    inner join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    inner join {{ ref('int_parameters__in_force') }} as parameters
        on
            {{ same('teachers', 'parameters', 'region_id, school_year') }}
            and schools.county_code = parameters.county_code
    where {{ pending('teachers') }}
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
        count(case when teachers.unread like '%;backbone_level;%' then 1 end) as unread_backbone_levels,
        count(case when teachers.unread like '%;subject;%' then 1 end) as unread_subjects,
        count(higher_degree.value) as higher_degree_teachers,
        count(backbone.value) as backbone_teachers,
        count(pe_arts.value) as pe_arts_teachers,
        count(midlevel_title.value) as midlevel_title_teachers,
        count(bachelor.value) as bachelor_teachers,
        count(teachers.has_certificate) as known_certificates,
        count(case when teachers.has_certificate then 1 end) as certified_teachers,
        count(teachers.training_hours_5y) as known_training_hours,
        count(case when teachers.training_hours_5y >= teachers.full_training_hours then 1 end) as trained_teachers,
        count(teachers.start_year) as known_start_years,
        count(case when teachers.has_served_training_years then 1 end) as experienced_teachers,
        count(case when teachers.has_served_training_years then teachers.training_hours_5y end) as known_experienced_training_hours,
        count(case when teachers.has_served_training_years and teachers.training_hours_5y >= teachers.full_training_hours then 1 end)
            as experienced_trained_teachers,
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
            case when teachers.school_year - teachers.birth_year <= teachers.max_young_head_age then head.value end
        ) as young_heads,
        count(case when head.value is not null then teachers.terms_at_school end) as known_head_terms,
        count(case when teachers.terms_at_school >= teachers.long_service_terms then head.value end) as long_serving_heads
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
),

-- of a roster that lacks a row nothing is known
whole as (
    select
        counted.*,
        counted.known_degrees = counted.full_time_teachers as has_degrees,
        counted.known_subjects > 0 and counted.unread_subjects = 0 as has_subjects,
        counted.known_titles = counted.full_time_teachers as has_titles,
        partitions.known_backbone_levels > 0 and counted.unread_backbone_levels = 0 as has_backbone_levels,
        counted.known_start_years = counted.full_time_teachers as has_start_years,
        counted.known_experienced_training_hours = counted.experienced_teachers as has_experienced_training_hours,
        counted.known_rotations = counted.full_time_teachers as has_rotations,
        counted.teachers_with_pay = counted.full_time_teachers as has_pay,
        short.school_id is null as is_whole
    from counted
    inner join partitions using (region_id, school_year)
    left join {{ ref('int_rosters__short') }} as short
        on
            {{ same('counted', 'short', 'region_id, school_year, school_id') }}
            and short.extract = 'teachers'
)

select
    region_id,
    school_year,
    school_id,
    stage,
    case when is_whole then full_time_teachers end as full_time_teachers,
    case when is_whole and has_degrees then higher_degree_teachers end as higher_degree_teachers,
    case when is_whole and has_backbone_levels then backbone_teachers end as backbone_teachers,
    case when is_whole and has_subjects then pe_arts_teachers end as pe_arts_teachers,
    case when is_whole and has_titles then midlevel_title_teachers end as midlevel_title_teachers,
    case when is_whole and has_degrees then full_time_teachers end as teachers_with_degree,
    case when is_whole and has_degrees then bachelor_teachers end as bachelor_teachers,
    case when is_whole and known_certificates = full_time_teachers then certified_teachers end as certified_teachers,
    case when is_whole and known_training_hours = full_time_teachers then trained_teachers end as trained_teachers,
    case when is_whole and has_start_years then experienced_teachers end as experienced_teachers,
    case when is_whole and has_start_years and has_experienced_training_hours then experienced_trained_teachers end
        as experienced_trained_teachers,
    case when is_whole and known_eligibilities = full_time_teachers then rotation_eligible_teachers end as rotation_eligible_teachers,
    case when is_whole and has_rotations then rotated_teachers end as rotated_teachers,
    case when is_whole and has_rotations and has_backbone_levels then rotated_backbone_teachers end as rotated_backbone_teachers,
    case when is_whole and has_pay then full_time_teachers end as teachers_with_pay,
    case when is_whole and has_pay then annual_pay_yuan end as annual_pay_yuan,
    case when is_whole and heads = known_heads then heads end as heads,
    case when is_whole and heads = known_heads then young_heads end as young_heads,
    case when is_whole and known_head_terms = known_heads then long_serving_heads end as long_serving_heads
from whole
