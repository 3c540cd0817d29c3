"""Run the dbt project inside this process, with its parsed manifest kept: a refresh pays for SQL, not for start-up."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent / "dbt"
TARGET = PROJECT / "target" / "junheng"  # apart from target/, where dbt run by hand and sqlfluff leave theirs
RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogTestResult")
CHANGED = ["--select", "source:raw+", "path:models/marts"]
NOT_EACH_TIME = ["resource_type:unit_test", "config.materialized:view"]


class BuildFailed(RuntimeError):
    """dbt stopped: the message names the models and tests that failed."""


def fingerprint() -> str:
    """Hash of everything that decides what dbt builds; marts built by another fingerprint are rebuilt whole."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {version('duckdb')}".encode())
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv", ".py"} and TARGET.parent not in path.parents:
            digest.update(f"{path.relative_to(PROJECT)}".encode() + path.read_bytes())
    return digest.hexdigest()


def prepare() -> Path:
    """Parse the project if it changed since it was last parsed; the path of its manifest.json."""
    mark = TARGET / "fingerprint"
    if not mark.exists() or mark.read_text() != fingerprint():
        _invoke(["parse", "--no-partial-parse", "--target-path", str(TARGET)], None, [])
        mark.write_text(fingerprint())
    return TARGET / "manifest.json"


@cache
def _manifest(project_fingerprint: str) -> Any:
    from dbt.contracts.graph.manifest import Manifest

    prepare()
    manifest = Manifest.from_msgpack((TARGET / "partial_parse.msgpack").read_bytes())
    manifest.build_flat_graph()
    return manifest


def build(home: Path, full: bool, on_result: Callable[[dict[str, Any]], None]) -> None:
    """Build and test the marts in <home>/warehouse.duckdb; on_result gets dbt's event of each node as it finishes.

    full builds everything; otherwise only the pending partitions are rebuilt, and seeds and views stay.
    Raises BuildFailed; the warehouse is closed either way.
    """
    os.environ["JUNHENG_HOME"] = str(home)
    select = ["--full-refresh", "--exclude", NOT_EACH_TIME[0]] if full else [*CHANGED, "--exclude", *NOT_EACH_TIME]
    arguments = ["build", *select, "--target-path", str(home / "dbt"), "--no-write-json"]
    _invoke(arguments, _manifest(fingerprint()), [_forward(on_result)])


def _forward(on_result: Callable[[dict[str, Any]], None]) -> Callable[[Any], None]:
    from google.protobuf.json_format import MessageToDict

    def forward(event: Any) -> None:
        if event.info.name in RESULT_EVENTS:
            on_result(MessageToDict(event, preserving_proto_field_name=True))

    return forward


def _invoke(arguments: list[str], manifest: Any, callbacks: list[Callable[[Any], None]]) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    place = [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--log-level-file",
        "none",
        "--quiet",
    ]
    try:
        outcome = dbtRunner(manifest=manifest, callbacks=callbacks).invoke([*arguments, *place])
    finally:
        DuckDBConnectionManager.close_all_connections()
    if outcome.exception:
        raise BuildFailed(str(outcome.exception)) from outcome.exception
    if not outcome.success:
        bad = [r for r in getattr(outcome.result, "results", []) if r.status in ("error", "fail", "runtime error")]
        raise BuildFailed("\n".join(f"{r.node.name}: {r.message}" for r in bad))
