"""What was put aside, cause by cause: rows that wait for a school are counted under what they wait for, never listed."""

from dataclasses import dataclass

import duckdb

from dagster_project.extracts.contract import contract
from dagster_project.sql import quote

REPORT_SCHOOL = "请先补报学校，或改正标识码"


@dataclass(frozen=True)
class Cause:
    """A rejected row, a file that was put aside whole (row_number null), or a school that no row has (source_file null).

    behind  how many rows wait for it, by extract, in Chinese; null where none does
    """

    source_file: str | None
    sheet: str | None
    row_number: int | None
    reason: str
    behind: str | None

    def lines(self) -> list[str]:
        """What is wrong and where, and below it what waits for it."""
        if self.source_file is None:
            return [f"{self.reason}：{self.behind}：{REPORT_SCHOOL}"]
        said = f"{place(self.source_file, self.sheet, self.row_number)}：{self.reason}"
        return [said, f"  {self.behind}"] if self.behind else [said]


def place(source_file: str, sheet: str | None, row_number: int | None) -> str:
    """Where a row stands, as it is said."""
    return f"{source_file}{f' 工作表“{sheet}”' if sheet else ''}{f' 第 {row_number} 行' if row_number else ''}"


def causes(con: duckdb.DuckDBPyConnection, quarantine: str, limit: int) -> tuple[list[Cause], int]:
    """The first causes in a table of quarantine (or a query in brackets), and how many there are in all.

    Whole files come first, then what holds back the most rows.
    """
    rows = con.execute(
        f"""with behind as ({consequences(f"({waiting(quarantine)})")}),
        found as (
            select r.source_file, r.sheet, r.row_number, reason, behind, coalesce(held, 0) as held, r.row_number is null as is_whole
            from {quarantine} as r left join behind on r.source_file = behind.source_file
                and r.sheet is not distinct from behind.sheet and r.row_number is not distinct from behind.row_number
            where r.waits_for is null
            union all
            select null, null, null, '学校表里没有 ' || told(missing), behind, held, false from behind where source_file is null
        )
        select source_file, sheet, row_number, reason, behind, count(*) over () as total from found
        order by is_whole desc, held desc, source_file nulls last, sheet, row_number, reason limit {limit}"""
    ).fetchall()
    return [Cause(*row[:5]) for row in rows], rows[0][5] if rows else 0


def waiting(quarantine: str) -> str:
    """SELECT of what waits, one row an id and extract: waits_for, extract, held (rows), and the row or file that it waits
    for: source_file, sheet, row_number; all null where no row of a school has that id.

    What no row has may stand in a file of schools that was put aside whole: then it waits for that file.
    """
    first = "min((source_file, coalesce(sheet, ''), coalesce(row_number, 0)))"
    return f"""
    with rejected as (
        select source_file, sheet, row_number, school_id, county_code from {quarantine}
        where extract = 'schools' and waits_for is null
    ),
    blamed as (
        select id, min(cause) as cause from (
            select school_id as id, {first} as cause from rejected where school_id is not null group by all
            union all
            select county_code, {first} from rejected where county_code is not null group by all
        ) group by id
    ),
    refused as (
        select {first} as cause from rejected
        where row_number is null and school_id is null and not regexp_matches(source_file, '(^|/)forms/')
    ),
    held as (select waits_for, extract, count(*) as held from {quarantine} where waits_for is not null group by all)
    select waits_for, extract, held, found[1] as source_file, nullif(found[2], '') as sheet, nullif(found[3], 0) as row_number
    from (
        select held.*, coalesce(blamed.cause, refused.cause) as found
        from held left join blamed on held.waits_for = blamed.id cross join refused
    )
    """


def consequences(waiting: str) -> str:
    """SELECT of what each cause holds back: source_file, sheet, row_number, or missing (an id); held, behind (in Chinese)."""
    order = " ".join(f"when {quote(name)} then {i}" for i, name in enumerate(contract().extracts))
    zh = " ".join(f"when {quote(name)} then {quote(extract.zh)}" for name, extract in contract().extracts.items())
    return f"""
    select source_file, sheet, row_number, missing, sum(held)::bigint as held,
        '连带 ' || sum(held) || ' 行（' || string_agg(case extract {zh} end || ' ' || held, '、' order by case extract {order} end)
            || '）' as behind
    from (
        select source_file, sheet, row_number, case when source_file is null then waits_for end as missing, extract,
            sum(held)::bigint as held
        from {waiting} group by all
    ) group by source_file, sheet, row_number, missing
    """
