-- Grain: region × school year × county that has open schools. Changes look a year back.
{{ config(years_after=1) }}
{%- set amounts = [
    'public_funds_budget_yuan', 'teacher_training_budget_yuan', 'total_expenditure_final_yuan', 'total_expenditure_budget_yuan'
] %}
-- an amount beyond what is plausible is none
with funds as (
    select
        region_id,
        school_year,
        {%- for amount in amounts %}
        case when {{ amount }} <= {{ parameter('max_plausible_total') }} then {{ amount }} end as {{ amount }},
        {%- endfor %}
        entity_id
    from {{ ref('int_funding__summed') }}
    where {{ pending_region() }}
),

-- what is pooled: the public funds and the training of compulsory schools
schools as (
    select
        schools.*,
        sides.ratio_side,
        {%- for amount in amounts %}
        funds.{{ amount }},
        {%- endfor %}
        schools.is_compulsory
        and schools.public_funds_per_pupil is not null
        and schools.public_funds_yuan <= {{ parameter('max_plausible_total') }} as is_pooled,
        schools.is_compulsory
        and funds.teacher_training_budget_yuan is not null
        and funds.public_funds_budget_yuan is not null as is_training_pooled
    from {{ ref('mart_school_funding') }} as schools
    left join funds
        on
            {{ same('schools', 'funds', 'region_id, school_year') }}
            and schools.school_id = funds.entity_id
    left join {{ ratio_sides() }} as sides using (urban_rural_class)
    where {{ pending_region('schools') }}
),

summed as (
    select
        region_id,
        school_year,
        county_code,
        count(case when is_compulsory then 1 end) as school_count,
        count(case when is_compulsory and not coalesce(is_pooled, false) then 1 end) as missing_school_count,
        {%- for class in ['', 'urban', 'rural'] %}
        {%- set condition = " and ratio_side = '" ~ class ~ "'" if class else '' %}
        {{ total('case when is_pooled' ~ condition ~ ' then compulsory_funds_yuan end') }}
        / sum(case when is_pooled{{ condition }} then compulsory_pupils end) as {{ class ~ '_' if class else '' }}public_funds_per_pupil,
        {%- endfor %}
        count(case when is_compulsory and not is_standard_met then 1 end) as below_standard_count,
        count(case when pupils_floor is not null then 1 end) as floor_school_count,
        count(case when not is_floor_met then 1 end) as below_floor_count,
        {{ total('case when is_training_pooled then teacher_training_budget_yuan end') }}
        / nullif({{ total('case when is_training_pooled then public_funds_budget_yuan end') }}, 0) as teacher_training_share,
        count(case when not is_training_met then 1 end) as below_training_count,
        case when count(pupils) = count(*) then nullif(cast(sum(pupils) as bigint), 0) end as pupils,
        count(*) as listed_count,
        count(total_expenditure_final_yuan) as final_count,
        count(total_expenditure_budget_yuan) as budget_count,
        {{ total('total_expenditure_final_yuan') }} as final_yuan,
        {{ total('total_expenditure_budget_yuan') }} as budget_yuan
    from schools
    group by region_id, school_year, county_code
),

-- what the county itself hands in, else the sum over its schools where each of them is there
totals as (
    select
        summed.*,
        own.total_expenditure_final_yuan as own_final_yuan,
        own.total_expenditure_budget_yuan as own_budget_yuan,
        case when summed.final_count = summed.listed_count then summed.final_yuan end as schools_final_yuan,
        case when summed.budget_count = summed.listed_count then summed.budget_yuan end as schools_budget_yuan
    from summed
    left join funds as own
        on
            {{ same('summed', 'own', 'region_id, school_year') }}
            and summed.county_code = own.entity_id
),

chosen as (
    select
        *,
        coalesce(own_final_yuan, own_budget_yuan, schools_final_yuan, schools_budget_yuan) as expenditure_yuan,
        case
            when own_final_yuan is not null or own_budget_yuan is not null then 'county'
            when schools_final_yuan is not null or schools_budget_yuan is not null then 'schools'
        end as expenditure_source,
        case
            when own_final_yuan is not null then 'final'
            when own_budget_yuan is not null then 'budget'
            when schools_final_yuan is not null then 'final'
            when schools_budget_yuan is not null then 'budget'
        end as expenditure_account
    from totals
),

compared as (
    select
        chosen.*,
        last_year.pupils as pupils_last_year,
        case
            when chosen.expenditure_source = 'county' and chosen.expenditure_account = 'final' then last_year.own_final_yuan
            when chosen.expenditure_source = 'county' then last_year.own_budget_yuan
            when chosen.expenditure_account = 'final' then last_year.schools_final_yuan
            else last_year.schools_budget_yuan
        end as expenditure_last_year_yuan
    from chosen
    left join chosen as last_year
        on
            {{ same('chosen', 'last_year', 'region_id, county_code') }}
            and chosen.school_year = last_year.school_year + 1
    where {{ pending('chosen') }}
),

per_pupil as (
    select
        *,
        expenditure_yuan / pupils as expenditure_per_pupil,
        expenditure_last_year_yuan / pupils_last_year as expenditure_per_pupil_last_year
    from compared
)

select
    region_id,
    school_year,
    county_code,
    school_count,
    missing_school_count,
    public_funds_per_pupil,
    urban_public_funds_per_pupil,
    rural_public_funds_per_pupil,
    urban_public_funds_per_pupil / nullif(rural_public_funds_per_pupil, 0) as urban_rural_ratio,
    below_standard_count,
    floor_school_count,
    below_floor_count,
    teacher_training_share,
    below_training_count,
    pupils,
    expenditure_yuan,
    expenditure_source,
    expenditure_account,
    expenditure_per_pupil,
    expenditure_last_year_yuan,
    expenditure_per_pupil_last_year,
    expenditure_yuan - expenditure_last_year_yuan as expenditure_change_yuan,
    (expenditure_yuan - expenditure_last_year_yuan) / nullif(expenditure_last_year_yuan, 0) as expenditure_change_rate,
    expenditure_yuan >= expenditure_last_year_yuan as is_not_decreasing,
    expenditure_per_pupil - expenditure_per_pupil_last_year as expenditure_per_pupil_change,
    round(expenditure_per_pupil, 6) >= round(expenditure_per_pupil_last_year, 6) as is_per_pupil_not_decreasing,
    nullif(rtrim(
        case
            when missing_school_count > 0 then cast(missing_school_count as varchar) || '所学校没有生均公用经费，合计不含；' else ''
        end
        || case
            when public_funds_per_pupil is null then ''
            when urban_public_funds_per_pupil is null then '没有城区学校，没有城乡比；'
            when rural_public_funds_per_pupil is null then '没有乡村学校，没有城乡比；'
            when rural_public_funds_per_pupil = 0 then '乡村学校公用经费为0，没有城乡比；'
            else ''
        end
        || case
            when expenditure_yuan is null
                then
                    '经费表没有全县教育支出合计，并有'
                    || cast(listed_count - case when final_count > budget_count then final_count else budget_count end as varchar)
                    || '所学校缺教育支出，不能相加；'
            when pupils is null then '有学校缺在校生数，没有生均教育支出；'
            else ''
        end
        || case
            when expenditure_yuan is not null and expenditure_last_year_yuan is null then '上一学年没有同口径的教育支出，无法比较；' else ''
        end,
        '；'
    ), '') as reason
from per_pupil
