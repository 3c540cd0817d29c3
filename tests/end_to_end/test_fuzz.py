"""Whatever happens to a file on its way, it is read or put aside: no exception, no endless reading, no row lost.

The suite draws a few examples; JUNHENG_FUZZ=10000 pytest tests/end_to_end/test_fuzz.py -s draws more and prints what became of them.
"""

import io
import os
import re
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from bad_files import as_csv
from helpers import REGION, Grid, grid, schools, write_workbook
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dagster_project.extracts.contract import contract
from dagster_project.warehouse import tables
from dagster_project.warehouse.reading import read_files

EXAMPLES = int(os.environ.get("JUNHENG_FUZZ", "150"))
SLOWEST = 10.0  # seconds that one file may take
PERSON, PHONE = "370102198801011234", "13812345678"
PERSONAL = re.compile(f"(?<![0-9])(?:{'|'.join(contract().personal.values())})(?![0-9Xx])")

SCHOOLS = grid([row | {"备注": f"电话{PHONE}", "校长证件": PERSON} for row in schools(8)])
TEACHERS = grid(
    [
        {"教师编号": f"T{i}", "姓名": "某某", "学校标识码": f"37150200{i % 3 + 1:02}", "学段": "小学", "任教学科": "音乐", "出生年份": 1980 + i}
        for i in range(1, 9)
    ]
)  # fmt: skip
TABLES = {"schools": SCHOOLS, "teachers": TEACHERS}

