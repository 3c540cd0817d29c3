"""From a published figure to its source: schools, file, sheet, row, cell and what the cell says, and the clause that judges it.

Read from a release alone; nothing is computed. A figure is asked for as a clerk or an inspector names it:

    371502 2023 小学 生均教学及辅助用房面积      a county's difference coefficient
    3715020001 2023 小学 生均教学及辅助用房面积  a school's value
    371502 2023 表Ⅱ-2 第3行 L7                   a cell of the application form; 表Ⅱ-2 注 第1行 L1 a blank of its note
    371502 2023 G5-1, liaocheng 2023 LC-29       a criterion of the standard, a target of a policy document
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from dagster_project.release.store import ReleaseError

FORM = re.compile(r"表([ⅠⅡⅢⅣⅤⅥIV]+(?:-[12])?)\s*(注?)\s*第?\s*(\d+)(?:\s*行\s*L?|\s*L|\s)\s*(\d+)", re.IGNORECASE)
FIRST_INDICATOR = 7  # of table Ⅱ-2: L7 is the first of the seven
NAMED = 10  # how many names a message lists

HERE = "region_id = $region_id and school_year = $school_year"
COUNTY = f"{HERE} and county_code = $area_id"
SCHOOL = f"{HERE} and school_id = $area_id"
STAGES = "select code, label_zh from dim_label where kind = 'stage' and code <> 'all'"
PLACES = """
with places as (
    select distinct region_id, 'region' as level, region_id as area_id, '' as county_code, region_name_zh as name
    from dim_county semi join (from mart_county_verdict where school_year = $school_year) using (region_id)
    union all
    select region_id, 'county', county_code, county_code, coalesce(county_name_zh, county_code)
    from dim_county semi join (from mart_county_verdict where school_year = $school_year) using (region_id, county_code)
    union all
    select region_id, 'school', school_id, county_code, school_name from dim_school where school_year = $school_year
)
-- a region of one county may bear its name: the county is meant
from places where $who in (area_id, region_id || '/' || area_id, name)
    and (level <> 'region' or $who = area_id or not exists (from places as other where other.level = 'county' and other.name = $who))
order by all
"""
KNOWN = f"""
select 'coefficient' as kind, indicator_id as figure_id, name_zh, stage
from (from mart_county_balance where $level = 'county' and {COUNTY}) inner join dim_indicator using (indicator_id)
union all
select 'indicator', indicator_id, name_zh, stage
from (from fct_school_indicator where $level = 'school' and {SCHOOL}) inner join dim_indicator using (indicator_id)
union all
select distinct 'mean', 'mean_coefficient', '综合差异系数', stage from mart_county_balance where $level = 'county' and {COUNTY}
union all
select distinct 'verdict', 'school_verdict', '综合评估', stage
from mart_school_verdict where $level = 'county' and {COUNTY} or $level = 'school' and {SCHOOL}
union all
select 'criterion', criterion_id, measure_zh, null from mart_standard_item where $level = 'county' and {COUNTY}
union all
select 'criterion', criterion_id, measure_zh, null from mart_school_criterion where $level = 'school' and {SCHOOL}
union all
select distinct 'target', target_id, indicator_zh, null
from (from mart_target_area where {HERE} and ($level = 'region' or area_id = $area_id or $level = 'county' and county_code = $area_id))
inner join dim_target using (target_id)
"""
FORM_SCHOOL = f"""
select case when indicator_id is not null then 'indicator' when code is not null then 'column' else 'verdict' end as kind,
    coalesce(indicator_id, code, 'school_verdict') as figure_id, stage, school_id as area_id, school_label as name, school_label as shown
