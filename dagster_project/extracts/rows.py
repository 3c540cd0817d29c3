"""Rows of text become typed rows, cells that could not be read, and named rejects, as SQL made from the contract.

The SQL runs where the text is, inside DuckDB: a province's roster is typed at the speed of the engine and in
bounded memory. A reason is a Chinese sentence that names the column, the value and what to do.
"""

import re
from dataclasses import dataclass

from dagster_project.extracts.contract import Column, Extract, contract
from dagster_project.extracts.headers import Headers
from dagster_project.extracts.regions import COUNTY_CODE, TEN_DIGITS, Region
from dagster_project.extracts.sheet import BLANKS, CONTROL, DAMAGED, Sheet
from dagster_project.sql import quote, quote_name

FULL_WIDTH = ("０１２３４５６７８９－．，", "0123456789-.,")
IN_PERSONAL = 11  # how many of them an identity or telephone number may hold
HIDDEN = "（已隐去）"
SHORTEST_PERSONAL = 11  # characters; what is shorter is not looked at again
LONGEST_NUMBER = 14  # digits that a message may quote: an identity number of the old kind has 15
FIRST_HAN = "一"  # code point of the first Chinese character: identifiers and figures stand before it
UNREAD = "STRUCT(column_name VARCHAR, reason VARCHAR, original VARCHAR)[]"  # cells of one row that could not be read
SCIENTIFIC = r"\d(\.\d+)?[eE]\+?\d+"  # what a spreadsheet makes of a long code
LARGEST = 10**12  # where the contract sets no bound; whoever types more has typed a code
THOUSANDS = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"  # a comma that stands anywhere else may be a decimal point
FAILED_FORMULAS = ", ".join(f"'#{name}'" for name in ("DIV/0!", "NAME?", "NULL!", "NUM!", "REF!", "VALUE!"))
WHAT_IS_EXPECTED = {"integer": "应为整数", "number": "应为数字"}


@dataclass(frozen=True)
class Rule:
    """What meets `broken` (SQL) is put aside for `reason` (SQL text): a cell of a column or, column None, the whole row."""

    broken: str
    reason: str
    column: Column | None = None


def create_macros() -> str:
    """SQL of the macros that every typed column uses.

    masked: a text as it may be shown and kept, without identity numbers, telephone numbers and marks of damage.
    told: the same for a message, which quotes cells: no other long number either, and nothing that a terminal obeys.
    """
    of_a_code, of_text = (f"(^|[^0-9])(?:{pattern})([^0-9Xx]|$)" for pattern in _personal())
    tokens = ", ".join(quote(token) for token in contract().null_tokens)
    wide, narrow = map(quote, FULL_WIDTH)
    plain = "translate(x, {}, {})".format(*(quote(chars[:IN_PERSONAL]) for chars in FULL_WIDTH))
    return f"""
    create or replace temp macro cleaned(x) as case when x not in ({tokens}) then x end;
    create or replace temp macro narrow_number(x) as
        case when not contains(x, ',') or regexp_full_match(x, {quote(THOUSANDS)}) then try_cast(replace(x, ',', '') as double) end;
    create or replace temp macro to_number(x) as
        coalesce(try_cast(x as double), narrow_number(translate(x, {wide}, {narrow})));
    create or replace temp macro holds_identity(x) as
        length(x) >= {SHORTEST_PERSONAL} and regexp_matches({plain}, {quote(of_a_code)});
    create or replace temp macro holds_personal(x) as
        length(x) >= {SHORTEST_PERSONAL} and regexp_matches({plain}, {quote(of_text)});
    create or replace temp macro masked_once(x) as
        regexp_replace(x, {quote(of_text)}, '\\1{HIDDEN}\\2', 'g');
    create or replace temp macro masked(x) as replace(
        case when holds_personal(x) then masked_once(masked_once({plain})) else x end,
        {quote(DAMAGED)}, '□');
    create or replace temp macro told(x) as regexp_replace(
        regexp_replace(masked(x), '[0-9]{{{LONGEST_NUMBER + 1},}}', {quote(HIDDEN)}, 'g'), '[[:cntrl:]\\x80-\\x9f]', '□', 'g');
    """


