"""Facts are read by what they are: who hands each in, and what its value may be.

What dbt would take for "not handed in" is said here: a fact that nobody knows, or of the wrong kind of unit, or of a unit
that is not there, rejects its row; a value that is not of its fact's type is unknown.
"""

from dataclasses import asdict

import duckdb

from dagster_project.extracts.contract import contract
from dagster_project.extracts.facts import known_facts
from dagster_project.extracts.headers import nearest, normalise
from dagster_project.extracts.regions import Region
from dagster_project.extracts.rows import FULL_WIDTH, UNREAD
from dagster_project.sql import quote

MOST_GUESSED = 20  # unknown facts that are compared with all that are known


def read_answers(con: duckdb.DuckDBPyConnection, region: Region) -> None:
    """Read the rows of candidate_facts that may be loaded: ids for names, values as dbt reads them, reasons, cells unread."""
    import pyarrow as pa

    usable = "reason is null and not is_skipped"
    said = [row[0] for row in con.execute(f"select distinct fact_id from candidate_facts where {usable}").fetchall()]
    types = dict.fromkeys(("said", "fact_id", "name_zh", "value_type", "unknown"), pa.string())
    types["entity_types"] = pa.list_(pa.string())
    con.register("fact", pa.Table.from_pylist(_meant(said), pa.schema(types)))
    zh = {value: words[0] for value, words in contract().domains["entity_type"].items()}
    in_words = "map {" + ", ".join(f"{quote(value)}: {quote(word)}" for value, word in zh.items()) + "}"
    asked_of = f"array_to_string(list_transform(entity_types, lambda one: {in_words}[one]), '或')"
    clauses = {
        "事实编号": "unknown",
        "单位类型": f"""case when not list_contains(entity_types, entity_type) then
            '“单位类型”为“' || {in_words}[entity_type] || '”，“' || name_zh || '”按' || {asked_of} || '报：请改正' end""",
        "单位代码": f"'“单位代码”为“' || entity_id || {_wrong_unit(con, region)}",
        "值": "case when value_type = 'text' and cleaned(value) is null then '“值”未填：请补填' end",
    }
    listed = ", ".join(clauses.values())
    places = ", ".join(f"case when {clause} is not null then {quote(zh)} end" for zh, clause in clauses.items())
    con.execute(
        f"""create or replace temp table answer as
        select f.rowid as this, fact.fact_id, nullif(concat_ws('；', {listed}), '') as wrong,
            array_to_string([{places}], '、') as places, {_answer()} as answer, {_expected()} as expected
        from candidate_facts as f join fact on f.fact_id = fact.said where {usable}"""
    )
    con.unregister("fact")
    con.execute(
        f"""update candidate_facts set fact_id = coalesce(answer.fact_id, candidate_facts.fact_id), reason = wrong,
            column_names = case when wrong is not null then places end, value = answer.answer,
            unread = case when wrong is null and answer.answer is null then list_concat(coalesce(unread, []), [
                {{'column_name': 'value', 'reason': '“值”为“' || value || '”，' || expected || '：请改正', 'original': value}}
            ]) else unread end::{UNREAD}
        from answer where candidate_facts.rowid = this"""
    )


def _meant(said: list[str]) -> list[dict]:
    """What each id or Chinese name of a fact means, or why it means none, in Chinese: rows of the table `fact`."""
    by_name = {normalise(name): fact for fact in known_facts() for name in (fact.name_zh, fact.fact_id)}
    unknown = [text for text in said if normalise(text) not in by_name]
    near = {text: by_name[name] for text in unknown[:MOST_GUESSED] if (name := nearest(tuple(by_name), text))}
    hints = {text: f"，最接近的是“{fact.fact_id}”（{fact.name_zh}）" for text, fact in near.items()}
    return [
        {"said": text, "unknown": f"“事实编号”为“{text}”，没有这项事实{hints.get(text, '')}：请改正"}
        if normalise(text) not in by_name
        else {"said": text, **asdict(by_name[normalise(text)])}
        for text in said
    ]


