"""A release in PostgreSQL: equal table by table, never half, and a server that fails holds nobody."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from helpers import command, environment, junheng, query
from small_warehouse import make_warehouse

from dagster_project.release import export
from dagster_project.release.export import to_postgres
from dagster_project.release.publish import publish
from dagster_project.release.store import ReleaseError, current_release

POSTGRES = shutil.which("postgres"), shutil.which("initdb")


# PostgreSQL


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server of its own; it will not run as root."""
    if not all(POSTGRES):
        pytest.skip("no postgres and initdb on the PATH: install PostgreSQL's server to test with it")
    program, initdb = map(str, POSTGRES)
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # of a short name, for a socket, and open to another user
    user = "nobody" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, "nobody")
    setting = ["-D", folder / "data", "--username", "junheng", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
    subprocess.run([initdb, *setting], check=True, capture_output=True, cwd=folder, user=user)
    options = ["-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    process = subprocess.Popen([program, *options], cwd=folder, stderr=subprocess.DEVNULL, user=user)
    try:
        with socket.socket(socket.AF_UNIX) as waiting:
            while waiting.connect_ex(str(folder / ".s.PGSQL.5432")) != 0:
                assert process.poll() is None, "the server did not start"
                time.sleep(0.05)
        yield f"postgresql://junheng@/postgres?host={folder}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
def database(server: str) -> str:
    """An empty database on it."""
    name = f"d{time.monotonic_ns()}"
    ask(server, f"create database {name}")
    return server.replace("/postgres?", f"/{name}?")


def attached(url: str) -> duckdb.DuckDBPyConnection:
    from importlib.resources import files

    con = duckdb.connect()
    extension = f"extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
    con.execute(
        f"load '{files('duckdb_extension_postgres_scanner') / extension}'; attach '{url}' as pg (type postgres)"
    )
    return con


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query, or nothing of a command, in PostgreSQL's own words."""
    with attached(url) as con:
        if sql.startswith("select"):
            return con.execute("from postgres_query('pg', ?)", [sql]).fetchall()
        con.execute(f"call postgres_execute('pg', {sql!r}, use_transaction := false)")
        return []


def assert_equal(url: str, home: Path) -> None:
    """Every table has the columns and the rows of the release, and no other table is there."""
    release = current_release(home)
    assert release is not None
    with attached(url) as con:
        con.execute(f"attach '{release}/junheng.duckdb' as junheng (read_only)")
        columns = """
            select table_name, column_name, data_type from duckdb_columns()
            where database_name = ? and schema_name = 'marts' order by table_name, column_index
        """
        wanted = con.execute(columns, ["junheng"]).fetchall()
        assert con.execute(columns, ["pg"]).fetchall() == wanted
        for table in {table for table, _, _ in wanted}:
            for left, right in (("junheng", "pg"), ("pg", "junheng")):
                difference = f"select count(*) from (from {left}.marts.{table} except all from {right}.marts.{table})"
                assert con.execute(difference).fetchall() == [(0,)], f"{table}: in {left} and not in {right}"


def test_postgres_equals_the_release_table_by_table(database: str, demo_home: Path) -> None:
    outcome = junheng("export", database, "--home", demo_home)
    assert outcome.returncode == 0, outcome.stderr
    assert_equal(database, demo_home)
    said = query(
        demo_home,
        "select comment from duckdb_columns() where column_name = 'difference_coefficient' order by table_name",
    )
    comment = "select col_description(attrelid, attnum) from pg_attribute where attname = 'difference_coefficient' order by attrelid::regclass::text"
    assert ask(database, comment) == said
    release = current_release(demo_home)
    assert release is not None
    assert ask(database, "select obj_description('marts'::regnamespace)") == [(f"均衡 Junheng {release.name}",)]
    key = """select pg_get_constraintdef(oid) from pg_constraint
        where conrelid = 'marts.{}'::regclass and contype = 'p'"""
    verdict = [("PRIMARY KEY (region_id, school_year, county_code)",)]
    assert ask(database, key.format("mart_county_verdict")) == verdict
    assert ask(database, key.format("mart_source_file")) == []  # a CSV has no sheet
    ask(database, "alter table marts.mart_county_verdict drop constraint mart_county_verdict_pkey")
    to_postgres(demo_home, database)  # tables of an older release get theirs, and rows come into keys that are there
    assert ask(database, key.format("mart_county_verdict")) == verdict
    assert_equal(database, demo_home)


def test_postgres_changes_with_the_release_and_keeps_what_others_built(database: str, tmp_path: Path) -> None:
    make_warehouse(tmp_path, 1)
    publish(tmp_path, "v")
    to_postgres(tmp_path, database)
    ask(database, "create view public.mine as select min(number) as number from marts.fct_school_indicator")
    ask(database, "grant select on marts.fct_school_indicator to pg_monitor")
    make_warehouse(tmp_path, 2)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:  # one table goes, one comes, one gets a column
        con.execute("drop view marts.dim_view; create table marts.dim_new as select '新' as name")
        con.execute("alter table marts.mart_county_balance add column gini double")
    publish(tmp_path, "v")
    to_postgres(tmp_path, database)
    assert_equal(database, tmp_path)
    assert ask(database, "select number from public.mine") == [(2,)]
    assert ask(database, "select has_table_privilege('pg_monitor', 'marts.fct_school_indicator', 'select')") == [
        (True,)
    ]


def test_a_reader_of_postgres_never_sees_half_a_release(database: str, tmp_path: Path) -> None:
    make_warehouse(tmp_path, 1, rows=20_000)
    publish(tmp_path, "v")
    to_postgres(tmp_path, database)
    numbers = "select number from marts.fct_school_indicator union select number from marts.mart_county_balance"
    seen, is_over = [], threading.Event()

    def read() -> None:
        with attached(database) as con:
            while not is_over.is_set():
                seen.append(tuple(con.execute("from postgres_query('pg', ?)", [numbers]).fetchall()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2, 7):
        make_warehouse(tmp_path, number, rows=20_000)
        publish(tmp_path, "v")
        to_postgres(tmp_path, database)
    is_over.set()
    reader.join()
    assert all(len(rows) == 1 for rows in seen), "rows of two releases, or none, in one query"
    assert len(set(seen)) > 1


def test_postgres_that_fails_keeps_the_old_and_tells_no_password(database: str, tmp_path: Path) -> None:
    make_warehouse(tmp_path, 1)
    publish(tmp_path, "v")
    to_postgres(tmp_path, database)
    ask(database, "create view public.mine as select cv from marts.mart_county_balance")
    make_warehouse(tmp_path, 2)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("alter table marts.mart_county_balance add column gini double")
    publish(tmp_path, "v")
    with pytest.raises(ReleaseError, match=r"库中仍是原来的数据(.|\n)*view mine depends on"):
        to_postgres(tmp_path, database)
    assert ask(database, "select max(number) from marts.fct_school_indicator") == [(1,)]
    with pytest.raises(ReleaseError) as refused:
        to_postgres(tmp_path, "postgresql://junheng:geheim@127.0.0.1:1/nowhere")
    assert "Connection refused" in str(refused.value) and "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://junheng:ge@heim/x%y z:1@127.0.0.1:1/nowhere",
        "postgresql://junheng:ge%40heim%2Fx%25y%20z@127.0.0.1:1/nowhere",
        "postgresql://junheng@127.0.0.1:port/nowhere?password=ge@heim/x%y z&connect_timeout=1",
        "host=127.0.0.1 port=ge password='ge@heim/x%y z' user=junheng",
    ],
)
def test_no_part_of_a_password_is_told(tmp_path: Path, url: str) -> None:
    """Whatever is wrong with an address: libpq quotes the part that it did not understand."""
    make_warehouse(tmp_path, 1)
    publish(tmp_path, "v")
    with pytest.raises(ReleaseError) as refused:
        to_postgres(tmp_path, url)
    said = str(refused.value)
    assert not any(part in said for part in ("heim", "x%y", "x%25y", "y z")) and "没有写入 PostgreSQL" in said


def test_a_password_is_taken_as_it_is_meant() -> None:
    for url, address, password in (
        ("postgresql://u:p@h/d", "postgresql://u@h/d", "p"),
        ("postgresql://u:p%40%2F@h:5/d?a=b", "postgresql://u@h:5/d?a=b", "p@/"),
        ("postgresql://u@h/d?password=p&a=b", "postgresql://u@h/d?a=b", "p"),
        (r"host=h password='p\'q' user=u", "host=h  user=u", "p'q"),
        ("postgresql://u@h/d", "postgresql://u@h/d", None),
        ("postgresql://h:5432/d?user=u@v", "postgresql://h:5432/d?user=u@v", None),
    ):
        assert export._without_password(url) == (address, password)


def test_a_locked_table_and_a_server_that_dies_are_told_and_hold_nobody(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_warehouse(tmp_path, 1)
    publish(tmp_path, "v")
    to_postgres(tmp_path, database)
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=1s")
    with attached(database) as con:
        con.execute("begin")
        con.execute("call postgres_execute('pg', 'lock table marts.mart_county_balance')")
        with pytest.raises(ReleaseError, match="lock timeout"):
            to_postgres(tmp_path, database)
        monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=0")
        monkeypatch.setattr(export, "SECONDS", 5)
        with pytest.raises(ReleaseError, match="没有写完"):
            to_postgres(tmp_path, database)
        con.execute("rollback")
    assert to_postgres(tmp_path, database)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, None])