def _personal() -> tuple[str, str]:
    """Regular expressions of what no identifier holds, and of what no text holds at all."""
    identity, telephone = contract().personal.values()
    return identity, f"{identity}|{telephone}"


def _trimmed(sheet: Sheet) -> str:
    """SQL of a sheet's cells without the blanks around them; only those that stand in it are looked for."""
    blanks = "".join(mark for mark in BLANKS if mark in sheet.marks)
    trim = f", {quote(blanks)})" if blanks.strip(" ") else ")"
    cells = [f"c{i}" for i in range(sheet.width)]
    return ", ".join(f"trim({cell}{trim} as {cell}" if blanks else cell for cell in cells)


def _number(column: Column, factor: float) -> str:
    """SQL of a numeric column's text as a number in the contract's unit, whole or not: 58, 58人, 四年级."""
    text = f"t_{column.name}"
    number = f"to_number({text})"
    if column.endings and factor == 1:
        ending = quote(rf"\s*({'|'.join(column.endings)})$")
        number = f"coalesce({number}, to_number(nullif(regexp_replace({text}, {ending}, ''), {text})))"
    if column.says:
        said = " ".join(
            f"when {text} in ({_words(v, words)}) then {v}" for v, words in contract().domains[column.says].items()
        )
        number = f"coalesce({number}, case {said} end)"
    scale = "" if factor == 1 else f" * {factor:g}" if factor > 1 else f" / {1 / factor:g}"
    return f"{number}{scale}"


def _typed(column: Column, hash_key: str) -> str:
    """SQL that turns the cleaned text t_<name> (or number n_<name>) into the contract's type; null where it cannot."""
    text, number = f"t_{column.name}", f"n_{column.name}"
    if column.hashed:
        return f"substr(sha256({quote(hash_key)} || {text}), 1, 32)"
    if column.type == "text":
        return text
    if column.type in WHAT_IS_EXPECTED:
        whole = f" and {number} = trunc({number})" if column.type == "integer" else ""
        return f"case when abs({number}) < {LARGEST}{whole} then {number}::{column.duckdb_type} end"
    cases = " ".join(
        f"when {text} in ({_words(value, said)}) then {quote(value)}"
        for value, said in contract().domains[column.type].items()
    )
    return f"(case {cases} end)::{column.duckdb_type}"


def _words(value: str, said: list[str]) -> str:
    """SQL list of what a cell may say for one value of a domain, in small letters, capitals, or with a capital."""
    words = [form for word in (*said, value) for form in (word, word.lower(), word.upper(), word.capitalize())]
    return ", ".join(map(quote, dict.fromkeys(words)))


def _column_rules(column: Column, region: Region, marks: str) -> list[Rule]:
    """What a value must be, in the order in which it is said: of a cell only the first that it breaks."""
    text, zh = f"t_{column.name}", f"“{column.zh}”"
    said = f"{quote(f'{zh}为“')} || {quote(HIDDEN) if column.is_private else text} || "
    rules = []
    if column.type == "text" and any(mark in marks for mark in CONTROL):
        hidden = quote(f"{zh}里有看不见的控制字符：请重新键入这一格")
        rules.append(Rule(f"regexp_matches({text}, '[[:cntrl:]]')", hidden, column))
    if column.type == "text":
        failed = quote("”，是公式出错的结果：请改好公式，或填写内容")
        rules.append(Rule(f"{text} in ({FAILED_FORMULAS})", said + failed, column))
    if DAMAGED in marks:
        lost = quote(f"{zh}里有转换时丢失的字符（显示为 □）：请从原系统重新导出")
        rules.append(Rule(f"contains({text}, {quote(DAMAGED)})", lost, column))
    if column.is_code:
        lost = quote("”，是科学记数法，后几位已经丢失：请把这一列设为文本格式，再填完整的代码")
        is_own = f"regexp_full_match({text}, {quote(region.school_id_pattern)})"
        rules.append(Rule(f"regexp_full_match({text}, {quote(SCIENTIFIC)}) and not {is_own}", said + lost, column))
    if column.required:
        rules.append(Rule(f"{text} is null", quote(f"{zh}未填：请补填"), column))
    if column.type in WHAT_IS_EXPECTED:
        wrong = quote(f"”，{WHAT_IS_EXPECTED[column.type]}：请改正")
        rules.append(Rule(f"{text} is not null and {column.name} is null", said + wrong, column))
    elif column.type != "text":
        allowed = "、".join(words[0] for words in contract().domains[column.type].values())
        wrong = quote(f"”，不是可用的取值（{allowed}）：请改正")
        rules.append(Rule(f"{text} is not null and {column.name} is null", said + wrong, column))
    if personal := _is_personal(column, region):
        rules.append(Rule(personal, quote(f"{zh}里有身份证号或手机号：不收个人信息，请删去"), column))
    for bound, sign, word in ((column.min, "<", "小于"), (column.max, ">", "大于")):
        if bound is not None:
            wrong = quote(f"”，不能{word} {bound:g}：请改正")
            rules.append(Rule(f"{column.name} {sign} {bound}", said + wrong, column))
    return rules


