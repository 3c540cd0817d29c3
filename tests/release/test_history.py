"""Releases of before: thinned to what changed, and had again as they were, whatever was changed since and by whatever mishap."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from random import Random

import duckdb
import pytest
from helpers import junheng
from small_warehouse import make_warehouse

from dagster_project import settings
from dagster_project.release.history import KEPT_OPEN, snapshot_of, verify
from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import ReleaseError, find_release, listed

ROOT = Path(__file__).parents[2]
ORDERED = "FROM fct_school_indicator ORDER BY ALL"


def change_rows(home: Path, rng: Random) -> None:
    """Some rows change, some leave, some come, some twice."""
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        low = rng.randrange(190)
        mine = f"rowid BETWEEN {low} AND {low + 9}"
        con.execute(
            rng.choice(
                (
                    f"UPDATE marts.fct_school_indicator SET value = value + 0.1 WHERE {mine}",
                    f"DELETE FROM marts.fct_school_indicator WHERE {mine}",
                    f"INSERT INTO marts.fct_school_indicator FROM marts.fct_school_indicator WHERE {mine}",
                    f"UPDATE marts.fct_school_indicator SET school_name = NULL WHERE {mine}",
                    f"UPDATE marts.mart_county_balance SET cv = {rng.random()}",
                )
            )
        )
        con.execute("UPDATE raw.source_file SET rows_in = rows_in + 1, rows_skipped = rows_skipped + 1")


def held(home: Path, release: str | None = None) -> list[list[tuple]]:
    with connect(home, release) as con:
        return [con.execute(query).fetchall() for query in (ORDERED, "FROM mart_county_balance", "FROM dim_view")]


def test_every_release_can_be_had_again(home: Path) -> None:
    rng, made = Random(3), {}
    for _ in range(12):
        release = publish(home, "v", whole=2)
        made[release.release_id] = held(home)
        change_rows(home, rng)
    found = listed(home / "releases")
    assert [path.name for path in found] == list(made)
    assert [(path / "junheng.duckdb").exists() for path in found] == [False] * 10 + [True] * 2
    assert not list(found[0].glob("parquet/*.parquet"))
    for name, rows in made.items():
        assert verify(home / "releases" / name) == []
        assert held(home, name) == rows
    versions = [json.loads((path / "manifest.json").read_text("utf-8"))["version"] for path in found]
    assert versions == [f"1.{number}" for number in range(12)]
    assert held(home, "1.4") == made[found[4].name]
    with connect(home, "1.4") as con, pytest.raises(duckdb.Error):
        con.execute(f"COPY (SELECT 1) TO '{home}/out.csv'")


def test_a_tool_can_attach_a_thinned_release(home: Path) -> None:
    publish(home, "v", whole=1)
    make_warehouse(home, 2)
    publish(home, "v", whole=1)
    listing = junheng("releases", "--home", home).stdout.splitlines()
    assert [line.split("　")[-1] for line in listing[::2]] == ["完整、当前", "已精简"]
    opened = junheng("releases", "--open", "1.0", "--home", home).stdout.strip()
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{opened}' AS old (READ_ONLY)")
        assert con.execute("SELECT DISTINCT number FROM old.marts.fct_school_indicator").fetchall() == [(1,)]
        comments = con.execute("SELECT comment FROM duckdb_tables() WHERE database_name = 'old'").fetchall()
        assert ("学校'指标' · one row a school",) in comments
    asked = junheng(
        "sql", "--release", "1.0", "SELECT number FROM mart_county_balance", "--format", "csv", "--home", home
    )
    assert asked.stdout.split() == ["number", "1"]
    assert "没有版本“9.9”" in junheng("sql", "--release", "9.9", "SELECT 1", "--home", home).stderr
    everything = junheng("verify", "--all", "--home", home)
    assert (everything.returncode, everything.stdout.count("完好")) == (0, 2)


def test_a_column_that_changed_leaves_the_older_table_as_it_was(home: Path) -> None:
    first = publish(home, "v", whole=1)
    before = held(home)
    make_warehouse(home, 2)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute("ALTER TABLE marts.mart_county_balance ALTER cv TYPE DOUBLE; DROP VIEW marts.dim_view")
    publish(home, "v", whole=1)
    make_warehouse(home, 3)
    publish(home, "v", whole=1)
    assert sorted(path.name for path in first.path.glob("parquet/*")) == [
        "dim_view.parquet",
        "mart_county_balance.parquet",
    ]
    assert held(home, "1.0") == before
    manifest = json.loads((find_release(home, "2.0") / "manifest.json").read_text("utf-8"))
    assert manifest["difference"]["redefined"] == ["dim_view", "mart_county_balance"]
    assert verify(find_release(home, "2.0")) == []


def test_two_processes_open_the_same_release_at_once(home: Path) -> None:
    """The slower one finds the faster one's where it would put its own."""
    code = """
        import os, subprocess, sys
        from pathlib import Path
        from dagster_project.release.history import snapshot_of
        release, others = Path(sys.argv[1]), []
        def race(event, arguments):
            if event == "os.rename" and os.fspath(arguments[1]).endswith(f"opened/{release.name}") and len(sys.argv) < 3:
                others.append(subprocess.run([sys.executable, "-c", sys.orig_argv[2], str(release), "faster"], text=True, capture_output=True))
        sys.addaudithook(race)
        print(snapshot_of(release), *(other.stdout + other.stderr for other in others))
    """
    publish(home, "v", whole=1)
    before = held(home)
    make_warehouse(home, 2)
    publish(home, "v", whole=1)
    command = [sys.executable, "-c", textwrap.dedent(code), str(listed(home / "releases")[0])]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    one, other = done.stdout.split()
    assert one == other and done.returncode == 0, done.stderr
    assert held(home, "1.0") == before
    assert [path.name for path in (home / "opened").iterdir()] == [listed(home / "releases")[0].name]


