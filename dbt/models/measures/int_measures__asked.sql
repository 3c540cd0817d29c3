-- Grain: region × measure × level of area: those that the national standards, the application form and the targets of the region's
-- documents read, and the measures that these are made of.
{{ config(materialized='view') }}
with asked as (
    select
        documents.region_id,
        targets.measure_id,
        targets.area_level
    from {{ ref('stg_region_documents') }} as documents
    inner join {{ ref('targets') }} as targets using (document_id)
    union
    select
        regions.region_id,
        items.measure_id,
        items.area_level
    from {{ ref('stg_regions') }} as regions
    cross join {{ ref('standard_items') }} as items
    union
    select
        regions.region_id,
        alternatives.measure_id,
        coalesce(alternatives.area_level, items.area_level) as area_level
    from {{ ref('stg_regions') }} as regions
    cross join {{ ref('alternative_readings') }} as alternatives
    inner join {{ ref('standard_items') }} as items using (criterion_id)
    where alternatives.measure_id is not null
    union
    select
        documents.region_id,
        alternatives.measure_id,
        coalesce(alternatives.area_level, targets.area_level) as area_level
    from {{ ref('stg_region_documents') }} as documents
    inner join {{ ref('targets') }} as targets using (document_id)
    inner join {{ ref('alternative_readings') }} as alternatives using (target_id)
    where alternatives.measure_id is not null
    union
    select
        regions.region_id,
        blanks.measure_id,
        'county' as area_level
    from {{ ref('stg_regions') }} as regions
    cross join {{ ref('application_form_blanks') }} as blanks
    where blanks.measure_id is not null
),

-- a measure of other measures asks for those: in the same area, or in every area that it counts
parts as (
    select
        measure_id,
        case when statistic in ('areas', 'areas_share') then unit_level end as area_level,
        trim({{ each_of(split("numerator || coalesce(';' || denominator, '')", ';')) }}) as part_id
    from {{ ref('measures') }}
    where statistic in ('quotient', 'change', 'least', 'areas', 'areas_share')
)

select * from asked
union
select
    asked.region_id,
    parts.part_id as measure_id,
    coalesce(parts.area_level, asked.area_level) as area_level
from asked
inner join parts using (measure_id)
