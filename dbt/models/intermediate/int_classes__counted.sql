-- Grain: region × school year × school × stage that stands in the class roster; null: the roster lacks a row that was rejected.
with limits as (
    select
        populations.stage,
        items.threshold
    from {{ ref('standard_items') }} as items
    inner join {{ ref('measures') }} as measures on items.measure_id = measures.measure_id
    inner join {{ ref('populations') }} as populations on measures.population_id = populations.population_id
    where items.item_id = 'G5' and items.standard_id = '{{ var("standard_id") }}' and coalesce(items.area_code, '') = ''
),

-- rosters that lack a row: of a school, or of a school that is not known and so of any
short as (
    select distinct
        region_id,
        school_year,
        school_id
    from {{ ref('stg_quarantine') }}
    where extract = 'classes' and waits_for is null and {{ pending() }}
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
    left join limits on classes.stage = limits.stage
    where {{ pending('classes') }}
    group by classes.region_id, classes.school_year, classes.school_id, classes.stage
)

select
    counted.region_id,
    counted.school_year,
    counted.school_id,
    counted.stage,
    {%- for figure in ['classes', 'pupils', 'largest_class_pupils', 'large_classes', 'oversized_classes'] %}
    case when of_school.region_id is null and of_any.region_id is null then counted.{{ figure }} end as {{ figure }}{{ ',' if not loop.last }}
    {%- endfor %}
from counted
left join short as of_school
    on
        counted.region_id = of_school.region_id
        and counted.school_year = of_school.school_year
        and counted.school_id = of_school.school_id
left join (select * from short where school_id is null) as of_any
    on counted.region_id = of_any.region_id and counted.school_year = of_any.school_year