def test_what_nobody_reads_any_more_is_closed_again(home: Path) -> None:
    for number in range(1, 4):
        make_warehouse(home, number)
        publish(home, "v", whole=1)
    read, forgotten = (snapshot_of(find_release(home, version)) for version in ("1.0", "1.1"))
    (home / "opened" / ".building-killed").mkdir()
    long_ago = time.time() - KEPT_OPEN.total_seconds() - 60
    for path in (read, forgotten, home / "opened" / ".building-killed"):
        os.utime(path, (long_ago, long_ago))
    assert snapshot_of(find_release(home, "1.0")) == read
    with duckdb.connect(str(forgotten), read_only=True) as con:  # who reads it reads on
        os.utime(forgotten, (long_ago, long_ago))
        publish(home, "v", whole=1)
        assert con.execute("SELECT DISTINCT number FROM marts.fct_school_indicator").fetchall() == [(2,)]
    assert [path for path in (home / "opened").iterdir()] == [read.parent]
    assert held(home, "1.1")[1][0][0] == 2


@pytest.mark.parametrize("name", ["changes/fct_school_indicator.parquet", "parquet/fct_school_indicator.parquet"])
def test_a_thinned_release_that_cannot_be_had_again_says_so(home: Path, name: str) -> None:
    publish(home, "v", whole=1)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute("UPDATE marts.fct_school_indicator SET value = value + 1 WHERE rowid > 190")
        con.execute("UPDATE raw.source_file SET sha256 = 'ffff' WHERE sha256 = 'ab12'")
    last = publish(home, "v", whole=1).path
    with duckdb.connect() as con:  # one row less, in a file that is as good as any
        con.execute(f"COPY (FROM read_parquet('{last}/{name}') OFFSET 1) TO '{home}/other.parquet'")
    (last / name).parent.chmod(0o755)
    (home / "other.parquet").replace(last / name)
    assert verify(last) == [f"文件已损坏（sha256 与清单不符）：{name}"]
    [problem] = verify(find_release(home, "1.0"))
    assert "没能还原：fct_school_indicator 还原出来与清单不符" in problem
    with pytest.raises(ReleaseError, match="没能还原"):
        snapshot_of(find_release(home, "1.0"))
    assert [path.name for path in (home / "opened").iterdir()] == []


