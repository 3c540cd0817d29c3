"""What only the whole partition shows of a row: that it stands there twice, or that its school is not there.

These read and mark candidate_<extract>, which holds every row of an extract from all its files.
"""

import duckdb

from dagster_project.extracts.contract import Extract, contract
from dagster_project.sql import quote

PLACES_SHOWN = 5
KNOWN = {
    "school": "select school_id from incoming_schools",
    "county": "select county_code from incoming_schools",
}
REJECTED = {
    "school": "select school_id from candidate_schools where reason is not null and school_id is not null",
    "county": "select county_code from candidate_schools where reason is not null and county_code is not null",
}


def named_school(extract: Extract) -> str:
    """SQL of the id of the school that a row is of; null where it is of another unit."""
    if extract.name == "facts":
        return "case when entity_type = 'school' then entity_id end"
    column = extract.column(extract.owner)
    if "county" in column.refers_to:
        return (
            f"case when {column.name} not in ({KNOWN['county']} union all {REJECTED['county']}) then {column.name} end"
        )
    return column.name


def judge(con: duckdb.DuckDBPyConnection, extract: Extract, refers: bool) -> None:
    """Skip rows that repeat another one, reject those that contradict each other, hold those whose school is not loaded."""
    if not extract.key:
        _skip_copies(con, extract)
    elif _find_crowded(con, extract):
        _skip_repeated(con, extract)
        _reject_contradictions(con, extract)
    if refers:
        _hold(con, extract)


def _whole(extract: Extract) -> str:
    """SQL list of all that makes two rows the same: what is stored of them, and what could not be read."""
    return ", ".join([*(column.name for column in extract.columns), "reason", "unread::varchar"])


