-- Grain: region × school year × county × sentence: its position in a dozen sentences, every figure from another mart. What has no data
-- is not told. Targets look as far back as their due years, so a refresh rebuilds every year of its regions.
{{ config(partition_by=['region_id']) }}
with counties as (
    select
        verdicts.*,
        coalesce(listed.county_name_zh, verdicts.county_code) as county_name
    from {{ ref('mart_county_verdict') }} as verdicts
    left join {{ ref('stg_counties') }} as listed using (region_id, county_code)
    where {{ pending('verdicts') }}
),

-- the coefficient furthest over its limit, or nearest to it
ranked as (
    select
        balance.*,
        stages.name_zh || indicators.name_zh as indicator_zh,
        indicators.unit_zh,
        row_number() over (
            partition by balance.region_id, balance.school_year, balance.county_code
            order by balance.difference_coefficient / balance.limit_value desc, stages.sort_order asc, indicators.sort_order asc
        ) as place
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    inner join {{ ref('stages') }} as stages using (stage)
    where balance.difference_coefficient is not null and balance.limit_value is not null and {{ pending('balance') }}
),

widest as (
    select * from ranked
    where place = 1
),

-- the three schools that make most of it
makers as (
    select
        shares.region_id,
        shares.school_year,
        shares.county_code,
        shares.variance_rank,
        shares.variance_share,
        shares.coefficient_without,
        shares.direction,
        schools.school_name
    from {{ ref('mart_variance_share') }} as shares
    inner join widest using (region_id, school_year, county_code, stage, indicator_id)
    inner join {{ ref('fct_school_stage') }} as schools using (region_id, school_year, school_id, stage)
    where shares.variance_rank <= 3 and {{ pending('shares') }}
),

makers_told as (
    select
        region_id,
        school_year,
        county_code,
        100 * sum(variance_share) as percent,
        max(case when variance_rank = 1 then school_name end) as first_name,
        max(case when variance_rank = 1 then coefficient_without end) as coefficient_without,
        {{ dbt.listagg(
            "school_name || '（' || case direction when 'above' then '高于均值' else '低于均值' end || '）'", "'、'", 'order by variance_rank'
        ) }} as names
    from makers
    group by region_id, school_year, county_code
),

latest as (
    select
        *,
        row_number() over (
            partition by region_id, school_year, county_code, stage, indicator_id order by projected_year desc
        ) as place
    from {{ ref('mart_indicator_trend') }}
    where figure = 'difference_coefficient' and projected_value is not null and {{ pending() }}
),

estimates as (
    select
        estimates.*,
        stages.name_zh as stage_zh,
        stages.sort_order as stage_order,
        limits.threshold as limit_value
    from {{ ref('mart_achievement_gap') }} as estimates
    inner join {{ ref('stages') }} as stages using (stage)
    inner join {{ ref('mart_standard_item') }} as limits
        on
            {{ same('estimates', 'limits', 'region_id, school_year, county_code') }}
            and limits.measure_id = 'highest_difference_rate'
            and limits.standard_id = '{{ var("standard_id") }}'
    where estimates.difference_rate is not null and estimates.ci_low is not null and {{ pending('estimates') }}
),

-- where the interval holds the limit, the sample does not say on which side of it the county is
estimates_told as (
    select
        region_id,
        school_year,
        county_code,
        {{ dbt.listagg(
            "stage_zh || cast(grade as varchar) || '年级' || subject || " ~ shown('difference_rate', 3) ~ " || '（95%区间' || "
            ~ shown('ci_low', 3) ~ " || '至' || " ~ shown('ci_high', 3) ~ " || '），' || case when ci_high < limit_value then '低于'"
            ~ " when ci_low >= limit_value then '不低于' else '不能判断是否低于' end || " ~ plain('limit_value'),
            "'；'", 'order by stage_order, grade, subject'
        ) }} as told
    from estimates
    group by region_id, school_year, county_code
),

