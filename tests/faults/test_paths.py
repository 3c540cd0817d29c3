"""Faults 24 and 25: names and links that lead elsewhere, files that would exhaust the machine."""

import gc
import io
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import duckdb
from bad_files import FACT, as_csv, files, put, texts, workbook_bytes
from helpers import (
    ROOT,
    environment,
    grid,
    read,
    reasons,
    schools,
    write_csv,
    write_regions,
)

from dagster_project.extracts.regions import read_regions
from dagster_project.warehouse import tables

# 24: file names and links (what a refresh makes of them: below)


def test_24_a_file_name_that_is_no_text_or_hides_something_is_refused(
    con: duckdb.DuckDBPyConnection, raw: Path
) -> None:
    content = as_csv(grid(schools(1)))
    for name in (
        "schools_a\nb.csv",
        "schools_\x1b[31m.csv",
        "schools_\u202evsc.csv",
        os.fsdecode("教师.csv".encode("gbk")),
    ):
        put(raw, name, content)
    assert read(con, raw).loaded == 0
    said = dict(files(con, "source_file, reason"))
    assert said.keys() == {f"demo/2023/{name}.csv" for name in ("schools_a□b", "schools_□[31m", "schools_□vsc", "□□ʦ")}
    assert set(said.values()) == {"文件名里有看不见的控制字符，或不是 UTF-8 编码：请改名"}


def test_24_dots_and_long_names_stay_inside(con: duckdb.DuckDBPyConnection, raw: Path) -> None:
    rows = schools(3)
    longest = "schools_" + "长" * 81 + ".csv"
    assert len(longest.encode()) == 255
    for name, row in zip(("schools_..%2f..%2fetc.csv", longest, "schools_$(id);`id`'\"&.csv"), rows, strict=True):
        put(raw, name, as_csv(grid([row])))
    put(raw, "..schools.csv", as_csv(grid(schools(1))))  # hidden: not looked at
    assert read(con, raw).loaded == 3
    assert len(files(con, "source_file")) == 3


def test_24_links_out_of_raw_are_refused_and_not_read(
    con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path
) -> None:
    """Files and folders; a link within raw/ is read, one that leads nowhere or in a circle is said."""
    outside = write_csv(tmp_path / "outside" / "schools.csv", schools())
    folder = raw / "demo" / "2023"
    folder.mkdir(parents=True)
    write_csv(raw / "common" / "facts.csv", [FACT])
    (folder / "facts.csv").symlink_to(raw / "common" / "facts.csv")
    (folder / "schools.csv").symlink_to(outside)
    (folder / "schools_folder").symlink_to(outside.parent)
    (folder / "schools_gone.csv").symlink_to("nothing.csv")
    (folder / "schools_circle.csv").symlink_to("schools_circle.csv")
    (folder / "schools_etc.csv").symlink_to("/etc/passwd")
    (folder / "schools_up.csv").symlink_to("../../../outside/schools.csv")
    os.mkfifo(folder / "schools_fifo.csv")
    assert read(con, raw).loaded == 1
    said = dict(files(con, "source_file, reason"))
    out, gone = "链接指向这个文件夹之外：请把文件本身放进来", "链接指向的文件不存在：请把文件本身放进来"
    assert said == {
        "demo/2023/facts.csv": None,
        "demo/2023/schools.csv": out,
        "demo/2023/schools_folder": out,
        "demo/2023/schools_gone.csv": gone,
        "demo/2023/schools_circle.csv": gone,
        "demo/2023/schools_etc.csv": out,
        "demo/2023/schools_up.csv": out,
    }
    assert set(files(con, "reason is null, sha256 is null")) == {(True, False), (False, True)}
    folder.rename(raw / "demo" / "moved")
    folder.symlink_to(outside.parent)
    read(con, raw)
    assert files(con, "source_file, reason") == [("demo/2023", out)]


def test_24_aliases_are_not_read_from_outside(raw: Path, tmp_path: Path) -> None:
    write_regions(raw, "regions:\n  - {id: demo}\n")
    (tmp_path / "secret").write_text("a,b\nroot,x\n")
    (raw / "demo").mkdir()
    (raw / "demo" / "aliases.csv").symlink_to(tmp_path / "secret")
    assert "之外，不读：请把文件本身放进来" in (read_regions(raw)["demo"].problem or "")


# 25: bombs

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRINGS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
SHEET = f'<?xml version="1.0"?>{{doctype}}<worksheet xmlns="{MAIN}"><sheetData>{{rows}}</sheetData></worksheet>'
CELL = '<row r="{row}"><c r="{cell}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def write_bomb(path: Path, template: bytes, rows: str, doctype: str = "", shared: str | None = None) -> None:
    """A workbook whose only sheet has these rows, and these shared strings."""
    links = "xl/_rels/workbook.xml.rels"
    with zipfile.ZipFile(io.BytesIO(template)) as good, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        parts: dict[str, bytes | str] = {part: good.read(part) for part in good.namelist()}
        parts["xl/worksheets/sheet1.xml"] = SHEET.format(doctype=doctype, rows=rows)
        if shared is not None:
            link = f'<Relationship Id="s" Type="{STRINGS}" Target="/xl/sharedStrings.xml"/></Relationships>'
            parts[links] = good.read(links).decode().replace("</Relationships>", link)
            parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}"><si><t>{shared}</t></si></sst>'
        for part, content in parts.items():
            bomb.writestr(part, content)


