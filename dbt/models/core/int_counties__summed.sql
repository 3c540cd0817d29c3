-- Grain: region × school year × county × fact of a county that it did not hand in, and that its schools' own figures add up to. Facts
-- that make one share stand or fall together: of none may the county have handed in one, and every school concerned has said its part.
{% set facts = [
    ('junior_graduates', 'ordinary_junior', 'retention'),
    ('junior_entrants_3y_ago', 'ordinary_junior', 'retention'),
    ('junior_transfers_in_3y', 'ordinary_junior', 'retention'),
    ('junior_transfers_out_3y', 'ordinary_junior', 'retention'),
    ('junior_deaths_3y', 'ordinary_junior', 'retention'),
    ('nearby_primary_entrants', 'nearby_primary', 'nearby_primary'),
    ('public_primary_entrants', 'nearby_primary', 'nearby_primary'),
    ('nearby_junior_entrants', 'nearby_junior', 'nearby_junior'),
    ('public_junior_entrants', 'nearby_junior', 'nearby_junior'),
] -%}
with asked as (
    {%- for fact, population, share in facts %}
    select
        '{{ fact }}' as input_id,
        '{{ population }}' as population_id,
        '{{ share }}' as share_id
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

sections as (
    select
        stages.region_id,
        stages.school_year,
        stages.county_code,
        stages.stage,
        stages.school_type,
        stages.urban_rural_class,
        stages.pupils,
        schools.is_boarding,
        schools.organiser,
        case stages.stage when 'primary' then schools.primary_catchment_pupils else schools.junior_catchment_pupils end as catchment_pupils,
        schools.junior_graduates,
        schools.junior_entrants_3y_ago,
        schools.junior_transfers_in_3y,
        schools.junior_transfers_out_3y,
        schools.junior_deaths_3y
    from {{ ref('fct_school_stage') }} as stages
    inner join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    where schools.status = 'open' and coalesce(stages.pupils, 1) > 0 and {{ pending('stages') }}
),

-- who belongs to a population, or may: of whom it is not known there is no sum
members as (
    select
        sections.*,
        asked.input_id,
        asked.share_id,
        (populations.school_types is null or ';' || populations.school_types || ';' like '%;' || sections.school_type || ';%')
        and (
            populations.urban_rural_classes is null
            or ';' || populations.urban_rural_classes || ';' like '%;' || sections.urban_rural_class || ';%'
        )
        and (populations.is_boarding is null or sections.is_boarding = populations.is_boarding)
        and (populations.organisers is null or ';' || populations.organisers || ';' like '%;' || sections.organiser || ';%')
            as is_member
    from asked
    inner join {{ ref('populations') }} as populations using (population_id)
    inner join sections on populations.stage = sections.stage
),

figures as (
    select
        region_id,
        school_year,
        county_code,
        input_id,
        share_id,
        is_member,
        case
            when input_id like 'nearby%' then catchment_pupils
            when input_id like 'public%' then pupils
            {%- for fact, population, share in facts if share == 'retention' %}
            when input_id = '{{ fact }}' then {{ fact }}
            {%- endfor %}
        end as value
    from members
    where coalesce(is_member, true)
),

sums as (
    select
        region_id,
        school_year,
        county_code,
        input_id,
        share_id,
        {{ total('value') }} as value,
        count(case when is_member then value end) = count(*) as is_whole
    from figures
    group by region_id, school_year, county_code, input_id, share_id
),

shares as (
    select
        sums.region_id,
        sums.school_year,
        sums.county_code,
        sums.share_id,
        min(case when sums.is_whole then 1 else 0 end) = 1 as is_whole
    from sums
    group by sums.region_id, sums.school_year, sums.county_code, sums.share_id
),

-- shares of which the county itself said something
said as (
    select distinct
        facts.region_id,
        facts.school_year,
        facts.unit_id as county_code,
        asked.share_id
    from {{ ref('int_facts__read') }} as facts
    inner join asked using (input_id)
    where facts.unit_level = 'county' and {{ pending('facts') }}
),

-- counties that lack a school
lacking as (
    select distinct
        region_id,
        school_year,
        county_code
    from {{ ref('int_schools__missing') }}
    where kind not in ('undecided', 'moved') and {{ pending() }}
)

select
    sums.region_id,
    sums.school_year,
    sums.county_code,
    sums.input_id,
    sums.value
from sums
inner join shares using (region_id, school_year, county_code, share_id)
left join said using (region_id, school_year, county_code, share_id)
left join lacking using (region_id, school_year, county_code)
where shares.is_whole and said.share_id is null and lacking.county_code is null
