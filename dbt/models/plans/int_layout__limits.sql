-- Grain: region × school year × school × stage in scope × limit on its pupils: how many there are too many, or room for how many more.
{%- set section_key = 'region_id, school_year, county_code, school_id, stage' %}
with sections as (
    select
        sections.*,
        cast(sections.split_weight as decimal(4, 2)) as weight,
        cast(sections.weighted_pupils as decimal(14, 2)) as school_base
    from {{ ref('fct_school_stage') }} as sections
    where sections.is_in_scope and {{ pending('sections') }}
),

-- how many pupils a school, or a class, may have at most
ceilings as (
    select
        criteria.region_id,
        criteria.school_year,
        criteria.county_code,
        criteria.criterion_id,
        criteria.measure_id,
        populations.stage,
        case when measures.numerator = 'largest_class_pupils' then 'class_size' else 'size' end as reason,
        case when criteria.is_open then ceil(criteria.upper_bound) - 1 else floor(criteria.upper_bound) end as most
    from {{ ref('int_criteria__in_force') }} as criteria
    inner join {{ ref('measures') }} as measures using (measure_id)
    inner join {{ ref('populations') }} as populations using (population_id)
    where
        criteria.standard_id = '{{ var("standard_id") }}'
        and criteria.area_level = 'school'
        and criteria.upper_bound is not null
        and measures.statistic = 'max'
        and measures.numerator in ('pupils', 'compulsory_pupils', 'largest_class_pupils')
        and {{ pending('criteria') }}
),

-- of a school: a transition rule that is known to concern it may allow it more
sizes as (
    select
        facts.region_id,
        facts.school_year,
        facts.county_code,
        facts.area_id as school_id,
        ceilings.criterion_id,
        max(ceilings.stage) as stage,
        max(facts.value) as pupils,
        max(ceilings.most) as most
    from ceilings
    inner join {{ ref('int_measures__combined') }} as facts using (region_id, school_year, county_code, measure_id)
    where ceilings.reason = 'size' and facts.area_level = 'school' and facts.value is not null and {{ pending('facts') }}
    group by facts.region_id, facts.school_year, facts.county_code, facts.area_id, ceilings.criterion_id
),

sized as (
    select
        sections.region_id,
        sections.school_year,
        sections.county_code,
        sections.school_id,
        sections.stage,
        'size' as reason,
        max(greatest(sizes.pupils - sizes.most, 0)) as excess_pupils,
        min(greatest(sizes.most - sizes.pupils, 0)) as room_pupils
    from sections
    inner join sizes
        on
            {{ same('sections', 'sizes', 'region_id, school_year, school_id') }}
            and sections.stage = coalesce(sizes.stage, sections.stage)
    group by sections.region_id, sections.school_year, sections.county_code, sections.school_id, sections.stage
),

class_ceilings as (
    select
        region_id,
        school_year,
        county_code,
        stage,
        min(most) as most
    from ceilings
    where reason = 'class_size'
    group by region_id, school_year, county_code, stage
),

rosters as (
    select
        classes.region_id,
        classes.school_year,
        classes.school_id,
        classes.stage,
        sum(greatest(classes.pupils - class_ceilings.most, 0)) as excess_pupils,
        sum(greatest(class_ceilings.most - classes.pupils, 0)) as room_pupils
    from {{ ref('stg_classes') }} as classes
    inner join sections using (region_id, school_year, school_id, stage)
    inner join class_ceilings
        on
            {{ same('classes', 'class_ceilings', 'region_id, school_year, stage') }}
            and sections.county_code = class_ceilings.county_code
    left join {{ ref('int_rosters__short') }} as short
        on
            {{ same('classes', 'short', 'region_id, school_year, school_id') }}
            and short.extract = 'classes'
    where short.school_id is null and {{ pending('classes') }}
    group by classes.region_id, classes.school_year, classes.school_id, classes.stage
),

-- a school without a roster of classes: its classes at their mean size
classed as (
    select
        sections.region_id,
        sections.school_year,
        sections.county_code,
        sections.school_id,
        sections.stage,
        'class_size' as reason,
        coalesce(rosters.excess_pupils, greatest(sections.pupils - sections.classes * class_ceilings.most, 0)) as excess_pupils,
        coalesce(rosters.room_pupils, greatest(sections.classes * class_ceilings.most - sections.pupils, 0)) as room_pupils
    from sections
    inner join class_ceilings using (region_id, school_year, county_code, stage)
    left join rosters using (region_id, school_year, school_id, stage)
),

-- surplus = scale × total × weight − threshold × base, in decimals, as in fct_school_indicator: one pupil more of a stage takes
-- threshold × his weight of it, where a resource is shared also in the school's other stage
surpluses as (
    select
        results.region_id,
        results.school_year,
        results.school_id,
        results.stage,
        results.indicator_id,
        indicators.is_split,
        {{ exact('results.threshold') }} as threshold,
        indicators.scale * {{ exact('results.numerator / case when indicators.is_split then sections.resource_share else 1 end') }}
        * case when indicators.is_split then sections.weight else 1 end
        - {{ exact('results.threshold') }} * case when indicators.is_split then sections.school_base else sections.pupils end as surplus
    from {{ ref('fct_school_indicator') }} as results
    inner join sections using (region_id, school_year, school_id, stage)
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
    where results.threshold is not null and {{ pending('results') }}
),

taken as (
    select
        sections.region_id,
        sections.school_year,
        sections.county_code,
        sections.school_id,
        sections.stage,
        surpluses.indicator_id,
        surpluses.stage = sections.stage as is_own,
        surpluses.surplus,
        surpluses.threshold * case when surpluses.is_split then sections.weight else 1 end as each
    from sections
    inner join surpluses
        on
            {{ same('sections', 'surpluses', 'region_id, school_year, school_id') }}
            and (surpluses.is_split or sections.stage = surpluses.stage)
),

counted as (
    select
        *,
        {{ whole_units('-surplus', 'each') }} as excess_pupils,
        {{ whole_units('surplus', 'each') }} as room_or_one_more
    from taken
),

provided as (
    select
        {{ section_key }},
        indicator_id as reason,
        max(case when is_own then excess_pupils end) as excess_pupils,
        case
            when count(*) = count(surplus)
                then min(room_or_one_more - case when room_or_one_more * each > greatest(surplus, 0) then 1 else 0 end)
        end as room_pupils
    from counted
    group by {{ section_key }}, indicator_id
),

limits as (
    select * from sized
    union all
    select * from classed
    union all
    select * from provided
)

select
    {{ section_key }},
    limits.reason,
    sections.pupils,
    cast(limits.excess_pupils as bigint) as excess_pupils,
    cast(limits.room_pupils as bigint) as room_pupils
from limits
inner join sections using ({{ section_key }})
