-- Grain: region × school year × county × stage × teacher indicator × move: teachers between schools, the one that helps most first.
-- Moving does not change the mean. With T teachers and r = x / (P X̄), CV² = Σ w (r − 1)²; one who leaves lowers it by 2 / T times the
-- level (x − ½) / (P X̄) of his school, one who comes raises it by 2 / T times (x + ½) / (P X̄). The m-th of a school leaves from a lower
-- level than the one before and comes at a higher one, so the m highest levels of leaving and the m lowest of coming are open to be
-- chosen, and no other m of each lower CV² by more. They are moves as long as one leaves from higher than one comes: a school that had
-- both would leave from lower than it comes. So no fewer moves reach a coefficient than the first that reach it, and none goes lower
-- than all of them. The next levels of coming of all n schools average (T + n / 2) / T by pupils, so nobody comes at one above that.
with counties as (
    select
        balance.region_id,
        balance.school_year,
        balance.county_code,
        balance.stage,
        balance.indicator_id,
        balance.school_count,
        balance.pupils,
        balance.difference_coefficient,
        indicators.scale,
        balance.county_mean / indicators.scale as mean,
        balance.county_mean * balance.pupils / indicators.scale as teachers,
        row_number() over (
            order by balance.region_id, balance.school_year, balance.county_code, balance.stage, balance.indicator_id
        ) as county_id
    from {{ ref('mart_county_balance') }} as balance
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where
        indicators.part_of = 'full_time_teachers'
        and round(balance.difference_coefficient, 12) > balance.limit_value
        and balance.missing_school_count = 0
        and balance.county_mean * balance.pupils / indicators.scale <= {{ parameter('max_transfer_teachers') }}
        and {{ pending('balance') }}
),

-- who may leave stands above the school's own threshold, judged in decimals
schools as (
    select
        counties.county_id,
        counties.mean,
        schools.school_id,
        schools.pupils,
        schools.numerator,
        cast(greatest(
            floor(
                cast(
                    counties.scale * {{ exact('schools.numerator') }}
                    - {{ exact('coalesce(schools.threshold, 0)') }} * schools.pupils as double
                ) / counties.scale
            ),
            0
        ) as bigint) as may_leave,
        cast(greatest(
            floor(schools.pupils * ((counties.teachers + counties.school_count / 2.0) / counties.pupils) - schools.numerator + 1.5),
            0
        ) as bigint) as may_come
    from {{ ref('fct_school_indicator') }} as schools
    inner join counties using (region_id, school_year, county_code, stage, indicator_id)
    where {{ pending('schools') }}
),

leaving as (
    select
        *,
        {{ each_number('1', 'may_leave') }} as teacher_number
    from schools
    where may_leave > 0
),

coming as (
    select
        *,
        {{ each_number('1', 'may_come') }} as teacher_number
    from schools
    where may_come > 0
),

leavers as (
    select
        county_id,
        school_id,
        (numerator - teacher_number + 0.5) / (pupils * mean) as level,
        row_number() over (
            partition by county_id order by (teacher_number - numerator - 0.5) / (pupils * mean), school_id, teacher_number
        ) as place
    from leaving
),

comers as (
    select
        county_id,
        school_id,
        (numerator + teacher_number - 0.5) / (pupils * mean) as level,
        row_number() over (
            partition by county_id order by (numerator + teacher_number - 0.5) / (pupils * mean), school_id, teacher_number
        ) as place
    from coming
),

-- two levels that differ only in the last digits of floating point are equal
moves as (
    select
        leavers.county_id,
        leavers.place,
        leavers.school_id as from_school_id,
        comers.school_id as to_school_id,
        {{ sum_of_terms('leavers.level - comers.level', 'over up_to_here') }} as gain
    from leavers
    inner join comers using (county_id, place)
    where leavers.level - comers.level > 1e-12
    window
        up_to_here as (partition by leavers.county_id order by leavers.place rows between unbounded preceding and current row)
)

select
    counties.region_id,
    counties.school_year,
    counties.county_code,
    counties.stage,
    counties.indicator_id,
    moves.place as move_number,
    moves.from_school_id,
    moves.to_school_id,
    sqrt(greatest(counties.difference_coefficient * counties.difference_coefficient - 2 * moves.gain / counties.teachers, 0))
        as coefficient_after
from moves
inner join counties using (county_id)