def _is_personal(column: Column, region: Region) -> str | None:
    """SQL condition that a value about to be stored is an identity or telephone number, or holds one; None: it cannot."""
    text, number = f"t_{column.name}", f"n_{column.name}"
    if column.type in WHAT_IS_EXPECTED and column.max is None:
        looks = "holds_identity" if column.unit == "元" else "holds_personal"  # a county's budget has eleven digits too
        return f"{looks}({text}) and {number} = trunc({number})"
    if column.type != "text" or column.hashed:
        return None
    if not column.is_code:
        return f"holds_personal({text})"
    code = f"(?:{region.school_id_pattern.strip('^$')})"
    codes = quote(f"{code}([;；]{code})*")
    return f"holds_personal({text}) and (holds_identity({text}) or not regexp_full_match({text}, {codes}))"


def _school_rules(extract: Extract, region: Region) -> list[Rule]:
    """What the schools extract must hold beyond its columns: code pattern, county of the region, some pupils."""
    school_id, county_code = extract.column("school_id"), extract.column("county_code")
    pupils = ", ".join(f"t_{stage}_pupils" for stage in contract().stages)
    pattern = quote(region.school_id_pattern)
    rule = "应为十位数字" if region.school_id_pattern == TEN_DIGITS else region.school_id_pattern
    rules = [
        Rule(
            f"not regexp_full_match(school_id, {pattern})",
            f"'“学校标识码”为“' || school_id || {quote(f'”，不合规则（{rule}）：请核对后改正')}",
            school_id,
        ),
        Rule(
            f"(coalesce({pupils}) is null and status is distinct from 'closed')",
            quote("没有任何学段的在校生数：请至少填写一个学段"),
        ),
    ]
    unsafe = "'“县级行政区划代码”为“' || county_code || " + quote(
        "”，只能用字母、数字、汉字、空格、点、下划线和连字符，最多 40 个字：请改正"
    )
    rules.append(Rule(f"not regexp_full_match(county_code, {quote(COUNTY_CODE)})", unsafe, county_code))
    if region.counties:
        codes = ", ".join(quote(code) for code in region.counties)
        hint = quote(f"”，不属于{region.name_zh}：请改正，或在 regions.yml 中登记这个县")
        reason = f"'“县级行政区划代码”为“' || county_code || {hint}"
        rules.append(Rule(f"county_code not in ({codes})", reason, county_code))
    return rules


def _is_like(cell: str, pattern: str) -> str:
    """SQL condition that a cell, its blanks taken out, is all that a pattern says; figures are not looked at."""
    return f"({cell} >= '{FIRST_HAN}' and regexp_full_match(regexp_replace({cell}, '\\s', '', 'g'), {quote(pattern)}))"


