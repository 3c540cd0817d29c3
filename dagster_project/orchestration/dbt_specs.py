"""The dbt project as Dagster shows it: an asset a model and seed, a check a test, from the manifest that dbt wrote.

The library dagster-dbt says the same, but imports dbt, which takes longer than all else that a refresh imports.
"""

import hashlib
from textwrap import indent
from typing import Any

import dagster as dg

ASSETS = ("model", "seed")


def asset_key(node: dict[str, Any]) -> dg.AssetKey:
    """A source is the raw table that the loading step makes; a model stands under its schema."""
    return dg.AssetKey([node["schema"], node["name"]])


def asset_specs(manifest: dict[str, Any]) -> list[dg.AssetSpec]:
    """The models and seeds, with what they read, their columns and their SQL."""
    every = manifest["nodes"] | manifest["sources"]
    return [
        dg.AssetSpec(
            asset_key(node),
            deps=[asset_key(every[parent]) for parent in node["depends_on"].get("nodes", ())],
            description=f"{node['description']}\n\n#### Raw SQL:\n```sql\n{indent(node['raw_code'], ' ' * 4)}\n```",
            metadata=_metadata(node),
            skippable=True,
            group_name=node["schema"],
            code_version=_code_version(node),
            kinds={"dbt", "duckdb"},
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] in ASSETS
    ]


def check_specs(manifest: dict[str, Any]) -> dict[str, dg.AssetCheckSpec]:
    """The tests by dbt's unique id, each of the asset that it stands beside, or that its meta names."""
    every = manifest["nodes"] | manifest["sources"]
    keys = {node["name"]: asset_key(node) for node in every.values() if node["resource_type"] in ASSETS}
    specs = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "test":
            beside = node.get("attached_node")
            of = asset_key(every[beside]) if beside else keys[node["config"]["meta"]["dagster"]["ref"]["name"]]
            read = {asset_key(every[parent]) for parent in node["depends_on"]["nodes"]}
            specs[unique_id] = dg.AssetCheckSpec(node["name"], asset=of, additional_deps=read - {of}, blocking=True)
    return specs


def _metadata(node: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of the table: its name, how it is made, its columns by their contract."""
    columns = [
        dg.TableColumn(name, column["data_type"] or "?", column["description"])
        for name, column in node["columns"].items()
    ]
    return {
        "dagster/table_name": f"{node['database']}.{node['schema']}.{node['name']}",
        "dagster/storage_kind": "duckdb",
        "materialized": node["config"]["materialized"],
        **({"dagster/column_schema": dg.TableSchema(columns)} if columns else {}),
    }


def _code_version(node: dict[str, Any]) -> str:
    """Of a seed, the hash of its rows; of a model, that of its SQL."""
    return hashlib.sha1(node["raw_code"].encode()).hexdigest() if node["raw_code"] else node["checksum"]["checksum"]
