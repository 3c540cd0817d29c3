"""Excel workbooks, read in processes of their own: a file that exhausts memory or never ends costs the reader, not the refresh."""

import io
import os
import re
import resource
import signal
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.extracts.sheet import DAMAGED, MARKS, OLE, ZIP, Unreadable, as_table
from dagster_project.processes import start_pool

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = 2 << 30
SECONDS = 120
MOST_UNPACKED = 1 << 30
MOST_RATIO = 200  # unpacked bytes for one packed; a sheet of figures has 5 to 40
MOST_CELLS = 60_000_000
UNSEEN = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f{DAMAGED}]")
FAILED = re.compile(rb"<v>#(?:DIV/0!|NAME\?|NULL!|NUM!|REF!|VALUE!)")  # a formula; #N/A says that there is nothing
# the same in an .xls: a record of a formula (6) or of a value (517), with its place, its style and the error's code
FAILED_OLD = re.compile(
    rb"\x06\x00..{7}\x02.[\x00\x07\x0f\x17\x1d\x24].{3}\xff\xff|\x05\x02\x08\x00.{6}[\x00\x07\x0f\x17\x1d\x24]\x01",
    re.DOTALL,
)
SAVE_AGAIN = "请用 Excel 打开后另存为 .xlsx"

Content = tuple[str, "pa.Table", str, bool]  # name, rows, marks and is_hidden of a sheet, as files.Sheet has them
_pool: ProcessPoolExecutor | None = None


def read_workbook(path: Path) -> list[Content]:
    """Every sheet that is not empty, with its cells as text. Raises Unreadable."""
    [(_, sheets)] = read_each([path], contents_of)
    if isinstance(sheets, Unreadable):
        raise sheets
    return sheets


def read_each(paths: Iterable[Path], read: Callable[[Path], Any]) -> Iterator[tuple[Path, Any]]:
    """What `read` makes of each workbook, or Unreadable, in order, as many at a time as there are processors.

    `read` runs in a process with bounded memory and time. Where that process dies, the workbook is tried once more
    alone, since it may have died of another one.
    """
    waiting = [(path, _submit(path, read)) for path in paths]
    for path, future in waiting:
        try:
            yield path, future.result()
        except Unreadable as error:
            yield path, error
        except BrokenProcessPool:
            yield path, _read_alone(path, read)


def _submit(path: Path, read: Callable[[Path], Any]) -> Future[Any]:
    global _pool
    try:
        _pool = _pool or start_pool(min(os.cpu_count() or 1, 4), _bound_memory)
        return _pool.submit(_in_time, read, path)
    except BrokenProcessPool:
        _pool = None
        return _submit(path, read)


def _read_alone(path: Path, read: Callable[[Path], Any]) -> Any:
    global _pool
    _pool = None
    with start_pool(1, _bound_memory) as alone:
        try:
            return alone.submit(_in_time, read, path).result()
        except Unreadable as error:
            return error
        except BrokenProcessPool:
            return Unreadable(
                f"读它要超过 {MEMORY >> 30} GB 内存或 {SECONDS} 秒，可能表格远处有多余的单元格：请只复制有数据的区域，另存为 .xlsx 或 CSV"
            )


def _bound_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the parser's own cry when memory ends


def _in_time(read: Callable[[Path], Any], path: Path) -> Any:
    signal.alarm(SECONDS)  # ends this process
    try:
        return read(path)
    finally:
        signal.alarm(0)


def contents_of(path: Path) -> list[Content]:
    """The sheets of a workbook as tables, in this process. Raises Unreadable."""
    contents = []
    for name, texts, is_hidden in texts_of(path):
        words = "".join({cell for row in texts for cell in row})
        marks = "".join(mark for mark in MARKS if mark in words)
        contents.append((name, as_table(texts), marks, is_hidden))
    return contents