NASTY = st.sampled_from(
    ["", " ", "无", "-1", "１２３", "1,234", "1e999", "nan", "合计", "小计", "注：", "甲", "学校标识码", "小学", "'", '"', '"x', "a\nb", "a\r\nb", "\t",
     "=1+1", "㐂𠮷", "\ufffd", "\ufeff", "\u3000", "9" * 40, "长" * 500]
)  # fmt: skip
PERSONS = st.sampled_from([PERSON, f"见{PERSON[:17]}X号", PHONE, "138 1234 5678", f"+86{PHONE}"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
ENCODINGS = ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be", "utf-32", "big5", "utf-7"]


@dataclass
class Tally:
    """What became of the files."""

    examples: int = 0
    slowest: float = 0
    kinds: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    started, found = time.monotonic(), Tally()
    yield found
    print(f"\n{found.examples} files in {time.monotonic() - started:.0f} s, the slowest {found.slowest:.2f} s")
    for kind, count in found.kinds.most_common():
        print(f"{count:7} {kind}")


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with tables.connect(tmp_path_factory.mktemp("fuzz")) as connection:
        connection.execute("set threads = 1")  # for tables of ten rows more of them only wait for each other
        yield connection


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Good files, written once: schools.csv, teachers.xls, …"""
    folder = tmp_path_factory.mktemp("bases")
    made: dict[str, bytes] = {}
    for name, table in TABLES.items():
        made[f"{name}.csv"] = as_csv(table).encode()
        made[f"{name}_gbk.csv"] = as_csv(table).encode("gb18030")
        made[f"{name}.tsv"] = as_csv(table).replace(",", "\t").encode("utf-16")
        for suffix in (".xlsx", ".xls"):
            sheets: dict[str, Grid] = {"填写说明": [["说明"]], "数据": table}
            made[name + suffix] = write_workbook(folder / f"{name}{suffix}", sheets).read_bytes()
    return made


@st.composite
def bytes_changed(draw: st.DrawFn, bases: dict[str, bytes]) -> tuple[str, bytes]:
    """A good file with bytes flipped, cut out, put in or cut off; of a workbook also within its parts."""
    name = draw(st.sampled_from(sorted(bases)))
    content = bases[name]
    if name.endswith(".xlsx") and draw(st.booleans()):
        with zipfile.ZipFile(io.BytesIO(content)) as good:
            parts = {part: good.read(part) for part in good.namelist()}
        part = draw(st.sampled_from(sorted(part for part in parts if part.endswith((".xml", ".rels")))))
        parts[part] = draw(damaged(parts[part]))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad:
            for part, data in parts.items():
                bad.writestr(part, data)
        return name, out.getvalue()
    return name, draw(damaged(content))


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["flip", "cut", "insert", "repeat", "end"])):
            case "flip" if data:
                data[at] ^= draw(st.integers(1, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 200))]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=20))
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 400))]
            case "end":
                del data[max(at, len(data) * 3 // 4) :]
    return bytes(data)


@st.composite
def cells_changed(draw: st.DrawFn, folder: Path) -> tuple[str, bytes, int | None]:
    """A table with cells, headers or rows changed, in any format and encoding; its rows where none can be mistaken."""
    name = draw(st.sampled_from(sorted(TABLES)))
    table = [list(map(str, row)) for row in TABLES[name]]
    only_cells = True
    for _ in range(draw(st.integers(0, 8))):
        i = draw(st.integers(1, len(table) - 1))
        match draw(st.sampled_from(["cell", "cell", "cell", "header", "row", "top", "short", "long"])):
            case "cell" if table[i]:
                table[i][draw(st.integers(0, len(table[i]) - 1))] = draw(NASTY | PERSONS | TEXT)
            case "header":
                only_cells = False
                headers = st.sampled_from(["小学", "单位：元", "学段", "学校代码(元)", *table[0]])
                table[0][draw(st.integers(0, len(table[0]) - 1))] = draw(NASTY | TEXT | headers)
            case "row":
                table.insert(i, list(draw(st.sampled_from(table))))
            case "top":
                only_cells = False
                table.insert(0, [draw(NASTY | TEXT) for _ in range(draw(st.integers(1, 4)))])
            case "short":
                del table[i][draw(st.integers(0, len(table[i]))) :]
            case "long":
                table[i] += [draw(NASTY | TEXT)]
    suffix = draw(st.sampled_from([".csv", ".csv", ".tsv", ".txt", ".xlsx", ".xls"]))
    if suffix in (".xlsx", ".xls"):
        unfit = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")  # XML and openpyxl know none of them
        clean = [[unfit.sub("", cell)[:30000] for cell in row] for row in table]
        last = max(i for i, row in enumerate(clean) if i == 0 or any(row))
        content = write_workbook(folder / f"made{suffix}", {"数据": clean}).read_bytes()
        return name + suffix, content, last if only_cells else None
    encoding = draw(st.sampled_from(ENCODINGS))
    delimiter = draw(st.sampled_from([",", "\t", ";"]))
    text = as_csv(table) if delimiter == "," else "\n".join(delimiter.join(row) for row in table)
    is_plain = only_cells and delimiter == "," and encoding in ("utf-8", "utf-8-sig", "utf-16")
    return name + suffix, text.encode(encoding, "replace"), len(table) - 1 if is_plain else None


def _kind(reason: str) -> str:
    """A reason without what differs from file to file."""
    return re.sub("[0-9]+|“.*?”|（.*?）", "…", reason).partition("：")[0]


def check(
    con: duckdb.DuckDBPyConnection, folder: Path, tally: Tally, name: str, content: bytes, rows: int | None = None
) -> None:
    """Read a file as a refresh does; teachers have their schools beside them."""
    place = folder / "demo" / "2023"
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    if not name.startswith("schools"):
        (place / "schools_0.csv").write_text(as_csv(SCHOOLS), "utf-8")
    (place / name).write_bytes(content)
    started = time.monotonic()
    read_files(con, folder, sorted(place.iterdir()), REGION, 2023, "key")
    took = time.monotonic() - started
    tally.examples += 1
    tally.slowest = max(tally.slowest, took)
    assert took < SLOWEST
    accounts = con.execute(
        "select sheet, rows_in, rows_loaded, rows_quarantined, rows_skipped, status, reason from incoming_source_file"
        " where source_file = ?",
        [f"demo/2023/{name}"],
    ).fetchall()
    assert accounts, "a file without an account"
    for _, rows_in, loaded, quarantined, skipped, status, reason in accounts:
        assert rows_in == loaded + quarantined + skipped
        assert (reason is None) == (status == "loaded")
        tally.kinds[_kind(reason) if reason else "read, rows put aside" if quarantined else "read"] += 1
    extract = name.partition(".")[0].partition("_")[0]
    mine = "source_file = 'demo/2023/" + name + "'"
    loaded_rows = con.execute(f"select count(*) from incoming_{extract} where {mine}").fetchone()
    assert loaded_rows == (sum(account[2] for account in accounts),)
    by_row = f"select count(*) from incoming_quarantine where {mine} and row_number is not null"
    assert con.execute(by_row).fetchone() == (sum(account[3] for account in accounts if account[5] == "loaded"),)
    if rows is not None and [account[5] for account in accounts] == ["loaded"]:
        assert accounts[0][1] == rows
    for table in tables.TABLES:
        for row in con.execute(f"select * from incoming_{table}").fetchall():
            kept = " | ".join(
                cell for cell in row if isinstance(cell, str) and not re.fullmatch("[0-9a-f]{32,64}", cell)
            )
            assert "\ufffd" not in kept and not PERSONAL.search(kept), kept


CHECKED = settings(
    max_examples=max(1, EXAMPLES // 2),
    deadline=None,
    database=None,
    derandomize=EXAMPLES == 150,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a smaller example says no more, and each takes a tenth of a second
)


@CHECKED
@given(data=st.data())
def test_damaged_files_are_read_or_put_aside(
    con: duckdb.DuckDBPyConnection, bases: dict[str, bytes], tmp_path: Path, tally: Tally, data: st.DataObject
) -> None:
    name, content = data.draw(bytes_changed(bases))
    check(con, tmp_path, tally, name, content)


@CHECKED
@given(data=st.data())
def test_changed_tables_are_read_or_put_aside(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, tally: Tally, data: st.DataObject
) -> None:
    name, content, rows = data.draw(cells_changed(tmp_path))
    check(con, tmp_path, tally, name, content, rows)
