{# A model's schema goes by the first part of its name, whichever layer it stands in; that of the seeds is said in dbt_project.yml. #}
{% macro generate_schema_name(custom_schema_name, node) %}
  {{- custom_schema_name or {'stg': 'staging', 'int': 'intermediate'}.get(node.name[:3], 'marts') -}}
{% endmacro %}


{# The Chinese name of the stage in a row of the table `of`; null where the row has none. #}
{% macro stage_zh(of) -%}
  (select label_zh from {{ ref('dim_label') }} as named where named.kind = 'stage' and named.code = {{ of }}.stage)
{%- endmacro %}
