"""The two gates as asset checks: Great Expectations on what came in and on what goes out. A failed gate blocks the rest."""

import logging
from collections.abc import Iterable, Iterator

import dagster as dg

from dagster_project import validation, warehouse
from dagster_project.assets import ONE_WRITER, release_inputs, tell
from dagster_project.extracts.contract import contract
from dagster_project.settings import home_folder

CHECK = "expectations"


def _specs(keys: Iterable[dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(CHECK, asset=key, blocking=True) for key in keys]


raw_keys = [dg.AssetKey(["raw", name]) for name in contract().extracts]
mart_keys = [key for key in release_inputs if (validation.SUITES / "marts" / f"{key.path[1]}.json").exists()]


@dg.multi_asset_check(specs=_specs(raw_keys), required_resource_keys=ONE_WRITER)
def extract_expectations(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """What the run loaded, table by table, before anything is computed from it."""
    with warehouse.connect(home_folder()) as con:
        partitions = warehouse.selected_to_check(con)
    yield from _judge(context, "raw", raw_keys, partitions)


@dg.multi_asset_check(specs=_specs(mart_keys), required_resource_keys=ONE_WRITER)
def mart_expectations(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """What the run computed, mart by mart, before it is published."""
    with warehouse.connect(home_folder()) as con:
        partitions = warehouse.selected_to_check(con) or None
    yield from _judge(context, "marts", mart_keys, partitions)


def _judge(
    context: dg.AssetCheckExecutionContext,
    room: validation.Room,
    keys: list[dg.AssetKey],
    partitions: list[warehouse.Partition] | None,
) -> Iterator[dg.AssetCheckResult]:
    """One result a table; where nothing came in there is nothing to evaluate, and the table passes."""
    home = home_folder()
    results = validation.validate_in_worker(home / "warehouse.duckdb", room, partitions, home / "data_docs")
    found = {result.table: result for result in results}
    failures = [failure for result in results for failure in result.failures]
    evaluated = sum(result.evaluated for result in results)
    tell(context, f"检查 {room}：{len(results)} 张表 {evaluated} 条期望，{len(failures)} 条不符")
    for failure in failures:
        tell(context, f"    {failure}", logging.ERROR)
    for key in keys:
        result = found.get(".".join(key.path), validation.TableResult(".".join(key.path), []))
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=CHECK,
            passed=result.success,
            metadata={"evaluated": result.evaluated, "failures": result.failures},
        )
