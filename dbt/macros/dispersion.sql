{#
  Measures of how far apart the schools of a county are. Every sum is of deviations from a mean that is known before,
  never E[x²] − E[x]²: that form loses the digits that matter.
#}

{# One school's term of the Theil index, r = value / mean: r ln r − r + 1. The sum of r − 1 is 0, so the index is the same
   as with r ln r, but each term is ≥ 0 and no digits cancel. At r = 0 the term is its limit, 1. #}
{% macro theil_term(ratio) -%}
  case when {{ ratio }} = 0 then 1 else {{ ratio }} * ln({{ ratio }}) - {{ ratio }} + 1 end
{%- endmacro %}


{#
  Sums in fixed point: the same rows give the same digits, in whatever order and on however many threads they are added.
  In floating point the last digit would differ from build to build, and two releases of one raw/ could not be compared.
  Totals are of resources (below 10²⁶, to 10⁻¹²), terms of deviations in units of the mean (below 10¹⁸, to 10⁻²⁰).
#}
{% macro total(figure, over='') -%}
  cast(sum(cast({{ figure }} as decimal(38, 12))) {{ over }} as double)
{%- endmacro %}

{% macro sum_of_terms(term) -%}
  cast(sum(cast({{ term }} as decimal(38, 20))) as double)
{%- endmacro %}