from mart_application_form_school
left join dim_indicator on is_national and dim_indicator.sort_order = $sort_order
left join dim_label on dim_label.kind = 'school_column' and dim_label.sort_order = $blank_no
where {COUNTY} and row_no = $row_no and (indicator_id is not null or code is not null or $blank_no in (14, 15))
"""
# Of what is said of a stage, tables Ⅱ-1 and Ⅲ, a blank is an indicator's or of all together.
FORM_BLANK = f"""
select county_code as area_id, $name as name, concat_ws('：', label_zh, coalesce(shown, missing)) as shown, stage,
    case when criterion_id is not null then 'criterion' when measure_id is not null then 'blank' when form_table = 'Ⅱ-2' then 'schools'
        when form_table = 'Ⅱ-1' then if(indicator_id is null, 'verdict', 'indicator')
        else if(indicator_id is null, 'mean', 'coefficient') end as kind,
    case kind when 'criterion' then criterion_id when 'blank' then concat_ws('.', form_table, row_no, blank_no) when 'schools' then 'pupils'
        when 'verdict' then 'school_verdict' when 'mean' then 'mean_coefficient' else indicator_id end as figure_id
from (from mart_application_form where {COUNTY} and form_table = $form_table and row_no = $row_no and blank_no = $blank_no)
left join (from dim_indicator where is_national) on stage is not null and sort_order = blank_no
"""
TITLES = """
inner join (select indicator_id, name_zh, unit_zh, scale from dim_indicator) using (indicator_id)
"""
MET = "case {} when true then '，达到' when false then '，未达到' else '' end"
RESULT = {
    "indicator": f"""
        select stage_zh || name_zh as title, coalesce(
            format('{{:.12g}}', value) || unit_zh || format(' ＝ {{:.12g}} ÷ {{:.12g}}', numerator, pupils::double)
            || case when scale <> 1 then ' × ' || scale else '' end
            || coalesce(format('；达标值 {{:.12g}}', threshold), '') || {MET.format("is_met")}, null_reason) as said
        from (from fct_school_indicator where $level = 'school' and {SCHOOL} and stage = $stage and indicator_id = $figure_id) {TITLES}
        union all
        select label_zh, coalesce(shown, missing)
        from (from mart_application_form where $level = 'county' and {COUNTY} and form_table = 'Ⅱ-1' and stage = $stage)
        inner join dim_indicator on indicator_id = $figure_id and sort_order = blank_no""",
    "column": f"""
        select stage_zh || label_zh as title, case $figure_id when 'pupils' then pupils when 'grades' then grades else classes end::varchar as said
        from (from mart_application_form_school where {SCHOOL} and stage = $stage)
        inner join dim_label on kind = 'school_column' and code = $figure_id""",
    "verdict": f"""
        select stage_zh || '综合评估' as title, concat_ws('；', met_count || ' 项达到，' || floor_failed_count || ' 项低于下限', reasons)
            || {MET.format("is_passed")} as said
        from mart_school_verdict where $level = 'school' and {SCHOOL} and stage = $stage
        union all
        select label_zh, coalesce(shown, missing) from mart_application_form
        where $level = 'county' and {COUNTY} and form_table = 'Ⅱ-1' and stage = $stage and blank_no = 8""",
    "mean": f"""
        select label_zh as title, concat_ws('；', shown, format('未四舍五入 {{:.12g}}', value), missing) as said
        from mart_application_form where {COUNTY} and form_table = 'Ⅲ' and stage = $stage and blank_no = 8""",
    "schools": f"""
        select label_zh as title, shown as said from mart_application_form where {COUNTY} and form_table = 'Ⅱ-2' and stage = $stage""",
    "coefficient": f"""
        select stage_zh || name_zh || '校际差异系数' as title, coalesce(
            format('{{:.12g}}', difference_coefficient) || coalesce(format('；限值 {{:.12g}}', limit_value), '') || {MET.format("is_met")}
            || format('；由 {{}} 所学校的数算出，全县平均 {{:.12g}}', school_count, county_mean::double), reason) as said
        from (from mart_county_balance where {COUNTY} and stage = $stage and indicator_id = $figure_id) {TITLES}""",
    "criterion": f"""
        select measure_zh as title, concat_ws('；', coalesce(actual_zh, missing_schools), '要求' || demand_zh, reason) || {MET.format("is_met")} as said
        from (select *, case when area_level = 'school' then format('{{}} 所学校达到，{{}} 所未达到', areas_met, areas_not_met) end as missing_schools
            from mart_standard_item where $level = 'county' and {COUNTY} and criterion_id = $figure_id)
        union all
        select measure_zh, coalesce(format('{{:.12g}}', value), missing) || coalesce(unit_zh, '')
            || coalesce(format('；{{}} {{:.12g}}', operator, threshold), '') || {MET.format("is_met")}
        from mart_school_criterion where $level = 'school' and {SCHOOL} and criterion_id = $figure_id""",
    "target": f"""
        select indicator_zh as title, concat_ws('；', actual_zh, '要求' || demand_zh, status_zh, reason) as said
        from mart_target_progress where {HERE} and target_id = $figure_id""",
    "blank": f"""
        select label_zh as title, concat_ws('；', shown, format('未四舍五入 {{:.12g}}', value), missing) as said
        from mart_application_form where {COUNTY} and concat_ws('.', form_table, row_no, blank_no) = $figure_id""",
}
CLAUSE = """
select document_zh, article_zh, clause_zh, formula_zh
from dim_clause
where kind = $kind and figure_id = $figure_id and coalesce(stage = $stage, true) and transition_id is null
    and starts_with($county_code, coalesce(area_code, '')) and coalesce(valid_from, 0) <= $school_year
