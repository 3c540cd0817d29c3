"""Rows of text become typed rows and named rejects, as SQL made from the contract.

The SQL runs where the text is, inside DuckDB: a province's roster is typed at the speed of the engine and in
bounded memory. A reason is a Chinese sentence that names the column, the value and what to do.
"""

from dataclasses import dataclass

from dagster_project.extracts.contract import Column, Extract, contract
from dagster_project.extracts.headers import Headers
from dagster_project.regions import Region

FULL_WIDTH = ("０１２３４５６７８９．，－", "0123456789.,-")
RARE_BLANKS = "\t\n\r\u00a0\u3000\ufeff"  # tab, line ends, no-break and full-width space, byte order mark
WHAT_IS_EXPECTED = {"integer": "应为整数", "number": "应为数字"}


@dataclass(frozen=True)
class Rule:
    """A row that meets `broken` (SQL) is quarantined for `reason` (SQL text)."""

    broken: str
    reason: str


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def create_macros() -> str:
    """SQL of the macros that every typed column uses; trimming the rare blanks costs four times the space's."""
    tokens = ", ".join(quote(token) for token in contract().null_tokens)
    rare, blanks = quote(f"[{RARE_BLANKS}]"), quote(f" {RARE_BLANKS}")
    wide, narrow = map(quote, FULL_WIDTH)
    return f"""
    create or replace temp macro trimmed(x) as
        case when regexp_matches(x, {rare}) then trim(x, {blanks}) else trim(x) end;
    create or replace temp macro cleaned(x) as case when x not in ({tokens}) then x end;
    create or replace temp macro to_number(x) as
        coalesce(try_cast(x as double), try_cast(replace(translate(x, {wide}, {narrow}), ',', '') as double));
    """


def _number(column: Column, factor: float) -> str:
    """SQL of a numeric column's text as a number in the contract's unit, whole or not."""
    scale = "" if factor == 1 else f" * {factor:g}" if factor > 1 else f" / {1 / factor:g}"
    return f"to_number(t_{column.name}){scale}"


def _typed(column: Column, hash_key: str) -> str:
    """SQL that turns the cleaned text t_<name> (or number n_<name>) into the contract's type; null where it cannot."""
    text, number = f"t_{column.name}", f"n_{column.name}"
    if column.hashed:
        return f"substr(sha256({quote(hash_key)} || {text}), 1, 32)"
    if column.type == "text":
        return text
    if column.type in WHAT_IS_EXPECTED:
        whole = f" and {number} = trunc({number}) and abs({number}) < 1e15" if column.type == "integer" else ""
        return f"case when isfinite({number}){whole} then {number}::{column.duckdb_type} end"
    cases = " ".join(
        f"when lower({text}) in ({_words(value, said)}) then {quote(value)}"
        for value, said in contract().domains[column.type].items()
    )
    return f"(case {cases} end)::{column.duckdb_type}"


def _words(value: str, said: list[str]) -> str:
    """SQL list of what a cell may say for one value of a domain."""
    return ", ".join(quote(word.lower()) for word in dict.fromkeys((value, *said)))


def _column_rules(column: Column) -> list[Rule]:
    text, zh = f"t_{column.name}", f"“{column.zh}”"
    said = f"{quote(f'{zh}为“')} || {text} || "
    rules = []
    if column.required:
        rules.append(Rule(f"{text} is null", quote(f"{zh}未填：请补填")))
    if column.type in WHAT_IS_EXPECTED:
        wrong = quote(f"”，{WHAT_IS_EXPECTED[column.type]}：请改正")
        rules.append(Rule(f"{text} is not null and {column.name} is null", said + wrong))
    elif column.type != "text":
        allowed = "、".join(words[0] for words in contract().domains[column.type].values())
        wrong = quote(f"”，不是可用的取值（{allowed}）：请改正")
        rules.append(Rule(f"{text} is not null and {column.name} is null", said + wrong))
    for bound, sign, word in ((column.min, "<", "小于"), (column.max, ">", "大于")):
        if bound is not None:
            rules.append(Rule(f"{column.name} {sign} {bound}", said + quote(f"”，不能{word} {bound:g}：请改正")))
    return rules


def _school_rules(region: Region) -> list[Rule]:
    """What the schools extract must hold beyond its columns: code pattern, county of the region, some pupils."""
    pupils = ", ".join(f"{stage}_pupils" for stage in contract().stages)
    pattern = quote(region.school_id_pattern)
    rules = [
        Rule(
            f"not regexp_full_match(school_id, {pattern})",
            f"'“学校标识码”为“' || school_id || {quote(f'”，不合规则 {region.school_id_pattern}：请核对后改正')}",
        ),
        Rule(f"coalesce({pupils}) is null", quote("没有任何学段的在校生数：请至少填写一个学段")),
    ]
    if region.counties:
        codes = ", ".join(quote(code) for code in region.counties)
        hint = quote(f"”，不属于{region.name_zh}：请改正，或在 regions.yml 中登记这个县")
        rules.append(Rule(f"county_code not in ({codes})", f"'“县级行政区划代码”为“' || county_code || {hint}"))
    return rules


def typed_rows(
    extract: Extract,
    headers: Headers,
    region: Region,
    sheet: str,
    header_row: int,
    header: list[str],
    hash_key: str,
) -> str:
    """SELECT of one sheet's rows below the header: row_number, every column typed, is_skipped and reason.

    A blank row and a total row (合计, 小计) is skipped; reason is null for a row that may be loaded.
    """
    columns, width = extract.columns, len(header)
    position = headers.position
    trimmed = ", ".join(f"trimmed(c{i}) as c{i}" for i in range(width))
    cleaned = ", ".join(
        f"cleaned(c{position[c.name]}) as t_{c.name}" if c.name in position else f"null::varchar as t_{c.name}"
        for c in columns
    )
    numbers = "".join(
        f", {_number(c, headers.factor.get(c.name, 1))} as n_{c.name}" for c in columns if c.type in WHAT_IS_EXPECTED
    )
    typed = ", ".join(f"{_typed(c, hash_key)} as {c.name}" for c in columns)
    rules = [
        Rule(
            f"cells <> {width}",
            f"'本行有 ' || cells || {quote(f' 格，表头有 {width} 格：请补齐或删去多余的格')}",
        )
    ]
    rules += [rule for c in columns if c.name in position or c.required for rule in _column_rules(c)]
    rules += _school_rules(region) if extract.name == "schools" else []
    reasons = ",\n            ".join(f"case when {rule.broken} then {rule.reason} end" for rule in rules)
    broken = " or ".join(f"coalesce({rule.broken}, false)" for rule in rules)
    totals = ", ".join(quote(token) for token in contract().total_tokens)
    total = " or ".join(f"c{i} in ({totals})" for i in sorted(position.values())[:2])
    others = [f"cleaned(c{i})" for i in range(width) if i not in position.values()]
    present = ", ".join([*(f"t_{c.name}" for c in columns), *others])
    return f"""
    with trimmed as (select row_number, cells, {trimmed} from {sheet} where row_number > {header_row}),
    cleaned as (select *, {cleaned} from trimmed),
    numbered as (
        select *, coalesce({present}) is null or coalesce({total}, false) as is_skipped{numbers} from cleaned
    ),
    typed as (select *, {typed} from numbered)
    select row_number, {", ".join(c.name for c in columns)}, is_skipped,
        case when not is_skipped and ({broken}) then concat_ws('；',
            {reasons}) end as reason
    from typed
    """
