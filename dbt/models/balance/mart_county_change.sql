-- Grain: region × school year × county × stage × indicator: this year beside the last, on all schools and on those of both years.
{{ config(years_after=1) }}
{%- set county_key = 'region_id, school_year, county_code, stage, indicator_id' %}
with balance as (
    select * from {{ ref('mart_county_balance') }}
    where {{ pending() }}
),

-- a school that stands in both years with a value
common as (
    select
        present.region_id,
        present.school_year,
        present.county_code,
        present.stage,
        present.indicator_id,
        present.pupils,
        present.numerator,
        past.pupils as past_pupils,
        past.numerator as past_numerator
    from {{ ref('fct_school_indicator') }} as present
    inner join {{ ref('fct_school_indicator') }} as past
        on
            {{ same('present', 'past', 'region_id, county_code, school_id, stage, indicator_id') }}
            and present.school_year = past.school_year + 1
    where present.value is not null and past.value is not null and {{ pending('present') }}
),

means as (
    select
        {{ county_key }},
        count(*) as school_count,
        sum(pupils) as pupils,
        {{ total('numerator') }} as numerator,
        sum(past_pupils) as past_pupils,
        {{ total('past_numerator') }} as past_numerator
    from common
    group by {{ county_key }}
),

ratios as (
    select
        common.region_id,
        common.school_year,
        common.county_code,
        common.stage,
        common.indicator_id,
        cast(common.pupils as double) / means.pupils as weight,
        common.numerator / common.pupils / nullif(means.numerator / means.pupils, 0) as ratio,
        cast(common.past_pupils as double) / means.past_pupils as past_weight,
        common.past_numerator / common.past_pupils / nullif(means.past_numerator / means.past_pupils, 0) as past_ratio
    from common
    inner join means using (region_id, school_year, county_code, stage, indicator_id)
    where means.school_count > 1
),

coefficients as (
    select
        {{ county_key }},
        sqrt({{ sum_of_terms('weight * (ratio - 1) * (ratio - 1)') }}) as coefficient,
        sqrt({{ sum_of_terms('past_weight * (past_ratio - 1) * (past_ratio - 1)') }}) as past_coefficient
    from ratios
    group by {{ county_key }}
)

select
    balance.region_id,
    balance.school_year,
    balance.county_code,
    balance.stage,
    {{ stage_zh('balance') }} as stage_zh,
    balance.indicator_id,
    balance.difference_coefficient,
    past.difference_coefficient as coefficient_last_year,
    balance.difference_coefficient - past.difference_coefficient as coefficient_change,
    coefficients.coefficient as common_coefficient,
    coefficients.past_coefficient as common_coefficient_last_year,
    coefficients.coefficient - coefficients.past_coefficient as common_coefficient_change,
    coalesce(means.school_count, 0) as common_school_count,
    balance.school_count - coalesce(means.school_count, 0) as new_school_count,
    past.school_count - coalesce(means.school_count, 0) as gone_school_count,
    case
        when past.region_id is null then '没有上一学年的数据，不可比较'
        when coalesce(means.school_count, 0) = 0 then '没有两学年都有数据的学校'
        when means.school_count = 1 then '只有1所学校两学年都有数据，不可评估'
        when means.numerator = 0 or means.past_numerator = 0 then '两学年都有数据的学校均值为0，差异系数无意义'
    end as null_reason
from balance
left join means using (region_id, school_year, county_code, stage, indicator_id)
left join coefficients using (region_id, school_year, county_code, stage, indicator_id)
left join {{ ref('mart_county_balance') }} as past
    on
        {{ same('balance', 'past', 'region_id, county_code, stage, indicator_id') }}
        and balance.school_year = past.school_year + 1
