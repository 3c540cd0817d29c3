"""The dictionary of facts: what a bureau can hand in beside the other extracts, and who asks for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from dagster_project.sql import quote
from dagster_project.transform.project import PROJECT, nodes

NATIONAL = "国家标准"


@dataclass(frozen=True)
class Fact:
    """A row of dim_fact.

    needed_by   ids of targets (LC-30), items of the national standards (G13), tables of the application form, indicators;
                none: a transition rule
    documents   the policy documents of those targets, and NATIONAL
    """

    fact_id: str
    name_zh: str
    entity_type: str
    value_type: str
    unit_zh: str | None
    is_inherited: bool
    note_zh: str | None
    needed_by: tuple[str, ...]
    documents: frozenset[str]

    def is_asked_of(self, documents: Iterable[str]) -> bool:
        """Whether a region with these documents needs it; what nobody needs may be handed in everywhere."""
        return not self.documents or not self.documents.isdisjoint({NATIONAL, *documents})


def facts() -> list[Fact]:
    """All facts in the order of the seed: dim_fact as dbt compiled it, over the seeds alone, as there may be no warehouse yet."""
    found = nodes()
    model, inputs = found["model.junheng.dim_fact"], found["seed.junheng.inputs"]
    with duckdb.connect() as con:
        con.execute(f"attach ':memory:' as {model['database']}")
        for key in model["depends_on"]["nodes"]:
            _make(con, found, key)
        rows = con.execute(
            f"""select fact.* from ({model["compiled_code"]}) as fact
            inner join {inputs["relation_name"]} as inputs on fact_id = input_id order by inputs.rowid"""
        ).fetchall()
    return [_fact(*row) for row in rows]


def _make(con: duckdb.DuckDBPyConnection, found: Mapping[str, dict[str, Any]], key: str) -> None:
    """A seed as a table; a model as a view of what it reads, which is made first. What is there already stays."""
    node = found[key]
    con.execute(f"create schema if not exists {node['database']}.{node['schema']}")
    if node["resource_type"] == "seed":
        path, types = quote(PROJECT / node["original_file_path"]), node["config"]["column_types"]
        con.execute(
            f"create table if not exists {node['relation_name']} as from read_csv({path}, header = true, types = {types})"
        )
        return
    for read in node["depends_on"]["nodes"]:
        _make(con, found, read)
    con.execute(f"create view if not exists {node['relation_name']} as {node['compiled_code']}")


def _fact(*row: Any) -> Fact:
    *told, targets, items, tables, indicators, documents = row
    needed = [*_split(targets), *_split(items), *(f"申报表{table}" for table in _split(tables)), *_split(indicators)]
    national = [NATIONAL] if items or tables or indicators else []
    return Fact(*told, needed_by=tuple(needed), documents=frozenset([*_split(documents), *national]))


def _split(ids: str | None) -> list[str]:
    return ids.split(";") if ids else []
