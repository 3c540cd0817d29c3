"""The release room: what is published is whole and traceable, whatever happens while it is made."""

import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import pytest
from small_warehouse import make_warehouse

from dagster_project.release import publish as publishing
from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import ReleaseError, current_release, verify

ROOT = Path(__file__).parents[2]


def served_number(home: Path) -> int:
    """The state of the data that readers get; all tables must agree on it."""
    with connect(home) as connection:
        query = "SELECT number FROM fct_school_indicator UNION SELECT number FROM mart_county_balance"
        ((number,),) = connection.execute(query).fetchall()
        return number


def run_python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_release_holds_the_marts(home: Path) -> None:
    release = publish(home, "abc123")
    assert release.is_new
    assert release.path == current_release(home) == home / "releases" / release.release_id
    assert os.readlink(home / "releases" / "current") == release.release_id
    assert verify(release.path) == []
    snapshot = release.path / "junheng.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{home}/warehouse.duckdb' AS warehouse (READ_ONLY)")
        connection.execute(f"ATTACH '{snapshot}' AS junheng (READ_ONLY)")
        for mart in ("fct_school_indicator", "mart_county_balance", "dim_view"):
            parquet = f"read_parquet('{release.path}/parquet/{mart}.parquet')"
            for other in (f"junheng.marts.{mart}", parquet):
                for left, right in ((f"warehouse.marts.{mart}", other), (other, f"warehouse.marts.{mart}")):
                    difference = f"SELECT count(*) FROM (FROM {left} EXCEPT ALL FROM {right})"
                    assert connection.execute(difference).fetchall() == [(0,)]
            ordered = connection.execute(f"FROM junheng.marts.{mart}").fetchall()
            assert ordered == connection.execute(f"FROM junheng.marts.{mart} ORDER BY ALL").fetchall()
            assert ordered == connection.execute(f"FROM {parquet}").fetchall()
        schema = """
            SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns()
            WHERE database_name = ? AND schema_name = 'marts' ORDER BY table_name, column_index
        """
        published = connection.execute(schema, ["junheng"]).fetchall()
        assert published == connection.execute(schema, ["warehouse"]).fetchall()
        assert ("value", "DOUBLE", True, '值 · "unrounded"; null: 无数据') in published
        assert ("number", "BIGINT", False, None) in published
        tables = connection.execute("SELECT comment FROM duckdb_tables() WHERE database_name = 'junheng'").fetchall()
        assert ("学校'指标' · one row a school",) in tables
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'junheng'").fetchall()
        assert tags[0][0]["storage_version"].startswith("v1.0.0")


def test_manifest_accounts_for_every_file(home: Path) -> None:
    first = publish(home, "abc123")
    make_warehouse(home, 2)
    manifest = json.loads((publish(home, "abc124").path / "manifest.json").read_text("utf-8"))
    assert manifest["previous"] == first.release_id
    assert manifest["code_version"] == "abc124"
    assert manifest["duckdb_version"] == duckdb.__version__
    assert [(region["name"], region["is_synthetic"]) for region in manifest["regions"]] == [
        ("示例㐂县", True),
        ("聊城", False),
    ]
    assert "示例㐂县" in manifest["notice"] and "synthetic" in manifest["notice"] and "聊城" not in manifest["notice"]
    schools = next(file for file in manifest["source_files"] if file["path"].endswith("schools.csv"))
    assert schools["rows_in"] == schools["loaded"] + schools["quarantined"] + schools["skipped"] == 10
    broken = next(file for file in manifest["source_files"] if file["path"].endswith("坏.xlsx"))
    assert (broken["status"], broken["reason"]) == ("quarantined", "无法读取")
    assert {mart["name"]: mart["rows"] for mart in manifest["marts"]} == {
        "dim_view": 1,
        "fct_school_indicator": 200,
        "mart_county_balance": 1,
    }


def test_release_is_read_only_and_readable_by_a_plain_user(home: Path) -> None:
    release = publish(home, "abc123")
    for path in [release.path, *release.path.rglob("*")]:
        mode = path.stat().st_mode
        assert not mode & 0o222
        assert mode & stat.S_IRUSR


