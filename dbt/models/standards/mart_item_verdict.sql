-- Grain: region × school year × county × item of the standard that judges. An item is met where each of its judged criteria is.
select
    region_id,
    school_year,
    county_code,
    standard_id,
    part,
    item_id,
    cast({{ digits('item_id') }} as integer) as item_number,
    case
        when count(case when not is_met then 1 end) > 0 then false
        when count(is_met) = count(*) then true
    end as is_met,
    coalesce(
        {{ dbt.listagg('case when not is_met then reason end', "'，'", 'order by criterion_id') }},
        {{ dbt.listagg('case when is_met is null then reason end', "'，'", 'order by criterion_id') }}
    ) as reason
from {{ ref('mart_standard_item') }}
where standard_id = '{{ var("standard_id") }}' and is_judged and {{ pending() }}
group by region_id, school_year, county_code, standard_id, part, item_id
