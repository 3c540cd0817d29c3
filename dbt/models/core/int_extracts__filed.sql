-- Grain: region × school year × school × extract in which it stands with a row, of those that every school hands in besides the schools table.
{{ config(materialized='view') }}
{%- for extract, school in rosters().items() %}
select distinct
    region_id,
    school_year,
    {{ school }} as school_id,
    '{{ extract }}' as extract
from {{ ref('stg_' ~ extract) }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
