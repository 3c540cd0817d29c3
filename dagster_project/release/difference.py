"""What two releases differ by: rows of every mart, published figures with their causes, and what that makes of the version number.

Which columns of a mart are its figures its model says (meta.figures). A figure changed where it reads otherwise; numbers that agree
in twelve digits are one number. Versions count like a statistics office's: 2.1 has other figures than 2.0; in 3.0 a school, indicator,
target, mart or column of 2.1 is gone or means something else.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import duckdb

from dagster_project.release.causes import Cause, Manifest, find_causes, reaching
from dagster_project.release.content import COPIES, compare, one_row, signature
from dagster_project.release.dictionary import keys_of, read_manifest
from dagster_project.release.store import TOLD
from dagster_project.sql import quote, quote_name

DEFINING = (
    "dim_indicator",
    "dim_target",
    "dim_fact",
)  # a row that is gone or reads otherwise: the thing is gone or means something else
LISTING = ("dim_school", "dim_county")  # a key that is gone: a school or county is gone
PLACE = ("region_id", "school_year", "county_code", "school_id", "stage", "stage_zh")
FIGURES = "figure_change"
FIGURE_COLUMNS = f"mart, {', '.join(PLACE)}, item_id, figure, change, old_value, new_value"
CAUSE_COLUMNS = "cause_kinds, cause_zh"


class Side(NamedTuple):
    """A release to compare: its manifest, and each of its marts as a relation of the connection."""

    manifest: Manifest
    relation: Callable[[str], str]

    @property
    def marts(self) -> dict[str, dict[str, Any]]:
        return {mart["name"]: mart for mart in self.manifest["marts"] if mart["name"] not in TOLD}


class Difference(NamedTuple):
    """counts: rows added and removed of the marts that changed and whose columns did not; redefined: marts of the older release that
    have other columns in the newer one, or are gone; is_major: by what the version number counts."""

    counts: dict[str, tuple[int, int]]
    redefined: list[str]
    added: list[str]
    figure_count: int
    causes: list[Cause]
    is_major: bool

    @property
    def said(self) -> str:
        """In a line of Chinese."""
        parts = [
            f"{len(self.counts)} 张表、{self.figure_count} 个发布的数有变化" if self.counts else "各表的数没有变化"
        ]
        parts += [f"列有变化或不再有的表：{_first(self.redefined)}"] * bool(self.redefined)
        parts += [f"新增的表：{_first(self.added)}"] * bool(self.added)
        return "；".join(filter(None, [*parts, tell_causes(self.causes)]))


def _first(names: list[str], most: int = 3) -> str:
    return "、".join(names[:most]) + f" 等 {len(names)} 张" * (len(names) > most)


def tell_causes(causes: list[Cause], most: int = 3) -> str:
    """The first few of each kind, and how many more."""
    said = []
    for kind, count in Counter(cause.kind for cause in causes).items():
        said += [str(cause) for cause in causes if cause.kind == kind][:most]
        said += [f"…… 同类共 {count} 项"] if count > most else []
    return "；".join(said)


def table_of(mart: str) -> str:
    """The temporary table of the rows that a mart differs by."""
    return quote_name(f"change_{mart}")


def difference(con: duckdb.DuckDBPyConnection, older: Side, newer: Side) -> Difference:
    """Compare two releases: leaves a temporary table of rows for each mart that changed, and one of published figures with causes."""
    counts, redefined = {}, sorted(older.marts.keys() - newer.marts.keys())
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {FIGURES} (
            mart VARCHAR, region_id VARCHAR, school_year INTEGER, county_code VARCHAR, school_id VARCHAR, stage VARCHAR,
            stage_zh VARCHAR, item_id VARCHAR, figure VARCHAR, change VARCHAR, old_value VARCHAR, new_value VARCHAR
        )"""
    )
    defined = _definitions()
    is_major = bool(redefined)
    for name, mart in newer.marts.items():
        before = older.marts.get(name)
        if before is None or _is_same(before, mart):
            continue
        shared = [column for column in mart["columns"] if signature({"columns": [column]})[0] in signature(before)]
        is_redefined = signature(before) != signature(mart)
        counted = compare(con, table_of(name), older.relation(name), newer.relation(name), shared)
        if is_redefined:
            redefined.append(name)
            is_major |= not set(signature(before)) <= set(signature(mart))
        elif counted != (0, 0):
            counts[name] = counted
        key, figures = defined.get(name, ([], []))
        if key and set(key) <= {column["name"] for column in shared}:
            names = {column["name"]: column["type"] for column in shared}
            for figure in figures:
                if figure in names:
                    con.execute(_figure_changes(name, key, figure, names))
            is_major |= (name in DEFINING and counted[1] > 0) or (name in LISTING and _lost(con, name, key))
    causes = find_causes(older.manifest, newer.manifest)
    _attribute(con, causes)
    (count,) = one_row(con, f"SELECT count(*) FROM {FIGURES}")
    return Difference(counts, redefined, sorted(newer.marts.keys() - older.marts.keys()), count, causes, is_major)


