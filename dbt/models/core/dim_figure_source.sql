-- Grain: figure (indicator or measure) × stage × input × extract × column × role × years back: from which columns a figure is made.
{{ config(materialized='view') }}
with rosters_and_facts as (
    select
        input_id,
        cast(null as varchar) as stage,
        source as extract,
        case when source in ('facts', 'funding') then input_id end as column_name,
        case when total_of is not null then 'total' when source in ('facts', 'funding') then 'add' else 'count' end as role,
        0 as years_back
    from {{ ref('inputs') }}
    where source <> 'schools'
),

columns_of as (
    select
        input_id,
        nullif(stage, '') as stage,
        extract,
        nullif(column_name, '') as column_name,
        role,
        coalesce(years_back, 0) as years_back
    from {{ ref('figure_sources') }}
    union all
    select * from rosters_and_facts
),

-- an indicator: what it counts, over the pupils of its stage; what is shared is split by the pupils of every stage
of_indicators as (
    select
        indicators.indicator_id as figure_id,
        stages.stage,
        stages.stage as input_stage,
        indicators.numerator as input_id,
        indicators.numerator_zh as name_zh,
        cast(null as varchar) as role,
        0 as years_back
    from {{ ref('indicators') }} as indicators
    cross join {{ ref('stages') }} as stages
    where stages.is_judged
    union all
    select
        indicators.indicator_id as figure_id,
        stages.stage,
        stages.stage as input_stage,
        'pupils' as input_id,
        '在校生数' as name_zh,
        null as role,
        0 as years_back
    from {{ ref('indicators') }} as indicators
    cross join {{ ref('stages') }} as stages
    where stages.is_judged
    union all
    select
        indicators.indicator_id as figure_id,
        stages.stage,
        others.stage as input_stage,
        'pupils' as input_id,
        '在校生数' as name_zh,
        'split' as role,
        0 as years_back
    from {{ ref('indicators') }} as indicators
    cross join {{ ref('stages') }} as stages
    inner join {{ ref('stages') }} as others on stages.stage <> others.stage
    where stages.is_judged and indicators.is_split
),

-- a change reads the year before too
of_measures as (
    select
        measures.measure_id as figure_id,
        populations.stage,
        populations.stage as input_stage,
        used.input_id,
        inputs.name_zh,
        cast(null as varchar) as role,
        {{ each_number('0', "case when measures.statistic = 'change' then 1 else 0 end") }} as years_back
    from {{ ref('int_inputs__used') }} as used
    inner join {{ ref('measures') }} as measures using (measure_id)
    inner join {{ ref('inputs') }} as inputs using (input_id)
    left join {{ ref('populations') }} as populations using (population_id)
),

-- what table Ⅱ-2 of the application form shows of a school as it was handed in
of_columns as (
    select
        words.code as figure_id,
        stages.stage,
        stages.stage as input_stage,
        words.code as input_id,
        words.label_zh as name_zh,
        cast(null as varchar) as role,
        0 as years_back
    from {{ ref('dim_label') }} as words
    cross join {{ ref('stages') }} as stages
    where words.kind = 'school_column' and stages.is_judged
),

figures as (
    select * from of_indicators
    union all
    select * from of_measures
    union all
    select * from of_columns
)

select
    figures.figure_id,
    figures.stage,
    {{ stage_zh('figures') }} as stage_zh,
    figures.input_id,
    figures.name_zh,
    columns_of.extract,
    columns_of.column_name,
    coalesce(figures.role, columns_of.role) as role,
    cast(figures.years_back + columns_of.years_back as integer) as years_back
from figures
inner join columns_of
    on
        figures.input_id = columns_of.input_id
        and (columns_of.stage is null or figures.input_stage is null or figures.input_stage = columns_of.stage)
where figures.role is null or columns_of.role = 'add'
