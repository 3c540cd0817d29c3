"""Build and test everything by dbt itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from dagster_project.transform.functions import register
from dagster_project.transform.project import BuildFailed, invoke, nodes, parsed

RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogTestResult")


class Result(NamedTuple):
    """A seed, model or test as it ended: seconds, and of a test the rows that it found wrong."""

    unique_id: str
    seconds: float
    failures: int = 0


OnResult = Callable[[Result], None]


def build(home: Path, on_result: OnResult | None = None) -> None:
    """Build and test everything in <home>/warehouse.duckdb by dbt; on_result gets each node as it finishes.

    Raises BuildFailed; the warehouse is closed either way.
    """
    arguments = ["build", "--full-refresh", "--exclude", "resource_type:unit_test", "--no-write-json"]
    try:
        invoke([*arguments, "--target-path", str(home / "dbt")], home, parsed(), _forward(on_result))
    except BuildFailed as error:
        if error.tests:
            with duckdb.connect(str(home / "warehouse.duckdb")) as con:
                register(con)
                error.regions = failed_regions(con, [nodes()[unique_id] for unique_id in error.tests])
        raise


def failed_regions(con: duckdb.DuckDBPyConnection, tests: list[Any]) -> dict[str, list[str]]:
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


def _forward(on_result: OnResult | None) -> Callable[[Any], None]:
    """dbt's events as results."""

    def forward(event: Any) -> None:
        if on_result and event.info.name in RESULT_EVENTS:
            failures = 0
            if event.info.name == "LogTestResult":
                failures = event.data.num_failures or int(event.data.status in ("fail", "error"))
            on_result(Result(event.data.node_info.unique_id, event.data.execution_time, failures))

    return forward
