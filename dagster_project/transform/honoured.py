"""What a refresh honours of what dbt can be told (replay.py); a project that says more is refused when it is compiled.

A replay runs the SQL of tables and tests. Whatever else dbt would do at `dbt build` must be nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

KINDS = {"model": ("incremental", "view"), "seed": ("seed",), "test": ("test",)}

# Config that is in the compiled SQL, in the table as it was first built, or in nothing that is run: any value will do.
SETTLED = {
    *("enabled", "alias", "schema", "database", "quoting", "where", "materialized", "contract"),
    *("partition_by", "years_before", "years_after"),  # macros/pending.sql
    *("delimiter", "quote_columns", "column_types", "persist_docs"),
    *("access", "docs", "group", "meta", "packages", "static_analysis", "tags"),
}

# All other config: what it must be, which is dbt's default. A config that stands in neither list, dbt's or misspelt, is refused.
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "pre-hook": ([],),
    "post-hook": ([],),
    "grants": ({},),
    "full_refresh": (None,),
    "unique_key": (None,),
    "incremental_strategy": (None, "partition"),
    "on_schema_change": ("ignore", "fail"),
    "on_configuration_change": ("apply",),
    "batch_size": (None,),
    "begin": (None,),
    "concurrent_batches": (None,),
    "event_time": (None,),
    "freshness": (None,),
    "lookback": (1,),
    "severity": ("ERROR", "error"),
    "error_if": ("!= 0",),
    "warn_if": ("!= 0",),
    "fail_calc": ("count(*)",),
    "limit": (None,),
    "store_failures": (None, False),
    "store_failures_as": (None,),
}
OF_TABLES = {"incremental_strategy": ("partition",), "on_schema_change": ("fail",)}


def refusals(manifest: Mapping[str, Any]) -> list[str]:
    """Every config of the compiled project that a refresh would leave out, a line each, beginning with the node."""
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] != "analysis"]
    return [f"{node['name']}: {said}" for node in nodes for said in _of_node(node)]


def _of_node(node: Mapping[str, Any]) -> Iterator[str]:
    kind, config = node["resource_type"], node["config"]
    if kind not in KINDS:  # a snapshot; an operation: on-run-start, on-run-end
        yield f"resource_type={kind}"
        return
    if config["materialized"] not in KINDS[kind]:
        yield f"materialized={config['materialized']}"
    if node.get("language") == "python":
        yield "language=python"
    accepted = DEFAULTS | (OF_TABLES if is_table(node) else {})
    for name in sorted(config.keys() - SETTLED):
        if config[name] not in accepted.get(name, ()):
            yield f"{name}={config[name]}"
    if node["schema"] == "marts" and not config["contract"]["enforced"]:
        yield "contract.enforced=False"
    if is_table(node) and "raw.pending(" not in node.get("compiled_code", ""):
        yield "no pending() in its SQL"


def is_table(node: Mapping[str, Any]) -> bool:
    """Whether the rows of a node are those of partitions, to be replaced as they change."""
    return node["resource_type"] == "model" and node["config"]["materialized"] == "incremental"