def _skip_copies(con: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Rows without a key may well be alike; skip those of a sheet that holds, row for row, what another one holds."""
    con.execute(
        f"""update candidate_{extract.name} set is_skipped = true, same_source = copy.original,
            reason = null, column_names = null, unread = null
        from (
            select source, min(source) over (partition by row_count, fingerprint) as original
            from (
                select source, count(*) as row_count, sum(hash({_whole(extract)})::hugeint) as fingerprint
                from candidate_{extract.name} where not is_skipped group by source
            )
        ) as copy
        where candidate_{extract.name}.source = copy.source and copy.source <> copy.original and not is_skipped"""
    )


def _find_crowded(con: duckdb.DuckDBPyConnection, extract: Extract) -> bool:
    """Fill `crowded` with the keys that several rows have; is there any?"""
    keys = ", ".join(extract.key)
    con.execute(
        f"""create or replace temp table crowded as select {keys} from candidate_{extract.name}
        where {_keyed(extract)} group by all having count(*) > 1"""
    )
    return con.execute("select 1 from crowded limit 1").fetchone() is not None


def _keyed(extract: Extract) -> str:
    """SQL condition that the whole key of a row could be read, rejected as it may be."""
    return " and ".join(["not is_skipped", "not is_ragged", *(f"{name} is not null" for name in extract.key)])


def _skip_repeated(con: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Of rows that are the same in every column the first is kept."""
    candidate = f"candidate_{extract.name}"
    con.execute(
        f"""update {candidate} set is_skipped = true, same_source = first.source, same_row = first.row,
            reason = null, column_names = null, unread = null
        from (
            select {candidate}.rowid as this, row_number() over spell as occurrence,
                first(source) over spell as source, first(row_number) over spell as row
            from {candidate} semi join crowded using ({", ".join(extract.key)}) where {_keyed(extract)}
            window spell as (partition by {_whole(extract)} order by source, row_number)
        ) as first
        where {candidate}.rowid = first.this and first.occurrence > 1"""
    )


def _reject_contradictions(con: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Of rows of one key that differ none is right for sure: each says where the others stand and what to do."""
    candidate, keys = f"candidate_{extract.name}", ", ".join(extract.key)
    columns = [extract.column(name) for name in extract.key]
    zh = "、".join(column.zh for column in columns)
    is_told = len(columns) == 1 and not columns[0].hashed
    subject = f"{quote(f'{zh} ')} || {columns[0].name} || ' '" if is_told else quote(f"{zh}相同的")
    one, two = f"同一{extract.count_zh}", f"两{extract.count_zh}"
    mend = f"：是{one}就只留对的一行，是{two}就改正{zh if len(columns) == 1 else '其中一行'}"
    name = "school_name" if any(column.name == "school_name" for column in extract.columns) else "null"
    con.execute(
        f"""update {candidate} set reason = concat_ws('；', {candidate}.reason, spelt.reason),
            column_names = array_to_string(list_distinct(list_concat(
                string_split(nullif(column_names, ''), '、'), {[column.zh for column in columns]})), '、')
        from (
            select row.this, {subject} || case when total = 2 then '有两行：' else '有 ' || total || ' 行：' end
                || array_to_string(list_transform(places, lambda place: concat_ws(' ',
                    case when place.file <> row.file then place.file end,
                    case when place.sheet is not null and (place.file <> row.file or place.sheet is distinct from row.sheet)
                        then '工作表“' || place.sheet || '”' end,
                    case when place.row is not null then '第 ' || place.row || ' 行'
                        when place.file = row.file then '本表' end)
                    || coalesce('“' || place.name || '”', '')), '、')
                || case when total > {PLACES_SHOWN} then ' 等' else '' end || {quote(mend)} as reason
            from (
                select {candidate}.rowid as this, source_file as file, sheet, {keys} from {candidate} join source using (source)
                where {_keyed(extract)}
            ) as row join (
                select {keys}, count(*) as total, list({{'file': source_file, 'sheet': sheet, 'row': row_number, 'name': {name}}}
                    order by source, row_number)[:{PLACES_SHOWN}] as places
                from {candidate} join source using (source) semi join crowded using ({keys})
                where {_keyed(extract)} group by {keys} having total > 1
            ) as crowd using ({keys})
        ) as spelt
        where {candidate}.rowid = spelt.this"""
    )


def _hold(con: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Let rows whose school (or county) is not loaded wait for it."""
    candidate = f"candidate_{extract.name}"
    column = next((column for column in extract.columns if column.refers_to), None)
    if column is None:
        return
    of = "true"
    if extract.name == "facts":
        left = ", ".join(map(quote, contract().left_schools))
        of = f"entity_type = 'school' and fact_id not in ({left})"
    known, rejected = (" union all ".join(sets[what] for what in column.refers_to) for sets in (KNOWN, REJECTED))
    con.execute(
        f"""update {candidate} set waits_for = {column.name}, column_names = {quote(column.zh)},
            reason = {quote(f"“{column.zh}”为“")} || {column.name} || case when {column.name} in ({rejected})
                then '”，它在学校表里的那一行没有载入：请先改好学校表' else '”，学校表里没有：请先补报学校，或改正标识码' end
        where reason is null and not is_skipped and {of} and {column.name} not in ({known})"""
    )


def repeats(con: duckdb.DuckDBPyConnection, extract: Extract, source: int) -> list[str]:
    """Chinese sentences on a sheet's rows that were skipped since they stand elsewhere too."""
    candidate = f"candidate_{extract.name}"
    found = con.execute(
        f"""select same_source = {source}, source_file, sheet, list([row_number, same_row] order by row_number)
        from {candidate} as c join source as original on same_source = original.source
        where c.source = {source} group by same_source, source_file, sheet order by same_source"""
    ).fetchall()
    is_all = (
        con.execute(f"select 1 from {candidate} where source = {source} and not is_skipped limit 1").fetchone() is None
    )
    sentences = []
    for is_here, file, sheet, rows in found:
        where = "" if is_here else f" {file}{f' 工作表“{sheet}”' if sheet else ''} "
        if is_all or len(rows) > PLACES_SHOWN or None in rows[0]:
            sentences.append(f"{len(rows)} 行与{where or '前面'}的行完全相同，略过")
        else:
            sentences += [f"第 {row} 行与{where}第 {same} 行完全相同，略过" for row, same in rows]
    return sentences
