"""What decides what: the code of a room and the data that it works by, as one hash each. What another hash made is made again.

loading     a partition's rows, beside its own files
compiling   the SQL of a dbt project
building    the marts, and what the gates say of them
publishing  forms, page and dictionary, beside the marts

A release notes the same in parts, so that what changed from one to the next has a cause: computing, seeds, libraries.
"""

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dagster_project.settings import IS_CHECKOUT, RESOURCES, home_folder

ROOMS = Path(__file__).parent
PROJECT = RESOURCES / "dbt"
# What reads the files, computes from them, judges and writes: another version may come to other figures.
LIBRARIES = (
    *("dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "openpyxl"),
    *("pandas", "pyarrow", "python-calamine", "scipy", "xlrd"),
)
MADE = {"__pycache__", "target", "logs", ".user.yml"}  # by Python and dbt, as they run


LOADING_SEEDS = ("inputs", "data_checks")  # what a fact may be


def loading() -> str:
    read = (PROJECT / "seeds" / f"{name}.csv" for name in LOADING_SEEDS)
    return _hash(ROOMS / "extracts", ROOMS / "warehouse", *read)


def compiling(project: Path = PROJECT) -> str:
    return _hash(ROOMS / "transform", project)


def building() -> str:
    return _hash(ROOMS / "transform", PROJECT, ROOMS / "gates", RESOURCES / "expectations")


def publishing() -> str:
    return _hash(ROOMS / "transform", PROJECT, ROOMS / "release", ROOMS / "sheets.py")


def running() -> str:
    """All code, where it lies and by what it runs: what a process that stays up has to share with a command that it works for."""
    place = f"{ROOMS} {sys.prefix} {sys.version} {'' if IS_CHECKOUT else home_folder()}"
    return _digest(" ".join([place, *libraries().values()]), ROOMS, PROJECT, RESOURCES / "expectations")


def computing() -> str:
    """The code that reads and computes, without the seeds and the libraries."""
    code = (path for path in _files(PROJECT) if path.suffix != ".csv")
    return _digest("", ROOMS / "extracts", ROOMS / "warehouse", ROOMS / "transform", *code)


def seeds() -> dict[str, str]:
    """Each seed's sha256 by its name."""
    return {path.stem: sha256_once(path) for path in sorted((PROJECT / "seeds").glob("*.csv"))}


@cache
def libraries() -> dict[str, str]:
    """The version of each library that has a part in the figures."""
    return {name: version(name) for name in LIBRARIES}


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_once(path: Path) -> str:
    """Of a file that this process may have asked for: taken again where the file is another, or was touched."""
    stat = path.stat()
    return _taken(path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _hash(*places: Path) -> str:
    """Of the files and of all that lies in the folders, by their names, and of the libraries that work on them."""
    return _digest(" ".join(libraries().values()), *places)


def _digest(beginning: str, *places: Path) -> str:
    digest = hashlib.sha256(beginning.encode())
    for place in places:
        for path in _files(place):
            digest.update(f"{path.relative_to(place.parent)}{sha256_once(path)}".encode())
    return digest.hexdigest()


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.name not in MADE:
        for path in sorted(place.iterdir()):
            if path.name not in MADE:
                yield from _files(path)


@cache
def _taken(path: Path, *_: int) -> str:
    return sha256(path)
