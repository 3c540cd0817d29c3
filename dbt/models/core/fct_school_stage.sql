-- Grain: region × school year × school × stage (primary, junior). is_in_scope null: what was handed in does not say whether it is.
with schools as (
    select * from {{ ref('stg_schools') }}
    where {{ pending() }}
),

-- one row a school and stage, senior too: it takes its part of what is shared
reported as (
    select
        schools.*,
        stages.stage,
        stages.split_weight,
        stages.is_judged,
        {{ of_stage('pupils') }} as pupils,
        {{ of_stage('classes') }} as classes,
        {{ of_stage('grades') }} as grades,
        {{ of_stage('full_time_teachers') }} as full_time_teachers,
        {{ of_stage('higher_degree_teachers') }} as higher_degree_teachers,
        {{ of_stage('backbone_teachers') }} as backbone_teachers,
        {{ of_stage('pe_arts_teachers') }} as pe_arts_teachers,
        {{ of_stage('midlevel_title_teachers') }} as midlevel_title_teachers,
        {{ of_compulsory_stage('certified_teachers') }} as certified_teachers,
        {{ of_compulsory_stage('trained_teachers') }} as trained_teachers,
        {{ of_compulsory_stage('largest_class') }} as largest_class,
        {{ of_compulsory_stage('oversized_classes') }} as oversized_classes
    from schools
    cross join {{ ref('stages') }} as stages
),

funds as (
    select * from {{ ref('int_funding__summed') }}
    where {{ pending() }}
),

teachers as (
    select * from {{ ref('int_teachers__counted') }}
    where {{ pending() }}
),

classes as (
    select * from {{ ref('int_classes__counted') }}
    where {{ pending() }}
),

added as (
    select * from {{ ref('int_transitions__added') }}
    where {{ pending() }}
),

parameters as (
    select * from {{ ref('int_parameters__in_force') }}
    where {{ pending() }}
),

-- schools that were judged a year before, by their type
judged_before as (
    select
        schools.region_id,
        schools.school_year + 1 as school_year,
        schools.school_id,
        school_types.name_zh as school_type_zh
    from {{ ref('stg_schools') }} as schools
    inner join {{ ref('school_types') }} as school_types using (school_type)
    where coalesce(school_types.exclusion_reason_zh, '') = ''
),

left_rightly as (
    select * from {{ ref('int_schools__closed') }}
    where {{ pending() }}
),

-- a reported total wins over a roster; a roster stands in only where nothing was reported
joined as (
    select
        reported.region_id,
        reported.school_year,
        reported.county_code,
        reported.school_id,
        reported.stage,
        reported.school_name,
        reported.township,
        reported.school_type,
        reported.urban_rural_code,
        urban_rural.urban_rural_class,
        reported.status,
        reported.split_weight,
        reported.is_judged,
        reported.grades,
        reported.teaching_area_m2 - reported.indoor_sports_area_m2 as teaching_area_m2,
        reported.sports_ground_area_m2 + reported.indoor_sports_area_m2 + coalesce(added.sports_area_m2, 0) as sports_area_m2,
        reported.equipment_value_yuan,
        reported.multimedia_rooms,
        reported.classrooms,
        reported.books,
        reported.computers,
        coalesce(funds.public_funds_final_yuan, funds.public_funds_budget_yuan) as public_funds_yuan,
        coalesce(funds.total_expenditure_final_yuan, funds.total_expenditure_budget_yuan) as total_expenditure_yuan,
        classes.pupils as roster_pupils,
        classes.classes as roster_classes,
        reported.certified_teachers,
        reported.trained_teachers,
        coalesce(reported.largest_class, classes.largest_class_pupils) as largest_class_pupils,
        coalesce(reported.oversized_classes, classes.oversized_classes) as oversized_classes,
        coalesce(reported.pupils, classes.pupils) as pupils,
        coalesce(reported.classes, classes.classes) as classes,
        coalesce(reported.full_time_teachers, teachers.full_time_teachers) as full_time_teachers,
        coalesce(reported.higher_degree_teachers, teachers.higher_degree_teachers) as higher_degree_teachers,
        coalesce(reported.backbone_teachers, teachers.backbone_teachers) as backbone_teachers,
        coalesce(reported.pe_arts_teachers, teachers.pe_arts_teachers) as pe_arts_teachers,
        cast(
            case reported.stage
                when 'primary' then added.primary_pe_arts_teachers when 'junior' then added.junior_pe_arts_teachers
            end as bigint
        ) as visiting_pe_arts_teachers,
        parameters.min_teaching_point_pupils,
        parameters.small_school_pupils,
        coalesce(reported.midlevel_title_teachers, teachers.midlevel_title_teachers) as midlevel_title_teachers,
        teachers.full_time_teachers as roster_full_time_teachers,
        teachers.higher_degree_teachers as roster_higher_degree_teachers,
        teachers.backbone_teachers as roster_backbone_teachers,
        teachers.pe_arts_teachers as roster_pe_arts_teachers,
        teachers.midlevel_title_teachers as roster_midlevel_title_teachers,
        case
            when
                (reported.full_time_teachers is null and teachers.full_time_teachers is not null)
                or (reported.higher_degree_teachers is null and teachers.higher_degree_teachers is not null)
                or (reported.backbone_teachers is null and teachers.backbone_teachers is not null)
                or (reported.pe_arts_teachers is null and teachers.pe_arts_teachers is not null)
                or (reported.midlevel_title_teachers is null and teachers.midlevel_title_teachers is not null)
                then 'roster'
            when
                reported.full_time_teachers is not null
                or reported.higher_degree_teachers is not null
                or reported.backbone_teachers is not null
                or reported.pe_arts_teachers is not null
                or reported.midlevel_title_teachers is not null
                then 'reported'
        end as teacher_source
    from reported
    left join {{ ref('urban_rural') }} as urban_rural using (urban_rural_code)
    left join teachers using (region_id, school_year, school_id, stage)
    left join classes using (region_id, school_year, school_id, stage)
    left join funds
        on
            {{ same('reported', 'funds', 'region_id, school_year') }}
            and reported.school_id = funds.entity_id
    left join added using (region_id, school_year, school_id)
    left join parameters using (region_id, school_year, county_code)
),

