{#
  The where-clause of a refresh: the rows of the partitions (region × school year) that changed and that the run at hand was
  asked for. It stands where a table is there already: `dbt build` replaces the pending rows alone, and with --full-refresh, or
  for the first time, makes the table whole. In tests it stands only in what `dbt compile` writes, which
  dagster_project/transform/replay.py runs; dbt tests all rows. DuckDB turns the membership into a filter on the scan, so a
  refresh costs the same whatever lies beside them.

  A model's config says which of its rows a changed partition touches:
    years_before: n   also those of n years before, because its rows look so far ahead
    years_after: n    also those of n years after, because its rows look so far back
    partition_by      its columns among region_id and school_year: one of school_year alone is rebuilt in every region
#}
{% macro pending(table='') %}
  {%- set columns = config.get('partition_by') or ['region_id', 'school_year'] -%}
  {{ _among_pending(columns, table, config.get('years_before') or 0, config.get('years_after') or 0) }}
{%- endmacro %}


{# The regions of the pending partitions, every year of them: for what looks several years back. #}
{% macro pending_region(table='') %}
  {{- _among_pending(['region_id'], table, 0, 0) }}
{%- endmacro %}


{% macro _among_pending(columns, table, years_before, years_after) %}
  {%- if flags.WHICH != 'compile' and not (model.resource_type == 'model' and is_incremental()) -%}
    true
  {%- else -%}
    {%- set of = table ~ '.' if table else '' -%}
    ({{ of }}{{ columns | join(', ' ~ of) }}) in (select {{ columns | join(', ') }} from raw.pending({{ years_before }}, {{ years_after }}))
  {%- endif -%}
{% endmacro %}


{#
  dbt's incremental strategy `partition`: out with the pending rows, in with what the model selects, also when nothing takes their
  place; dbt's delete+insert would keep those. Both are in the transaction of the model.
#}
{% macro get_incremental_partition_sql(arg_dict) %}
  delete from {{ arg_dict.target_relation }} where {{ pending() }};
  {{ get_insert_into_sql(arg_dict.target_relation, arg_dict.temp_relation, arg_dict.dest_columns) }}
{% endmacro %}