-- of each subject that the nation monitors, the latest result and its year
monitored as (
    select
        facts.region_id,
        facts.school_year,
        facts.unit_id as county_code,
        subjects.label_zh as subject,
        subjects.sort_order,
        max(case when facts.input_id = 'monitored_year_' || subjects.code then facts.value end) as latest_year,
        max(case when facts.input_id = 'achievement_level_' || subjects.code then facts.value end) as achievement_level,
        max(case when facts.input_id = 'difference_rate_' || subjects.code then facts.value end) as difference_rate
    from {{ ref('int_facts__settled') }} as facts
    inner join {{ ref('labels') }} as subjects
        on
            subjects.kind = 'monitored_subject'
            and facts.input_id in (
                'monitored_year_' || subjects.code, 'achievement_level_' || subjects.code, 'difference_rate_' || subjects.code
            )
    where facts.unit_level = 'county' and {{ pending('facts') }}
    group by facts.region_id, facts.school_year, facts.unit_id, subjects.label_zh, subjects.sort_order
),

monitored_told as (
    select
        region_id,
        school_year,
        county_code,
        {{ dbt.listagg(
            "case when latest_year > 0 then subject || coalesce(substr('ⅠⅡⅢⅣ', cast(achievement_level as integer), 1) || '级', '等级未报')"
            ~ " || coalesce('、' || " ~ shown('difference_rate', 3) ~ ", '、未报') || '（' || cast(cast(latest_year as integer) as varchar) || '年）' end",
            "'；'", 'order by sort_order'
        ) }} as results,
        {{ dbt.listagg('case when latest_year = 0 then subject end', "'、'", 'order by sort_order') }} as never
    from monitored
    group by region_id, school_year, county_code
),

plans as (
    select
        plans.region_id,
        plans.school_year,
        plans.county_code,
        {%- for plan in ['pass', 'balance'] %}
        nullif(concat_ws(
            '、',
            {%- for kind, words in {'one_off': '一次性投入', 'yearly': '每年'}.items() %}
            case
                when plans.{{ plan }}_{{ kind }}_yuan > 0
                    then '{{ words }}' || {{ shown('plans.' ~ plan ~ '_' ~ kind ~ '_yuan / 10000', 1) }} || '万元'
            end{{ ',' if not loop.last }}
            {%- endfor %}
        ), '') as {{ plan }}_cost_zh,
        {%- endfor %}
        case when plans.has_sample_price then '按示例单价' else '按本局核定的单价' end as prices_zh,
        counties.undecided_school_count + counties.missing_school_count > 0 as is_incomplete
    from {{ ref('mart_county_plan') }} as plans
    inner join counties using (region_id, school_year, county_code)
    where {{ pending('plans') }}
),

targets as (
    select
        region_id,
        school_year,
        count(*) as target_count,
        count(case when status in ('met', 'met_late') then 1 end) as met_count,
        count(case when status = 'met_late' then 1 end) as late_count,
        count(case when status in ('not_met', 'missed', 'off_track') then 1 end) as behind_count,
        count(case when status in ('on_track', 'not_yet_due') then 1 end) as ahead_count,
        count(case when status = 'not_evaluable' then 1 end) as unknown_count,
        count(case when status in ('not_applicable', 'measured') then 1 end) as other_count
    from {{ ref('mart_target_progress') }}
    where {{ pending() }}
    group by region_id, school_year
),

