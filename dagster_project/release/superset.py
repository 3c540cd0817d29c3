"""Two Superset dashboards as a ZIP to import: superset.yml says what they show, dbt's manifest what each column means."""

import re
import uuid
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dagster_project.release.dictionary import read_manifest, tables

TABLE = {"query_mode": "raw", "row_limit": 5000, "page_length": 20, "show_cell_bars": False}


def write_superset(snapshot: Path, path: Path) -> None:
    """Write the ZIP; its database is this snapshot, which Superset opens read-only, anew for every query."""
    plan = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    with duckdb.connect(str(snapshot), read_only=True) as con:
        labels = con.execute(
            "select kind, code, label_zh, colour from marts.dim_label order by kind, sort_order"
        ).fetchall()
    words = {
        column: {code: word for found, code, word, _ in labels if found == kind}
        for column, kind in plan["words"].items()
    }
    colours = {word: colour for _, _, word, colour in labels if colour}
    marts = {table["name"]: table for table in tables(read_manifest())}
    files = {
        "metadata.yaml": {"version": "1.0.0", "type": "Dashboard"},
        "databases/junheng.yaml": {
            "database_name": "均衡 Junheng",
            "sqlalchemy_uri": f"duckdb:///{snapshot}?access_mode=read_only",
            "expose_in_sqllab": True,
            "extra": {},
            "uuid": _uuid("database"),
            "version": "1.0.0",
        },
    }
    for name, joins in plan["datasets"].items():
        files[f"datasets/junheng/{name}.yaml"] = _dataset(marts, name, joins, words)
    for name, dashboard in plan["dashboards"].items():
        for chart in (chart for row in dashboard["rows"] for chart in row):
            files[f"charts/{_uuid(chart['title'])}.yaml"] = _chart(chart)
        files[f"dashboards/{name}.yaml"] = _dashboard(name, dashboard, colours)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in files.items():
            archive.writestr(f"junheng/{file}", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))


def _dataset(
    marts: dict[str, Any], name: str, joins: dict[str, list[str]], words: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """A mart beside its dimensions; words take the place of codes."""
    columns = {column["name"]: (name, column) for column in marts[name]["columns"]}
    source = f"marts.{name}"
    for dimension, wanted in joins.items():
        on = " and ".join(f"{name}.{key} = {dimension}.{key}" for key in marts[dimension]["key"])
        source += f"\nleft join marts.{dimension} on {on}"
        columns |= {
            column["name"]: (dimension, column) for column in marts[dimension]["columns"] if column["name"] in wanted
        }
    shown = []
    for column, (table, _) in columns.items():
        said = "".join(f" when '{code}' then '{word}'" for code, word in words.get(column, {}).items())
        shown.append(f"case {table}.{column}{said} end as {column}" if said else f"{table}.{column}")
    return {
        "table_name": name,
        "description": marts[name]["zh"],
        "schema": "marts",
        "sql": "select\n    " + ",\n    ".join(shown) + f"\nfrom {source}",
        "uuid": _uuid(name),
        "database_uuid": _uuid("database"),
        "columns": [
            {
                "column_name": column["name"],
                "verbose_name": re.split("[，；（。]|：(?=[a-z])", column["zh"])[0],
                "description": column["zh"],
                "type": "VARCHAR" if column["name"] in words else column["type"].upper(),
                "groupby": True,
                "filterable": True,
            }
            for _, column in columns.values()
        ],
        "metrics": [{"metric_name": "count", "verbose_name": "行数", "metric_type": "count", "expression": "COUNT(*)"}],
        "version": "1.0.0",
    }


def _chart(chart: dict[str, Any]) -> dict[str, Any]:
    params = {**(TABLE if chart["viz_type"] == "table" else {}), **chart["params"], "viz_type": chart["viz_type"]}
    where = params.pop("where", None)
    params["adhoc_filters"] = [{"expressionType": "SQL", "clause": "WHERE", "sqlExpression": where}] if where else []
    return {
        "slice_name": chart["title"],
        "viz_type": chart["viz_type"],
        "params": params,
        "uuid": _uuid(chart["title"]),
        "dataset_uuid": _uuid(chart["dataset"]),
        "version": "1.0.0",
    }


def _dashboard(name: str, dashboard: dict[str, Any], colours: dict[str, str]) -> dict[str, Any]:
    """Rows of charts, twelve columns wide, and filters that apply to every chart whose dataset has the column."""
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": dashboard["title"]}},
    }
    every_year: list[int] = []
    for number, charts in enumerate(dashboard["rows"]):
        row = f"ROW-{number}"
        position["GRID_ID"]["children"].append(row)
        position[row] = {
            "id": row,
            "type": "ROW",
            "parents": ["ROOT_ID", "GRID_ID"],
            "children": [],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart in charts:
            key = f"CHART-{_uuid(chart['title'])}"
            if chart.get("every_year"):
                every_year.append(len(position))
            position[row]["children"].append(key)
            position[key] = {
                "id": key,
                "type": "CHART",
                "parents": ["ROOT_ID", "GRID_ID", row],
                "children": [],
                "meta": {
                    "chartId": len(position),  # any number that is its own: the import puts its own in its place
                    "uuid": _uuid(chart["title"]),
                    "sliceName": chart["title"],
                    "width": chart["width"],
                    "height": chart["height"],
                },
            }
    return {
        "dashboard_title": dashboard["title"],
        "slug": f"junheng-{name}",
        "published": True,
        "uuid": _uuid(dashboard["title"]),
        "position": position,
        "metadata": {
            "label_colors": colours,
            "native_filter_configuration": [_filter(name, plan, every_year) for plan in dashboard["filters"]],
        },
        "version": "1.0.0",
    }


def _filter(name: str, plan: dict[str, Any], excluded: list[int]) -> dict[str, Any]:
    """A drop-down; `first`: one value, the last in order unless another is chosen; `within`: what another filter leaves.

    excluded: the charts that show every year."""
    first = plan.get("first", False)
    return {
        "id": f"NATIVE_FILTER-{_uuid(name + plan['name'])}",
        "name": plan["name"],
        "type": "NATIVE_FILTER",
        "requiredFirst": first,  # the charts wait for it
        "filterType": "filter_select",
        "targets": [{"datasetUuid": _uuid(plan["dataset"]), "column": {"name": plan["column"]}}],
        "controlValues": {
            "multiSelect": not first,
            "defaultToFirstItem": first,
            "enableEmptyFilter": first,
            "sortAscending": not first,
            "inverseSelection": False,
            "searchAllOptions": False,
        },
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "cascadeParentIds": [f"NATIVE_FILTER-{_uuid(name + plan['within'])}"] if "within" in plan else [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded if plan["column"] == "school_year" else []},
    }


def _uuid(name: str) -> str:
    """The same name is the same thing in every export, so charts find their datasets and links to a dashboard stay."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"junheng {name}"))
