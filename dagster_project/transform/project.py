"""The dbt project: what decides what it builds, its nodes as dbt compiled them, and dbt itself at work in this process."""

import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster_project.settings import CHECKOUT
from dagster_project.transform.honoured import refusals

PROJECT = CHECKOUT / "dbt"
TARGET = PROJECT / "target" / "junheng"  # apart from target/, where dbt run by hand and sqlfluff leave theirs
FUNCTIONS = Path(__file__).with_name("functions.py")


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


def fingerprint() -> str:
    """Hash of everything that decides what dbt builds; marts built by another fingerprint are rebuilt whole."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {version('duckdb')}".encode())
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv", ".md", ".py"} and TARGET.parent not in path.parents:
            digest.update(f"{path.relative_to(PROJECT)}".encode() + path.read_bytes())
    digest.update(FUNCTIONS.read_bytes())
    return digest.hexdigest()


def prepare() -> Path:
    """Compile the project if it changed since it was last compiled; the path of its manifest.json, with the SQL of each node.

    Raises BuildFailed, also where the project says what a refresh does not honour.
    """
    mark = TARGET / "fingerprint"
    if not mark.exists() or mark.read_text() != fingerprint():
        with TemporaryDirectory() as empty:
            arguments = ["compile", "--no-partial-parse", "--exclude", "resource_type:unit_test"]
            invoke([*arguments, "--target-path", str(TARGET)], Path(empty))
        if refused := refusals(json.loads((TARGET / "manifest.json").read_text("utf-8"))):
            raise BuildFailed("\n".join(["a refresh does not honour (transform/honoured.py):", *refused]))
        mark.write_text(fingerprint())
    return TARGET / "manifest.json"


def manifest() -> dict[str, Any]:
    """The compiled project, as dbt wrote it down."""
    return _read_manifest(fingerprint())


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


@cache
def parsed(project_fingerprint: str) -> Any:
    """The project as dbt keeps it between two invocations."""
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
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), *silence]
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