sentences as (
    select
        region_id,
        school_year,
        county_code,
        1 as sentence_no,
        case
            when missing_school_count > 0 then '缺' || cast(missing_school_count as varchar) || '所学校，以下各句只就其余学校而言。' else ''
        end
        || county_name || cast(school_year as varchar) || '学年'
        || case verdict when 'met' then '达到优质均衡标准' when 'not_met' then '没有达到优质均衡标准' else '还不能判定是否达到优质均衡标准' end
        || case when rule_year <> school_year then '（按' || cast(rule_year as varchar) || '学年的规则）' else '' end
        || '。资源配置：' || cast(school_count as varchar) || '所学校（一贯制学校分学段计）'
        || case
            when failed_school_count = 0 and undecided_school_count = 0 then '全部达标'
            else
                '中' || cast(school_count - failed_school_count - undecided_school_count as varchar) || '所达标、'
                || cast(failed_school_count as varchar) || '所未达标'
                || case when undecided_school_count > 0 then '、' || cast(undecided_school_count as varchar) || '所无法判定' else '' end
        end
        || '；' || cast(coefficient_count as varchar) || '项差异系数'
        || case
            when coefficient_count > 0 and failed_coefficient_count = 0 then '都不超过限值。'
            else '中' || cast(failed_coefficient_count as varchar) || '项超过限值。'
        end as sentence
    from counties
    where school_count > 0
    union all
    select
        region_id,
        school_year,
        county_code,
        2 as sentence_no,
        '前提条件' || {{ met_zh('is_prerequisite_met') }} || '；' ||
        {%- for part, words in {'government': '政府保障程度', 'quality': '教育质量'}.items() %}
        '{{ words }}' || cast({{ part }}_item_count as varchar) || '项'
        || case
            when {{ part }}_met_count = {{ part }}_item_count then '全部达到'
            else
                '中' || cast({{ part }}_met_count as varchar) || '项达到、' || cast({{ part }}_failed_count as varchar) || '项未达到'
                || case
                    when {{ part }}_met_count + {{ part }}_failed_count < {{ part }}_item_count
                        then '、' || cast({{ part }}_item_count - {{ part }}_met_count - {{ part }}_failed_count as varchar) || '项缺数据'
                    else ''
                end
        end || '；' ||
        {%- endfor %}
        '社会认可度' || {{ met_zh('is_recognition_met') }} || '；'
        || case when is_free_of_vetoes then '没有否决情形' when not is_free_of_vetoes then '有否决情形' else '否决情形缺数据' end
        || '。' as sentence
    from counties
    union all
    select
        region_id,
        school_year,
        county_code,
        3 as sentence_no,
        case when round(difference_coefficient, 12) <= limit_value then '差距最接近限值' else '差距超过限值最多' end || '的是' || indicator_zh || '：差异系数'
        || {{ shown('difference_coefficient', 3, 'rounding_flips', 'limit_value') }} || '，限值' || {{ shown('limit_value', 2) }} || '；全县均值'
        || {{ shown('county_mean', 2) }} || unit_zh || '。' as sentence
    from widest
    union all
    select
        region_id,
        school_year,
        county_code,
        4 as sentence_no,
        '校际差异主要来自' || names || '，合计贡献' || {{ shown('percent', 0) }} || '%；不计' || first_name || '，差异系数为'
        || {{ shown('coefficient_without', 3) }} || '。' as sentence
    from makers_told
    where coefficient_without is not null
    union all
    select
        region_id,
        school_year,
        county_code,
        5 as sentence_no,
        '按此项指标，城镇（城区和镇区）均值是乡村的' || {{ shown('urban_rural_ratio', 2) }} || '倍，泰尔指数中城区、镇区、乡村之间的部分占'
        || {{ shown('100 * theil_between / nullif(theil, 0)', 0) }} || '%，其余在同类学校之间。' as sentence
    from widest
    where urban_rural_ratio is not null and theil > 0 and theil_between is not null
    union all
    select
        widest.region_id,
        widest.school_year,
        widest.county_code,
        6 as sentence_no,
        '差异系数' || {{ changed_zh('change.coefficient_last_year', 'change.difference_coefficient') }}
        || coalesce(
            '；只看两学年都在的' || cast(change.common_school_count as varchar) || '所学校，'
            || {{ changed_zh('change.common_coefficient_last_year', 'change.common_coefficient') }}, ''
        ) || '。' as sentence
    from widest
    inner join {{ ref('mart_county_change') }} as change using (region_id, school_year, county_code, stage, indicator_id)
    where change.coefficient_change is not null
    union all
    select
        widest.region_id,
        widest.school_year,
        widest.county_code,
        7 as sentence_no,
        '按' || cast(trend.first_year as varchar) || '至' || cast(trend.last_year as varchar) || '学年的趋势外推（仅供参考），'
        || cast(trend.projected_year as varchar) || '学年'
        || case trend.outlook when 'kept' then '仍不超过限值' when 'reached' then '降到限值以内' when 'lost' then '超过限值' else '仍高于限值' end
        || '（' || {{ shown('trend.projected_value', 3) }} || '）。' as sentence
    from widest
    inner join latest as trend using (region_id, school_year, county_code, stage, indicator_id)
    where trend.place = 1
    union all
    select
        region_id,
        school_year,
        county_code,
        8 as sentence_no,
        case
            when pass_cost_zh is not null then '要使未达标学校都达标，' || prices_zh || '测算，约需' || pass_cost_zh
            when is_incomplete then '数据齐全的学校都已达标，其余学校要补多少还不知道'
            else '各校都已达标，不需增补'
        end || coalesce('；要使各项差异系数都降到限值，约需' || balance_cost_zh, '') || '。' as sentence
    from plans
    union all
    select
        widest.region_id,
        widest.school_year,
        widest.county_code,
        9 as sentence_no,
        '只就' || widest.indicator_zh || '而言，把最低的' || cast(gap.raised_school_count as varchar) || '所学校补到'
        || {{ shown('gap.lowest_value_after', 2) }} || widest.unit_zh || '，共增加' || cast(gap.balance_units as varchar) || gap.unit_zh
        || '，差异系数降到' || {{ shown('gap.coefficient_after', 3) }} || '。' as sentence
    from widest
    inner join {{ ref('mart_county_gap') }} as gap using (region_id, school_year, county_code, stage, indicator_id)
    where gap.raised_school_count > 0
    union all
    select
        region_id,
        school_year,
        county_code,
        10 as sentence_no,
        '义务教育学校生均公用经费' || {{ shown('public_funds_per_pupil', 0) }} || '元，'
        || case when below_standard_count = 0 then '没有' else cast(below_standard_count as varchar) || '所' end || '学校低于标准；教师培训经费占公用经费'
        || {{ shown('100 * teacher_training_share', 1) }} || '%，'
        || case when below_training_count = 0 then '没有' else cast(below_training_count as varchar) || '所' end || '学校低于要求。' as sentence
    from {{ ref('mart_county_funding') }}
    where public_funds_per_pupil is not null and teacher_training_share is not null and {{ pending() }}
    union all
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        11 as sentence_no,
        nullif(
            coalesce('国家监测各科最近一次的等级和校际差异率：' || monitored_told.results || '。', '')
            || coalesce('没有监测过：' || monitored_told.never || '。', '')
            || coalesce('本局抽样自估的校际差异率（不代替国家监测结果）：' || estimates_told.told || '。', ''), ''
        ) as sentence
    from counties
    left join monitored_told using (region_id, school_year, county_code)
    left join estimates_told using (region_id, school_year, county_code)
    union all
    select
        counties.region_id,
        counties.school_year,
        counties.county_code,
        12 as sentence_no,
        '所在区域的' || cast(targets.target_count as varchar) || '项政策目标中' || cast(targets.met_count as varchar) || '项已达到'
        || case when targets.late_count > 0 then '（' || cast(targets.late_count as varchar) || '项逾期）' else '' end
        || case when targets.behind_count > 0 then '、' || cast(targets.behind_count as varchar) || '项未达到或进度不足' else '' end
        || case when targets.ahead_count > 0 then '、' || cast(targets.ahead_count as varchar) || '项进度足够或未到期' else '' end
        || case when targets.unknown_count > 0 then '、' || cast(targets.unknown_count as varchar) || '项缺少数据' else '' end
        || case when targets.other_count > 0 then '、' || cast(targets.other_count as varchar) || '项不适用或只列数' else '' end || '。' as sentence
    from counties
    inner join targets using (region_id, school_year)
)

select
    region_id,
    school_year,
    county_code,
    sentence_no,
    sentence
from sentences
where sentence is not null
