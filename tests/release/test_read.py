"""A session on a release: read-only, on that one release whatever is published; results as a table, CSV and JSON."""

import csv
import fcntl
import io
import json
import os
import struct
import termios
from pathlib import Path

import duckdb
import openpyxl
import pytest
from small_warehouse import RARE, make_warehouse
from sqlalchemy import create_engine, text

from dagster_project.release.publish import publish
from dagster_project.release.read import connect, write_result
from dagster_project.release.save import write_file
from dagster_project.release.store import ReleaseError, verify


@pytest.mark.parametrize(
    "statement",
    [
        "COPY mart_county_balance TO '{home}/out.csv'",
        "COPY (SELECT 1) TO '{snapshot}.wal' (FORMAT csv)",
        "COPY (SELECT 1) TO '{snapshot}'",
        "EXPORT DATABASE '{home}/out'",
        "FROM read_text('{home}/secret.csv')",
        "FROM read_blob('{snapshot}')",
        "FROM read_csv('{home}/secret.csv')",
        "FROM '{home}/secret.csv'",
        "FROM read_parquet('{release}/parquet/dim_view.parquet')",
        "FROM glob('{home}/*')",
        "ATTACH '{home}/warehouse.duckdb' AS other (READ_ONLY)",
        "ATTACH '{snapshot}' AS other",
        "ATTACH '{home}/new.duckdb' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{home}/x.duckdb_extension'",
        "SET enable_external_access = true",
        "SET disabled_filesystems = ''",
        "SET temp_directory = '{home}'",
        "RESET lock_configuration",
        "PRAGMA profiling_output = '{home}/out'",
        "CALL enable_logging(storage = 'file', storage_path = '{home}/out')",
        "CREATE TABLE marts.mine AS SELECT 1",
        "DELETE FROM mart_county_balance",
        "DROP TABLE mart_county_balance",
        "UPDATE mart_county_balance SET number = 0",
        "COMMENT ON TABLE mart_county_balance IS 'x'",
    ],
)
def test_session_refuses(home: Path, statement: str) -> None:
    release = publish(home, "v").path
    (home / "secret.csv").write_text("a\n1\n")
    before = sorted(home.rglob("*"))
    snapshot = release / "junheng.duckdb"
    # The second session of a process is as closed as the first one.
    with connect(home) as first, connect(home) as second:
        for connection in (first, second):
            with pytest.raises(duckdb.Error):
                connection.execute(statement.format(home=home, release=release, snapshot=snapshot)).fetchall()
            assert connection.execute("SELECT count(*) FROM fct_school_indicator").fetchall() == [(200,)]
    assert sorted(home.rglob("*")) == before
    assert verify(release) == []


def test_session_keeps_standard_output_clean(home: Path) -> None:
    publish(home, "v")
    query = "SELECT current_setting('enable_progress_bar')"
    with connect(home) as first, connect(home) as second:
        assert first.execute(query).fetchall() == second.execute(query).fetchall() == [(False,)]


def test_session_survives_the_retirement_of_its_release(home: Path) -> None:
    publish(home, "v", keep=1)
    with connect(home) as old:
        make_warehouse(home, 2)
        publish(home, "v", keep=1)
        with connect(home) as new:
            query = "SELECT DISTINCT number FROM fct_school_indicator"
            assert (old.execute(query).fetchall(), new.execute(query).fetchall()) == ([(1,)], [(2,)])


