{#
  Measures of how far apart the schools of a county are. Every sum is of deviations from a mean that is known before,
  never E[x²] − E[x]²: that form loses the digits that matter.
#}

{# One school's term of the Theil index, r = value / mean: r ln r − r + 1. The sum of r − 1 is 0, so the index is the same
   as with r ln r, but each term is ≥ 0 and no digits cancel. At r = 0 the term is its limit, 1. #}
{% macro theil_term(ratio) -%}
  case when {{ ratio }} = 0 then 1 else {{ ratio }} * ln({{ ratio }}) - {{ ratio }} + 1 end
{%- endmacro %}


{# One school's term of the mean log deviation, with the same r: r − 1 − ln r, each term ≥ 0; there is none at r = 0. #}
{% macro log_deviation_term(ratio) -%}
  case when {{ ratio }} > 0 then {{ ratio }} - 1 - ln({{ ratio }}) end
{%- endmacro %}


{#
  Sums in fixed point: the same rows give the same digits, in whatever order and on however many threads they are added.
  In floating point the last digit would differ from build to build, and two releases of one raw/ could not be compared.
  Totals are of resources (below 10²⁶, to 10⁻¹²), terms of deviations in units of the mean (below 10¹⁸, to 10⁻²⁰).
#}
{% macro total(figure, over='') -%}
  cast(sum(cast({{ figure }} as decimal(38, 12))) {{ over }} as double)
{%- endmacro %}

{% macro sum_of_terms(term, over='') -%}
  cast(sum(cast({{ term }} as decimal(38, 20))) {{ over }} as double)
{%- endmacro %}


{# The coefficient S / X̄ of the units of a group, each with its weight (its share of the pupils) and its ratio (value over the mean). #}
{% macro coefficient(weight, ratio) -%}
  sqrt({{ sum_of_terms(weight ~ ' * (' ~ ratio ~ ' - 1) * (' ~ ratio ~ ' - 1)') }})
{%- endmacro %}


{#
  How far apart the units of an area are, schools of a county or counties of a city: S / X̄ = sqrt(Σ w (r − 1)²) and its kin, by columns.
  Every row is a unit with its value, weight (its share of the pupils), ratio r and unweighted_ratio (value over either mean),
  pupils_below (of all_pupils) and resource_below (of 1): at units no better off, peers included.
  Gini: Σ_ij w_i w_j |r_i − r_j| / 2, each pair counted once, from the better-off side.
  A weighted percentile is the lowest value that so many of the pupils are at or below.
#}
{% macro measures_of_spread() %}
        {{ coefficient('weight', 'ratio') }} as difference_coefficient,
        sqrt({{ sum_of_terms('(unweighted_ratio - 1) * (unweighted_ratio - 1)') }} / count(*)) as unweighted_cv,
        {{ sum_of_terms('weight * (ratio * pupils_below / all_pupils - resource_below)') }} as gini,
        {{ sum_of_terms('weight * ' ~ theil_term('ratio')) }} as theil,
        case when min(ratio) > 0 then {{ sum_of_terms('weight * ' ~ log_deviation_term('ratio')) }} end as mean_log_deviation,
        min(case when pupils_below * 2 >= all_pupils then resource_below end) / nullif(
            min(case when pupils_below * 2 >= all_pupils then ratio end)
            * (min(case when pupils_below * 2 >= all_pupils then pupils_below end) / max(all_pupils)),
            0
        ) as mcloone,
        min(case when pupils_below * 100 >= all_pupils * 95 then value end)
        / nullif(min(case when pupils_below * 100 >= all_pupils * 5 then value end), 0) as range_ratio
{%- endmacro %}
