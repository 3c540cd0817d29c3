{# The grain of a table: no two rows share these columns, and none of them is null. Looks at pending partitions only, or their regions
   where the grain has no year, or all rows where it has no region. #}
{% test unique_combination(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ pending() if 'school_year' in columns else pending_region() if 'region_id' in columns else 'true' }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}