def test_same_content_makes_no_new_release(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(home, "abc123")
    make_warehouse(home, 1, descending=True)
    again = publish(home, "abc123")
    assert (again.release_id, again.is_new) == (first.release_id, False)
    monkeypatch.chdir(home.parent)
    assert not publish(Path(home.name), "abc123").is_new
    assert publish(home, "abc124").is_new
    make_warehouse(home, 1)
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE raw.source_file SET sha256 = 'ffff' WHERE sha256 = 'ab12'")
    assert publish(home, "abc124").is_new


def test_old_releases_are_retired_but_never_the_current_one(home: Path) -> None:
    made = []
    for number in range(1, 5):
        make_warehouse(home, number)
        made.append(publish(home, "v", keep=3).release_id)
    stray = home / "releases" / "backup-of-mine"
    stray.mkdir()
    names = {path.name for path in (home / "releases").iterdir()}
    assert names == {*made[1:], "current", "backup-of-mine"}
    # Someone points back at an older release; the newest content is then published again, not made again.
    (home / "releases" / "current").unlink()
    (home / "releases" / "current").symlink_to(made[1])
    assert publish(home, "v", keep=1) == publishing.Release(made[3], home / "releases" / made[3], True)
    assert {path.name for path in (home / "releases").iterdir()} == {made[3], "current", "backup-of-mine"}


@pytest.mark.parametrize("name", ["junheng.duckdb", "parquet/fct_school_indicator.parquet", "manifest.json"])
def test_flipped_byte_is_found_and_repaired_by_the_next_publish(home: Path, name: str) -> None:
    release = publish(home, "abc123")
    path = release.path / name
    content = bytearray(path.read_bytes())
    position = content.index(b"ab12") if name == "manifest.json" else len(content) // 2
    content[position] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    problems = verify(release.path)
    assert len(problems) == 1 and name in problems[0]
    repaired = publish(home, "abc123")
    assert repaired.is_new and repaired.release_id != release.release_id
    assert verify(repaired.path) == []


def test_missing_and_foreign_files_are_found(home: Path) -> None:
    release = publish(home, "abc123").path
    for folder in (release, release / "parquet"):
        folder.chmod(0o755)
    (release / "parquet" / "dim_view.parquet").unlink()
    (release / "junheng.duckdb.wal").write_text("x")
    problems = verify(release)
    assert len(problems) == 2
    assert "多出" in problems[0] and "junheng.duckdb.wal" in problems[0]
    assert "缺失" in problems[1] and "dim_view" in problems[1]
    assert "manifest.json" in verify(home)[0]


READ_ALL_THE_TIME = """
    import os, sys, time
    from pathlib import Path
    from dagster_project.release.read import connect
    home, seen = Path(sys.argv[1]), set()
    query = "SELECT number FROM fct_school_indicator UNION SELECT number FROM mart_county_balance"
    os.nice(10)
    connect(home).close()
    print("reading", flush=True)
    is_last = False
    while not is_last:
        # Five connections at a time: each sees one release in all tables, and still the same a moment later.
        is_last = (home / "stop").exists()
        connections = [connect(home) for _ in range(5)]
        first = [connection.execute(query).fetchall() for connection in connections]
        time.sleep(0.1)
        second = [connection.execute(query).fetchall() for connection in connections]
        assert first == second and all(len(rows) == 1 for rows in first), (first, second)
        seen.update(rows[0][0] for rows in first)
        for connection in connections:
            connection.close()
    print(*seen)
"""


def test_fifty_readers_during_twenty_publications(home: Path) -> None:
    publish(home, "v")
    command = run_python(READ_ALL_THE_TIME, home)
    pipe = subprocess.PIPE
    readers = [subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=pipe, stderr=pipe) for _ in range(10)]
    for reader in readers:
        assert reader.stdout is not None and reader.stdout.readline() == "reading\n"
    for number in range(2, 22):
        make_warehouse(home, number)
        assert publish(home, "v", keep=1).is_new
    (home / "stop").touch()
    seen = []
    for reader in readers:
        numbers, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors
        seen.append({int(number) for number in numbers.split()})
    assert all(21 in numbers for numbers in seen)
    assert len(set().union(*seen)) > 2


PUBLISH_AND_DIE = """
    import os, signal, sys
    from pathlib import Path
    from dagster_project.release.publish import publish
    home, step = Path(sys.argv[1]), int(sys.argv[2])
    steps = 0
    def die(event, arguments):
        # Whatever Python does to files raises an event: open, mkdir, rename, chmod, symlink, remove.
        global steps
        if event == "open" or event.startswith(("os.", "shutil.")):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(die)
    publish(home, "v", keep=2)
    print(steps)
"""


def assert_converges(home: Path, number: int, before: int) -> None:
    """After a crash: old or new, whole and verified; the next publication brings the new and tidies up."""
    assert served_number(home) in (before, number)
    served = current_release(home)
    assert served is not None and verify(served) == []
    release = publish(home, "v", keep=2)
    assert served_number(home) == number
    assert verify(release.path) == []
    names = {path.name for path in (home / "releases").iterdir()}
    assert len(names) == 3 and {"current", release.release_id} <= names
    assert not [name for name in names if name.startswith(".")]
    with_content = [path for path in (home / "releases").glob("*-" + release.release_id[-8:])]
    assert with_content == [release.path]


