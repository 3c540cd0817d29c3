{# The grain of a table: no two rows share these columns, and none of them is null. Looks at pending partitions only. #}
{% test unique_combination(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ pending() }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}
