-- What: of one rule and area one row comes into force in a school year, none ends before it begins; a number that is no rule has one row.
-- When it matters: of two rows neither would bind more than the other, and a county's verdict would depend on their order.
-- How to resolve: give the newer row the school year from which it binds (valid_from); the older one binds the years before by itself.
{{ config(meta={'dagster': {'ref': {'name': 'mart_standard_item'}}}) }}
with rules as (
    select
        'standards' as seed,
        standard_id || ' ' || indicator_id || ' ' || stage as rule,
        area_code,
        valid_from,
        valid_to
    from {{ ref('standards') }}
    union all
    select
        'mean_limits' as seed,
        standard_id || ' ' || stage as rule,
        area_code,
        valid_from,
        valid_to
    from {{ ref('mean_limits') }}
    union all
    select
        'standard_items' as seed,
        standard_id || ' ' || criterion_id || ' ' || coalesce(transition_id, '') || ' ' || measure_id as rule,
        area_code,
        valid_from,
        valid_to
    from {{ ref('standard_items') }}
    union all
    select
        'transitions' as seed,
        transition_id as rule,
        area_code,
        valid_from,
        valid_to
    from {{ ref('transitions') }}
    union all
    select
        'parameters' as seed,
        parameter_id as rule,
        case when is_rule then area_code end as area_code,
        case when is_rule then valid_from end as valid_from,
        valid_to
    from {{ ref('parameters') }}
)

select
    seed,
    rule,
    area_code,
    valid_from,
    count(*) as row_count
from rules
group by seed, rule, area_code, valid_from
having count(*) > 1 or min(valid_to) < min(valid_from)
