"""The dbt project: its nodes as dbt compiled them, and dbt itself at work in this process."""

import json
import os
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster_project.fingerprint import PROJECT, compiling
from dagster_project.settings import IS_CHECKOUT, home_folder
from dagster_project.transform.honoured import refusals

MADE = PROJECT / "target" if IS_CHECKOUT else home_folder() / "dbt"
TARGET = MADE / "junheng"  # apart from what dbt run by hand and sqlfluff leave


class BuildFailed(RuntimeError):
    """The message names the models and tests that failed.

    tests: their unique ids, where nothing but tests failed. regions: whose rows failed which tests, in Chinese; empty where that
    is not known of every failure.
    """

    def __init__(
        self, message: str, tests: list[str] | None = None, regions: dict[str, list[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.tests, self.regions = tests or [], regions or {}


def prepare() -> Path:
    """Compile the project if it changed since it was last compiled; the path of its manifest.json, with the SQL of each node.

    Raises BuildFailed, also where the project says what a refresh does not honour.
    """
    mark = TARGET / "fingerprint"
    if not mark.exists() or mark.read_text() != compiling(PROJECT):
        with TemporaryDirectory() as empty:
            arguments = ["compile", "--no-partial-parse", "--exclude", "resource_type:unit_test"]
            invoke([*arguments, "--target-path", str(TARGET)], Path(empty))
        if refused := refusals(json.loads((TARGET / "manifest.json").read_text("utf-8"))):
            raise BuildFailed("\n".join(["a refresh does not honour (transform/honoured.py):", *refused]))
        mark.write_text(compiling(PROJECT))
    return TARGET / "manifest.json"


def manifest() -> dict[str, Any]:
    """The compiled project, as dbt wrote it down."""
    return _read_manifest(compiling(PROJECT))


@cache
def _read_manifest(project_fingerprint: str) -> dict[str, Any]:
    return json.loads(prepare().read_text("utf-8"))


def nodes() -> dict[str, Any]:
    """Its seeds, models and tests by dbt's unique id, each after those that it reads."""
    found = manifest()["nodes"]
    graph = {
        key: [parent for parent in node["depends_on"].get("nodes", ()) if parent in found]
        for key, node in found.items()
    }
    return {key: found[key] for key in TopologicalSorter(graph).static_order()}


def parsed() -> Any:
    """The project as dbt keeps it between two invocations."""
    return _read_parsed(compiling(PROJECT))


@cache
def _read_parsed(project_fingerprint: str) -> Any:
    from dbt.contracts.graph.manifest import Manifest

    prepare()
    parsed = Manifest.from_msgpack((TARGET / "partial_parse.msgpack").read_bytes())
    parsed.build_flat_graph()
    return parsed


def invoke(
    arguments: list[str], home: Path, manifest: Any = None, callback: Callable[[Any], None] | None = None
) -> None:
    """Let dbt work in this process on <home>/warehouse.duckdb."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    silence = ["--log-level", "none", "--log-level-file", "none"]  # what goes wrong comes as an exception or a result
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--log-path", str(home / "dbt"), *silence]
    before = os.environ.get("JUNHENG_HOME")
    os.environ["JUNHENG_HOME"] = str(home)  # where dbt/profiles.yml looks
    try:
        outcome = dbtRunner(manifest=manifest, callbacks=[callback] if callback else []).invoke([*arguments, *place])
    finally:
        DuckDBConnectionManager.close_all_connections()
        if before is None:
            del os.environ["JUNHENG_HOME"]
        else:
            os.environ["JUNHENG_HOME"] = before
    if outcome.exception:
        raise BuildFailed(str(outcome.exception)) from outcome.exception
    if not outcome.success:
        bad = [r for r in getattr(outcome.result, "results", []) if r.status in ("error", "fail", "runtime error")]
        tests = [r.node.unique_id for r in bad] if all(r.status == "fail" for r in bad) else []
        raise BuildFailed("\n".join(f"{r.node.name}: {r.message}" for r in bad), tests)
