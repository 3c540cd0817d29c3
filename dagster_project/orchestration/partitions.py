"""Region × school year as Dagster's partitions: one for each that lies in raw/ or in the warehouse, and for no other.

They are added and removed while the service runs. What a run deals with is a list of them in its tag: Dagster's own tags can name
one partition or a range, but not two years of two regions. A run without the tag, started on the page, deals with its own partitions.
"""

import json
from collections.abc import Collection

import dagster as dg

from dagster_project.extracts.regions import Partition

TAG = "junheng/partitions"
NAME = "region_school_year"
region_year = dg.DynamicPartitionsDefinition(name=NAME)


def key(partition: Partition) -> str:
    """What Dagster calls a partition: 'liaocheng|2023'."""
    region_id, school_year = partition
    return f"{region_id}|{school_year}"


def run_tags(partitions: Collection[Partition]) -> dict[str, str]:
    """Tags of the one run that deals with these partitions."""
    return {TAG: json.dumps(sorted(partitions))}


def is_listed(context: dg.AssetExecutionContext) -> bool:
    """Does the run name its partitions in its tag? Else it has Dagster's own."""
    return TAG in context.run.tags


def asked_for(context: dg.AssetExecutionContext) -> set[Partition]:
    """The partitions that a run deals with."""
    if is_listed(context):
        return {(region_id, year) for region_id, year in json.loads(context.run.tags[TAG])}
    keys = [each.split("|") for each in context.partition_keys]
    return {(region_id, int(year)) for region_id, year in keys}


def new_keys(instance: dg.DagsterInstance, present: Collection[Partition]) -> list[str]:
    """The keys of those partitions that Dagster does not know yet."""
    known = set(instance.get_dynamic_partitions(NAME))
    return [key(partition) for partition in sorted(present) if key(partition) not in known]


def forget_all_but(instance: dg.DagsterInstance, kept: Collection[Partition]) -> None:
    """Remove the other partitions from what Dagster knows; that they were once refreshed stays on record."""
    for gone in set(instance.get_dynamic_partitions(NAME)) - {key(partition) for partition in kept}:
        instance.delete_dynamic_partition(NAME, gone)