qualify row_number() over (partition by document_id order by length(coalesce(area_code, '')) desc, coalesce(valid_from, 0) desc) = 1
order by document_id desc
"""
AREAS = f"""
select area_id, area_name as name, coalesce(value_zh, missing, '不适用') || {MET.format("is_met")} as said
from mart_target_area where {HERE} and target_id = $figure_id and ($level = 'region' or area_id = $area_id or county_code = $area_id)
order by area_id"""
NONE = "select '' as area_id, '' as name, '' as said where false"
OF_SCHOOL = """coalesce(format('{:.12g} ＝ {:.12g} ÷ {:.12g}', value, numerator, pupils::double)
            || case when scale <> 1 then ' × ' || scale else '' end, null_reason)"""
PARTS = {
    "blank": NONE,
    "column": NONE,
    "indicator": f"""
        select school_id as area_id, school_name as name, {OF_SCHOOL} || {MET.format("is_met")} as said
        from (from fct_school_indicator where $level = 'county' and {COUNTY} and stage = $stage and indicator_id = $figure_id) {TITLES}
        inner join dim_school using (region_id, school_year, school_id) order by school_id""",
    "coefficient": f"""
        select school_id as area_id, school_name as name, {OF_SCHOOL} as said
        from (from fct_school_indicator where {COUNTY} and stage = $stage and indicator_id = $figure_id) {TITLES}
        inner join dim_school using (region_id, school_year, school_id) order by school_id""",
    "mean": f"""
        select indicator_id as area_id, name_zh as name, coalesce(format('{{:.12g}}', difference_coefficient), reason) as said
        from (from mart_county_balance where {COUNTY} and stage = $stage) inner join (from dim_indicator where is_national) using (indicator_id)
        order by sort_order""",
    "verdict": f"""
        select school_id as area_id, school_name as name, concat_ws('；', met_count || ' 项达到', reasons) || {MET.format("is_passed")} as said
        from mart_school_verdict where $level = 'county' and {COUNTY} and stage = $stage
        union all
        select indicator_id, name_zh, {OF_SCHOOL} || {MET.format("is_met")}
        from (from fct_school_indicator where $level = 'school' and {SCHOOL} and stage = $stage
            and indicator_id in (select indicator_id from dim_indicator where is_national)) {TITLES}""",
    "schools": f"""
        select school_id as area_id, school_name as name, school_type_zh as said
        from (from mart_application_form_school where {COUNTY} and stage = $stage)
        inner join dim_school using (region_id, school_year, school_id) order by school_id""",
    "criterion": f"""
        select school_id as area_id, school_name as name, coalesce(format('{{:.12g}}', value), missing) || {MET.format("is_met")} as said
        from (from mart_school_criterion where $level = 'county' and {COUNTY} and criterion_id = $figure_id)
        inner join dim_school using (region_id, school_year, school_id) order by school_id""",
    "target": AREAS,
}
SOURCES = """
with wanted as (
    select distinct * exclude (figure_id) replace (years_back + (
        select coalesce(max(years_back), 0) from dim_clause where kind = $kind and figure_id = $figure_id) as years_back)
    from dim_figure_source
    where figure_id = $figure_id and coalesce(stage = $stage, true)
        or $kind in ('mean', 'verdict') and stage = $stage and figure_id in (select indicator_id from dim_indicator where is_national)
        or figure_id in (select measure_id from dim_clause where kind = $kind and figure_id = $figure_id and transition_id is null)
),
-- the schools that the figure is made of, where a mart lists them; else all of the place
listed as (
    select school_id from fct_school_indicator
    where region_id = $region_id and school_year = $school_year and $kind in ('coefficient', 'indicator') and stage = $stage
        and indicator_id = $figure_id
    union all
    select school_id from mart_application_form_school
    where region_id = $region_id and school_year = $school_year and $kind in ('mean', 'verdict', 'schools') and stage = $stage
    union all
    select school_id from mart_school_criterion
    where region_id = $region_id and school_year = $school_year and $kind = 'criterion' and criterion_id = $figure_id
    union all
    select area_id from mart_target_area
    where region_id = $region_id and school_year = $school_year and $kind = 'target' and target_id = $figure_id and area_level = 'school'
),
schools as (
    select school_id as area_id, school_name as area_name
    from dim_school where region_id = $region_id and school_year = $school_year
        and ($level = 'region' or county_code = $area_id or school_id = $area_id)
        and (school_id in (from listed) or not exists (from listed))
),
cells as (
    select entity_id as area_id, area_name, wanted.*, cell.* exclude (region_id, entity_id, extract, column_name), null as row_count
    from (from mart_source_cell where region_id = $region_id) as cell
    inner join wanted on cell.extract = wanted.extract and cell.column_name = wanted.column_name
        and cell.school_year = $school_year - wanted.years_back
    left join schools on entity_id = area_id
    where area_id is not null
        or cell.extract = 'facts' and entity_id not in (select school_id from dim_school where region_id = $region_id)
            and ($level = 'region' or entity_id = $region_id or starts_with(entity_id, $county_code))
),
rosters as (
    select area_id, area_name, wanted.*, roster.* exclude (region_id, school_id, extract, stage)
    from (from mart_source_roster where region_id = $region_id) as roster
    inner join wanted on roster.extract = wanted.extract and wanted.column_name is null and coalesce(roster.stage = wanted.stage, true)
        and roster.school_year = $school_year - wanted.years_back
    inner join schools on school_id = area_id
),
sources as (from cells union all by name from rosters)
select area_id, area_name, input_id, name_zh, role, label_zh as role_zh, extract, column_zh, header, years_back, school_year, source_file, sheet,
    row_number, cell, said, row_count
