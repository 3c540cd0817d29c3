-- Grain: region × school year × school × stage × national indicator, where the county's coefficient can be formed.
-- With d = X_i − X̄ and Q = Σ P d², leaving school i out leaves Q − P_i d_i² P_N / (P_N − P_i): no second pass is needed.
with schools as (
    select
        region_id,
        school_year,
        county_code,
        school_id,
        stage,
        indicator_id,
        pupils,
        value
    from {{ ref('fct_school_indicator') }}
    where value is not null and threshold is not null and {{ pending() }}
),

parts as (
    select
        schools.*,
        balance.school_count,
        balance.pupils as county_pupils,
        balance.county_mean * balance.pupils - schools.value * schools.pupils as total_without,
        schools.pupils * (schools.value - balance.county_mean) * (schools.value - balance.county_mean) as part,
        balance.pupils * balance.difference_coefficient * balance.county_mean
        * balance.difference_coefficient * balance.county_mean as variance
    from schools
    inner join {{ ref('mart_county_balance') }} as balance
        on
            schools.region_id = balance.region_id
            and schools.school_year = balance.school_year
            and schools.county_code = balance.county_code
            and schools.stage = balance.stage
            and schools.indicator_id = balance.indicator_id
    where balance.difference_coefficient is not null
)

select
    region_id,
    school_year,
    county_code,
    school_id,
    stage,
    indicator_id,
    pupils,
    value,
    part / nullif(variance, 0) as variance_share,
    case
        when school_count > 2 and total_without > 0
            then
                sqrt(greatest(variance - part * county_pupils / (county_pupils - pupils), 0) * (county_pupils - pupils))
                / total_without
    end as coefficient_without
from parts
