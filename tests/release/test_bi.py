"""What analysts and BI tools get of a release: the dictionary, worked queries, the shell, CSV, PostgreSQL."""

import csv
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml
from helpers import ROOT, command, environment, junheng, query
from small_warehouse import make_warehouse

from dagster_project.release import briefing_tables, dictionary, superset
from dagster_project.release.export import to_csv
from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import current_release, verify

ANALYSES = sorted((ROOT / "dbt" / "analyses").glob("*.sql"))


@pytest.fixture(scope="session")
def tables() -> dict[str, dict[str, Any]]:
    return {table["name"]: table for table in dictionary.tables(dictionary.read_manifest())}


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
    assert "Σ" in page and "places as (" in page, "the SQL that defines a mart stands on the page"


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
    assert said["briefing"] == briefing_tables.MARTS
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
    assert sum(row["target_count"] for row in answers["q14_targets_by_document"]) == 173
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


def test_a_code_is_put_into_words(demo_home: Path) -> None:
    words = "select zh('stage', stage), count(*) from fct_school_stage group by all order by all"
    assert [word for word, _ in query(demo_home, words)] == ["初中", "小学"]


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
    os.write(terminal, b"select zh('stage', 'primary') as word;\r")
    expect("小学")
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
