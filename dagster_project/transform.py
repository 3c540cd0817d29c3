"""Run the dbt project: whole by dbt itself, and what changed by the SQL that dbt compiled.

A refresh of one county would pay dbt some 60 ms for each of a hundred nodes whose SQL takes 10. So dbt compiles them once, when
the project changes, with the pending partitions as their where-clause (dbt/macros/pending.sql), and a refresh runs what is compiled.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb

PROJECT = Path(__file__).resolve().parent.parent / "dbt"
TARGET = PROJECT / "target" / "junheng"  # apart from target/, where dbt run by hand and sqlfluff leave theirs
FUNCTIONS = Path(__file__).with_name("functions.py")
RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogTestResult")


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


class Result(NamedTuple):
    """A seed, model or test as it ended: seconds, and of a test the rows that it found wrong."""

    unique_id: str
    seconds: float
    failures: int = 0


OnResult = Callable[[Result], None]


def fingerprint() -> str:
    """Hash of everything that decides what dbt builds; marts built by another fingerprint are rebuilt whole."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {version('duckdb')}".encode())
    for path in sorted(PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv"} and TARGET.parent not in path.parents:
            digest.update(f"{path.relative_to(PROJECT)}".encode() + path.read_bytes())
    digest.update(FUNCTIONS.read_bytes())
    return digest.hexdigest()


def prepare() -> Path:
    """Compile the project if it changed since it was last compiled; the path of its manifest.json, with the SQL of each node."""
    mark = TARGET / "fingerprint"
    if not mark.exists() or mark.read_text() != fingerprint():
        with TemporaryDirectory() as empty:
            arguments = ["compile", "--no-partial-parse", "--exclude", "resource_type:unit_test"]
            _invoke([*arguments, "--target-path", str(TARGET)], Path(empty))
        mark.write_text(fingerprint())
    return TARGET / "manifest.json"


def build(home: Path, on_result: OnResult | None = None) -> None:
    """Build and test everything in <home>/warehouse.duckdb by dbt; on_result gets each node as it finishes.

    Raises BuildFailed; the warehouse is closed either way.
    """
    arguments = ["build", "--full-refresh", "--exclude", "resource_type:unit_test", "--no-write-json"]
    try:
        _invoke([*arguments, "--target-path", str(home / "dbt")], home, _parsed(fingerprint()), _forward(on_result))
    except BuildFailed as error:
        if error.tests:
            from dagster_project.functions import register

            with duckdb.connect(str(home / "warehouse.duckdb")) as con:
                register(con)
                error.regions = _failed_regions(con, [nodes()[unique_id] for unique_id in error.tests])
        raise


def rebuild(home: Path, on_result: OnResult | None = None) -> None:
    """Rebuild the pending partitions in every table, and test them, as dbt would; all of it or nothing.

    Seeds and views stay: they are as the last build made them. Raises BuildFailed.
    """
    from dagster_project.functions import register

    found = nodes()
    tables = {key: node for key, node in found.items() if node["config"]["materialized"] == "table"}
    tests = {
        key: node
        for key, node in found.items()
        if node["resource_type"] == "test" and not tables.keys().isdisjoint(node["depends_on"]["nodes"])
    }
    failed: list[Any] = []
    told = []
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute("set enable_progress_bar = false")
        register(con)
        con.begin()
        for key, node in (tables | tests).items():
            started, failures = time.perf_counter(), 0
            try:
                if key in tables:
                    con.execute(_replace_pending(node))
                else:
                    [failures] = con.execute(f"select count(*) from ({node['compiled_code']})").fetchone() or [0]
            except duckdb.Error as error:
                raise BuildFailed(f"{node['name']}: {error}") from error
            if failures:
                failed.append(node)
                told.append(f"{node['name']}: {failures} rows")
            if on_result:
                on_result(Result(key, time.perf_counter() - started, failures))
        if failed:
            raise BuildFailed("\n".join(told), [node["unique_id"] for node in failed], _failed_regions(con, failed))
        con.commit()


def _failed_regions(con: duckdb.DuckDBPyConnection, tests: list[Any]) -> dict[str, list[str]]:
    """Whose rows failed which tests; nothing where one of them does not say whose."""
    regions: dict[str, list[str]] = {}
    for node in tests:
        names = [
            column[0] for column in con.execute(f"select * from ({node['compiled_code']}) limit 0").description or []
        ]
        if "region_id" not in names:
            return {}
        for (region_id,) in con.execute(f"select distinct region_id from ({node['compiled_code']})").fetchall():
            regions.setdefault(region_id, []).append(f"不合 dbt 检验 {node['name']}")
    return regions


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


def _replace_pending(node: dict[str, Any]) -> str:
    """Out with a model's pending rows, in with what its SQL selects: what was withdrawn leaves, whatever takes its place."""
    config, relation = node["config"], node["relation_name"]
    columns = ", ".join(config.get("partition_by") or ("region_id", "school_year"))
    years = f"{config.get('years_before', 0)}, {config.get('years_after', 0)}"
    delete = f"delete from {relation} where ({columns}) in (select {columns} from raw.pending({years}))"
    return f"{delete}; insert into {relation} by name ({node['compiled_code']})"


@cache
def _parsed(project_fingerprint: str) -> Any:
    """The project as dbt keeps it between two invocations."""
    from dbt.contracts.graph.manifest import Manifest

    prepare()
    parsed = Manifest.from_msgpack((TARGET / "partial_parse.msgpack").read_bytes())
    parsed.build_flat_graph()
    return parsed


def _forward(on_result: OnResult | None) -> Callable[[Any], None]:
    """dbt's events as results."""

    def forward(event: Any) -> None:
        if on_result and event.info.name in RESULT_EVENTS:
            failures = 0
            if event.info.name == "LogTestResult":
                failures = event.data.num_failures or int(event.data.status in ("fail", "error"))
            on_result(Result(event.data.node_info.unique_id, event.data.execution_time, failures))

    return forward


def _invoke(
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