from sources inner join (select code as role, label_zh, sort_order from dim_label where kind = 'source_role') using (role)
where role <> 'instead'
    or not exists (from sources as other where other.area_id = sources.area_id and other.input_id = sources.input_id and other.role = 'add')
order by area_id, role = 'split', input_id = 'pupils', input_id, sort_order, school_year desc, source_file, sheet, row_number, cell
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """What is traced: an indicator, criterion or target (kind) of a school, county or region (level, area_id)."""

    region_id: str
    school_year: int
    level: str
    area_id: str
    county_code: str
    name: str
    kind: str = ""
    figure_id: str = ""
    stage: str | None = None
    blank: str | None = None  # what a cell of the application form shows, where one was asked for


def find(con: duckdb.DuckDBPyConnection, who: str, year: int, what: Sequence[str]) -> Figure:
    """The figure that the words mean; raises ReleaseError with what there is to choose from."""
    place = _place(con, who, year)
    text = " ".join(what)
    if text.startswith("表"):
        return _of_form(con, place, text)
    stages = {word: row["code"] for row in _rows(con, STAGES) for word in (row["code"], row["label_zh"])}
    stage = next((stages[word] for word in what if word in stages), None)
    name = "".join(word for word in what if word not in stages)
    return _named(con, replace(place, stage=stage), name)


