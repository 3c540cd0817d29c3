-- Grain: region × school year × county × blank of the application form's tables Ⅰ, Ⅱ-1, Ⅲ, Ⅳ, Ⅴ and Ⅵ, and of the notes below Ⅱ-2.
-- Some blanks ask for the year before, so a refresh rebuilds the year after too.
{{ config(years_after=1) }}
with counties as (
    select * from {{ ref('int_counties__listed') }}
    where {{ pending() }}
),

blanks as (
    select
        blanks.*,
        measures.statistic in ('sum', 'count') and measures.unit_level in ('school', 'section') as is_of_schools,
        measures.unit_zh = '级' as is_level
    from {{ ref('application_form_blanks') }} as blanks
    left join {{ ref('measures') }} as measures using (measure_id)
),

-- each blank with the year that it asks for, and whether the county handed in schools in it
asked as (
    select
        blanks.*,
        counties.region_id,
        counties.school_year,
        counties.county_code,
        counties.school_year - coalesce(blanks.years_back, 0) as figure_year,
        coalesce(of_year.has_schools, false) as has_schools
    from counties
    cross join blanks
    left join {{ ref('int_counties__listed') }} as of_year
        on
            {{ same('counties', 'of_year', 'region_id, county_code') }}
            and counties.school_year - coalesce(blanks.years_back, 0) = of_year.school_year
),

-- none of a kind is 0 where schools were handed in; a figure that lacks a part is none
filled as (
    select
        asked.region_id,
        asked.school_year,
        asked.county_code,
        asked.form_table,
        asked.row_no,
        asked.blank_no,
        asked.label_zh,
        asked.measure_id,
        asked.criterion_id,
        asked.decimals,
        asked.is_level,
        case
            when asked.criterion_id is not null
                then case when items.areas_missing = 0 and asked.has_schools then items.areas_not_met end
            when facts.measure_id is null then case when asked.is_of_schools and asked.has_schools then 0 end
            when facts.units_missing = 0 then asked.multiplier * facts.value
        end as value,
        case
            when asked.criterion_id is not null then case when items.areas_missing > 0 or not asked.has_schools then items.reason end
            when facts.measure_id is null and not asked.has_schools
                then '没有报送' || case when asked.years_back > 0 then cast(asked.figure_year as varchar) || '学年的' else '' end || '学校表'
            when facts.measure_id is null and not asked.is_of_schools then '没有适用的数据'
            when facts.value is null and facts.missing is null then '没有适用的学校或人数为0'
            else facts.missing
        end as missing
    from asked
    left join {{ ref('int_measures__combined') }} as facts
        on
            asked.region_id = facts.region_id
            and asked.figure_year = facts.school_year
            and asked.county_code = facts.area_id
            and asked.measure_id = facts.measure_id
            and facts.area_level = 'county'
    left join {{ ref('mart_standard_item') }} as items
        on
            {{ same('asked', 'items', 'region_id, school_year, county_code') }}
            and asked.criterion_id = items.criterion_id
            and items.standard_id = '{{ var("standard_id") }}'
),