def test_what_waits_for_a_database_can_be_ended(database: str, tmp_path: Path, end: signal.Signals | None) -> None:
    """By Ctrl-C, by the system, and by the server, whose end is told."""
    make_warehouse(tmp_path, 1)
    publish(tmp_path, "v")
    to_postgres(tmp_path, database)
    waiters = "from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with attached(database) as con:
        con.execute("begin")
        con.execute("call postgres_execute('pg', 'lock table marts.mart_county_balance')")
        waiting = subprocess.Popen(
            command("export", database, "--home", tmp_path),
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored by what runs in the background
        )
        while not ask(database, f"select pid {waiters}"):
            assert waiting.poll() is None
            time.sleep(0.1)
        if end:
            waiting.send_signal(end)
        else:
            ask(database, f"select pg_terminate_backend(pid) {waiters}")
        _, said = waiting.communicate(timeout=30)
        con.execute("rollback")
    assert waiting.returncode != 0 and "Traceback" not in said
    assert end or "没有写入 PostgreSQL，库中仍是原来的数据" in said


def test_one_setting_writes_every_release_to_postgres(
    database: str, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo, tmp_path / "demo", symlinks=True)
    raw, home = tmp_path / "demo" / "raw", tmp_path / "demo" / "home"
    path = raw / "liaocheng" / "2023" / "schools.csv"
    header, first, rest = path.read_text("utf-8-sig").split("\n", 2)
    at = header.split(",").index("小学在校生数")

    def refresh(url: str, pupils: int) -> subprocess.CompletedProcess[str]:
        cells = first.split(",")
        cells[at] = str(int(cells[at]) + pupils)
        path.write_text("\n".join([header, ",".join(cells), rest]), "utf-8-sig")
        monkeypatch.setenv("JUNHENG_POSTGRES", url)
        return junheng("refresh", "--raw", raw, "--home", home)

    before = current_release(home)
    outcome = refresh("postgresql://junheng:geheim@127.0.0.1:1/nowhere", 1)
    assert outcome.returncode == 1 and "没有写入 PostgreSQL" in outcome.stderr and "会再写" in outcome.stderr
    assert "geheim" not in outcome.stdout + outcome.stderr
    assert current_release(home) != before, "the release itself is published all the same"
    seen = junheng("status", "--raw", raw, "--home", home)
    assert seen.returncode == 1 and "PostgreSQL 里还不是这个版本" in seen.stdout
    monkeypatch.setenv("JUNHENG_POSTGRES", database)
    outcome = junheng("refresh", "--raw", raw, "--home", home)  # nothing has changed, and what failed is done
    assert outcome.returncode == 0 and "已写入 PostgreSQL" in outcome.stdout, outcome.stdout + outcome.stderr
    assert_equal(database, home)
    assert "已写入 PostgreSQL" not in junheng("refresh", "--raw", raw, "--home", home).stdout
    assert [path for path in home.rglob("*") if path.is_file() and b"geheim" in path.read_bytes()] == []
    outcome = refresh(database, 2)
    assert outcome.returncode == 0 and "已写入 PostgreSQL" in outcome.stdout, outcome.stdout + outcome.stderr
    assert_equal(database, home)