def texts_of(path: Path) -> Iterator[tuple[str, list[list[str]], bool]]:
    """The sheets of a workbook that are not empty, their cells as text, and which are hidden, in this process. Raises Unreadable."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    _refuse_what_is_none(path)
    try:
        failed = _failed_formulas(path)
        with CalamineWorkbook.from_path(path) as workbook:
            names = [UNSEEN.sub("□", name) for name in workbook.sheet_names]
            for index, name in enumerate(names):
                if name in names[:index]:
                    raise Unreadable(f"有两张工作表都叫“{name}”：请改名")
                sheet = workbook.get_sheet_by_index(index)
                if sheet.end is None:
                    continue
                height, width = sheet.end[0] + 1, sheet.end[1] + 1
                if height * width > MOST_CELLS:
                    raise Unreadable(f"工作表“{name}”大到 {height} 行 {width} 列：请删去远处多余的单元格")
                rows = [
                    [cell if type(cell) is str and "\0" not in cell else _text(cell) for cell in row]
                    for row in sheet.to_python(skip_empty_area=False)
                ]
                for row, column, text in failed.get(workbook.sheet_names[index], ()):
                    if row <= height and column <= width:
                        rows[row - 1][column - 1] = text
                yield name, rows, workbook.sheets_metadata[index].visible != SheetVisibleEnum.Visible
    except PasswordError as error:
        raise Unreadable("工作簿有打开密码：请去掉密码后重新放入") from error
    except (CalamineError, OSError) as error:
        raise Unreadable(f"不是能打开的 Excel 工作簿（{error}）：{SAVE_AGAIN}") from error
    except MemoryError:
        os.abort()  # a worker out of memory is of no more use
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the parser's own, which is no Exception
            raise
        raise Unreadable(f"工作簿已损坏（{error}）：{SAVE_AGAIN}") from error


def _refuse_what_is_none(path: Path) -> None:
    """Raise Unreadable for what by its first bytes, or by what it would unpack to, is no workbook of its suffix."""
    data = path.open("rb").read(1 << 16)
    is_old = path.suffix.lower() == ".xls"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta")):
        raise Unreadable(f"扩展名是 {path.suffix}，内容却是网页：{SAVE_AGAIN}")
    if data.startswith(OLE) and "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        raise Unreadable("工作簿有打开密码：请去掉密码后重新放入")
    if not data.startswith(OLE if is_old else ZIP):
        other = {ZIP: ".xlsx 工作簿", OLE: ".xls 工作簿"}.get(next((m for m in (ZIP, OLE) if data.startswith(m)), b""))
        what = f"内容却是 {other}：请改正扩展名" if other else f"内容却不是 Excel 工作簿：{SAVE_AGAIN}"
        raise Unreadable(f"扩展名是 {path.suffix}，{what}")
    if is_old:
        return
    try:
        parts = zipfile.ZipFile(path).infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Unreadable(f"工作簿不完整，可能中途截断（{error}）：请重新导出") from error
    for part in parts:
        if part.file_size > 10 << 20 and part.file_size > MOST_RATIO * part.compress_size:
            raise Unreadable(
                f"工作簿里的 {part.filename} 展开后是原来的 {part.file_size // max(part.compress_size, 1)} 倍，不予打开"
            )
    if sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Unreadable(f"工作簿展开后超过 {MOST_UNPACKED >> 30} GB：请另存为 CSV")


def _failed_formulas(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    """Row, column and what it shows of every formula without a result, by sheet; the parser leaves them blank."""
    is_old = path.suffix.lower() == ".xls"
    try:
        if not (FAILED_OLD.search(path.read_bytes()) if is_old else _has_failed_formula(path)):
            return {}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Unreadable(f"工作簿已损坏（{error}）：{SAVE_AGAIN}") from error
    try:
        return _failed_formulas_of_old(path) if is_old else _failed_formulas_of_new(path)
    except MemoryError:
        raise
    except Exception as error:  # whatever another parser makes of a workbook that is not as it should be
        raise Unreadable(f"有公式出错（#DIV/0! 等），却读不出在哪一格（{error}）：请改好公式，{SAVE_AGAIN}") from error


def _failed_formulas_of_new(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    from openpyxl import load_workbook

    return {
        sheet.title: [
            (cell.row, cell.column, str(cell.value))
            for row in sheet.iter_rows()
            for cell in row
            if cell.data_type == "e" and cell.value != "#N/A"
        ]
        for sheet in load_workbook(path, read_only=True, data_only=True).worksheets
    }


def _failed_formulas_of_old(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    import xlrd

    said = xlrd.error_text_from_code
    return {
        sheet.name: [
            (row + 1, column + 1, said[cell.value])
            for row in range(sheet.nrows)
            for column, cell in enumerate(sheet.row(row))
            if cell.ctype == xlrd.XL_CELL_ERROR and said[cell.value] != "#N/A"
        ]
        for sheet in xlrd.open_workbook(path, logfile=io.StringIO()).sheets()
    }


def _has_failed_formula(path: Path) -> bool:
    """Block by block: a sheet may unpack to a gigabyte."""
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            if name.startswith("xl/worksheets/"):
                with parts.open(name) as stream:
                    end = b""
                    while block := stream.read(1 << 20):
                        if FAILED.search(end + block):
                            return True
                        end = block[-16:]
    return False


def _text(cell: Any) -> str:
    """A cell as text: 371502.0 is the code 371502, and true is 是; an identity number typed as a number shows as one."""
    if isinstance(cell, str):
        return cell.replace("\0", "")
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e18:
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell)
