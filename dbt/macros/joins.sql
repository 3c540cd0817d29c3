{# Do two rows agree in these columns? For joins of which that is not all; where it is, SQL says it: using (…). #}
{% macro same(a, b, columns) -%}
  {%- for column in columns.split(', ') -%}
    {{ a }}.{{ column }} = {{ b }}.{{ column }}{{ ' and ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}
