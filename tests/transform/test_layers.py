"""The layers of dbt/models: a folder each, in the order in which dbt_project.yml lists them."""

from pathlib import PurePath

import yaml

from dagster_project.transform import project

CONFIG = yaml.safe_load((project.PROJECT / "dbt_project.yml").read_text("utf-8"))["models"]["junheng"]
LAYERS = [name for name in CONFIG if not name.startswith("+")]
MODELS = {key: node for key, node in project.nodes().items() if node["resource_type"] == "model"}


def layer(key: str) -> int:
    """Of a model, by the folder of its file."""
    return LAYERS.index(PurePath(MODELS[key]["path"]).parts[0])


def test_a_model_reads_its_own_layer_and_those_below() -> None:
    """So there is no circle of folders either."""
    upwards = [
        f"{node['name']} reads {MODELS[parent]['name']}"
        for key, node in MODELS.items()
        for parent in node["depends_on"]["nodes"]
        if parent in MODELS and layer(parent) > layer(key)
    ]
    assert not upwards


def test_staging_alone_reads_sources() -> None:
    readers = {
        node["name"]
        for key, node in MODELS.items()
        if layer(key) and any(parent.startswith("source.") for parent in node["depends_on"]["nodes"])
    }
    assert not readers


def test_the_grain_of_every_intermediate_has_a_test() -> None:
    held = {
        node["attached_node"]
        for node in project.nodes().values()
        if node.get("test_metadata", {}).get("name") == "unique_combination"
    }
    assert not [key for key in MODELS.keys() - held if MODELS[key]["schema"] == "intermediate"]