def test_own_files_stand_beside_the_marts_and_no_other_file_does(home: Path) -> None:
    publish(home, "v")
    own, other = home / "我的.csv", home / "别的.csv"
    own.write_bytes("school_id,县代码,序号,数,金额\ns1,370830,007,12,1.5\ns2,370830,008,-3,\n".encode("gb18030"))
    other.write_text("a\n1\n")
    duckdb.sql("select 's1' as school_id, 7 as 分").write_parquet(str(home / "分.parquet"))
    with connect(str(home), files=[str(own), home / "分.parquet"]) as con:
        types = dict(con.execute("select column_name, column_type from (describe 我的)").fetchall())
        assert types == {
            "school_id": "VARCHAR",
            "县代码": "BIGINT",
            "序号": "VARCHAR",
            "数": "BIGINT",
            "金额": "DOUBLE",
        }
        rows = con.execute("select school_id, 序号, 金额, 分 from 我的 left join 分 using (school_id) order by 1")
        assert rows.fetchall() == [("s1", "007", 1.5, 7), ("s2", "008", None, None)]
        assert con.execute("select count(*) from 我的, fct_school_indicator").fetchall() == [(400,)]
        for refused in (
            f"from '{other}'",
            f"from '{own}'",
            f"copy 我的 to '{other}'",
            "drop table mart_county_balance",
        ):
            with pytest.raises(duckdb.Error):
                con.execute(refused)
    with connect(home) as con, pytest.raises(duckdb.CatalogException):
        con.execute("from 我的")  # it was of that session alone


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("没有.csv", None, "没有文件"),
        ("mart_county_balance.csv", b"a\n1\n", "已经有同名的表"),
        ("图.png", b"x", "不是 CSV、Excel 或 Parquet"),
        ("空.csv", b"", "文件是空的"),
        ("坏.parquet", b"not parquet", "读不了"),
    ],
)
def test_an_own_file_that_cannot_be_read_is_named(home: Path, name: str, content: bytes | None, said: str) -> None:
    publish(home, "v")
    if content is not None:
        (home / name).write_bytes(content)
    with pytest.raises(ReleaseError, match=said) as error:
        connect(home, files=[home / name])
    assert name in str(error.value)


def test_a_session_works_beside_sqlalchemy_in_one_process(home: Path) -> None:
    release = publish(home, "v").path
    engine = create_engine(f"duckdb:///{release / 'junheng.duckdb'}?access_mode=read_only")
    query = "select count(*) from marts.fct_school_indicator"
    try:
        with engine.connect() as theirs, connect(str(home)) as ours:
            assert theirs.execute(text(query)).scalar() == 200
            assert ours.execute(query).fetchall() == [(200,)]
            with pytest.raises(duckdb.Error):
                ours.execute(f"from read_blob('{release / 'manifest.json'}')")
            assert theirs.execute(text(query)).scalar() == 200
    finally:
        engine.dispose()


