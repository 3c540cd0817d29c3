"""A release for those who do not read DuckDB: CSV files for Excel, and tables in PostgreSQL.

PostgreSQL is written to in a process of its own: a server that does not answer, or dies in the middle, costs that process, not
the refresh. A password goes to it in the environment, never in an address, of which errors quote parts.
"""

import json
import os
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

import duckdb

from dagster_project import settings
from dagster_project.processes import Died, call_apart
from dagster_project.release import dictionary
from dagster_project.release.read import connect, write_result
from dagster_project.release.store import ReleaseError, current_release, require_release
from dagster_project.sql import quote

TABLES = """
    SELECT table_name, any_value(tables.comment), list((column_name, data_type) ORDER BY column_index),
        list((column_name, columns.comment) ORDER BY column_index)
    FROM duckdb_tables() AS tables INNER JOIN duckdb_columns() AS columns USING (database_name, schema_name, table_name)
    WHERE (database_name, schema_name) = (?, 'marts') GROUP BY table_name ORDER BY table_name
"""
# where an address holds a password: after the user, up to the last @, however it is written (a port and / are none); as a parameter; as a word
PASSWORDS = (
    r"(?<=://)([^:@/?#]*):(?!\d+/)(.*)(?=@[^@]*$)",
    r"([?&])password=([^&]*)&?",
    r"(^|\s)password\s*=\s*('(?:\\.|[^'\\])*'|\S+)",
)
PRIMARY_KEY = """
    DO $$ BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'marts.{table}'::regclass AND contype = 'p' AND pg_get_constraintdef(oid) = 'PRIMARY KEY ({key})'
    ) THEN
        ALTER TABLE marts.{table} DROP CONSTRAINT IF EXISTS {table}_pkey, ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key});
    END IF;
    END $$
"""  # while the table is empty
SECONDS = 3600  # that writing all tables may take
PATIENCE = {"PGCONNECT_TIMEOUT": "15", "PGOPTIONS": "-c lock_timeout=60s"}  # unless the environment says otherwise


def to_csv(home: Path, folder: Path, release: str | None = None) -> list[Path]:
    """Write <mart>.csv for every mart of a release, none named: the current one: UTF-8 that Excel recognises, no text that it would run."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with connect(home, release) as con:
        for table, *_ in con.execute(TABLES, ["junheng"]).fetchall():
            paths.append(folder / f"{table}.csv")
            with paths[-1].open("w", encoding="utf-8-sig", newline="") as file:
                write_result(con.execute(f"FROM {table}"), "csv", file)
    return paths


def deliver(home: Path) -> str | None:
    """Write the current release to the database of JUNHENG_POSTGRES unless it is there already; says what was done, null for nothing.

    What failed is done with the next refresh. Raises ReleaseError.
    """
    if is_delivered(home):
        return None
    url, due = settings.postgres(), _due(home)  # of now: what is published meanwhile is due again
    assert url is not None
    rows = to_postgres(home, url)
    _note(home).write_text(json.dumps(due), "utf-8")
    return f"已写入 PostgreSQL：{len(rows)} 张表 {sum(rows.values())} 行"


def is_delivered(home: Path) -> bool:
    """Whether the database of JUNHENG_POSTGRES has the current release, or there is no such database or no release."""
    if settings.postgres() is None or current_release(home) is None:
        return True
    try:
        return json.loads(_note(home).read_text("utf-8")) == _due(home)
    except (OSError, ValueError):
        return False


def _note(home: Path) -> Path:
    return home / "postgres.json"


def _due(home: Path) -> dict[str, str]:
    return {"release": require_release(home).name, "address": _without_password(settings.postgres() or "")[0]}


def _without_password(url: str) -> tuple[str, str | None]:
    """An address as it may be shown, and its password."""
    for pattern in PASSWORDS:
        if found := re.search(pattern, url):
            password = found[2]
            if "://" in url:
                password = unquote(password)
            elif password.startswith("'"):
                password = re.sub(r"\\(.)", r"\1", password[1:-1])
            return url[: found.start()] + found[1] + url[found.end() :], password
    return url, None


def to_postgres(home: Path, url: str) -> dict[str, int]:
    """Make schema marts of a PostgreSQL database equal to the current release; the rows of each table. Raises ReleaseError.

    One transaction: a reader sees the release before or this one. Tables stay, and with them grants and views,
    unless their columns changed; then PostgreSQL refuses to drop one that a view of the bureau's own reads.
    """
    address, password = _without_password(url)
    try:
        keys = dictionary.primary_keys(dictionary.read_manifest())
        return call_apart(SECONDS, _write, require_release(home), keys, address, password)
    except Died:
        reason = f"写到一半中断了（服务器断开，或超过 {SECONDS // 60} 分钟没有写完）"
    except duckdb.Error as error:
        reason = str(error)
    raise ReleaseError(f"没有写入 PostgreSQL，库中仍是原来的数据：{reason}") from None


def _write(release: Path, keys: dict[str, list[str]], address: str, password: str | None) -> dict[str, int]:
    """In the process of its own: write the tables. Raises duckdb.Error."""
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    if password is not None:
        os.environ["PGPASSWORD"] = password
    package = files("duckdb_extension_postgres_scanner")  # loaded from there: DuckDB itself would download it
    extension = package / f"extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"LOAD {quote(str(extension))}")
        con.execute(f"ATTACH {quote(release / 'junheng.duckdb')} AS junheng (READ_ONLY)")
        con.execute(f"ATTACH {quote(address)} AS postgres (TYPE postgres)")
        con.execute("BEGIN; CREATE SCHEMA IF NOT EXISTS postgres.marts")
        present = {table: columns for table, _, columns, _ in con.execute(TABLES, ["postgres"]).fetchall()}
        rows = {}
        for table, comment, columns, comments in con.execute(TABLES, ["junheng"]).fetchall():
            if present.pop(table, None) == columns:
                con.execute(f"DELETE FROM postgres.marts.{table}")
            else:
                con.execute(f"DROP TABLE IF EXISTS postgres.marts.{table}")
                con.execute(f"CREATE TABLE postgres.marts.{table} AS FROM junheng.marts.{table} LIMIT 0")
            key = keys.get(table, [])
            if key and set(key) <= {name for name, _ in columns}:
                _execute(con, PRIMARY_KEY.format(table=table, key=", ".join(key)))
            ((rows[table],),) = con.execute(f"INSERT INTO postgres.marts.{table} FROM junheng.marts.{table}").fetchall()
            says = [f"COMMENT ON TABLE marts.{table} IS {quote(comment or '')}"]
            says += [f"COMMENT ON COLUMN marts.{table}.{name} IS {quote(text or '')}" for name, text in comments]
            _execute(con, "; ".join(says))
        for table in present:
            con.execute(f"DROP TABLE postgres.marts.{table}")
        _execute(con, f"COMMENT ON SCHEMA marts IS {quote(f'均衡 Junheng {release.name}')}")
        con.execute("COMMIT")
    return rows


def _execute(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    """A statement in PostgreSQL's own words, within the transaction."""
    con.execute(f"CALL postgres_execute('postgres', {quote(statement)})")
