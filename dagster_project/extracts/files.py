"""A file that was handed in: which extract its name announces, whether it may be opened, its sheets as text."""

import os
import re
import unicodedata
from pathlib import Path

import duckdb

from dagster_project import fingerprint
from dagster_project.extracts.contract import contract
from dagster_project.extracts.sheet import TEXT, WORKBOOK, Sheet, Unreadable, sheet_of
from dagster_project.extracts.text import read_text
from dagster_project.extracts.workbook import read_workbook

FORMS = "forms"
A_YEAR = r"\d{4}([-—–]\d{4})?(学?年度?)?[_\-. ]?"  # before the name
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: control, format, no character at all, line ends


def is_within(folder: Path, path: Path) -> bool:
    """Whether a path, its links followed, lies in the folder."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def is_form(path: Path) -> bool:
    """Is it an official statistics workbook? These lie in a folder of their own, one a school."""
    return path.parent.name == FORMS


def extract_of(path: Path) -> str | None:
    """Which extract a file name announces: schools.csv, 学校.xlsx, schools_371502.csv, 2022学年教师名册.xlsx; None where it says none.

    A name of somebody's own, 莘县学校教师情况（终稿）.xlsx, announces what it ends with; 教师培训.xlsx is no list of teachers.
    """
    if is_form(path):
        return "schools"
    for name, extract in contract().extracts.items():
        names = "|".join((name, extract.zh, *extract.file_names))
        if re.fullmatch(rf"({A_YEAR})?({names})([\d_\-. (（].*)?", path.stem.lower()):
            return name
    a_list = "|".join(contract().list_words)
    for name, extract in contract().extracts.items():
        words = "|".join((extract.zh, *extract.file_names))
        if re.fullmatch(rf".*({words})({a_list})*([\d_\-. (（].*)?", path.stem):
            return name
    return None


def in_order(paths: list[Path]) -> list[Path]:
    """Files in the order of loading: schools first, since others refer to them."""
    order = list(contract().extracts)
    return sorted(paths, key=lambda path: (order.index(name) if (name := extract_of(path)) else len(order), str(path)))


def sha256(folder: Path, path: Path) -> str | None:
    """Hash of a file; null for what is no file, or lies outside the folder, which is not opened."""
    if not is_within(folder, path) or not path.is_file():
        return None
    return fingerprint.sha256(path)


def shown_name(folder: Path, path: Path) -> str:
    """A file's name for messages: relative to the folder, text, and on one line."""
    name = str(path.relative_to(folder))
    return "".join("□" if unicodedata.category(char) in UNSEEN else char for char in name)


def read_sheets(con: duckdb.DuckDBPyConnection, path: Path) -> list[Sheet]:
    """Read a text file or a workbook, sheet by sheet. Raises Unreadable; empty sheets are left out, but not all of them."""
    suffix = path.suffix.lower()
    if suffix not in TEXT + WORKBOOK:
        known = "、".join(TEXT + WORKBOOK)
        raise Unreadable(f"不支持 {path.suffix or '没有扩展名的'} 文件：请另存为 {known} 之一")
    if path.stat().st_size == 0:
        raise Unreadable("文件是空的：请重新导出")
    if suffix in TEXT:
        return [sheet_of(con, None, *read_text(path))]
    contents = read_workbook(path)
    if not contents:
        raise Unreadable("工作簿里一格也没有填：请填好后重新放入")
    return [sheet_of(con, *content) for content in contents]
