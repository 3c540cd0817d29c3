-- Grain: region × school year × school × stage that stands in the class roster; null: the roster lacks a row that was rejected.
with years as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending() }}
),

items as (
    select
        items.*,
        populations.stage
    from {{ ref('standard_items') }} as items
    inner join {{ ref('measures') }} as measures using (measure_id)
    inner join {{ ref('populations') }} as populations using (population_id)
    where measures.numerator = 'largest_class_pupils' and items.standard_id = '{{ var("standard_id") }}'
),

-- how many pupils a class may have: of the county's own limits the stricter of a stage
limits as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        min(threshold) as threshold
    from {{ in_force('items', 'years', ['criterion_id', 'transition_id', 'measure_id']) }} as bound
    group by region_id, school_year, county_code, stage
),

parameters as (
    select * from {{ ref('int_parameters__in_force') }}
    where {{ pending() }}
),

counted as (
    select
        classes.region_id,
        classes.school_year,
        classes.school_id,
        classes.stage,
        count(*) as classes,
        cast(sum(classes.pupils) as bigint) as pupils,
        max(classes.pupils) as largest_class_pupils,
        count(case when classes.pupils >= parameters.large_class_pupils then 1 end) as large_classes,
        count(case when classes.pupils >= parameters.huge_class_pupils then 1 end) as huge_classes,
        count(case when classes.pupils > limits.threshold then 1 end) as oversized_classes
    from {{ ref('stg_classes') }} as classes
    left join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    left join parameters
        on
            {{ same('classes', 'parameters', 'region_id, school_year') }}
            and schools.county_code = parameters.county_code
    left join limits
        on
            {{ same('classes', 'limits', 'region_id, school_year, stage') }}
            and schools.county_code = limits.county_code
    where {{ pending('classes') }}
    group by classes.region_id, classes.school_year, classes.school_id, classes.stage
)

select
    counted.region_id,
    counted.school_year,
    counted.school_id,
    counted.stage,
    case when short.school_id is null then counted.classes end as classes,
    case when short.school_id is null then counted.pupils end as pupils,
    case when short.school_id is null then counted.largest_class_pupils end as largest_class_pupils,
    case when short.school_id is null then counted.large_classes end as large_classes,
    case when short.school_id is null then counted.huge_classes end as huge_classes,
    case when short.school_id is null then counted.oversized_classes end as oversized_classes
from counted
left join {{ ref('int_rosters__short') }} as short
    on
        {{ same('counted', 'short', 'region_id, school_year, school_id') }}
        and short.extract = 'classes'
