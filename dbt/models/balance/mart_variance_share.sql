-- Grain: region × school year × school × stage × national indicator, where the county's coefficient can be formed.
-- With r = X_i / X̄, w = P_i / P_N and Q = Σ w (r − 1)², leaving school i out leaves (Q − w (r − 1)² / (1 − w)) / (1 − w):
-- no second pass is needed. Its mean comes from the resources left, summed exactly: nothing left is 0, not 10⁻¹³.
-- Parts are summed in fixed point, to 10⁻²⁶: a school close to the mean keeps the digits of its small share.
with schools as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        indicator_id,
        pupils,
        value,
        cast(numerator as decimal(38, 12)) as numerator
    from {{ ref('fct_school_indicator') }}
    where value is not null and threshold is not null and {{ pending() }}
),

parts as (
    select
        schools.*,
        balance.school_count,
        cast(schools.value / balance.county_mean - 1 as decimal(38, 12)) as deviation,
        cast(schools.pupils as double) / balance.pupils as weight,
        cast(
            cast(schools.pupils as double) / balance.pupils
            * (schools.value / balance.county_mean - 1) * (schools.value / balance.county_mean - 1)
            as decimal(38, 26)
        ) as part
    from schools
    inner join {{ ref('mart_county_balance') }} as balance using (region_id, school_year, county_code, stage, indicator_id)
    where balance.difference_coefficient is not null
),

wholes as (
    select
        *,
        cast(part as double) as part_of_variance,
        cast(sum(part) over county as double) as variance,
        cast(sum(numerator) over county - numerator as double) / cast(sum(numerator) over county as double) as resource_without
    from parts
    window county as (partition by region_id, school_year, county_code, stage, indicator_id)
),

-- what is left of Q below a millionth of a millionth is the last digits of what was taken away
left_out as (
    select
        *,
        variance - part_of_variance / (1 - weight) as variance_without
    from wholes
)

select
    region_id,
    school_year,
    county_code,
    school_id,
    stage,
    {{ stage_zh('left_out') }} as stage_zh,
    indicator_id,
    pupils,
    value,
    case when deviation > 0 then 'above' when deviation < 0 then 'below' else 'equal' end as direction,
    part_of_variance / nullif(variance, 0) as variance_share,
    case
        when variance > 0
            then row_number() over (partition by region_id, school_year, county_code, stage, indicator_id order by -part, school_id)
    end as variance_rank,
    case
        when school_count > 2 and resource_without > 0
            then
                sqrt(case when variance_without > 1e-12 * variance then variance_without else 0 end * (1 - weight))
                / resource_without
    end as coefficient_without
from left_out