def test_a_workbook_holds_each_value_without_loss_and_no_formula(tmp_path: Path) -> None:
    query = """
        select '=1+1' as "=名", '3715020001' as school_id, -1.50::decimal(4, 2) as d, 12345678901234567890 as big, null as x,
            true as b, date '2023-09-01' as day, [1, null] as l, 'nan'::double as n, chr(7) || '铃' as bell
    """
    path = tmp_path / "结果.xlsx"
    with duckdb.connect() as con:
        write_file(con.execute(query), "xlsx", path)
        before = path.read_bytes()
        with pytest.raises(ReleaseError, match="已经有"):
            write_file(con.execute(query), "xlsx", path)
    header, row = openpyxl.load_workbook(path).worksheets[0].iter_rows()
    assert (header[0].value, header[0].data_type) == ("=名", "s")
    assert [cell.data_type for cell in row] == ["s", "s", "n", "s", "n", "b", "d", "s", "s", "s"]
    values = [cell.value for cell in row]
    assert values[:6] == ["=1+1", "3715020001", -1.5, "12345678901234567890", None, True]
    assert values[7:] == ["[1, null]", "nan", "□铃"]
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_csv_file_is_known_to_excel_and_a_failed_query_leaves_none(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        write_file(con.execute("select '县' as 名, '@x' as t"), "csv", tmp_path / "a.csv")
        with pytest.raises(duckdb.Error):
            write_file(con.execute("select error('x') from range(5)"), "csv", tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbf" + "名,t\r\n县,'@x\r\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def written(query: str, format: str) -> str:
    out = io.StringIO(newline="")
    with duckdb.connect() as connection:
        write_result(connection.execute(query), format, out)  # ty: ignore[invalid-argument-type]
    return out.getvalue()


def test_rare_characters_and_quotes_survive_every_format(home: Path) -> None:
    publish(home, "v")
    texts = {}
    with connect(home) as connection:
        for format in ("table", "csv", "json"):
            out = io.StringIO(newline="")
            write_result(connection.execute("SELECT school_name FROM fct_school_indicator LIMIT 1"), format, out)
            texts[format] = out.getvalue()
        relation = io.StringIO(newline="")
        write_result(connection.sql("SELECT school_name FROM fct_school_indicator LIMIT 1"), "csv", relation)
    assert RARE in texts["table"]
    assert list(csv.reader(io.StringIO(texts["csv"], newline=""))) == [["school_name"], [RARE]]
    assert json.loads(texts["json"]) == [{"school_name": RARE}]
    assert "㐂𠮷" in texts["json"]
    assert relation.getvalue() == texts["csv"]


def test_csv_neutralises_formulas_and_leaves_numbers() -> None:
    for start in ("=", "+", "-", "@", "\t", "\r", "＝"):
        with duckdb.connect() as connection:
            out = io.StringIO(newline="")
            write_result(connection.execute("SELECT ? AS x", [f"{start}1+1"]), "csv", out)
        assert list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1] == [f"'{start}1+1"]
    numbers = """
        SELECT -1 AS a, -1.50::DECIMAL(4, 2) AS b, -0.1::DOUBLE AS c, NULL AS d, true AS e, '—' AS f,
            'a,\n"b' AS g
    """
    assert written(numbers, "csv") == 'a,b,c,d,e,f,g\r\n-1,-1.50,-0.1,,true,—,"a,\n""b"\r\n'
    assert written('SELECT 1 AS "=cmd()"', "csv") == "'=cmd()\r\n1\r\n"


def test_json_is_valid_for_every_type() -> None:
    query = """
        SELECT 'NaN'::DOUBLE AS n, 1.5::DECIMAL(3, 1) AS d, DATE '2023-09-01' AS day, [1, NULL] AS l,
            {'a': '㐂'} AS s, NULL AS x, 1 AS y, 2 AS y, 9007199254740993 AS big
    """
    assert json.loads(written(query, "json")) == [
        {
            "n": None,
            "d": 1.5,
            "day": "2023-09-01",
            "l": [1, None],
            "s": {"a": "㐂"},
            "x": None,
            "y": 1,
            "y_1": 2,
        }
        | {"big": 9007199254740993}
    ]
    assert json.loads(written("SELECT 1 AS a WHERE false", "json")) == []
    assert len(json.loads(written("SELECT * FROM range(25000)", "json"))) == 25_000


def test_table_aligns_chinese_and_shows_control_characters() -> None:
    query = "SELECT * FROM (VALUES ('实验小学', 1.5), ('a\x1b[31m\n', NULL)) AS rows(学校, value)"
    assert written(query, "table").splitlines() == [
        "学校         value",
        "───────────  ─────",
        "实验小学       1.5",
        r"a\x1b[31m\n   NULL",
        "（2 行）",
    ]
    assert written("SELECT 1 AS a WHERE false", "table") == "a\n─\n（0 行）\n"


@pytest.mark.parametrize(("columns", "as_blocks"), [(40, True), (200, False)])
def test_rows_wider_than_the_terminal_stand_one_below_the_other(columns: int, as_blocks: bool) -> None:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with open(slave, "w", encoding="utf-8") as terminal, duckdb.connect() as con, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        write_result(con.execute("select '莘县' as 县, repeat('学校', 15) as 原因, 3 as 所数"), "table", terminal)
        terminal.flush()
        shown = os.read(master, 4096).decode().splitlines()
    os.close(master)
    if as_blocks:
        assert shown == ["── 第 1 行", "县    莘县", f"原因  {'学校' * 15}", "所数  3", "（1 行）"]
    else:
        assert len(shown) == 4 and shown[2].split() == ["莘县", "学校" * 15, "3"]
