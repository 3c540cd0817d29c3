-- Grain: region × school year × open school. What is judged of a school's money; changes look a year back.
{{ config(years_after=1) }}
with schools as (
    select * from {{ ref('stg_schools') }}
    where status = 'open' and {{ pending_region() }}
),

figures as (
    select
        region_id,
        school_year,
        unit_id,
        max(case when unit_level = 'school' and input_id = 'school_pupils' then value end) as pupils,
        max(case when input_id = 'boarding_pupils' then value end) as boarding_pupils,
        max(case when input_id = 'public_funds_standard_yuan' then value end) as standard_yuan,
        max(case when input_id = 'primary_public_funds_standard_yuan' then value end) as primary_standard_yuan,
        max(case when input_id = 'junior_public_funds_standard_yuan' then value end) as junior_standard_yuan
    from {{ ref('int_inputs__melted') }}
    where
        unit_level in ('school', 'county')
        and input_id in (
            'school_pupils', 'boarding_pupils', 'public_funds_standard_yuan', 'primary_public_funds_standard_yuan',
            'junior_public_funds_standard_yuan'
        )
        and {{ pending_region() }}
    group by region_id, school_year, unit_id
),

ruled as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending_region() }}
),

quotas as (
    select * from {{ ref('public_funds_standards') }}
),

national as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        school_types,
        yuan
    from {{ in_force('quotas', 'ruled', ['stage']) }} as bound
),

-- what each stage of compulsory education is to have: by the school's own standard of the stage, its own of all, the county's, the nation's
stages as (
    select
        sections.region_id,
        sections.school_year,
        sections.school_id,
        sections.pupils,
        sections.resource_share,
        coalesce(
            case sections.stage when 'primary' then own.primary_standard_yuan else own.junior_standard_yuan end,
            own.standard_yuan,
            case sections.stage when 'primary' then of_county.primary_standard_yuan else of_county.junior_standard_yuan end,
            of_county.standard_yuan,
            cast(national.yuan as double)
        ) as standard_yuan
    from {{ ref('fct_school_stage') }} as sections
    left join national using (region_id, school_year, county_code, stage)
    left join figures as own
        on
            {{ same('sections', 'own', 'region_id, school_year') }}
            and sections.school_id = own.unit_id
    left join figures as of_county
        on
            {{ same('sections', 'of_county', 'region_id, school_year') }}
            and sections.county_code = of_county.unit_id
    where {{ pending_region('sections') }}
),

compulsory as (
    select
        region_id,
        school_year,
        school_id,
        case when count(pupils) = count(*) then nullif(cast(sum(pupils) as double), 0) end as pupils,
        case when count(resource_share) = count(*) then {{ total('resource_share') }} end as funds_share,
        case when count(pupils * standard_yuan) = count(*) then {{ total('pupils * standard_yuan') }} end as quota_yuan
    from stages
    where pupils is null or pupils > 0
    group by region_id, school_year, school_id
),

funds as (
    select
        *,
        coalesce(public_funds_final_yuan, public_funds_budget_yuan) as public_funds_yuan,
        case
            when public_funds_final_yuan is not null then 'final' when public_funds_budget_yuan is not null then 'budget'
        end as public_funds_account,
        coalesce(total_expenditure_final_yuan, total_expenditure_budget_yuan) as expenditure_yuan,
        case
            when total_expenditure_final_yuan is not null then 'final' when total_expenditure_budget_yuan is not null then 'budget'
        end as expenditure_account
    from {{ ref('int_funding__summed') }}
    where {{ pending_region() }}
),

