-- Grain: region × school year × school × stage that stands in the class roster.
select
    region_id,
    school_year,
    school_id,
    stage,
    count(*) as classes,
    cast(sum(pupils) as bigint) as pupils,
    max(pupils) as largest_class_pupils,
    count(case when pupils >= {{ parameter('large_class_pupils') }} then 1 end) as large_classes
from {{ ref('stg_classes') }}
where {{ pending() }}
group by region_id, school_year, school_id, stage