def next_version(before: str | None, is_major: bool) -> str:
    """The version number that follows; None: the first."""
    if before is None:
        return "1.0"
    major, minor = map(int, before.split("."))
    return f"{major + 1}.0" if is_major else f"{major}.{minor + 1}"


def _is_same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether two marts hold the same, without a look at their rows."""
    held = [(signature(mart), mart["rows"], mart.get("digest")) for mart in (before, after)]
    return before["sha256"] == after["sha256"] or (held[0] == held[1] and held[0][2] is not None)


def _definitions() -> dict[str, tuple[list[str], list[str]]]:
    """Of each mart its key and its published figures, as its model says."""
    manifest = read_manifest()
    figures = {
        node["name"]: node["config"]["meta"].get("figures", [])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    return {name: (key, figures.get(name, [])) for name, key in keys_of(manifest).items()}


def _figure_changes(mart: str, key: list[str], figure: str, columns: dict[str, str]) -> str:
    """Insert a mart's rows of FIGURES for one of its figures."""
    held = f"SELECT *, true AS is_there FROM {table_of(mart)} WHERE {COPIES}"
    same_key = " AND ".join(f"older.{name} IS NOT DISTINCT FROM newer.{name}" for name in map(quote_name, key))
    place = [f"coalesce(newer.{name}, older.{name})" if name in columns else "NULL" for name in PLACE]
    rest = [f"coalesce(newer.{name}, older.{name})" for name in key if name not in PLACE]
    item = f"concat_ws('/', {', '.join(rest)})" if rest else "NULL"
    old, new = (f"{side}.{quote_name(figure)}" for side in ("older", "newer"))
    differs = f"{old} IS DISTINCT FROM {new}"
    if columns[figure] == "DOUBLE":
        differs += f" AND coalesce(abs({old} - {new}) > 1e-12 * greatest(abs({old}), abs({new})), true)"
    return f"""
        INSERT INTO {FIGURES} WITH older AS ({held} < 0), newer AS ({held} > 0)
        SELECT {quote(mart)}, {", ".join(place)}, {item}, {quote(figure)},
            CASE WHEN older.is_there IS NULL THEN 'added' WHEN newer.is_there IS NULL THEN 'gone' ELSE 'changed' END,
            {old}::VARCHAR, {new}::VARCHAR
        FROM older FULL JOIN newer ON {same_key} WHERE {differs}
    """


def _lost(con: duckdb.DuckDBPyConnection, mart: str, key: list[str]) -> bool:
    """Whether a key of a mart is there no more."""
    cells = ", ".join(map(quote_name, key))
    lost = f"SELECT {cells} FROM {table_of(mart)} WHERE {COPIES} < 0 EXCEPT SELECT {cells} FROM {table_of(mart)} WHERE {COPIES} > 0"
    return bool(one_row(con, f"SELECT count(*) FROM ({lost})")[0])


def _attribute(con: duckdb.DuckDBPyConnection, causes: list[Cause]) -> None:
    """Say of every figure in FIGURES what may have changed it."""
    places = con.execute(f"SELECT DISTINCT mart, region_id, school_year FROM {FIGURES} ORDER BY ALL").fetchall()
    say = {mart: reaching(mart, causes) for mart in sorted({mart for mart, *_ in places})}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE figure_cause"
        " (mart VARCHAR, region_id VARCHAR, school_year INTEGER, cause_kinds VARCHAR, cause_zh VARCHAR)"
    )
    if places:
        con.executemany(
            "INSERT INTO figure_cause VALUES (?, ?, ?, ?, ?)",
            [(mart, region_id, year, *say[mart](region_id, year)) for mart, region_id, year in places],
        )


WITH_CAUSES = f"""
    SELECT {FIGURE_COLUMNS}, {CAUSE_COLUMNS} FROM {FIGURES} AS f INNER JOIN figure_cause AS c
    USING (mart, region_id, school_year) ORDER BY ALL
"""  # keys of a region and year are never null