spent as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.school_id,
        schools.school_name,
        schools.school_type,
        urban_rural.urban_rural_class,
        coalesce(school_types.exclusion_reason_zh, '') = ''
        and (school_types.stages like '%primary%' or school_types.stages like '%junior%') as is_compulsory,
        own.pupils,
        nullif(own.pupils, 0) as all_pupils,
        compulsory.pupils as compulsory_pupils,
        compulsory.funds_share,
        compulsory.quota_yuan,
        own.boarding_pupils,
        cast(boarding.yuan as double) as boarding_yuan,
        cast(special.yuan as double) as special_yuan,
        coalesce(own.standard_yuan, of_county.standard_yuan) as handed_in_standard_yuan,
        case
            when coalesce(own.standard_yuan, own.primary_standard_yuan, own.junior_standard_yuan) is not null then 'school'
            when coalesce(of_county.standard_yuan, of_county.primary_standard_yuan, of_county.junior_standard_yuan) is not null
                then 'county'
            when compulsory.quota_yuan is not null or special.yuan is not null then 'national'
        end as standard_level,
        funds.public_funds_yuan,
        funds.public_funds_account,
        funds.public_funds_budget_yuan,
        funds.public_funds_final_yuan,
        funds.teacher_training_budget_yuan,
        funds.expenditure_yuan,
        funds.expenditure_account,
        funds.total_expenditure_budget_yuan,
        funds.total_expenditure_final_yuan
    from schools
    left join {{ ref('school_types') }} as school_types using (school_type)
    left join {{ ref('urban_rural') }} as urban_rural using (urban_rural_code)
    left join figures as own
        on
            {{ same('schools', 'own', 'region_id, school_year') }}
            and schools.school_id = own.unit_id
    left join figures as of_county
        on
            {{ same('schools', 'of_county', 'region_id, school_year') }}
            and schools.county_code = of_county.unit_id
    left join compulsory on {{ same('schools', 'compulsory', 'region_id, school_year, school_id') }}
    left join national as boarding
        on
            {{ same('schools', 'boarding', 'region_id, school_year, county_code') }}
            and boarding.stage = 'boarding'
    left join national as special
        on
            {{ same('schools', 'special', 'region_id, school_year, county_code') }}
            and special.stage = 'special'
            and ';' || special.school_types || ';' like '%;' || schools.school_type || ';%'
    left join funds
        on
            {{ same('schools', 'funds', 'region_id, school_year') }}
            and schools.school_id = funds.entity_id
),

-- of a school with a senior stage the part of compulsory education, by weighted pupils as all that is shared
counted as (
    select
        *,
        case when is_compulsory then compulsory_pupils else all_pupils end as counted_pupils,
        case when is_compulsory then funds_share else 1 end as counted_share,
        case
            when is_compulsory then (quota_yuan + coalesce(boarding_pupils * boarding_yuan, 0)) / compulsory_pupils
            else coalesce(handed_in_standard_yuan, special_yuan)
        end as public_funds_standard_yuan
    from spent
),

-- which measures ask for so many funded pupils, and which for a share of training
rules as (
    select
        measure_id,
        case denominator when 'public_funds_standard_yuan' then 'floor' else 'training' end as rule
    from {{ ref('measures') }}
    where
        (numerator = 'public_funds_budget_yuan' and denominator = 'public_funds_standard_yuan')
        or (numerator = 'teacher_training_budget_yuan' and denominator = 'public_funds_budget_yuan')
),

years as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending_region() }}
),

items as (
    select * from {{ ref('standard_items') }}
    where standard_id = '{{ var("standard_id") }}' and coalesce(transition_id, '') = '' and area_level = 'school' and is_judged
),

-- what the national standard and the region's own documents ask of each school that they bind
asked as (
    select
        facts.region_id,
        facts.school_year,
        facts.area_id as school_id,
        rules.rule,
        bound.item_id as rule_id,
        bound.threshold
    from {{ ref('int_measures__combined') }} as facts
    inner join rules using (measure_id)
    inner join {{ in_force('items', 'years', ['criterion_id', 'measure_id']) }} as bound
        using (region_id, school_year, county_code, measure_id)
    where facts.area_level = 'school' and {{ pending('facts') }}
    union all
    select
        areas.region_id,
        areas.school_year,
        areas.area_id as school_id,
        rules.rule,
        areas.target_id as rule_id,
        areas.threshold
    from {{ ref('mart_target_area') }} as areas
    inner join {{ ref('targets') }} as targets using (target_id)
    inner join rules using (measure_id)
    where areas.area_level = 'school' and targets.is_judged and targets.operator = '>=' and {{ pending('areas') }}
),