def test_killed_while_publishing(home: Path) -> None:
    publish(home, "v", keep=2)
    make_warehouse(home, 2)
    publish(home, "v", keep=2)
    make_warehouse(home, 3)
    whole = subprocess.run(
        run_python(PUBLISH_AND_DIE, home, 0), env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    steps = int(whole.stdout)
    number = 3
    # Spread over the whole, and each of the last steps: rename, pointer, retirement.
    for step in sorted({*range(1, steps, max(1, steps // 6)), *range(steps - 21, steps, 4), steps}):
        number += 1
        make_warehouse(home, number)
        died = subprocess.run(run_python(PUBLISH_AND_DIE, home, step), env=ENVIRONMENT, capture_output=True)
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()
        assert_converges(home, number, before=number - 1)


def test_killed_while_duckdb_writes(home: Path) -> None:
    """The same by the clock, since DuckDB's own writing raises no Python event."""
    publish(home, "v", keep=2)
    make_warehouse(home, 2)
    publish(home, "v", keep=2)
    code = """
        import sys
        from pathlib import Path
        from dagster_project.release.publish import publish
        print("ready", flush=True)
        publish(Path(sys.argv[1]), "v", keep=2)
    """
    for number in range(3, 7):
        make_warehouse(home, number, rows=200_000)
        process = subprocess.Popen(run_python(code, home), env=ENVIRONMENT, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(0.06 * (number - 2))
        process.kill()
        process.wait()
        process.stdout.close()
        assert_converges(home, number, before=number - 1)


def test_too_little_space_is_said_before_writing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(home, "v")
    make_warehouse(home, 2)
    usage = shutil.disk_usage(home)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ReleaseError, match=r"磁盘空间不足.*可用 0\.1 MB.*约需 \d+\.\d MB"):
        publish(home, "v")
    assert current_release(home) == first.path
    assert served_number(home) == 1


@pytest.mark.parametrize("limit", [100_000, 1_000_000])
def test_disk_full_while_writing_keeps_the_old_release(home: Path, limit: int) -> None:
    """A file-size limit makes DuckDB's writing of the snapshot fail, early or halfway."""
    first = publish(home, "v")
    make_warehouse(home, 2, rows=200_000)
    code = """
        import sys
        from pathlib import Path
        from dagster_project.release.publish import publish
        from dagster_project.release.store import ReleaseError
        try:
            publish(Path(sys.argv[1]), "v")
        except ReleaseError as error:
            print(error)
    """
    failed = subprocess.run(
        run_python(code, home),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert failed.returncode == 0, failed.stderr
    assert f"发布未完成，读者看到的是 {first.release_id}" in failed.stdout and "File too large" in failed.stdout
    assert current_release(home) == first.path and verify(first.path) == []
    assert served_number(home) == 1
    assert {path.name for path in (home / "releases").iterdir()} == {first.release_id, "current"}
    assert publish(home, "v").is_new
    assert served_number(home) == 2


def test_disk_full_on_a_small_file_system(tmp_path: Path) -> None:
    """The real thing where the system lets us mount one: a release takes more than is left of 12 MB."""
    code = """
        import shutil, sys
        from pathlib import Path
        from types import SimpleNamespace
        sys.path[:0] = ["tests", "tests/release"]
        from test_release import make_warehouse, publish, served_number, ReleaseError
        home = Path(sys.argv[1])
        make_warehouse(home, 1)
        publish(home, "v")
        make_warehouse(home, 2, rows=700_000)
        for check in ("checked", "unchecked"):
            try:
                publish(home, "v")
            except ReleaseError as error:
                print(check, error)
            assert served_number(home) == 1
            assert sum(1 for _ in (home / "releases").iterdir()) == 2
            shutil.disk_usage = lambda path: SimpleNamespace(free=10**12)
    """
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    script = 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"'
    if shutil.which("unshare") is None or subprocess.run([*mount, script, tmp_path, "true"]).returncode != 0:
        pytest.skip("no user namespaces here")
    command = [*mount, script, tmp_path, *run_python(code, tmp_path)]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checked, unchecked = done.stdout.splitlines()[0], done.stdout.splitlines()[1]
    assert checked.startswith("checked 磁盘空间不足")
    assert unchecked.startswith("unchecked 发布未完成") and "No space left" in unchecked


def test_publish_says_what_is_missing(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ReleaseError, match="没有数仓文件"):
        publish(tmp_path / "nowhere", "v")
    with pytest.raises(ReleaseError, match="还没有发布版本"):
        connect(home)
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("DROP SCHEMA marts CASCADE")
    with pytest.raises(ReleaseError, match="没有任何表"):
        publish(home, "v")
    (home / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(ReleaseError, match="发布未完成"):
        publish(home, "v")
    assert list((home / "releases").iterdir()) == []