def _kinds(headers: Headers, extract: Extract, width: int) -> tuple[str, str]:
    """SQL conditions, on trimmed cells, that a row is a total, and that it is a note or the header once more."""
    first = "coalesce(" + ", ".join([*(f"nullif(c{i}, '')" for i in range(width)), "''"]) + ")"
    may_be = f"(c0 >= '{FIRST_HAN}' or coalesce(c0, '') = '')"  # said first, because it is cheap
    places = sorted(headers.position.values())[:2]
    domains = [contract().domains.get(column.type, {}) for column in extract.columns]
    words = {word for domain in domains for said in domain.values() for word in said}  # 教育支出合计 is an item
    values = ", ".join(quote(word) for word in sorted(words) if re.fullmatch(contract().total_row, word))
    of_item = f" and {{}} not in ({values})" if values else ""
    total = " or ".join(
        f"{guard} and {_is_like(cell, contract().total_row)}{of_item.format(cell)}"
        for guard, cell in [(may_be, first), *(("true", f"c{i}") for i in places)]
    )
    leading = next(column for column in extract.columns if headers.position.get(column.name) == places[0])
    again = f"c{places[0]} in ({', '.join(quote(header) for header in leading.headers)})"
    note = f"{may_be} and {_is_like(first, contract().note_row)} or {again}"
    return f"coalesce({total}, false)", f"coalesce({note}, false)"


def is_ragged(headers: Headers, sheet: Sheet) -> str:
    """SQL condition that a row has fewer cells than the header, or more that are filled."""
    beyond = [f"trim(c{i}) <> ''" for i in range(headers.width, sheet.width)]
    conditions = [f"cells < {headers.width}", f"cells > {sheet.width}", *beyond]
    return f"coalesce({' or '.join(conditions)}, false)"


def typed_rows(extract: Extract, headers: Headers, region: Region, sheet: Sheet, hash_key: str) -> str:
    """SELECT of one sheet's rows below the header: row_number, every column typed, is_ragged, is_skipped, reason,
    column_names and unread.

    A blank row, a total (合计, 小计), a note and a repeated header are skipped. reason is null for a row that may be
    loaded; column_names are the Chinese names of the columns that it lies in. unread: of the cells of columns that are
    not essential those that could not be read, as UNREAD; null where there is none. Their values are null.
    """
    columns, position = extract.columns, headers.position
    cleaned = ", ".join(
        f"{_cleaned(c, position[c.name])} as t_{c.name}" if c.name in position else f"null::varchar as t_{c.name}"
        for c in columns
    )
    typed = ", ".join(f"{_typed(c, hash_key)} as {c.name}" for c in columns)
    ragged = is_ragged(headers, sheet)
    too_many = f"'本行有 ' || cells || {quote(f' 格，表头有 {headers.width} 格：请补齐或删去多余的格')}"
    of_row = _school_rules(extract, region) if extract.name == "schools" else []
    of_column = {
        c: _column_rules(c, region, sheet.marks) + [rule for rule in of_row if rule.column == c]
        for c in columns
        if c.name in position or c.required
    }
    essential = [_first(rules) for c, rules in of_column.items() if c.essential and rules]
    essential += [rule for rule in of_row if rule.column is None]
    optional = {c: _first(rules) for c, rules in of_column.items() if not c.essential and rules}
    # of a row with too many or too few cells nothing more is said: what stands where is not known
    reasons = (
        "concat_ws('；', " + ", ".join(f"case when {rule.broken} then {rule.reason} end" for rule in essential) + ")"
    )
    places = ", ".join(f"case when {rule.broken} then {quote(rule.column.zh)} end" for rule in essential if rule.column)
    lost = ", ".join(
        f"case when {rule.broken} then {{'column_name': {quote(c.name)}, 'reason': {rule.reason}, 'original': t_{c.name}}} end"
        for c, rule in optional.items()
    )
    values = ", ".join(
        f"case when is_odd and {optional[c].broken} then null else {c.name} end as {c.name}"
        if c in optional
        else c.name
        for c in columns
    )
    broken = " or ".join(rule.broken for rule in essential)
    odd = " or ".join(rule.broken for rule in optional.values()) or "false"
    total, note = _kinds(headers, extract, sheet.width)
    unread = [f"cleaned(c{i})" for i in range(sheet.width) if i not in position.values()]
    present = ", ".join([*(f"t_{c.name}" for c in columns), *unread])
    return f"""
    with trimmed as (select row_number, cells, {_trimmed(sheet)} from {sheet.table} where row_number > {headers.row}),
    cleaned as (select *, {cleaned} from trimmed),
    numbered as (
        select *, coalesce({present}) is null or {total} or {note} as is_skipped, {ragged} as is_ragged,
            {_numbers(extract, headers)}
        from cleaned
    ),
    typed as (select *, {typed} from numbered),
    judged as (
        select *, not is_skipped and not is_ragged and ({broken}) as is_broken, not is_skipped and not is_ragged and ({odd}) as is_odd
        from typed
    )
    select row_number, {values}, is_ragged, is_skipped,
        case when is_ragged and not is_skipped then {too_many} when is_broken then {reasons} end as reason,
        case when is_broken then nullif(array_to_string([{places}], '、'), '') end as column_names,
        case when is_odd then list_filter([{lost or "null"}], lambda cell: cell is not null) end::{UNREAD} as unread
    from judged
    """


