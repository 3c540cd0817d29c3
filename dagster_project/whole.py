"""A small file is written whole: whoever reads it finds what it was or what it is, also after a power cut."""

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    replace_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def replace_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the file under another name, bring it to the disk, and put it in the place of the old one."""
    beside = path.with_name(f".{path.name}")
    write(beside)
    with beside.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(beside, path)