-- a stage with classes or teachers, or that the type of school has, is there: without their number its pupils are unknown
existing as (
    select
        joined.*,
        school_types.name_zh as school_type_zh,
        school_types.exclusion_reason_zh,
        school_types.is_teaching_point
    from joined
    left join {{ ref('school_types') }} as school_types using (school_type)
    where
        joined.pupils is not null
        or joined.classes > 0
        or joined.full_time_teachers > 0
        or (school_types.stages like '%' || joined.stage || '%' and coalesce(school_types.exclusion_reason_zh, '') = '')
),

-- nothing shared can be split while the pupils of one stage are unknown
weighted as (
    select
        *,
        sum(pupils) over by_school as school_pupils,
        sum(roster_pupils) over by_school as roster_school_pupils,
        case
            when count(*) over by_school = count(pupils) over by_school then sum(pupils * split_weight) over by_school
        end as weighted_pupils
    from existing
    window by_school as (partition by region_id, school_year, school_id)
),

-- who says two things is neither in nor out
doubted as (
    select
        weighted.*,
        case
            when weighted.status = 'closed' and weighted.pupils > 0 then '学校状态为撤销或停办，却填有在校生'
            when weighted.exclusion_reason_zh <> '' and judged_before.school_id is not null and left_rightly.school_id is null
                then '上学年是' || judged_before.school_type_zh || '，今年填作' || weighted.school_type_zh
            when weighted.status = 'closed' or weighted.exclusion_reason_zh <> '' then null
            when weighted.pupils is null then '在校生数缺失'
            when weighted.pupils = 0 and (weighted.roster_pupils > 0 or weighted.classes > 0 or weighted.full_time_teachers > 0)
                then '填报在校生0人，却有班级或教师'
            when
                weighted.is_teaching_point
                and weighted.school_pupils < weighted.min_teaching_point_pupils
                and weighted.roster_school_pupils >= weighted.min_teaching_point_pupils
                then
                    '教学点填报' || cast(weighted.school_pupils as varchar) || '人，班级名册却有'
                    || cast(weighted.roster_school_pupils as varchar) || '人'
        end as doubt
    from weighted
    left join judged_before using (region_id, school_year, school_id)
    left join left_rightly using (region_id, school_year, school_id)
    where weighted.is_judged
),

scoped as (
    select
        *,
        case
            when doubt is not null then doubt
            when status = 'closed' then '学校已撤销或停办'
            when exclusion_reason_zh <> '' then exclusion_reason_zh
            when pupils = 0 then '该学段没有在校生'
            when is_teaching_point and school_pupils < min_teaching_point_pupils
                then '教学点不足' || cast(cast(min_teaching_point_pupils as integer) as varchar) || '人'
        end as exclusion_reason
    from doubted
)

select
    region_id,
    school_year,
    county_code,
    school_id,
    stage,
    {{ stage_zh('scoped') }} as stage_zh,
    school_name,
    township,
    school_type,
    urban_rural_class,
    pupils,
    classes,
    grades,
    full_time_teachers,
    higher_degree_teachers,
    backbone_teachers,
    pe_arts_teachers
    + case
        when
            urban_rural_class = 'rural' and school_pupils >= min_teaching_point_pupils and school_pupils < small_school_pupils
            then coalesce(visiting_pe_arts_teachers, 0)
        else 0
    end as pe_arts_teachers,
    midlevel_title_teachers,
    teaching_area_m2,
    sports_area_m2,
    equipment_value_yuan,
    multimedia_rooms,
    classrooms,
    books,
    computers,
    public_funds_yuan,
    total_expenditure_yuan,
    cast(split_weight as double) as split_weight,
    cast(weighted_pupils as double) as weighted_pupils,
    cast(pupils * split_weight as double) / cast(nullif(weighted_pupils, 0) as double) as resource_share,
    teacher_source,
    roster_pupils,
    roster_classes,
    largest_class_pupils,
    oversized_classes,
    certified_teachers,
    trained_teachers,
    roster_full_time_teachers,
    roster_higher_degree_teachers,
    roster_backbone_teachers,
    roster_pe_arts_teachers,
    roster_midlevel_title_teachers,
    case when doubt is null then exclusion_reason is null end as is_in_scope,
    exclusion_reason
from scoped
