"""What decides what: the code of a room and the data that it works by, as one hash each. What another hash made is made again.

loading     a partition's rows, beside its own files
compiling   the SQL of a dbt project
building    the marts, and what the gates say of them
publishing  forms, page and dictionary, beside the marts
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dagster_project.settings import RESOURCES

ROOMS = Path(__file__).parent
PROJECT = RESOURCES / "dbt"
LIBRARIES = ("dbt-core", "dbt-duckdb", "duckdb")
MADE = {"__pycache__", "target", "logs", ".user.yml"}  # by Python and dbt, as they run


def loading() -> str:
    seeds = (PROJECT / "seeds" / name for name in ("inputs.csv", "data_checks.csv"))  # what a fact may be
    return _hash(ROOMS / "extracts", ROOMS / "warehouse", *seeds)


def compiling(project: Path = PROJECT) -> str:
    return _hash(ROOMS / "transform", project)


def building() -> str:
    return _hash(ROOMS / "transform", PROJECT, ROOMS / "gates", RESOURCES / "expectations")


def publishing() -> str:
    return _hash(ROOMS / "transform", PROJECT, ROOMS / "release", ROOMS / "sheets.py")


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
    digest = hashlib.sha256(" ".join(map(version, LIBRARIES)).encode())
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