-- tables Ⅱ-1 and Ⅲ: a row for what is shown of each stage, a blank for each of the seven and for all of them together
indicators as (
    select
        results.region_id,
        results.school_year,
        results.county_code,
        results.stage,
        indicators.sort_order as blank_no,
        indicators.name_zh as label_zh,
        count(*) as school_count,
        count(case when results.is_met then 1 end) as met_count,
        count(case when results.is_met is null then 1 end) as unknown_count
    from {{ ref('fct_school_indicator') }} as results
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where results.threshold is not null and {{ pending('results') }}
    group by results.region_id, results.school_year, results.county_code, results.stage, indicators.sort_order, indicators.name_zh
    union all
    select
        region_id,
        school_year,
        county_code,
        stage,
        8 as blank_no,
        '综合评估' as label_zh,
        count(*) as school_count,
        count(case when is_passed then 1 end) as met_count,
        count(case when is_passed is null then 1 end) as unknown_count
    from {{ ref('mart_school_verdict') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage
),

coefficients as (
    select
        balance.region_id,
        balance.school_year,
        balance.county_code,
        balance.stage,
        indicators.sort_order as blank_no,
        indicators.name_zh as label_zh,
        balance.county_mean,
        balance.difference_coefficient,
        balance.reason
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where balance.limit_value is not null and {{ pending('balance') }}
    union all
    select
        verdicts.region_id,
        verdicts.school_year,
        verdicts.county_code,
        stages.stage,
        8 as blank_no,
        '综合' as label_zh,
        null as county_mean,
        case stages.stage when 'primary' then verdicts.primary_mean_coefficient else verdicts.junior_mean_coefficient end
            as difference_coefficient,
        '有不可评估的差异系数' as reason
    from {{ ref('mart_county_verdict') }} as verdicts
    inner join {{ ref('stages') }} as stages on stages.is_judged
    where {{ pending('verdicts') }}
),

sections as (
    select
        schools.region_id,
        schools.school_year,
        schools.county_code,
        schools.stage,
        count(*) as school_count,
        count(case when school_types.stages like 'primary;junior%' then 1 end) as combined_count,
        count(case when school_types.is_teaching_point or school_types.stages = 'junior;senior' then 1 end) as other_count
    from {{ ref('fct_school_stage') }} as schools
    inner join {{ ref('school_types') }} as school_types using (school_type)
    where schools.is_in_scope and {{ pending('schools') }}
    group by schools.region_id, schools.school_year, schools.county_code, schools.stage
),

notes as (
    select
        1 as blank_no,
        '学校数' as label_zh
    union all
    select
        2 as blank_no,
        '其中一贯制学校' as label_zh
    union all
    select
        3 as blank_no,
        '其中50人及以上的教学点或完全中学' as label_zh
),

of_stages as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        'Ⅱ-1' as form_table,
        1 as line,
        blank_no,
        '达标学校总数：' || label_zh as label_zh,
        0 as decimals,
        case when unknown_count = 0 then met_count end as value,
        cast(unknown_count as varchar) || '所学校缺少数据，见mart_school_verdict' as missing
    from indicators
    union all
    select
        region_id,
        school_year,
        county_code,
        stage,
        'Ⅱ-1' as form_table,
        2 as line,
        blank_no,
        '达标学校比例：' || label_zh as label_zh,
        1 as decimals,
        case when unknown_count = 0 then 100.0 * met_count / school_count end as value,
        cast(unknown_count as varchar) || '所学校缺少数据，见mart_school_verdict' as missing
    from indicators
    union all
    select
        region_id,
        school_year,
        county_code,
        stage,
        'Ⅲ' as form_table,
        1 as line,
        blank_no,
        '全县平均值：' || label_zh as label_zh,
        2 as decimals,
        county_mean as value,
        coalesce(reason, '缺少数据') as missing
    from coefficients
    where blank_no < 8
    union all
    select
        region_id,
        school_year,
        county_code,
        stage,
        'Ⅲ' as form_table,
        2 as line,
        blank_no,
        '差异系数：' || label_zh as label_zh,
        3 as decimals,
        difference_coefficient as value,
        coalesce(reason, '缺少数据') as missing
    from coefficients
    union all
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        stages.stage,
        'Ⅱ-2' as form_table,
        1 as line,
        parts.blank_no,
        parts.label_zh,
        0 as decimals,
        case
            when counties.has_schools
                then
                    coalesce(case parts.blank_no
                        when 1 then sections.school_count
                        when 2 then sections.combined_count
                        else sections.other_count
                    end, 0)
        end as value,
        '没有报送学校表' as missing
    from counties
    cross join notes as parts
    inner join {{ ref('stages') }} as stages on stages.is_judged
    left join sections
        on
            counties.region_id = sections.region_id
            and counties.school_year = sections.school_year
            and counties.county_code = sections.county_code
            and stages.stage = sections.stage
),

-- of a stage of which a school is missing nothing is counted
lacking as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as school_count
    from {{ ref('int_schools__missing') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage
),

everything as (
    select
        region_id,
        school_year,
        county_code,
        form_table,
        row_no,
        blank_no,
        null as stage,
        label_zh,
        measure_id,
        criterion_id,
        decimals,
        is_level,
        value,
        missing
    from filled
    union all
    select
        of_stages.region_id,
        of_stages.school_year,
        of_stages.county_code,
        of_stages.form_table,
        case when of_stages.form_table = 'Ⅱ-2' then stages.sort_order else 2 * stages.sort_order - 2 + of_stages.line end as row_no,
        of_stages.blank_no,
        stage,
        stages.name_zh || of_stages.label_zh as label_zh,
        null as measure_id,
        null as criterion_id,
        of_stages.decimals,
        false as is_level,
        case when lacking.school_count is null then of_stages.value end as value,
        coalesce('缺' || cast(lacking.school_count as varchar) || '所学校，见mart_missing_school', of_stages.missing) as missing
    from of_stages
    inner join {{ ref('stages') }} as stages using (stage)
    left join lacking using (region_id, school_year, county_code, stage)
)

select
    region_id,
    school_year,
    county_code,
    form_table,
    row_no,
    blank_no,
    stage,
    {{ stage_zh('everything') }} as stage_zh,
    label_zh,
    measure_id,
    criterion_id,
    cast(value as double) as value,
    case
        when is_level then case value when 1 then 'Ⅰ' when 2 then 'Ⅱ' when 3 then 'Ⅲ' when 4 then 'Ⅳ' end
        when decimals = 0 then cast(cast({{ half_up('value', 0) }} as bigint) as varchar)
        when decimals = 1 then {{ shown('value', 1) }}
        when decimals = 2 then {{ shown('value', 2) }}
        else {{ shown('value', 3) }}
    end as shown,
    case when value is null then missing end as missing
from everything