def test_a_difference_that_does_not_add_up_is_not_published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(home, "v")
    make_warehouse(home, 2)
    monkeypatch.setattr("dagster_project.release.tell.without", lambda *_: "0.0")
    with pytest.raises(ReleaseError, match=r"fct_school_indicator 与上一版 .* 的差异算不出来"):
        publish(home, "v")
    assert held(home)[1] == [(1, held(home)[1][0][1])]
    assert [path.name for path in (home / "releases").iterdir() if path.name != "current"] == [first.release_id]


def test_how_many_are_kept_is_a_setting_and_a_signed_one_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number in range(1, 8):
        make_warehouse(home, number)
        made.append(publish(home, "v", whole=2))
        if number == 2:
            (home / "signed" / made[-1].path.name).mkdir(parents=True)
    assert [path.name for path in listed(home / "releases")] == [release.release_id for release in made]
    assert (made[1].path / "junheng.duckdb").exists() and not (made[2].path / "junheng.duckdb").exists()
    (home / "signed" / made[3].path.name).mkdir(
        parents=True
    )  # thinned already: what it is made again from stays with it
    monkeypatch.setenv("JUNHENG_KEEP", "1")
    publish(home, "v", settings.keep(), whole=1)
    assert [path.name for path in listed(home / "releases")] == [made[i].release_id for i in (1, 3, 4, 5, 6)]
    for release in listed(home / "releases"):
        assert verify(release) == []
    monkeypatch.setenv("JUNHENG_KEEP", "三十")
    with pytest.raises(settings.Damaged, match="JUNHENG_KEEP"):
        settings.keep()


def test_a_damaged_release_is_not_compared_with(home: Path) -> None:
    first = publish(home, "v")
    make_warehouse(home, 2)
    second = publish(home, "v")
    snapshot = second.path / "junheng.duckdb"
    snapshot.chmod(0o644)
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    third = publish(home, "v")
    assert third.is_new
    assert json.loads((third.path / "manifest.json").read_text("utf-8"))["previous"] == first.release_id
    make_warehouse(home, 3)
    publish(home, "v", whole=1)
    assert [path.name for path in listed(home / "releases") if (path / "thinned").exists()] == [
        first.release_id,
        third.release_id,
    ]
    assert verify(first.path) == [] and verify(third.path) == []


def test_killed_while_thinning(home: Path) -> None:
    """After each file that goes: the release is whole or thinned, verified either way, and the next publication finishes it."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from dagster_project.release.publish import publish
        left = int(sys.argv[2])
        def die(event, arguments):
            global left
            if event in ("os.remove", "os.rename", "os.chmod") and ("releases/2" in str(arguments[0]) or ".packing-" in str(arguments[0])):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die)
        publish(Path(sys.argv[1]), "v", whole=1)
        print("done")
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    publish(home, "v", whole=1)
    step, died = 0, None
    while died is None or died.returncode:
        step += 1
        make_warehouse(home, step + 1)
        command = [sys.executable, "-c", textwrap.dedent(code), str(home), str(step)]
        died = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert died.returncode in (0, -signal.SIGKILL), died.stderr
        assert [problem for path in listed(home / "releases") for problem in verify(path)] == []
        assert held(home, f"1.{step - 1}")[1][0][0] == step
        if died.returncode:
            publish(home, "v", whole=1)
    assert step > 6
    left = [[(path / "junheng.duckdb").exists(), *path.glob("parquet/*")] for path in listed(home / "releases")[:-1]]
    assert left == [[False]] * step
