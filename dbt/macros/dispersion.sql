{#
  Measures of how far apart the schools of a county are. Every sum is of deviations from a mean that is known before,
  never E[x²] − E[x]²: that form loses the digits that matter.
#}

{# One school's term of the Theil index, r = value / mean: r ln r − r + 1. The sum of r − 1 is 0, so the index is the same
   as with r ln r, but each term is ≥ 0 and no digits cancel. At r = 0 the term is its limit, 1. #}
{% macro theil_term(ratio) -%}
  case when {{ ratio }} = 0 then 1 else {{ ratio }} * ln({{ ratio }}) - {{ ratio }} + 1 end
{%- endmacro %}
