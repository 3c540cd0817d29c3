-- Grain: region × school year × school × stage that stands in the teacher roster.
-- A count is null where the roster does not say it: no degree, subject or title for any teacher of the school and stage;
-- no backbone level in the whole partition (who is not a backbone teacher is left blank, so a blank alone says nothing).
with teachers as (
    select * from {{ ref('stg_teachers') }}
    where {{ pending() }}
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
    {%- for attribute, column in [
        ('higher_degree', 'degree'), ('backbone', 'backbone_level'), ('pe_arts', 'subject'), ('midlevel_title', 'title'),
        ('other_post', 'post')
    ] %}
    left join {{ ref('teacher_attributes') }} as {{ attribute }}
        on
            {{ attribute }}.attribute = '{{ attribute }}'
            and teachers.stage = {{ attribute }}.stage
            and teachers.{{ column }} = {{ attribute }}.value
    {%- endfor %}
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
