-- Grain: region × school year × teacher. teacher_id is hashed before it is loaded.
-- unread: the columns whose cells could not be read, as ';subject;title;'; null: none. A blank in them means what the contract says.
with unread as (
    select
        region_id,
        school_year,
        source_file,
        coalesce(sheet, '') as sheet,
        row_number,
        ';' || {{ dbt.listagg('column_name', "';'", 'order by column_name') }} || ';' as columns
    from {{ ref('stg_unread_cells') }}
    where extract = 'teachers'
    group by region_id, school_year, source_file, coalesce(sheet, ''), row_number
)

select
    teachers.region_id,
    teachers.school_year,
    teachers.teacher_id,
    teachers.school_id,
    teachers.stage,
    teachers.degree,
    teachers.has_certificate,
    teachers.subject,
    teachers.title,
    teachers.backbone_level,
    teachers.post,
    teachers.birth_year,
    teachers.start_year,
    teachers.terms_at_school,
    teachers.rotation_eligible,
    teachers.rotated,
    teachers.training_hours_5y,
    teachers.annual_pay_yuan,
    unread.columns as unread
from {{ source('raw', 'teachers') }} as teachers
left join unread
    on
        {{ same('teachers', 'unread', 'region_id, school_year, source_file, row_number') }}
        and coalesce(teachers.sheet, '') = unread.sheet
