-- Grain: region × school year × unit (its level and id) × fact that was handed in. A fact that a county hands in for all its schools
-- stands under the county. Booleans are 1 and 0, dates 20220930, levels 1 to 4, the year of an event is the years since, and that of
-- the last of several itself, 0 where there was none.
{{ config(materialized='view') }}
with handed_in as (
    select
        facts.region_id,
        facts.school_year,
        facts.entity_type as unit_level,
        facts.entity_id as unit_id,
        facts.fact_id as input_id,
        inputs.value_type,
        trim(facts.value) as said
    from {{ ref('stg_facts') }} as facts
    inner join {{ ref('inputs') }} as inputs
        on
            facts.fact_id = inputs.input_id
            and inputs.source = 'facts'
            and (facts.entity_type = inputs.unit_level or (inputs.is_inherited and facts.entity_type = 'county'))
)

-- what cannot be read as its type says is null, as if it had not been handed in
select
    region_id,
    school_year,
    unit_level,
    unit_id,
    input_id,
    case value_type
        when 'boolean'
            then case
                when lower(said) in ('是', '有', '1', 'true') then 1
                when lower(said) in ('否', '无', '0', 'false') then 0
            end
        when 'level'
            then case
                when upper(replace(said, '级', '')) in ('Ⅰ', 'I', '1') then 1
                when upper(replace(said, '级', '')) in ('Ⅱ', 'II', '2') then 2
                when upper(replace(said, '级', '')) in ('Ⅲ', 'III', '3') then 3
                when upper(replace(said, '级', '')) in ('Ⅳ', 'IV', '4') then 4
            end
        when 'years_since' then school_year - {{ number('said') }}
        when 'date' then case when length({{ digits('said') }}) = 8 then {{ number(digits('said')) }} end
        when 'share'
            then case
                when position('%' in said) > 0 and {{ number("replace(said, '%', '')") }} between 0 and 100
                    then {{ number("replace(said, '%', '')") }} / 100
                when {{ number('said') }} between 0 and 1 then {{ number('said') }}
            end
        else {{ number("replace(said, ',', '')") }}
    end as value
from handed_in
