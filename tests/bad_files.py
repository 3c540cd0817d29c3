"""Files of every fault, as they are put beside others, and what the account says of them."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import duckdb
from helpers import (
    ROOT,
    Grid,
    write_workbook,
)

FACT = {"单位类型": "县", "单位代码": "371502", "事实编号": "new_heads", "值": "1"}
CLASS = {"学校标识码": "3715020001", "学段": "小学", "年级": 1, "班号": "1", "班级学生数": 40}
TEACHER = {"教师编号": "T1", "学校标识码": "3715020001", "学段": "小学"}
ENCRYPTED = ROOT / "tests" / "files" / "encrypted.xlsx"  # a real one, password: secret


def put(raw: Path, name: str, content: bytes | str) -> Path:
    """A file of demo/2023 with these bytes; text is UTF-8."""
    path = raw / "demo" / "2023" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_csv(rows: Grid) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def workbook_bytes(folder: Path, suffix: str, sheets: Mapping[str, Grid]) -> bytes:
    return write_workbook(folder / f"made{suffix}", sheets).read_bytes()


def files(con: duckdb.DuckDBPyConnection, columns: str) -> list[tuple]:
    """Columns of source_file; of every file the account holds."""
    assert con.execute(
        "select count(*) from raw.source_file where rows_in <> rows_loaded + rows_quarantined + rows_skipped"
    ).fetchone() == (0,)
    return con.execute(f"select {columns} from raw.source_file order by source_file, sheet").fetchall()


def names(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in con.execute("select school_name from raw.schools order by school_id").fetchall()]


def texts(con: duckdb.DuckDBPyConnection) -> str:
    """Every value of every table that a file holds, whatever the storage makes of it."""
    columns = con.execute(
        "select database_name, schema_name, table_name, column_name from duckdb_columns()"
        " where not internal and database_name <> 'temp'"
    ).fetchall()
    assert columns
    found = []
    for *table, column in columns:
        place = ".".join(f'"{part}"' for part in table)
        found += con.execute(f'select "{column}"::varchar from {place} where "{column}" is not null').fetchall()
    return "\n".join(row[0] for row in found)


def put_table(raw: Path, suffix: str, rows: Grid) -> None:
    if suffix == ".csv":
        put(raw, "schools.csv", as_csv(rows))
    else:
        write_workbook(raw / "demo" / "2023" / f"schools{suffix}", {"学校": rows})
