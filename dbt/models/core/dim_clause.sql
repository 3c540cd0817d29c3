-- Grain: kind of figure × figure × stage × standard or document × area × first year × transition rule × measure: its clause.
{{ config(materialized='view') }}
with documents as (
    select
        standard_id,
        max(source) as document_zh
    from {{ ref('standards') }}
    group by standard_id
),

words as (
    select
        kind,
        code,
        label_zh
    from {{ ref('dim_label') }}
),

-- the parts of what a measure counts, each with its sign, in their order
parts as (
    select
        measure_id,
        'numerator' as side,
        numerator as said,
        {{ each_of(split("replace(replace(numerator, '+', ';+'), '-', ';-')", ';')) }} as part
    from {{ ref('measures') }}
    union all
    select
        measure_id,
        'denominator' as side,
        denominator as said,
        {{ each_of(split("replace(replace(denominator, '+', ';+'), '-', ';-')", ';')) }} as part
    from {{ ref('measures') }}
    where denominator is not null
),

signed as (
    select
        measure_id,
        side,
        position(part in said) as place,
        case when part like '+%' then '＋' when part like '-%' then '－' when position(part in said) > 1 then '、' else '' end as sign,
        trim(replace(replace(part, '+', ''), '-', '')) as part_id
    from parts
),

named as (
    select
        signed.measure_id,
        signed.side,
        {{ dbt.listagg("signed.sign || coalesce(inputs.name_zh, measures.name_zh, signed.part_id)", "''", 'order by signed.place') }}
            as names
    from signed
    left join {{ ref('inputs') }} as inputs on signed.part_id = inputs.input_id
    left join {{ ref('measures') }} as measures on signed.part_id = measures.measure_id
    group by signed.measure_id, signed.side
),

formulas as (
    select
        measures.measure_id,
        measures.name_zh || '：' || statistics.label_zh || '（' || above.names || coalesce('；分母：' || below.names, '')
        || coalesce('；总体：' || populations.name_zh, '') || '）' as formula_zh
    from {{ ref('measures') }} as measures
    inner join words as statistics on statistics.kind = 'statistic' and measures.statistic = statistics.code
    inner join named as above on measures.measure_id = above.measure_id and above.side = 'numerator'
    left join named as below on measures.measure_id = below.measure_id and below.side = 'denominator'
    left join {{ ref('populations') }} as populations using (population_id)
),

judged as (
    select
        standards.*,
        indicators.sort_order,
        indicators.is_national,
        indicators.name_zh || '＝' || indicators.numerator_zh || case when indicators.is_split then '（一校多学段的按学段拆分）' else '' end
        || '÷在校生数' || case when indicators.scale = 1 then '' else '×' || {{ plain('indicators.scale') }} end as formula_zh
    from {{ ref('standards') }} as standards
    inner join {{ ref('indicators') }} as indicators using (indicator_id)
),