def _wrong_unit(con: duckdb.DuckDBPyConnection, region: Region) -> str:
    """SQL text on what is wrong with the entity_id of a county, a township or a region; null: nothing, or it cannot be known."""
    schools = "from candidate_schools where not is_skipped and not is_ragged"
    codes = dict(region.counties)
    if not codes:
        codes = {code: code for (code,) in con.execute(f"select distinct county_code {schools}").fetchall() if code}
    by_name = " ".join(
        f"when {quote(name)} then {quote(f'”，应填代码 {code}：请改正')}"
        for code, name in codes.items()
        if name != code
    )
    cases = []
    if codes:
        named = f"case entity_id {by_name} end" if by_name else "null"
        listed = ", ".join(map(quote, codes))
        unknown = quote(f"”，不是{region.name_zh or '学校表中'}的县：请改正")
        cases.append(f"when entity_type = 'county' and entity_id not in ({listed}) then coalesce({named}, {unknown})")
    if region.id:
        cases.append(
            f"when entity_type = 'region' and entity_id <> {quote(region.id)} then {quote(f'”，应填 {region.id}：请改正')}"
        )
    townships = f"select county_code || township {schools} and county_code is not null and township is not null"
    [example] = con.execute(f"select min(place) from ({townships}) as t (place)").fetchone() or [None]
    if example:
        hint = quote(f"”，学校表里没有这个乡镇（应填县代码加乡镇名，如 {example}）：请改正")
        cases.append(f"when entity_type = 'township' and entity_id not in ({townships}) then {hint}")
    return f"case {' '.join(cases)} end" if cases else "null"


def _answer() -> str:
    """SQL of a value as it is stored; null where it is not of its fact's type."""
    wide, narrow = (quote(chars + mark) for chars, mark in zip(FULL_WIDTH, "％%", strict=True))
    plain = f"regexp_replace(translate(value, {wide}, {narrow}), '\\s', '', 'g')"
    number = f"replace({plain}, ',', '')"
    share = f"try_cast(rtrim({number}, '%') as double)"
    booleans = " ".join(
        f"when lower(value) in ({', '.join(map(quote, words))}) then {quote(stored)}"
        for stored, words in contract().answers.items()
    )
    of_parts = "(?:19|20)[0-9]{2}[-./年][0-9]{1,2}[-./月][0-9]{1,2}日?(T00:00:00)?"
    parts = f"regexp_replace({plain}, '^([0-9]+)[-./年]([0-9]+)[-./月]([0-9]+).*$', '\\1-\\2-\\3')"
    return f"""case
        when value_type = 'text' then value
        when value_type = 'boolean' then case {booleans} end
        when cleaned(value) is null and not (value_type = 'net' and value like '-_%') then null
        when value_type in ('number', 'net') then case when isfinite(try_cast({number} as double)) then {number} end
        when value_type = 'share' then case
            when {share} between 0 and (case when contains({number}, '%') then 100 else 1 end) then {number}
        end
        when value_type = 'level' then case
            when upper(replace({plain}, '级', '')) in ('Ⅰ', 'Ⅱ', 'Ⅲ', 'Ⅳ', 'I', 'II', 'III', 'IV', '1', '2', '3', '4') then {plain}
        end
        when value_type = 'last_year' and {plain} in ('0', '未监测') then '0'
        when value_type in ('years_since', 'last_year') then nullif(regexp_extract({plain}, '^((?:19|20)[0-9]{{2}})年?$', 1), '')
        when value_type = 'date' then case
            when regexp_full_match({plain}, '(?:19|20)[0-9]{{6}}') then try_strptime({plain}, '%Y%m%d')::date::varchar
            when regexp_full_match({plain}, {quote(of_parts)}) then try_cast({parts} as date)::varchar
        end
    end"""


def _expected() -> str:
    """SQL text on what a value should be."""
    cases = " ".join(f"when {quote(kind)} then {quote(zh)}" for kind, zh in contract().answer_zh.items())
    return f"case value_type {cases} end"
