"""Data Docs: a page a gate, with every expectation's sentence and what was observed. Of the last run they lie in <home>/data_docs, also
where it failed; what let a release through goes into the release.

Rendered here, not by GX: its pages fetch styles and scripts from the web, and leave out what a SQL expectation found.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from dagster_project.extracts.regions import Partition
from dagster_project.gates.results import SUITES, Room, TableResult


def write_docs(docs: Path, room: Room, partitions: Collection[Partition] | None, results: list[TableResult]) -> None:
    """Data Docs: a page for the room, and the index that leads to both pages. Static, nothing fetched. partitions: None: all rows."""
    from jinja2 import Environment, FileSystemLoader

    pages = Environment(loader=FileSystemLoader(SUITES), autoescape=True, trim_blocks=True)
    docs.mkdir(parents=True, exist_ok=True)
    scope = {
        "room": room,
        "results": results,
        "partitions": partitions,
        "checked_at": datetime.now().astimezone(),
    }
    for name, text in {
        f"{room}.html": pages.get_template("data_docs.html.j2").render(scope),
        "index.html": pages.get_template("data_docs.html.j2").render(room=None),
    }.items():
        (docs / name).write_text(text, "utf-8")
