"""What a mart holds, apart from how it is written: its digest, its difference from the release before, and itself again from later ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.release.store import ReleaseError
from dagster_project.sql import quote, quote_name

Columns = Sequence[dict[str, Any]]  # of a manifest: name, type, is_nullable, comment
COPIES = "_copies"  # in a file of changes: how many more of this row there are than in the release before


def records(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The rows of a query, each by the names of its columns."""
    result = con.execute(query)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def one_row(con: duckdb.DuckDBPyConnection, statement: str) -> tuple[Any, ...]:
    return con.execute(statement).fetchall()[0]


def parquet(path: Path) -> str:
    """A Parquet file as a relation."""
    return f"read_parquet({quote(path)})"


def create_statement(mart: dict[str, Any], schema: str) -> str:
    """The empty table of a manifest's mart in a schema, with its comments."""
    table = f"{schema}.{quote_name(mart['name'])}"
    columns, comments = [], []
    if mart["comment"] is not None:
        comments.append(f"COMMENT ON TABLE {table} IS {quote(mart['comment'])}")
    for column in mart["columns"]:
        name = quote_name(column["name"])
        columns.append(f"{name} {column['type']}{'' if column['is_nullable'] else ' NOT NULL'}")
        if column["comment"] is not None:
            comments.append(f"COMMENT ON COLUMN {table}.{name} IS {quote(column['comment'])}")
    return ";\n".join([f"CREATE TABLE {table} ({', '.join(columns)})", *comments])


def names(columns: Columns) -> str:
    return ", ".join(quote_name(column["name"]) for column in columns)


def signature(mart: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and types of a mart's columns: where they are others, its rows are not compared."""
    return [(column["name"], column["type"]) for column in mart["columns"]]


def digest(con: duckdb.DuckDBPyConnection, relation: str, columns: Columns) -> str:
    """Of the rows, in whatever order and file they stand: two sums over the md5 of each row as text, which add up like the rows.

    So the digest of a release is that of the next, less what was added, plus what was removed (`without`).
    """
    lower, upper = _sums(con, relation, columns, "1")
    return _written(lower, upper)


def without(con: duckdb.DuckDBPyConnection, digest: str, changes: str, columns: Columns) -> str:
    """A mart's digest once the difference from the release before is taken back."""
    lower, upper = (int(part, 16) for part in digest.split("."))
    less, fewer = _sums(con, changes, columns, COPIES)
    return _written(lower - less, upper - fewer)


def _sums(con: duckdb.DuckDBPyConnection, relation: str, columns: Columns, copies: str) -> tuple[int, int]:
    cells = ", ".join(_cell(column) for column in columns)
    row = f"concat_ws(chr(31), {cells})"
    sums = ", ".join(
        f"coalesce(sum({half}({row})::HUGEINT * {copies}), 0)" for half in ("md5_number_lower", "md5_number_upper")
    )
    lower, upper = one_row(con, f"SELECT {sums} FROM {relation}")
    return int(lower), int(upper)


def _cell(column: dict[str, Any]) -> str:
    name = quote_name(column["name"])
    if column["type"] in ("DOUBLE", "FLOAT"):
        name = f"({name} + 0.0)"  # there are two zeros, and they are equal
    return f"coalesce({name}::VARCHAR, chr(30))"


def _written(lower: int, upper: int) -> str:
    return f"{lower:x}.{upper:x}"


def compare(con: duckdb.DuckDBPyConnection, table: str, older: str, newer: str, columns: Columns) -> tuple[int, int]:
    """Make a table of the rows that two relations differ by, with _copies; how many were added and how many removed.

    Rows are told apart by their hash first, then by all they hold: of a mart that hardly changed few rows are looked at as a whole.
    """
    cells = names(columns)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        WITH all_rows AS (
            SELECT {cells}, 1 AS {COPIES} FROM {newer} UNION ALL SELECT {cells}, -1 FROM {older}
        ),
        touched AS (SELECT hash({cells}) AS row_hash FROM all_rows GROUP BY row_hash HAVING sum({COPIES}) <> 0)
        SELECT {cells}, sum({COPIES})::BIGINT AS {COPIES} FROM all_rows
        WHERE hash({cells}) IN (FROM touched) GROUP BY {cells} HAVING sum({COPIES}) <> 0
        ORDER BY ALL
        """
    )
    added, removed = one_row(
        con,
        f"SELECT coalesce(sum(greatest({COPIES}, 0)), 0), coalesce(sum(greatest(-{COPIES}, 0)), 0) FROM {table}",
    )
    return int(added), int(removed)


def insert_earlier(
    con: duckdb.DuckDBPyConnection, schema: str, mart: dict[str, Any], base: Path, changes: Sequence[Path]
) -> None:
    """Fill a table with a mart as it was: the rows of a later release, less what all changes since came to; in any order of these.

    Raises ReleaseError where that is not what the manifest says.
    """
    cells, table = names(mart["columns"]), f"{schema}.{quote_name(mart['name'])}"
    taken_back = " ".join(f"UNION ALL SELECT {cells}, -{COPIES} FROM {parquet(path)}" for path in changes)
    source = f"SELECT {cells} FROM {parquet(base)}"
    if changes:
        source = f"""
        SELECT {cells} FROM (
            SELECT {cells}, unnest(range(sum({COPIES})::BIGINT)) FROM (
                SELECT {cells}, 1 AS {COPIES} FROM {parquet(base)} {taken_back}
            ) GROUP BY {cells} HAVING sum({COPIES}) > 0
        )"""
    (rows,) = one_row(con, f"INSERT INTO {table} {source} ORDER BY ALL")
    if (rows, digest(con, table, mart["columns"])) != (mart["rows"], mart["digest"]):
        raise ReleaseError(f"{mart['name']} 还原出来与清单不符")
