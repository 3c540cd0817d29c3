"""A release for those who do not read DuckDB: CSV files for Excel, and tables in PostgreSQL."""

from importlib.resources import files
from pathlib import Path

import duckdb

from dagster_project.release.read import ReleaseError, connect, require_release, write_result

TABLES = """
    SELECT table_name, any_value(tables.comment), list((column_name, data_type) ORDER BY column_index),
        list((column_name, columns.comment) ORDER BY column_index)
    FROM duckdb_tables() AS tables INNER JOIN duckdb_columns() AS columns USING (database_name, schema_name, table_name)
    WHERE (database_name, schema_name) = (?, 'marts') GROUP BY table_name ORDER BY table_name
"""


def to_csv(home: Path, folder: Path) -> list[Path]:
    """Write <mart>.csv for every mart of the current release: UTF-8 that Excel recognises, no text that it would run."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with connect(home) as con:
        for table, *_ in con.execute(TABLES, ["junheng"]).fetchall():
            paths.append(folder / f"{table}.csv")
            with paths[-1].open("w", encoding="utf-8-sig", newline="") as file:
                write_result(con.execute(f"FROM {table}"), "csv", file)
    return paths


def to_postgres(home: Path, url: str) -> dict[str, int]:
    """Make schema marts of a PostgreSQL database equal to the current release; the rows of each table.

    One transaction: a reader sees the release before or this one. Tables stay, and with them grants and views,
    unless their columns changed; then PostgreSQL refuses to drop one that a view of the bureau's own reads.
    """
    release = require_release(home)
    package = files("duckdb_extension_postgres_scanner")  # loaded from there: DuckDB itself would download it
    extension = package / f"extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
    with duckdb.connect() as con:
        con.execute("PRAGMA disable_progress_bar")
        con.execute(f"LOAD {_literal(str(extension))}")
        con.execute(f"ATTACH {_literal(release / 'junheng.duckdb')} AS junheng (READ_ONLY)")
        try:
            con.execute(f"ATTACH {_literal(url)} AS postgres (TYPE postgres)")
            con.execute("BEGIN; CREATE SCHEMA IF NOT EXISTS postgres.marts")
            present = {table: columns for table, _, columns, _ in con.execute(TABLES, ["postgres"]).fetchall()}
            rows = {}
            for table, comment, columns, comments in con.execute(TABLES, ["junheng"]).fetchall():
                if present.pop(table, None) == columns:
                    con.execute(f"DELETE FROM postgres.marts.{table}")
                else:
                    con.execute(f"DROP TABLE IF EXISTS postgres.marts.{table}")
                    con.execute(f"CREATE TABLE postgres.marts.{table} AS FROM junheng.marts.{table} LIMIT 0")
                ((rows[table],),) = con.execute(
                    f"INSERT INTO postgres.marts.{table} FROM junheng.marts.{table}"
                ).fetchall()
                says = [f"COMMENT ON TABLE marts.{table} IS {_literal(comment or '')}"]
                says += [f"COMMENT ON COLUMN marts.{table}.{name} IS {_literal(text or '')}" for name, text in comments]
                _execute(con, "; ".join(says))
            for table in present:
                con.execute(f"DROP TABLE postgres.marts.{table}")
            _execute(con, f"COMMENT ON SCHEMA marts IS {_literal(f'均衡 Junheng {release.name}')}")
            con.execute("COMMIT")
        except duckdb.Error as error:
            reason = str(error).replace(url, "所给的网址")  # it may hold a password
            raise ReleaseError(f"没有写入 PostgreSQL，库中仍是原来的数据：{reason}") from None
    return rows


def _execute(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    """A statement in PostgreSQL's own words, within the transaction."""
    con.execute(f"CALL postgres_execute('postgres', {_literal(statement)})")


def _literal(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"
