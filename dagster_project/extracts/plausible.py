"""Figures that are a power of ten away from what they can be: the decimal point or the unit slipped, at one school.

A median hides one school, so each figure is held against three things, in this order; contract.yml says for which
columns (`plausible`) and how far (`apart`). 0 and null are no slips.
  its own last year       about 10, 100 … times it (or the inverse), and ended far from the others of the county
  the county's median     a pupil; only where there is no last year, or the figure jumped otherwise
  what one can have       bounds a pupil, a room, a teacher
What a fact `explained_unit_jump` of the school, its county or the region explains is left out.
"""

from collections.abc import Callable
from math import log10

import duckdb

from dagster_project.extracts.contract import Column, contract
from dagster_project.sql import quote

FACT = "explained_unit_jump"
EXTRACTS = ("schools", "teachers", "funding")  # that hold amounts
ORIGIN = "source_file, sheet, row_number"

Rows = Callable[[str], str]  # the name of an extract -> SQL of its rows in one region and school year


def partition_rows(region_id: str, school_year: int) -> Rows:
    """The rows of a partition in the warehouse."""
    return lambda extract: f"(from raw.{extract} where region_id = {quote(region_id)} and school_year = {school_year})"


def refill(con: duckdb.DuckDBPyConnection, region_id: str, school_year: int) -> bool:
    """Make raw.implausible_cell right for a partition, from its rows and those of the year before; did it change?"""
    of_partition = f"where region_id = {quote(region_id)} and school_year = {school_year}"
    cells = f"select count(*), bit_xor(hash(c)) from raw.implausible_cell as c {of_partition}"
    before = con.execute(cells).fetchone()
    found = implausible(partition_rows(region_id, school_year), partition_rows(region_id, school_year - 1), region_id)
    con.execute(f"delete from raw.implausible_cell {of_partition}")
    con.execute(
        f"""insert into raw.implausible_cell by name
        select {quote(region_id)} as region_id, {school_year} as school_year, * from ({found})"""
    )
    return con.execute(cells).fetchone() != before


def lines(con: duckdb.DuckDBPyConnection, region_id: str, school_year: int, limit: int) -> list[str]:
    """The first of a partition's figures, one Chinese line each."""
    found = con.execute(
        """select concat_ws(' ', source_file, '工作表“' || sheet || '”', '第 ' || row_number || ' 行') || '：' || reason
        from raw.implausible_cell where region_id = ? and school_year = ? order by all limit ?""",
        [region_id, school_year, limit],
    )
    return [line for (line,) in found.fetchall()]


def implausible(now: Rows, before: Rows, region_id: str) -> str:
    """SELECT of the columns of implausible_cell, a row a figure of `now`; `before`: the year before, perhaps no rows.

    A teacher is a row number; there is no last year of a teacher, and none of what jumps by nature.
    """

    def explained(entity_type: str) -> str:
        of_type = f"fact_id = {quote(FACT)} and entity_type = {quote(entity_type)}"
        return f"select entity_id from {now('facts')} as f where {of_type}"

    apart = contract().apart
    steady, near, a_pupil = (f"ln({apart[name]})" for name in ("steady", "near", "a_pupil"))
    return f"""
    with rule as ({_rules()}),
    now as ({_figures(now)}),
    before as ({_figures(before)}),
    middle as (
        select rule, county_code, coalesce(max(median) filter (not is_now), max(median)) as middle
        from ({_medians("now", "true")} union all {_medians("before", "false")}) group by all
    ),
    compared as (
        select now.*, rule.* exclude (rule), last_value, case when is_peer then middle end as middle,
            now.value / nullif(now.units, 0) as low, now.value / greatest(now.units, fewest) as high,
            case when above is not null then ln(now.value / last_value) end as jump,
            coalesce(jump - ln(nullif(now.units, 0) / nullif(last_units, 0)), jump) as jump_a_unit, low / middle as times
        from now join rule using (rule)
        left join middle using (rule, county_code)
        left join (
            select rule, entity_id, value as last_value, units as last_units from before
            where entity_id is not null and value > 0
        ) using (rule, entity_id)
        where now.value > 0
    ),
    judged as (
        select *, case
            when abs(jump) >= {steady} and abs(jump - ln(10) * round(jump / ln(10))) <= {near}
                and abs(jump_a_unit) >= {a_pupil} and sign(jump) = sign(jump_a_unit)
                and (times is null or sign(jump) * ln(times) >= ln({apart["unlike"]})) then 'last'
            when (jump is null or abs(jump) >= {steady}) and (high / middle >= above or times <= 1 / below) then 'county'
            when high > most or low < least then 'bound'
        end as found
        from compared
    )
    select {ORIGIN}, extract, column_name, column_zh, school_id, county_code, told({_reason()}) as reason
    from (select *, round(log10(case found when 'last' then value / last_value else times end)) as power from judged)
    where found is not null and not coalesce(school_id in ({explained("school")}), false)
        and not coalesce(county_code in ({explained("county")}), false)
        and {quote(region_id)} not in ({explained("region")})
    """


def _columns() -> list[tuple[str, Column]]:
    """The columns that have rules, each after the name of its extract."""
    return [(name, c) for name, extract in contract().extracts.items() for c in extract.columns if c.plausible]