def write_deflate_bomb(path: Path, template: bytes, megabytes: int, stated: int | None) -> None:
    """A sheet that unpacks to so many megabytes of rows; stated: the size that the file tells, if not that one."""
    head, tail = SHEET.format(doctype="", rows="|").encode().split(b"|")
    block = (CELL.format(row=1, cell="A1", text="x" * 100).encode() * 8000)[: 1 << 20].ljust(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    middle = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    data = start + middle * megabytes + packer.compress(tail) + packer.flush()
    size = len(head) + (megabytes << 20) + len(tail) if stated is None else stated
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(template)) as good, zipfile.ZipFile(path, "w") as bomb:
        for part in good.namelist():
            bomb.writestr(part, data if part == sheet else good.read(part))
        info = bomb.getinfo(sheet)  # stored as it is; now both of its headers say that it is deflated
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, size
        assert bomb.fp is not None
        bomb.fp.seek(info.header_offset)
        bomb.fp.write(info.FileHeader())
        bomb.fp.seek(bomb.start_dir)


READ_AND_MEASURE = """
import resource, sys, time
from pathlib import Path
from helpers import read
from dagster_project.warehouse import tables
from dagster_project.processes import stop_pools

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) >> 10

if __name__ == "__main__":
    raw, home = map(Path, sys.argv[1:])
    with tables.connect(home) as con:
        before, started = peak(), time.monotonic()
        read(con, raw)
        took, growth = time.monotonic() - started, peak() - before
    stop_pools()
    print(took, growth, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
"""


def test_25_bombs_are_refused_in_bounded_memory_and_time(tmp_path: Path) -> None:
    """All of them in one folder: seconds, MB that this process grows by, MB of the largest worker."""
    raw, home = tmp_path / "raw", tmp_path / "home"
    folder = raw / "demo" / "2023"
    template = workbook_bytes(tmp_path, ".xlsx", {"学校": grid(schools())})
    put(raw, "facts.csv", as_csv(grid([FACT])))
    one = CELL.format(row=1, cell="A1", text="{}")

    write_deflate_bomb(folder / "schools_honest.xlsx", template, 1500, None)
    write_deflate_bomb(folder / "schools_lying.xlsx", template, 3000, 5000)
    links = "".join(f'<!ENTITY {b} "{f"&{a};" * 100}">' for a, b in zip("abcdef", "bcdefg", strict=True))
    laughs = f'<!DOCTYPE x [<!ENTITY a "{"x" * 1000}">{links}]>'
    write_bomb(folder / "schools_entities.xlsx", template, one.format("&g;"), laughs)
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    write_bomb(folder / "schools_outside.xlsx", template, one.format("&e;"), outside)
    far = CELL.format(row=1048576, cell="XFD1048576", text="z")
    write_bomb(folder / "schools_far.xlsx", template, one.format("a") + far)
    wide = "".join(f"<c><v>{i * 7919 % 1000003}</v></c>" for i in range(1_000_000))
    write_bomb(folder / "schools_wide.xlsx", template, f"<row>{wide}</row>")
    cells = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, 200_001))
    write_bomb(folder / "schools_shared.xlsx", template, cells, shared="长" * 32767)
    put(raw, "schools_wide.csv", ",".join(map(str, range(1_000_000))) + "\n1,2\n")
    put(raw, "schools_long.csv", "x" * 50_000_000)
    put(raw, "schools_quote.csv", '学校标识码,学校名称\n1,"' + "x\n" * 10_000_000)

    script = tmp_path / "measure.py"
    script.write_text(READ_AND_MEASURE, encoding="utf-8")
    outcome = subprocess.run(
        [sys.executable, str(script), str(raw), str(home)],
        env={**environment(), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert outcome.returncode == 0, outcome.stderr
    with tables.connect(home) as con:
        said = dict(files(con, "source_file, coalesce(reason, status)"))
        assert "root:" not in texts(con)
    expected = {
        "facts.csv": "loaded",
        "schools_entities.xlsx": "unrecognized entity",
        "schools_far.xlsx": "读它要超过 2 GB 内存或 120 秒，可能表格远处有多余的单元格",
        "schools_honest.xlsx": "工作簿里的 xl/worksheets/sheet1.xml 展开后是原来的 25",
        "schools_long.csv": "第 1 行长到超过 16,000,000 个字",
        "schools_lying.xlsx": "工作簿已损坏",
        "schools_outside.xlsx": "unrecognized entity",
        "schools_quote.csv": "行起读不通",
        "schools_shared.xlsx": "读它要超过 2 GB 内存或 120 秒",
        "schools_wide.csv": "有 1000000 列，最多 1000 列：请删去表格右边多余的列",
        "schools_wide.xlsx": "列，最多 1000 列",
    }
    assert said.keys() == {f"demo/2023/{name}" for name in expected}
    assert {
        name: said[f"demo/2023/{name}"] for name, why in expected.items() if why not in said[f"demo/2023/{name}"]
    } == {}
    seconds, growth, workers = map(float, outcome.stdout.split())
    print(seconds, growth, workers)
    assert seconds < 60 and growth < 500 and workers < 2100


def test_25_a_worker_that_dies_leaves_nothing_behind(con: duckdb.DuckDBPyConnection, raw: Path, tmp_path: Path) -> None:
    """The page's process lives for months: a workbook that kills its reader takes no pipe of it along."""
    template = workbook_bytes(tmp_path, ".xlsx", {"学校": grid(schools())})
    (raw / "demo" / "2023").mkdir(parents=True)
    corners = CELL.format(row=1, cell="A1", text="a") + CELL.format(row=1048576, cell="XFD1048576", text="z")
    write_bomb(raw / "demo/2023/schools.xlsx", template, corners)
    open_files = []
    for _ in range(3):
        read(con, raw)
        assert "读它要超过 2 GB 内存" in reasons(con)[0]
        gc.collect()
        open_files.append(len(os.listdir("/proc/self/fd")))
    assert open_files[2] <= open_files[0]
