-- Grain: region × school year × county × stage × indicator, over the schools in scope. Where a school is missing nothing is judged.
-- X_i = x_i / P_i, X̄ = Σ x_i / Σ P_i, S = sqrt(Σ (P_i / P_N)(X_i − X̄)²), CV = S / X̄ : weighted by enrolment, population form.
{%- set county_key = 'region_id, school_year, county_code, stage, indicator_id' %}
with results as (
    select
        schools.*,
        sides.ratio_side
    from {{ ref('fct_school_indicator') }} as schools
    left join {{ ratio_sides() }} as sides using (urban_rural_class)
    where {{ pending('schools') }}
),

-- totals of 城区, 镇区 and 乡村 a township; then of each, and of the county
places as (
    select
        {{ county_key }},
        coalesce(urban_rural_class, 'unknown') as urban_rural_class,
        ratio_side,
        coalesce(township, '') as township,
        count(*) as listed_count,
        count(value) as school_count,
        count(case when is_met then 1 end) as met_count,
        max(threshold) as threshold,
        sum(case when value is not null then pupils end) as pupils,
        sum(case when is_met then pupils else 0 end) as met_pupils,
        {{ total('numerator') }} as numerator,
        {{ total('value') }} as value_total
    from results
    group by {{ county_key }}, coalesce(urban_rural_class, 'unknown'), ratio_side, coalesce(township, '')
),

classes as (
    select
        {{ county_key }},
        urban_rural_class,
        sum(pupils) as pupils,
        {{ total('numerator') }} as numerator
    from places
    group by {{ county_key }}, urban_rural_class
),

townships as (
    select
        {{ county_key }},
        township,
        sum(pupils) as pupils,
        {{ total('numerator') }} as numerator
    from places
    group by {{ county_key }}, township
),

counties as (
    select
        {{ county_key }},
        sum(listed_count) as listed_count,
        sum(school_count) as school_count,
        case when max(threshold) is not null then cast(sum(met_count) as double) / nullif(sum(school_count), 0) end as met_school_share,
        case when max(threshold) is not null then cast(sum(met_pupils) as double) / sum(pupils) end as met_pupil_share,
        sum(pupils) as pupils,
        {{ total('numerator') }} as numerator,
        {{ total('value_total') }} / nullif(sum(school_count), 0) as unweighted_mean,
        {{ total("case when ratio_side = 'urban' then numerator end") }}
        / sum(case when ratio_side = 'urban' then pupils end) as urban_mean,
        {{ total("case when ratio_side = 'rural' then numerator end") }}
        / sum(case when ratio_side = 'rural' then pupils end) as rural_mean,
        count(case when urban_rural_class = 'unknown' then 1 end) > 0 as is_class_unknown,
        count(case when township = '' then 1 end) > 0 as is_township_unknown
    from places
    group by {{ county_key }}
),

missing as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        count(*) as absent_count
    from {{ ref('int_schools__missing') }}
    where {{ pending() }}
    group by region_id, school_year, county_code, stage
),

-- what is assessable: two schools or more and a mean that is not 0; numbered, for one number sorts faster than five texts
means as (
    select
        counties.*,
        indicators.scale * counties.numerator / counties.pupils as county_mean,
        counties.school_count > 1 and counties.numerator > 0 as is_assessable,
        coalesce(missing.absent_count, 0) as absent_count,
        indicators.scale,
        row_number() over (order by counties.county_code) as mean_id
    from counties
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    left join missing using (region_id, school_year, county_code, stage)
),

class_means as (
    select
        classes.region_id,
        classes.school_year,
        classes.county_code,
        classes.stage,
        classes.indicator_id,
        classes.urban_rural_class,
        means.mean_id,
        means.pupils as county_pupils,
        means.numerator as county_numerator,
        means.county_mean,
        means.unweighted_mean,
        means.scale * classes.numerator / classes.pupils as class_mean
    from classes
    inner join means using (region_id, school_year, county_code, stage, indicator_id)
    where means.is_assessable
),

township_means as (
    select
        means.mean_id,
        townships.township,
        means.scale * townships.numerator / townships.pupils as township_mean
    from townships
    inner join means using (region_id, school_year, county_code, stage, indicator_id)
    where means.is_assessable
),

