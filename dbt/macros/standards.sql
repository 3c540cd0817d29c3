{# The rows of a seed of rules that bind each county in each school year: of those in force in the year whose rules judge it (rule_year of
   int_years__ruled), the one of the nearest area whose code the county's begins with (32 a province, 3206 a city, 320684 the county
   itself), and of those the one that came into force last. valid_from, valid_to: school years, both included; empty: no end. #}
{% macro in_force(rules, years, key) -%}
  (
    select * from (
      select
        years.region_id,
        years.school_year,
        years.county_code,
        rules.*,
        row_number() over (
          partition by years.region_id, years.school_year, years.county_code, {% for column in key %}rules.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
          order by length(coalesce(rules.area_code, '')) desc, coalesce(rules.valid_from, 0) desc
        ) as nearness
      from {{ years }} as years
      inner join {{ rules }} as rules
        on
          years.county_code like coalesce(rules.area_code, '') || '%'
          and years.rule_year between coalesce(rules.valid_from, 0) and coalesce(rules.valid_to, 9999)
    ) as ranked
    where nearness = 1
  )
{%- endmacro %}


{# What satisfies a criterion lies between two bounds, each null where there is none; is_open: the bound itself does not satisfy.
   `of` is a row with operator, threshold and is_judged; `high` its upper threshold, where it has one. #}
{% macro bounds(of, high='null') -%}
  case when {{ of }}.is_judged and {{ of }}.operator in ('>=', '>', '=', 'between') then {{ of }}.threshold end as lower_bound,
  case
    when not {{ of }}.is_judged then null
    when {{ of }}.operator in ('<=', '<', '=') then {{ of }}.threshold
    when {{ of }}.operator = 'between' then {{ high }}
  end as upper_bound,
  {{ of }}.operator in ('>', '<') as is_open
{%- endmacro %}


{# Does a figure lie within the bounds of its row, or outside of one of them? An open bound is itself outside; a bound that is null is none. #}
{% macro falls_below(figure) -%}
  coalesce({{ figure }} < lower_bound or (is_open and {{ figure }} = lower_bound), false)
{%- endmacro %}

{% macro goes_above(figure) -%}
  coalesce({{ figure }} > upper_bound or (is_open and {{ figure }} = upper_bound), false)
{%- endmacro %}

{% macro satisfies(figure) -%}
  ({{ figure }} is not null and not {{ falls_below(figure) }} and not {{ goes_above(figure) }})
{%- endmacro %}


{# Is a criterion met? What is missing decides nothing only where it could not: both ends of the range must satisfy, or neither can. #}
{% macro is_met() -%}
  case
    when not is_judged then null
    when {{ satisfies('lowest_value') }} and {{ satisfies('highest_value') }} then true
    when {{ falls_below('highest_value') }} or {{ goes_above('lowest_value') }} then false
  end
{%- endmacro %}


{# By how much a judged figure misses its bounds; 0 within them, null where nothing is judged. #}
{% macro gap() -%}
  case
    when judged_value < lower_bound then lower_bound - judged_value
    when judged_value > upper_bound then judged_value - upper_bound
    when is_judged then 0 * judged_value
  end
{%- endmacro %}