def lines(con: duckdb.DuckDBPyConnection, figure: Figure) -> Iterator[str]:
    """The whole way in Chinese: the figure, its clause and formula, the figures it is made of, each with its cells."""
    results = _rows(con, RESULT[figure.kind], figure)
    if not results:
        raise ReleaseError(f"{figure.name} {figure.school_year} 学年没有 {figure.figure_id} 的数")
    if figure.blank:
        yield figure.blank
    for row in results:
        yield f"{figure.name} {figure.school_year} 学年 {row['title']}：{row['said']}"
    for row in _rows(con, CLAUSE, figure):
        yield f"依据：{' '.join(filter(None, (row['document_zh'], row['article_zh'])))}：{row['clause_zh']}"
        yield f"算法：{row['formula_zh'] or '由整县结论得来，见 mart_county_verdict'}"
    found: dict[str, list[Row]] = {}
    for row in _listed(sources(con, figure)):
        found.setdefault(row["area_id"], []).append(row)
    parts = _rows(con, PARTS[figure.kind], figure)
    for part in parts:
        yield f"  {part['name']}（{part['area_id']}）{part['said']}"
        yield from (f"    {_told(row)}" for row in found.pop(part["area_id"], []))
    for area_id, rows in found.items():
        yield f"  {rows[0]['area_name'] or area_id}（{area_id}）"
        yield from (f"    {_told(row)}" for row in rows)
    if not found and not parts:
        yield "  没有报送：这一学年的报表里没有它用到的栏目"


def sources(con: duckdb.DuckDBPyConnection, figure: Figure) -> duckdb.DuckDBPyConnection:
    """The cells and rosters that a figure comes from, a row each, as an executed query."""
    return _execute(con, SOURCES, figure)


def _told(row: Row) -> str:
    """One source in a line."""
    year = f"{row['school_year']} 学年 " if row["years_back"] else ""
    sheet = f"工作表“{row['sheet']}”" if row["sheet"] else ""
    if row["cell"] is None:
        return f"{row['name_zh']}（{row['role_zh']}）：{year}{row['source_file']} {sheet}{row['row_count']} 行"
    unit = f"，表头“{row['header']}”" if row["header"] and row["header"] != row["column_zh"] else ""
    column = row["name_zh"] if row["extract"] == "facts" else row["column_zh"]
    said = row["said"] if row["said"] is not None else ""
    place = f"{row['source_file']} {sheet}第 {row['row_number']} 行 {row['cell']}{unit}"
    return f"{column}（{row['role_zh']}）：{year}{place}，原文“{said}”"


def _place(con: duckdb.DuckDBPyConnection, who: str, year: int) -> Figure:
    """The one region, county or school of that year that a code or name means."""
    found = _rows(con, PLACES, who=who, school_year=year)
    if not found:
        raise ReleaseError(f"这个版本的 {year} 学年里没有“{who}”：请写学校标识码或校名、县代码或县名、区域编号")
    if len(found) > 1:
        listed = "、".join(f"{row['area_id']}（{row['name']}，{row['region_id']}）" for row in found[:NAMED])
        raise ReleaseError(f"“{who}”有 {len(found)} 个：{listed}。请改写代码；代码也相同的，写成 区域/代码")
    row = found[0]
    return Figure(row["region_id"], year, row["level"], row["area_id"], row["county_code"], row["name"])