-- each school in units of the means, and the share of pupils and of the resource at schools no better off (peers included)
spread as (
    select
        class_means.mean_id,
        class_means.county_pupils as all_pupils,
        schools.value,
        cast(schools.pupils as double) / class_means.county_pupils as weight,
        schools.value / class_means.county_mean as ratio,
        schools.value / class_means.unweighted_mean as unweighted_ratio,
        schools.value / nullif(class_means.class_mean, 0) as ratio_in_class,
        class_means.class_mean / class_means.county_mean as class_ratio,
        schools.value / nullif(township_means.township_mean, 0) as ratio_in_township,
        township_means.township_mean / class_means.county_mean as township_ratio,
        sum(schools.pupils) over by_value as pupils_below,
        {{ total('schools.numerator', 'over by_value') }} / class_means.county_numerator as resource_below
    from {{ ref('fct_school_indicator') }} as schools
    inner join class_means
        on
            {{ same('schools', 'class_means', 'region_id, school_year, county_code, stage, indicator_id') }}
            and coalesce(schools.urban_rural_class, 'unknown') = class_means.urban_rural_class
    inner join township_means
        on
            class_means.mean_id = township_means.mean_id
            and coalesce(schools.township, '') = township_means.township
    where schools.value is not null and {{ pending('schools') }}
    window by_value as (
        partition by class_means.mean_id order by cast(schools.value / class_means.county_mean as decimal(38, 12))
    )
),

-- within: a class or township whose mean is 0 adds nothing, since nothing of the resource is in it
measures as (
    select
        mean_id,
        {{ measures_of_spread() }},
        {{ sum_of_terms('case when class_ratio > 0 then weight * class_ratio * ' ~ theil_term('ratio_in_class') ~ ' else 0 end') }}
            as theil_within,
        {{ sum_of_terms('weight * ' ~ theil_term('class_ratio')) }} as theil_between,
        {{ sum_of_terms(
            'case when township_ratio > 0 then weight * township_ratio * ' ~ theil_term('ratio_in_township') ~ ' else 0 end'
        ) }} as theil_within_townships,
        {{ sum_of_terms('weight * ' ~ theil_term('township_ratio')) }} as theil_between_townships
    from spread
    group by mean_id
),

standards as (
    select * from {{ ref('int_standards__in_force') }}
    where standard_id = '{{ var("standard_id") }}' and {{ pending() }}
),

-- the coefficient is judged at twelve decimals: 0.5 with a last digit of floating point is 0.5
judged as (
    select
        means.region_id,
        means.school_year,
        means.county_code,
        means.stage,
        means.indicator_id,
        cast(means.school_count as bigint) as school_count,
        cast(means.listed_count - means.school_count + means.absent_count as bigint) as missing_school_count,
        cast(means.pupils as bigint) as pupils,
        means.county_mean,
        measures.difference_coefficient,
        cast(standards.cv_limit as double) as limit_value,
        round(measures.difference_coefficient, 12) <= standards.cv_limit as is_within,
        {{ half_up('measures.difference_coefficient', 3) }} <= standards.cv_limit as is_within_rounded,
        measures.unweighted_cv,
        measures.gini,
        measures.theil,
        case when not means.is_class_unknown then measures.theil_within end as theil_within,
        case when not means.is_class_unknown then measures.theil_between end as theil_between,
        case when not means.is_township_unknown then measures.theil_within_townships end as theil_within_townships,
        case when not means.is_township_unknown then measures.theil_between_townships end as theil_between_townships,
        measures.mean_log_deviation,
        measures.mcloone,
        measures.range_ratio,
        case when not means.is_class_unknown then means.urban_mean / nullif(means.rural_mean, 0) end as urban_rural_ratio,
        means.met_school_share,
        means.met_pupil_share,
        case
            when means.school_count = 0 then '所有学校均缺少数据，不可评估'
            when means.school_count = 1 then '只有1所学校有数据，不可评估'
            when means.numerator = 0 then '全县均值为0，差异系数无意义，不可评估'
            when means.listed_count + means.absent_count > means.school_count
                then
                    case when means.absent_count > 0 then '缺' || cast(means.absent_count as varchar) || '所学校，' else '' end
                    || case
                        when means.listed_count > means.school_count
                            then cast(means.listed_count - means.school_count as varchar) || '所学校缺少数据，'
                        else ''
                    end
                    || '差异系数只按其余'
                    || cast(means.school_count as varchar) || '所计算，不作判定'
        end as reason
    from means
    left join measures using (mean_id)
    left join standards using (region_id, school_year, county_code, indicator_id, stage)
)

select
    region_id,
    school_year,
    county_code,
    stage,
    {{ stage_zh('judged') }} as stage_zh,
    indicator_id,
    school_count,
    missing_school_count,
    pupils,
    county_mean,
    difference_coefficient,
    limit_value,
    case when missing_school_count = 0 then is_within end as is_met,
    is_within <> is_within_rounded as rounding_flips,
    unweighted_cv,
    gini,
    theil,
    theil_within,
    theil_between,
    theil_within_townships,
    theil_between_townships,
    mean_log_deviation,
    mcloone,
    range_ratio,
    urban_rural_ratio,
    met_school_share,
    met_pupil_share,
    reason
from judged
