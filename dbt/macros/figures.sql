{# The figure of one stage out of a school's row: primary_pupils, junior_pupils or senior_pupils. #}
{% macro of_stage(figure) -%}
  case stages.stage
    when 'primary' then schools.primary_{{ figure }} when 'junior' then schools.junior_{{ figure }} else schools.senior_{{ figure }}
  end
{%- endmacro %}


{# The same of what is asked of compulsory education alone; null for a senior stage. #}
{% macro of_compulsory_stage(figure) -%}
  case stages.stage when 'primary' then schools.primary_{{ figure }} when 'junior' then schools.junior_{{ figure }} end
{%- endmacro %}


{# A technical number, by its name in seeds/parameters.csv; those of the rules, which have years, stand in int_parameters__in_force. #}
{% macro parameter(name) -%}
  (select value from {{ ref('parameters') }} where parameter_id = '{{ name }}')
{%- endmacro %}


{# On which side of urban–rural ratios each class of places stands: seeds/urban_rural.csv. #}
{% macro ratio_sides() -%}
  (select distinct urban_rural_class, ratio_side from {{ ref('urban_rural') }})
{%- endmacro %}


{# A figure as decimal, to be compared exactly. Totals hold at most six decimals, and max_plausible_total keeps them in.
   Twenty digits, not eighteen: a product of narrower decimals would stay within eighteen digits, and overflow. #}
{% macro exact(figure) -%}
  cast({{ figure }} as decimal(20, 6))
{%- endmacro %}


{# Rounded half up, as a reader rounds: 0.125 held as 0.12499999999999999 becomes 0.13. #}
{% macro half_up(number, decimals) -%}
  floor({{ number }} * {{ 10 ** decimals }} + 0.5000001) / {{ 10 ** decimals }}
{%- endmacro %}


{# A number as a reader sees it: with so many decimals; where rounding would contradict the judgement, with as many more as tell it
   from its bound, six at most. #}
{% macro shown(number, decimals, flips='false', bound='null') -%}
  {%- set rounded = 'cast(cast(' ~ half_up(number, decimals) ~ ' as decimal(28, ' ~ decimals ~ ')) as varchar)' -%}
  {%- if flips == 'false' -%}
  {{ rounded }}
  {%- else -%}
  case
    {%- for more in range(decimals + 1, 6) %}
    when
      {{ flips }}
      and {{ tells(number, more, bound) }}
      then cast(cast({{ half_up(number, more) }} as decimal(28, {{ more }})) as varchar)
    {%- endfor %}
    when {{ flips }} then cast(cast({{ number }} as decimal(28, 6)) as varchar)
    else {{ rounded }}
  end
  {%- endif -%}
{%- endmacro %}


{# Does a number of so many decimals still stand on its side of the bound? #}
{% macro tells(number, decimals, bound) -%}
  sign({{ judged_as_shown(number, decimals) }} - {{ judged(bound) }})
      = sign({{ judged(number) }} - {{ judged(bound) }})
{%- endmacro %}


{# A threshold or limit as the rule writes it: 2000, 4.2, 3.825. #}
{% macro plain(number) -%}
  case
    when {{ number }} = floor({{ number }}) then cast(cast({{ number }} as bigint) as varchar)
    else cast({{ number }} as varchar)
  end
{%- endmacro %}


{# A figure of a row with the columns of int_measures__shown (of the table `of`, where there are several), as an official writes it:
   62.1%, 0.156, 87313元, 2022-09-30, Ⅲ级, 是. #}
{% macro figure_zh(number, of='', flips='false', bound='null') -%}
  {%- set row = of ~ '.' if of else '' -%}
  {%- set figure = '(' ~ number ~ ' * ' ~ row ~ 'factor)' -%}
  case
    when {{ number }} is null then null
    when {{ row }}unit_zh = '日期'
      then regexp_replace(cast(cast({{ number }} as bigint) as varchar), '^(....)(..)(..)$', '\1-\2-\3')
    when {{ row }}unit_zh = '级' and {{ number }} in (1, 2, 3, 4) then substr('ⅠⅡⅢⅣ', cast({{ number }} as integer), 1) || '级'
    when {{ row }}unit_zh is null and {{ number }} in (0, 1) then case when {{ number }} = 1 then '是' else '否' end
    {%- if flips != 'false' %}
    {%- for more in range(1, 6) %}
    when
      {{ flips }}
      and {{ row }}shown_decimals < {{ more }}
      and {{ tells(figure, more, '(' ~ bound ~ ' * ' ~ row ~ 'factor)') }}
      then cast(cast({{ half_up(figure, more) }} as decimal(28, {{ more }})) as varchar) || {{ row }}suffix_zh
    {%- endfor %}
    when {{ flips }}
      then rtrim(rtrim(cast(cast({{ figure }} as decimal(28, 6)) as varchar), '0'), '.') || {{ row }}suffix_zh
    {%- endif %}
    else
      {{ plain('cast(' ~ judged_as_shown(figure, row ~ 'shown_decimals') ~ ' as double)') }}
      || {{ row }}suffix_zh
  end
{%- endmacro %}


{# A threshold in the same words; no digit of it is dropped. #}
{% macro rule_zh(number) -%}
  case
    when unit_zh in ('日期', '级') then {{ figure_zh(number) }}
    else {{ plain('cast(cast(' ~ number ~ ' as decimal(18, 4)) * factor as double)') }} || suffix_zh
  end
{%- endmacro %}


{# What is asked of a figure, by operator and threshold of the row: 不低于95%, 1所至2所, 应为是; of a change from the year before
   高于0 is 比上年提高, 不超过-0.5个百分点 is 比上年下降0.5个百分点以上; null: nothing. #}
{% macro demand_zh(high='null') -%}
  case
    when threshold is null then null
    when operator = 'between' then {{ rule_zh('threshold') }} || '至' || {{ rule_zh(high) }}
    when unit_zh is null then '应为' || case when threshold = 1 then '是' else '否' end
    when statistic = 'change' and threshold = 0
      then case operator when '>' then '比上年提高' when '<' then '比上年下降' when '>=' then '不低于上年' when '<=' then '不高于上年' else '与上年相同' end
    when statistic = 'change' and (operator in ('>=', '>')) = (threshold > 0) and operator <> '='
      then
        '比上年' || case when threshold > 0 then '提高' else '下降' end || case when operator in ('>', '<') then '超过' else '' end
        || {{ rule_zh('abs(threshold)') }} || case when operator in ('>', '<') then '' else '以上' end
    when unit_zh = '日期' and operator = '<=' then '不晚于' || {{ rule_zh('threshold') }}
    else
      case operator when '>=' then '不低于' when '<=' then '不超过' when '<' then '低于' when '>' then '高于' else '等于' end
      || {{ rule_zh('threshold') }}
  end
{%- endmacro %}


{# A quantity as an official writes it, of a row's units and unit_zh: 7间; an amount of money in 万元. #}
{% macro quantity_zh(units='units', unit_zh='unit_zh') -%}
  case
    when {{ unit_zh }} = '元' then {{ shown(units ~ ' / 10000.0', 2) }} || '万元'
    else cast({{ units }} as varchar) || coalesce({{ unit_zh }}, '')
  end
{%- endmacro %}


{# Whether something is met; null: data are missing. #}
{% macro met_zh(is_met) -%}
  case when {{ is_met }} then '达到' when not {{ is_met }} then '未达到' else '缺数据' end
{%- endmacro %}


{# A name in quotation marks; those within it become single. #}
{% macro quoted_zh(name) -%}
  '“' || replace(replace({{ name }}, '“', '‘'), '”', '’') || '”'
{%- endmacro %}


{# How a coefficient stands to that of a year before, both with three decimals. #}
{% macro changed_zh(before, now) -%}
  case
    when {{ shown(before, 3) }} = {{ shown(now, 3) }} then '与上一学年持平（' || {{ shown(now, 3) }} || '）'
    else '由上一学年的' || {{ shown(before, 3) }} || case when {{ now }} < {{ before }} then '降为' else '升为' end || {{ shown(now, 3) }}
  end
{%- endmacro %}


{# The first n names of a list, then how many there are in all: 甲、乙、丙等7所. No more than n are all there are, and null stays null. #}
{% macro and_more(names, n, count, unit, separator='') -%}
  {{ names }} || case when {{ count }} > {{ n }} then '{{ separator }}等' || cast({{ count }} as varchar) || '{{ unit }}' else '' end
{%- endmacro %}


{# Free text of a clerk, without identity and phone numbers: runs of eleven digits and more. #}
{% macro without_long_numbers(text) -%}
  regexp_replace({{ text }}, '[0-9]{11,}[Xx]?', '…', 'g')
{%- endmacro %}


{# A list in one text cell, as a list and as one row an item. #}
{% macro split(text, separator) %}{{ return(adapter.dispatch('split')(text, separator)) }}{% endmacro %}
{% macro default__split(text, separator) %}{{ return("split(" ~ text ~ ", '" ~ separator ~ "')") }}{% endmacro %}

{% macro each_of(list) %}{{ return(adapter.dispatch('each_of')(list)) }}{% endmacro %}
{% macro default__each_of(list) %}{{ return("explode(" ~ list ~ ")") }}{% endmacro %}
{% macro duckdb__each_of(list) %}{{ return("unnest(" ~ list ~ ")") }}{% endmacro %}


{# One row a whole number, from the first to the last. #}
{% macro each_number(first, last) %}{{ return(adapter.dispatch('each_number')(first, last)) }}{% endmacro %}
{% macro default__each_number(first, last) %}{{ return("explode(sequence(" ~ first ~ ", " ~ last ~ "))") }}{% endmacro %}
{% macro duckdb__each_number(first, last) %}{{ return("unnest(range(" ~ first ~ ", " ~ last ~ " + 1))") }}{% endmacro %}


{# The least whole number n with n × each ≥ lack, judged in decimals: what division leaves in its last digit decides nothing. #}
{% macro whole_units(lack, each) -%}
  {%- set about = 'cast(ceil(cast(' ~ lack ~ ' as double) / cast(' ~ each ~ ' as double)) as bigint)' -%}
  case
    when {{ lack }} <= 0 then 0
    when {{ each }} * {{ about }} < {{ lack }} then {{ about }} + 1
    when {{ each }} * ({{ about }} - 1) >= {{ lack }} then {{ about }} - 1
    else {{ about }}
  end
{%- endmacro %}


{# A text as a number, null where it is none; and the digits of a text. #}
{% macro number(text) -%}
  try_cast({{ text }} as double)
{%- endmacro %}

{% macro digits(text) -%}
  regexp_replace({{ text }}, '[^0-9]', '', 'g')
{%- endmacro %}


{# A figure as it is judged against a threshold: in decimals, so that 0.1 + 0.2 meets 0.3. No two different shares of any country's
   pupils are as near to each other as the tenth decimal; nothing is rounded that could be told apart. #}
{% macro judged(figure) -%}
  cast({{ figure }} as decimal(28, 10))
{%- endmacro %}


{# A figure rounded half up to the decimals that its row states, as it is judged. #}
{% macro judged_as_shown(figure, decimals) -%}
  {{ judged('floor(' ~ figure ~ ' * power(10, ' ~ decimals ~ ') + 0.5000001) / power(10, ' ~ decimals ~ ')') }}
{%- endmacro %}


{# What an indicator may count: the columns of fct_school_stage that fct_school_indicator reads. Else it is a fact of a school. #}
{% macro school_figures() -%}
  {{ return([
    'full_time_teachers', 'higher_degree_teachers', 'backbone_teachers', 'pe_arts_teachers', 'midlevel_title_teachers',
    'teaching_area_m2', 'sports_area_m2', 'equipment_value_yuan', 'multimedia_rooms', 'classrooms', 'books', 'computers',
    'public_funds_yuan', 'total_expenditure_yuan',
  ]) }}
{%- endmacro %}


{# What every school hands in besides the schools table, and the column that names the school. Scores are of a sample, rooms and facts of
   whoever has them. #}
{% macro rosters() -%}
  {{ return({'teachers': 'school_id', 'classes': 'school_id', 'funding': 'entity_id'}) }}
{%- endmacro %}