clauses as (
    select
        'indicator' as kind,
        judged.indicator_id as figure_id,
        judged.stage,
        judged.standard_id as document_id,
        judged.source as document_zh,
        case
            when judged.is_national and judged.threshold is not null then '资源配置第' || cast(judged.sort_order as varchar) || '项'
        end as article_zh,
        judged.clause_zh,
        judged.formula_zh,
        cast(null as varchar) as measure_id,
        judged.area_code,
        judged.valid_from,
        cast(null as varchar) as transition_id,
        judged.evidence_grade,
        judged.sources,
        0 as years_back
    from judged
    union all
    select
        'coefficient' as kind,
        judged.indicator_id as figure_id,
        judged.stage,
        judged.standard_id as document_id,
        judged.source as document_zh,
        '资源配置第' || cast(judged.sort_order as varchar) || '项，校际差异系数' as article_zh,
        stages.name_zh || '校际差异系数小于或等于' || {{ plain('cast(judged.cv_limit as double)') }} as clause_zh,
        formula.label_zh as formula_zh,
        null as measure_id,
        judged.area_code,
        judged.valid_from,
        null as transition_id,
        judged.evidence_grade,
        judged.sources,
        0 as years_back
    from judged
    inner join {{ ref('stages') }} as stages using (stage)
    inner join words as formula on formula.kind = 'formula' and formula.code = 'difference_coefficient'
    where judged.cv_limit is not null
    union all
    select
        'verdict' as kind,
        formula.code as figure_id,
        null as stage,
        '{{ var("standard_id") }}' as document_id,
        rules.source as document_zh,
        '资源配置' as article_zh,
        rules.clause_zh,
        formula.label_zh as formula_zh,
        null as measure_id,
        rules.area_code,
        rules.valid_from,
        null as transition_id,
        null as evidence_grade,
        null as sources,
        0 as years_back
    from {{ ref('parameters') }} as rules
    inner join words as formula on formula.kind = 'formula' and formula.code = 'school_verdict'
    where rules.parameter_id = 'min_indicators_met'
    union all
    select
        'mean' as kind,
        formula.code as figure_id,
        null as stage,
        'application_form' as document_id,
        '申报表' as document_zh,
        '表Ⅲ' as article_zh,
        '综合' as clause_zh,
        formula.label_zh as formula_zh,
        null as measure_id,
        null as area_code,
        null as valid_from,
        null as transition_id,
        null as evidence_grade,
        null as sources,
        0 as years_back
    from words as formula
    where formula.kind = 'formula' and formula.code = 'mean_coefficient'
    union all
    select
        'criterion' as kind,
        items.criterion_id as figure_id,
        null as stage,
        items.standard_id as document_id,
        documents.document_zh,
        part.label_zh || case when items.part = 'recognition' then '' else '第' || {{ digits('items.item_id') }} || '项' end as article_zh,
        items.text_zh as clause_zh,
        formulas.formula_zh,
        items.measure_id,
        items.area_code,
        items.valid_from,
        items.transition_id,
        items.evidence_grade,
        items.sources,
        0 as years_back
    from {{ ref('standard_items') }} as items
    left join documents using (standard_id)
    left join words as part on part.kind = 'part' and items.part = part.code
    left join formulas using (measure_id)
    union all
    select
        'target' as kind,
        targets.target_id as figure_id,
        null as stage,
        targets.document_id,
        documents.title_zh || coalesce('（' || documents.number_zh || '）', '') as document_zh,
        targets.clause as article_zh,
        targets.quote as clause_zh,
        formulas.formula_zh,
        targets.measure_id,
        null as area_code,
        null as valid_from,
        null as transition_id,
        targets.evidence_grade,
        null as sources,
        0 as years_back
    from {{ ref('targets') }} as targets
    inner join {{ ref('policy_documents') }} as documents using (document_id)
    left join formulas using (measure_id)
    union all
    select
        'blank' as kind,
        blanks.form_table || '.' || cast(blanks.row_no as varchar) || '.' || cast(blanks.blank_no as varchar) as figure_id,
        null as stage,
        'application_form' as document_id,
        '申报表' as document_zh,
        '表' || blanks.form_table || '第' || cast(blanks.row_no as varchar) || '行第' || cast(blanks.blank_no as varchar) || '空' as article_zh,
        blanks.label_zh as clause_zh,
        formulas.formula_zh,
        blanks.measure_id,
        null as area_code,
        null as valid_from,
        null as transition_id,
        null as evidence_grade,
        null as sources,
        coalesce(blanks.years_back, 0) as years_back
    from {{ ref('application_form_blanks') }} as blanks
    left join formulas using (measure_id)
    where blanks.measure_id is not null
)

select
    kind,
    figure_id,
    stage,
    {{ stage_zh('clauses') }} as stage_zh,
    document_id,
    document_zh,
    article_zh,
    clause_zh,
    formula_zh,
    measure_id,
    area_code,
    valid_from,
    transition_id,
    evidence_grade,
    sources,
    years_back
from clauses