def _rules() -> str:
    """SELECT of what is asked of each kind of figure; rule: the column, of funding with its item and account.

    fewest     units that the smallest one is held to
    a_unit     Chinese word before a value a unit; null: the figure is that of one unit
    """
    rules = []
    for extract, column in _columns():
        kinds = [(column.name, None, column.plausible)]
        if extract == "funding":
            items, accounts = (contract().domains[name] for name in ("funding_item", "account"))
            kinds = [
                (f"{item}/{account}", f"{items[item][0]}，{said[0]}", asked)
                for item, asked in column.plausible.items()
                for account, said in accounts.items()
            ]
        for rule, item_zh, asked in kinds:
            a_pupil = asked["per"] == "pupil"
            values = (
                *map(
                    _literal, (rule, extract, column.name, column.zh, column.unit, item_zh, "生均" if a_pupil else None)
                ),
                str(contract().apart["fewest_pupils"] if a_pupil else 1),
                *(
                    f"{asked[name]}::double" if name in asked else "null"
                    for name in ("least", "most", "below", "above")
                ),
            )
            rules.append(f"({', '.join(values)})")
    names = "rule, extract, column_name, column_zh, unit, item_zh, a_unit, fewest, least, most, below, above"
    return f"select * from (values {', '.join(rules)}) as r ({names})"


def _literal(text: str | None) -> str:
    return "null" if text is None else quote(text)


def _figures(rows: Rows) -> str:
    """SELECT of the figures of one year: rule, value, units (pupils, or 1), whose they are and where they stand.

    entity_id  school or county; null of a teacher
    is_peer    it counts for the county's median and is held against it
    """
    pupils = " + ".join(f"coalesce({stage}_pupils, 0)" for stage in contract().stages)
    peerless = ", ".join(map(quote, contract().apart["peerless"]))
    of_schools = [column for extract, column in _columns() if extract == "schools"]
    names = ", ".join(quote(column.name) for column in of_schools)
    values = ", ".join(f"{column.name}::double" for column in of_schools)
    units = ", ".join("pupils" if column.plausible["per"] == "pupil" else "1" for column in of_schools)
    pay = next(column.name for extract, column in _columns() if extract == "teachers")
    return f"""
        with school as (select *, {pupils} as pupils, school_type not in ({peerless}) as is_peer from {rows("schools")})
        select unnest([{names}]) as rule, unnest([{values}]) as value, unnest([{units}]) as units,
            school_id as entity_id, school_id, county_code, is_peer, {ORIGIN}
        from school
        union all
        select item || '/' || account, amount_yuan, coalesce(s.pupils, c.pupils), entity_id, s.school_id,
            coalesce(s.county_code, c.county_code), coalesce(s.is_peer, false), f.source_file, f.sheet, f.row_number
        from (from {rows("funding")} qualify row_number() over (partition by entity_id, item, account order by fiscal_year desc) = 1) as f left join school as s on s.school_id = f.entity_id
        left join (select county_code, sum(pupils) as pupils from school group by all) as c on c.county_code = f.entity_id
        union all
        select {quote(pay)}, {pay}, 1, null, school_id, s.county_code, true, t.source_file, t.sheet, t.row_number
        from {rows("teachers")} as t left join school as s using (school_id)
    """


def _medians(figures: str, is_now: str) -> str:
    """SELECT of the medians a pupil, a teacher, of a county's figures; small schools as if they were larger."""
    return f"""
        select rule, county_code, {is_now} as is_now, median(value / greatest(units, fewest)) as median
        from {figures} join rule using (rule) where is_peer and value > 0 and units > 0 and above is not null
        group by all having count(*) >= {contract().apart["fewest_peers"]}"""


def _reason() -> str:
    """SQL of the sentence: the value, what it was held against, the likely slip, what to do."""
    last_times, times = _times("value / last_value"), _times("times")
    return f"""concat(
        '“', column_zh, '”为', {_number("value")}, unit, '（' || item_zh || '）',
        '，' || a_unit || {_number("low")} || unit,
        case found
            when 'last' then concat('，上年为', {_number("last_value")}, unit, {last_times})
            when 'county' then concat('，本县', a_unit, '的中位数为', {_number("middle")}, unit, {times})
            else concat('，', a_unit, case when high > most then concat('不会超过', {_number("most")})
                else concat('不会少于', {_number("least")}) end, unit)
        end,
        '：请核对', {_slip()}, '并改正，确实如此的在事实表报 {FACT}')"""


def _number(value: str) -> str:
    """SQL of a number as people write it: no power of ten, two decimals, of a small one six."""
    return f"rtrim(rtrim(format(case when {value} >= 1 then '{{:.2f}}' else '{{:.6f}}' end, {value}), '0'), '.')"


def _times(ratio: str) -> str:
    """SQL of how many times one is the other."""
    return f"""case when {ratio} >= 1 then concat('（约', round({ratio})::bigint, '倍）')
        else concat('（约', round(1 / ({ratio}))::bigint, '分之一）') end"""


def _slip() -> str:
    """SQL of what probably slipped by so many powers of ten: another unit of the contract, else the decimal point."""
    units = " ".join(
        f"when unit = {quote(unit)} and power = {-round(log10(factor))} then {quote(f'是否填成了{other}数（应填{unit}）')}"
        for unit, others in contract().units.items()
        for other, factor in reversed(others.items())
        if abs(log10(factor)) > 2  # a smaller one is the decimal point's, most of the time
    )
    return f"""case {units} when abs(power) = 1 then '小数点是否错了一位' when abs(power) = 2 then '小数点是否错了两位'
        else '单位和小数点' end"""
