"""What analysts and BI tools get of a release: the dictionary, worked queries, the shell, CSV, PostgreSQL."""

import csv
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml
from conftest import ROOT, command, environment, junheng
from test_release import make_warehouse

from dagster_project.release import briefing, dictionary, export, superset
from dagster_project.release.export import to_csv, to_postgres
from dagster_project.release.publish import publish
from dagster_project.release.read import ReleaseError, connect, current_release, verify

ANALYSES = sorted((ROOT / "dbt" / "analyses").glob("*.sql"))
POSTGRES = shutil.which("postgres"), shutil.which("initdb")


@pytest.fixture(scope="session")
def tables() -> dict[str, dict[str, Any]]:
    return {table["name"]: table for table in dictionary.tables(dictionary.read_manifest())}


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(home) as con:
        return con.execute(sql).fetchall()


# The dictionary


def test_keys_and_references_hold(demo_home: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Every mart but those of rejected rows and cells, of which a file may have any number, has a key; where it names a dimension, that has the row."""
    assert [name for name, table in tables.items() if not table["key"]] == ["mart_quarantine", "mart_unread_cell"]
    for name, table in tables.items():
        if table["key"]:
            key = ", ".join(table["key"])
            assert query(demo_home, f"select {key} from {name} group by {key} having count(*) > 1") == [], name
        for dimension, key in table["references"].items():
            present = " and ".join(f"{column} is not null" for column in key)
            orphans = f"from {name} anti join {dimension} using ({', '.join(key)}) where {present}"
            assert query(demo_home, f"select count(*) {orphans}") == [(0,)], f"{name} → {dimension}"
    assert {"dim_county", "dim_school", "dim_indicator"} == set(tables["mart_gap_plan"]["references"])


def test_the_dictionary_says_of_every_column_what_the_release_says(demo_home: Path) -> None:
    release = current_release(demo_home)
    assert release is not None and verify(release) == []
    page = (release / "dictionary.html").read_text("utf-8")
    sheet = openpyxl.load_workbook(release / "dictionary.xlsx")["列"]
    rows = [[cell or "" for cell in row] for row in sheet.iter_rows(min_row=2, values_only=True)]
    comments = query(
        demo_home,
        "select table_name, column_name, comment from duckdb_columns() where schema_name = 'marts' order by table_name, column_index",
    )
    assert [tuple(row[:2]) for row in rows] == [(table, column) for table, column, _ in comments]
    for row, (_, column, comment) in zip(rows, comments, strict=True):
        assert re.search("[一-鿿]", row[5]), f"{column} is not described in Chinese"
        assert f"{row[5]} · {row[6]}" == comment
        assert re.sub("&#34;|&#39;", "", row[5].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) in page
    assert "Σ" in page and "with places as (" in page, "the SQL that defines a mart stands on the page"


def test_a_refresh_keeps_the_dictionary_unless_its_words_change(tmp_path: Path) -> None:
    files = []
    for number, code_version in ((1, "v1"), (2, "v1"), (3, "v2")):
        make_warehouse(tmp_path, number)
        files.append(publish(tmp_path, code_version).path / "dictionary.html")
    first, second, third = (file.stat().st_ino for file in files)
    assert first == second != third
    page = files[0].read_text("utf-8")
    assert 'id="mart_county_balance"' in page and 'id="mart_gap_plan"' not in page, "only marts of the release"


def test_exposures_name_the_marts_that_are_used(tables: dict[str, dict[str, Any]]) -> None:
    nodes = dictionary.read_manifest()["exposures"].values()
    said = {node["name"]: {mart.rpartition(".")[2] for mart in node["depends_on"]["nodes"]} for node in nodes}
    assert said["briefing"] == briefing.MARTS
    assert said["export"] == set(tables)
    assert said["worked_queries"] == {
        mart
        for path in ANALYSES
        for mart in re.findall(r"(?:from|join) ((?:dim|fct|mart)_\w+)", path.read_text("utf-8"))
    }
    forms = (ROOT / "dagster_project/release/forms.py").read_text("utf-8")
    assert said["application_form"] == set(re.findall(r"(?:from|join) ((?:dim|fct|mart)_\w+)", forms))
    plan = yaml.safe_load(Path(superset.__file__).with_suffix(".yml").read_text("utf-8"))
    for name, dashboard in plan["dashboards"].items():
        shown = {part["dataset"] for part in [*dashboard["filters"], *(c for row in dashboard["rows"] for c in row)]}
        assert said[f"superset_{name}"] == {"dim_label"}.union(shown, *(plan["datasets"][mart] for mart in shown))


# Analysts


def test_twenty_queries_answer(demo_home: Path) -> None:
    assert len(ANALYSES) == 20
    answers = {}
    for path in ANALYSES:
        text = path.read_text("utf-8")
        question, reading, *_ = text.splitlines()
        assert re.fullmatch("-- .*？", question) and re.match("-- .*[一-鿿].*。", reading), path.name
        with connect(demo_home) as con:
            relation = con.sql(text)
            answers[path.stem] = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        select = text.partition("select")[2].partition("\nfrom ")[0]
        assert relation.columns == [re.split(r"[\s.]", column.strip())[-1] for column in re.split(r",\n", select)]
        assert answers[path.stem], f"{path.name}: no rows"

    def count(text: str) -> int:
        ((number,),) = query(demo_home, text)
        return number

    verdicts = answers["q01_county_verdicts"]
    assert len(verdicts) == count("select count(*) from dim_county")
    assert all((row["verdict"] == "met") == (row["reasons"] is None) for row in verdicts)
    over = "select count(*) from mart_county_balance where school_year = 2023 and difference_coefficient > limit_value"
    assert len(answers["q02_coefficients_over_limit"]) == count(over) > 0
    assert sum(row["target_count"] for row in answers["q14_targets_by_document"]) == 138
    files = answers["q20_where_a_figure_comes_from"]
    assert len(files) == sum(1 for path in (demo_home.parent / "raw").rglob("20*/*") if path.is_file())
    assert all(row["rows_in"] == row["rows_loaded"] + row["rows_quarantined"] + row["rows_skipped"] for row in files)


def test_connect_gives_frames_of_the_home_that_is_set(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUNHENG_HOME", str(demo_home))
    with connect() as con:
        frame = con.sql("select county_code, verdict from mart_county_verdict where school_year = 2023").df()
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("delete from mart_county_verdict")
    assert list(frame.columns) == ["county_code", "verdict"] and len(frame) == 19


def test_the_shell_completes_remembers_and_refuses(demo_home: Path, tmp_path: Path) -> None:
    """In a terminal, as an analyst types."""
    pid, terminal = pty.fork()
    if pid == 0:
        program = command("sql", "--home", demo_home)
        os.execve(program[0], program, {**environment(), "HOME": str(tmp_path), "TERM": "xterm"})
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    said = ""

    def expect(text: str) -> None:
        nonlocal said
        until = time.monotonic() + 60
        while text not in said:
            assert select.select([terminal], [], [], max(0, until - time.monotonic()))[0], f"no {text!r} in {said!r}"
            said += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", os.read(terminal, 65536).decode("utf-8", "replace"))
            if "\x1b]11;?" in said:  # it asks the terminal for its background
                os.write(terminal, b"\x1b]11;rgb:0000/0000/0000\x07")
                said = said.replace("\x1b]11;?", "")
        said = said.partition(text)[2]

    expect("离开 .exit")
    expect("D ")
    os.write(terminal, b"select count(*) as n from dim_ind\t")
    expect("from dim_indicator")
    os.write(terminal, b";\r")
    expect("│    14 │")
    os.write(terminal, f"copy dim_indicator to '{tmp_path}/out.csv';\r".encode())
    expect("disabled by configuration")
    os.write(terminal, b"delete from dim_indicator;\r")
    expect("read-only")
    for dot in (".shell touch", ".output", ".open", ".log"):
        os.write(terminal, f"{dot} {tmp_path}/written\r".encode())
        expect("cannot be used in -safe mode")
    release = current_release(demo_home)
    os.write(terminal, f"copy (select 1) to '{release}/junheng.duckdb' (use_tmp_file false);\r".encode())
    expect("disabled by configuration")
    os.write(terminal, b"set enable_external_access = true;\r")
    expect("locked")
    os.write(terminal, b".exit\r")
    os.waitpid(pid, 0)
    os.close(terminal)
    assert "select count(*) as n from dim_indicator;" in (tmp_path / ".duckdb_history").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".duckdb_history"]
    assert release is not None and verify(release) == []


def test_queries_from_a_file_are_answered_one_after_the_other(demo_home: Path) -> None:
    asked = "pivot (select 1 as a, 2 as b) on a using sum(b); copy dim_county to 'x.csv'; select 2 as two"
    outcome = subprocess.run(
        command("sql", "--home", demo_home, "--format", "csv"),
        env=environment(), input=asked, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert outcome.returncode == 1 and outcome.stdout.splitlines() == ["1", "2"]
    assert "disabled by configuration" in outcome.stderr


# CSV


def test_csv_opens_in_excel(demo_home: Path, tmp_path: Path) -> None:
    outcome = junheng("export", tmp_path / "各表", "--home", demo_home)
    assert outcome.returncode == 0, outcome.stderr
    release = current_release(demo_home)
    assert release is not None
    marts = {path.stem for path in (release / "parquet").iterdir()}
    assert {path.stem for path in (tmp_path / "各表").iterdir()} == marts and f"{len(marts)} 个 CSV" in outcome.stdout
    for mart in sorted(marts):
        content = (tmp_path / "各表" / f"{mart}.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf"), "without the mark Excel takes it for GBK"
        header, *rows = csv.reader(content.decode("utf-8-sig").splitlines(keepends=True))
        with connect(demo_home) as con:
            relation = con.sql(f"from {mart}")
            assert header == relation.columns and len(rows) == len(relation)
    # read back, the numbers are those of the release to the last bit
    with duckdb.connect() as con:
        con.execute(f"create table release as from '{release}/parquet/mart_county_balance.parquet'")
        con.execute("create table csv as from release limit 0")
        con.execute(f"copy csv from '{tmp_path}/各表/mart_county_balance.csv' (header)")
        assert con.execute("select count(*) from (from release except all from csv)").fetchall() == [(0,)]


def test_csv_runs_nothing_in_excel(tmp_path: Path) -> None:
    make_warehouse(tmp_path, 1)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute(
            "create table marts.dim_trap as from (values ('=cmd()', -1.5), ('正常', 2)) as rows(school_name, value)"
        )
    publish(tmp_path, "v")
    to_csv(tmp_path, tmp_path / "out")
    assert (tmp_path / "out" / "dim_trap.csv").read_text("utf-8-sig").split() == [
        "school_name,value",
        "'=cmd(),-1.5",
        "正常,2.0",
    ]


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
