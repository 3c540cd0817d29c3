-- Grain: mart × key × figure that reads otherwise than in the release before. Empty in the warehouse: publishing fills it.
{{ config(materialized='view') }}
select
    null::varchar as mart,
    null::varchar as region_id,
    null::integer as school_year,
    null::varchar as county_code,
    null::varchar as school_id,
    null::varchar as stage,
    null::varchar as stage_zh,
    null::varchar as item_id,
    null::varchar as figure,
    null::varchar as change,
    null::varchar as old_value,
    null::varchar as new_value,
    null::varchar as cause_kinds,
    null::varchar as cause_zh
where false