def _cleaned(column: Column, index: int) -> str:
    """SQL of a column's trimmed cell, null where it says nothing."""
    return f"nullif(c{index}, '')" if column.says_none else f"cleaned(c{index})"


def _first(rules: list[Rule]) -> Rule:
    """The rules of one column as one, which says the first that is broken."""
    cases = " ".join(f"when {rule.broken} then {rule.reason}" for rule in rules)
    broken = " or ".join(f"({rule.broken})" for rule in rules)
    return Rule(f"coalesce({broken}, false)", f"case {cases} end", rules[0].column)


def _numbers(extract: Extract, headers: Headers) -> str:
    return ", ".join(
        f"{_number(c, headers.factor.get(c.name, 1))} as n_{c.name}"
        for c in extract.columns
        if c.type in WHAT_IS_EXPECTED
    )


def wrong_totals(extract: Extract, headers: Headers, sheet: Sheet) -> str:
    """SELECT of the totals in a sheet that are no sum: row_number, column, stated, summed.

    A total may be the sum of the whole sheet, or of the rows since the total above it, or until the one below it.
    """
    sums = [c for c in extract.columns if c.type in WHAT_IS_EXPECTED and c.adds_up and c.name in headers.position]
    if not sums:
        return "select 1 as row_number, '' as zh, 0.0 as stated, 0.0 as summed where false"
    numbers = ", ".join(f"to_number(cleaned(c{headers.position[c.name]})) as {quote_name(c.zh)}" for c in sums)
    total, note = _kinds(headers, extract, sheet.width)
    return f"""
    with trimmed as (select row_number, {_trimmed(sheet)} from {sheet.table} where row_number > {headers.row}),
    marked as (
        select row_number, {total} as is_total, count(*) filter ({total}) over (order by row_number) as block, {numbers}
        from trimmed where not {note}
    ),
    long as (unpivot marked on columns(* exclude (row_number, is_total, block)) into name zh value figure),
    blocks as (select zh, block, sum(figure) as summed from long where not is_total group by all),
    compared as (
        select row_number, zh, figure as stated, list_value(
            (select coalesce(sum(b.summed), 0) from blocks as b where b.zh = long.zh),
            coalesce((select b.summed from blocks as b where b.zh = long.zh and b.block = long.block - 1), 0),
            coalesce((select b.summed from blocks as b where b.zh = long.zh and b.block = long.block), 0)
        ) as sums
        from long where is_total
    ),
    nearest as (
        select row_number, zh, stated, list_sort(list_transform(sums, lambda x: [abs(x - stated), x]))[1][2] as summed
        from compared
    )
    select * from nearest where abs(stated - summed) > 0.01 + 1e-9 * abs(stated)
    """
