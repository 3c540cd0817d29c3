-- Grain: region × school year × school × stage × rank of a similar school. Looks at every region of the year.
-- No cross join: within one class and type of school only pupils tell two of them apart, so the nearest are the neighbours by pupils.
{{ config(partition_by=['school_year']) }}
with incomes as (
    select
        region_id,
        school_year,
        unit_id as county_code,
        max(value) as income
    from {{ ref('int_inputs__melted') }}
    where unit_level = 'county' and input_id = 'rural_income_yuan' and value > 0 and {{ pending() }}
    group by region_id, school_year, unit_id
),

-- only schools with the same stages are alike; placed by pupils among them
schools as (
    select
        stages.region_id,
        stages.school_year,
        stages.county_code,
        stages.school_id,
        stages.school_name,
        stages.stage,
        stages.pupils,
        stages.school_type,
        stages.urban_rural_class,
        incomes.income,
        dense_rank() over (order by stages.school_year, stages.stage, school_types.stages) as kind_id,
        dense_rank() over (
            order by stages.school_year, stages.stage, school_types.stages, stages.school_type, coalesce(stages.urban_rural_class, '')
        ) as group_id,
        row_number() over (order by stages.pupils, stages.region_id, stages.school_year, stages.school_id, stages.stage) as place
    from {{ ref('fct_school_stage') }} as stages
    inner join {{ ref('school_types') }} as school_types using (school_type)
    left join incomes using (region_id, school_year, county_code)
    where stages.is_in_scope and {{ pending('stages') }}
),

members as (
    select
        group_id,
        place,
        row_number() over (partition by group_id order by place) as group_place
    from schools
),

school_groups as (
    select distinct
        kind_id,
        group_id
    from schools
),

-- how many of each group stand before a school or are it
positions as (
    select
        schools.place,
        school_groups.group_id,
        cast(sum(case when schools.group_id = school_groups.group_id then 1 else 0 end) over (
            partition by school_groups.group_id order by schools.place rows between unbounded preceding and current row
        ) as bigint) as group_place
    from schools
    inner join school_groups using (kind_id)
),

-- from so many places before it to so many after; a list, since a join to a table of steps would first pair whole groups
steps as (
    select
        place,
        group_id,
        group_place,
        cast({{ each_of(split("'" ~ range(-var('similar_window'), var('similar_window') + 1) | join(';') ~ "'", ';')) }} as bigint) as step
    from positions
),

slots as (
    select
        place,
        group_id,
        group_place + step as group_place
    from steps
),

neighbours as (
    select
        slots.place,
        members.place as other_place
    from slots
    inner join members using (group_id, group_place)
    where slots.place <> members.place
),

weights as (
    select
        max(case when term = 'pupils' then weight end) as pupils_weight,
        max(case when term = 'urban_rural_class' then weight end) as class_weight,
        max(case when term = 'school_type' then weight end) as type_weight,
        max(case when term = 'income' then weight end) as income_weight
    from {{ ref('similarity_weights') }}
),

-- what is not known of both is null
differences as (
    select
        neighbours.place,
        neighbours.other_place,
        abs(ln(cast(others.pupils as double) / schools.pupils)) as pupils_difference,
        case
            when others.urban_rural_class = schools.urban_rural_class then 0
            when others.urban_rural_class <> schools.urban_rural_class then 1
        end as class_difference,
        case when others.school_type = schools.school_type then 0 else 1 end as type_difference,
        abs(ln(others.income / schools.income)) as income_difference,
        others.region_id as other_region_id,
        others.school_id as other_school_id
    from neighbours
    inner join schools using (place)
    inner join schools as others on neighbours.other_place = others.place
),

-- a weighted mean over what is known; to twelve decimals, that a last digit does not decide between two that are equally alike
measured as (
    select
        differences.*,
        round(
            (
                weights.pupils_weight * differences.pupils_difference
                + coalesce(weights.class_weight * differences.class_difference, 0)
                + weights.type_weight * differences.type_difference
                + coalesce(weights.income_weight * differences.income_difference, 0)
            ) / (
                weights.pupils_weight
                + case when differences.class_difference is null then 0 else weights.class_weight end
                + weights.type_weight
                + case when differences.income_difference is null then 0 else weights.income_weight end
            ), 12
        ) as distance
    from differences
    cross join weights
),

ranked as (
    select
        *,
        row_number() over (partition by place order by distance, other_region_id, other_school_id) as similar_rank
    from measured
)

select
    schools.region_id,
    schools.school_year,
    schools.county_code,
    schools.school_id,
    schools.stage,
    {{ stage_zh('schools') }} as stage_zh,
    ranked.similar_rank,
    others.region_id as similar_region_id,
    others.county_code as similar_county_code,
    others.school_id as similar_school_id,
    others.school_name as similar_school_name,
    ranked.distance,
    schools.pupils,
    others.pupils as similar_pupils,
    ranked.class_difference = 0 as is_same_class,
    ranked.type_difference = 0 as is_same_type,
    others.income / schools.income as income_ratio
from ranked
inner join schools using (place)
inner join schools as others on ranked.other_place = others.place
where ranked.similar_rank <= {{ var('similar_schools') }}