def _of_form(con: duckdb.DuckDBPyConnection, place: Figure, text: str) -> Figure:
    """The figure in a cell of the application form: table, row, column."""
    asked = FORM.fullmatch(text)
    if not asked or place.level != "county":
        raise ReleaseError(
            f"申报表的格请写县代码、学年、表号、行、列，例如 371502 2023 表Ⅱ-2 第3行 L7；收到的是“{text}”"
        )
    table, note, row_no, blank_no = asked[1], asked[2], int(asked[3]), int(asked[4])
    of_school = unicodedata.normalize("NFKC", table).upper() == "II-2" and not note
    more = {"form_table": table, "row_no": row_no, "blank_no": blank_no, "sort_order": blank_no - FIRST_INDICATOR + 1}
    found = _rows(con, FORM_SCHOOL if of_school else FORM_BLANK, place, **more)
    cell = f"表{table}{note} 第 {row_no} 行 L{blank_no}"
    if not found:
        raise ReleaseError(f"{place.name} {place.school_year} 学年的申报表没有{cell}，或它不是算出来的数")
    row = found[0]
    level, blank = "school" if of_school else place.level, f"申报表 {cell}：{row['shown']}"
    meant = {"kind": row["kind"], "figure_id": row["figure_id"], "stage": row["stage"], "blank": blank}
    return replace(place, level=level, area_id=row["area_id"], name=row["name"], **meant)


def _named(con: duckdb.DuckDBPyConnection, place: Figure, name: str) -> Figure:
    """The figure of a place that an id or a name means; a part of a name will do where it is the only one."""
    known = _rows(con, KNOWN, place)
    exact = [
        row for row in known if name.casefold() in (row["figure_id"].casefold(), (row["name_zh"] or "").casefold())
    ]
    found = exact or [
        row
        for row in known
        if name and (name in (row["name_zh"] or "") or row["figure_id"].startswith(f"{name.upper()}-"))
    ]
    if len({(row["kind"], row["figure_id"]) for row in found}) != 1:
        listed = list(dict.fromkeys(f"{row['name_zh']}（{row['figure_id']}）" for row in found or known))
        more = f" 等 {len(listed)} 项" if len(listed) > NAMED else ""
        said = (
            f"“{name}”可以是几项"
            if found
            else f"{place.name} {place.school_year} 学年没有“{name}”这个数"
            if name
            else "请写明追溯哪个数"
        )
        raise ReleaseError(f"{said}：{'、'.join(listed[:NAMED])}{more}")
    stages = sorted({row["stage"] for row in found if row["stage"]}, reverse=True)
    stage = place.stage if stages else None
    if stages and stage not in stages:
        if len(stages) > 1 or stage:
            raise ReleaseError(f"{place.name} 的“{name}”有学段 {'、'.join(stages)}：请写明小学或初中")
        stage = stages[0]
    return replace(place, kind=found[0]["kind"], figure_id=found[0]["figure_id"], stage=stage)


def _rows(con: duckdb.DuckDBPyConnection, query: str, figure: Figure | None = None, **more: Any) -> list[Row]:
    return _listed(_execute(con, query, figure, **more))


def _execute(
    con: duckdb.DuckDBPyConnection, query: str, figure: Figure | None = None, **more: Any
) -> duckdb.DuckDBPyConnection:
    """A query with those parameters that it names."""
    given = {**(vars(figure) if figure else {}), **more}
    return con.execute(query, {name: value for name, value in given.items() if re.search(rf"\${name}\b", query)})


def _listed(result: duckdb.DuckDBPyConnection) -> list[Row]:
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
