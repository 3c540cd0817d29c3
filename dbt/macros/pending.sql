{#
  The where-clause of a refresh: the rows of the partitions (region × school year) that changed and that the run at hand was
  asked for. `dbt build` builds every table whole, so there it says true; what `dbt compile` writes is the refresh, and
  dagster_project/transform/replay.py runs that: out with a model's pending rows, in with its compiled select, also when nothing takes
  their place. DuckDB turns the membership into a filter on the scan, so a refresh costs the same whatever lies beside them.

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
  {%- if flags.WHICH != 'compile' -%}
    true
  {%- else -%}
    {%- set of = table ~ '.' if table else '' -%}
    ({{ of }}{{ columns | join(', ' ~ of) }}) in (select {{ columns | join(', ') }} from raw.pending({{ years_before }}, {{ years_after }}))
  {%- endif -%}
{% endmacro %}