-- of several the strictest
bounds as (
    select
        region_id,
        school_year,
        school_id,
        max(case when rule = 'floor' then threshold end) as pupils_floor,
        {{ dbt.listagg("case when rule = 'floor' then rule_id end", "';'", 'order by rule_id') }} as floor_rules,
        max(case when rule = 'training' then threshold end) as training_threshold
    from asked
    group by region_id, school_year, school_id
),

-- changes compare one account with the same account of the year before
compared as (
    select
        counted.*,
        cast(bounds.pupils_floor as double) as pupils_floor,
        bounds.floor_rules,
        cast(bounds.training_threshold as double) as training_threshold,
        counted.counted_share * counted.public_funds_yuan / counted.counted_pupils as public_funds_per_pupil,
        counted.counted_share * coalesce(counted.public_funds_budget_yuan, counted.public_funds_final_yuan) / counted.counted_pupils
            as allocated_per_pupil,
        counted.expenditure_yuan / counted.all_pupils as expenditure_per_pupil,
        counted.public_funds_budget_yuan / nullif(counted.handed_in_standard_yuan, 0) as funded_pupils,
        counted.teacher_training_budget_yuan / nullif(counted.public_funds_budget_yuan, 0) as teacher_training_share,
        last_year.counted_share * case counted.public_funds_account
            when 'final' then last_year.public_funds_final_yuan else last_year.public_funds_budget_yuan
        end / last_year.counted_pupils as public_funds_per_pupil_last_year,
        case counted.expenditure_account
            when 'final' then last_year.total_expenditure_final_yuan else last_year.total_expenditure_budget_yuan
        end as expenditure_last_year_yuan,
        last_year.all_pupils as pupils_last_year
    from counted
    left join bounds using (region_id, school_year, school_id)
    left join counted as last_year
        on
            {{ same('counted', 'last_year', 'region_id, school_id') }}
            and counted.school_year = last_year.school_year + 1
    where {{ pending('counted') }}
)

select
    region_id,
    school_year,
    county_code,
    school_id,
    school_name,
    school_type,
    urban_rural_class,
    is_compulsory,
    cast(pupils as bigint) as pupils,
    cast(case when is_compulsory then compulsory_pupils end as bigint) as compulsory_pupils,
    public_funds_yuan,
    public_funds_account,
    case when is_compulsory then counted_share * public_funds_yuan end as compulsory_funds_yuan,
    public_funds_per_pupil,
    allocated_per_pupil,
    public_funds_standard_yuan,
    case when public_funds_standard_yuan is not null then standard_level end as standard_level,
    round(allocated_per_pupil, 6) >= round(public_funds_standard_yuan, 6) as is_standard_met,
    funded_pupils,
    pupils_floor,
    floor_rules,
    round(funded_pupils, 10) >= pupils_floor as is_floor_met,
    teacher_training_share,
    training_threshold,
    round(teacher_training_share, 10) >= training_threshold as is_training_met,
    expenditure_yuan,
    expenditure_account,
    expenditure_per_pupil,
    public_funds_per_pupil - public_funds_per_pupil_last_year as public_funds_per_pupil_change,
    expenditure_yuan - expenditure_last_year_yuan as expenditure_change_yuan,
    expenditure_per_pupil - expenditure_last_year_yuan / pupils_last_year as expenditure_per_pupil_change,
    nullif(rtrim(
        case
            when pupils is null then '在校生数缺失；'
            when pupils = 0 then '没有在校生；'
            when counted_pupils is null or counted_share is null then '有的学段缺在校生数，公用经费分不到各学段；'
            else ''
        end
        || case when public_funds_yuan is null then '经费表缺公用经费；' else '' end
        || case
            when
                (public_funds_standard_yuan is null and counted_pupils is not null)
                or (pupils_floor is not null and handed_in_standard_yuan is null)
                then '尚未报送生均公用经费标准；'
            else ''
        end
        || case when pupils_floor is not null and public_funds_budget_yuan is null then '经费表缺公用经费预算；' else '' end
        || case when training_threshold is not null and teacher_training_budget_yuan is null then '经费表缺教师培训经费预算；' else '' end
        || case when expenditure_yuan is null then '经费表缺教育支出合计；' else '' end
        || case when expenditure_yuan is not null and expenditure_last_year_yuan is null then '上一学年没有同口径的教育支出；' else '' end,
        '；'
    ), '') as reason
from compared
