-- Grain: release, this one and those before it. Empty in the warehouse: publishing fills it.
{{ config(materialized='view') }}
select
    null::varchar as release_id,
    null::varchar as previous_release_id,
    null::varchar as version,
    null::timestamp as published_at,
    null::varchar as code_version,
    null::bigint as changed_mart_count,
    null::bigint as added_row_count,
    null::bigint as removed_row_count,
    null::bigint as changed_figure_count,
    null::varchar as change_zh
where false
