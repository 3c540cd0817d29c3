{#
  Tables are kept by partition: one region in one school year. A refresh takes out every row of a pending partition and
  puts the partition in anew, so a row that was withdrawn leaves, also when nothing takes its place.

  Why not `incremental` with a strategy of our own: dbt-duckdb's incremental materialization makes a temporary copy, describes
  three relations before it inserts and comments every column again after: 197 ms a model on a county, against 66 for the
  delete and the insert, in one transaction, of this one. A table is made, checked against its contract and commented when it
  is first built and on --full-refresh; so a change of a model, a seed or a variable asks for a --full-refresh.
#}
{% materialization partitioned, adapter='duckdb' %}
  {%- set target = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks) }}

  {%- if is_whole() %}
    {%- if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif %}
    {%- call statement('main') %}{{ create_table_as(False, target, sql) }}{% endcall %}
    {%- do persist_docs(target, model) %}
  {%- else %}
    {%- call statement('main') %}
      delete from {{ target }} where {{ pending() }};
      insert into {{ target }} by name ({{ sql }})
    {% endcall %}
  {%- endif %}

  {{ run_hooks(post_hooks) }}
  {%- do adapter.commit() %}
  {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# Is everything built, and not only what is pending? On the first run, with --full-refresh, in a unit test. #}
{% macro is_whole() %}
  {%- do return(
    model.resource_type == 'unit_test' or flags.FULL_REFRESH or flags.WHICH == 'test'
    or (model.resource_type == 'model' and execute and load_cached_relation(this) is none)
  ) -%}
{% endmacro %}


{#
  The where-clause of a refresh: the partitions that changed and that the run at hand was asked for. DuckDB turns this membership into a filter on the scan
  (measured: 1.6 ms on 20 M rows, as fast as literals), so a refresh costs the same whatever lies beside the partition.
  A model with `also_year_before` in its config is rebuilt for the year before too: its rows look one year ahead.
  One with `also_years_after: n`, for so many years after: its rows look n years back.
  One with `also_other_regions`, for every region in that year: its rows look at all of them.
#}
{% macro pending(table='') %}
  {%- if is_whole() -%}
    true
  {%- else -%}
    {%- set partitions = source('raw', 'pending_partition') -%}
    {%- set of = table ~ '.' if table else '' %}
    {%- if config.get('also_other_regions') %}
    {{ of }}school_year in (select school_year from {{ partitions }} where is_selected)
    {%- else %}
    ({{ of }}region_id, {{ of }}school_year) in (
      select region_id, school_year from {{ partitions }} where is_selected
      {%- if config.get('also_year_before') %}
      union all
      select region_id, school_year - 1 from {{ partitions }} where is_selected
      {%- endif %}
      {%- for years in range(1, (config.get('also_years_after') or 0) + 1) %}
      union all
      select region_id, school_year + {{ years }} from {{ partitions }} where is_selected
      {%- endfor %}
    )
    {%- endif -%}
  {%- endif -%}
{% endmacro %}


{# The regions of the pending partitions, every year of them: for what looks several years back. #}
{% macro pending_region(table='') %}
  {%- if is_whole() -%}
    true
  {%- else -%}
    {{ table ~ '.' if table else '' }}region_id in (select region_id from {{ source('raw', 'pending_partition') }} where is_selected)
  {%- endif -%}
{% endmacro %}
