-- Grain: region × school year × school × stage that stands in the class roster; null: the roster lacks a row that was rejected.
with limits as (
    select
        populations.stage,
        items.threshold
    from {{ ref('standard_items') }} as items
    inner join {{ ref('measures') }} as measures using (measure_id)
    inner join {{ ref('populations') }} as populations using (population_id)
    where
        measures.numerator = 'largest_class_pupils'
        and items.standard_id = '{{ var("standard_id") }}'
        and coalesce(items.area_code, '') = ''
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
        count(case when classes.pupils >= {{ parameter('large_class_pupils') }} then 1 end) as large_classes,
        count(case when classes.pupils > limits.threshold then 1 end) as oversized_classes
    from {{ ref('stg_classes') }} as classes
    left join limits using (stage)
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
    case when short.school_id is null then counted.oversized_classes end as oversized_classes
from counted
left join {{ ref('int_rosters__short') }} as short
    on
        {{ same('counted', 'short', 'region_id, school_year, school_id') }}
        and short.extract = 'classes'
