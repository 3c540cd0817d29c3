"""The two gates as asset checks: Great Expectations on what came in and on what goes out. A failed gate blocks the rest.

Where the new rows of some regions fail, those regions stay as they were and the others go out.
"""

import logging
from collections.abc import Iterable, Iterator

import dagster as dg

from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import Partition
from dagster_project.gates import results as gate
from dagster_project.gates import worker
from dagster_project.gates.data_docs import write_docs
from dagster_project.orchestration.assets import GATE, ONE_WRITER, hold_back, release_inputs, tell
from dagster_project.release.store import CHECKED
from dagster_project.settings import home_folder
from dagster_project.transform import replay
from dagster_project.warehouse import ledger, tables

CHECK = "expectations"


def _specs(keys: Iterable[dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    description = "这张表的全部期望，见 data_docs；有一条不符就不发布 · all expectations of the table"
    return [dg.AssetCheckSpec(CHECK, asset=key, blocking=True, description=description) for key in keys]


raw_keys = [dg.AssetKey(["raw", name]) for name in contract().extracts]
mart_keys = [key for key in release_inputs if (gate.SUITES / "marts" / f"{key.path[1]}.json").exists()]


@dg.multi_asset_check(specs=_specs(raw_keys), can_subset=True, required_resource_keys=ONE_WRITER)
def extract_expectations(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """What the run loaded, table by table, before anything is computed from it."""
    yield from _judge(context, "raw")


@dg.multi_asset_check(name=GATE, specs=_specs(mart_keys), can_subset=True, required_resource_keys=ONE_WRITER)
def mart_expectations(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """What the run computed, mart by mart, before it is published."""
    yield from _judge(context, "marts")


def _judge(context: dg.AssetCheckExecutionContext, room: gate.Room) -> Iterator[dg.AssetCheckResult]:
    """One result a table; where nothing came in there is nothing to evaluate, and the table passes.

    What only new rows of some regions fail is a warning: the run has gone on without them. A run that asks for some of the tables
    judges them all and reports those; it fails when another one does.
    """
    home = home_folder()
    checked = _to_check(room)
    results = worker.validate_in_worker(home / "warehouse.duckdb", room, checked, home / "data_docs")
    found = {result.table: result for result in results}
    failures = [failure for result in results for failure in result.failures]
    evaluated = sum(result.evaluated for result in results)
    tell(context, f"检查 {room}：{len(results)} 张表 {evaluated} 条期望，{len(failures)} 条不符")
    for failure in failures:
        tell(context, f"    {failure}", logging.ERROR)
    goes_on = _go_on_without_the_failed(context, room, checked, results)
    severity = dg.AssetCheckSeverity.WARN if goes_on else dg.AssetCheckSeverity.ERROR
    selected = {check.asset_key for check in context.selected_asset_check_keys}
    for key in selected:
        result = found.get(".".join(key.path), gate.TableResult(".".join(key.path), []))
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=CHECK,
            passed=result.success,
            severity=severity,
            description="；".join(result.failures) or f"{result.evaluated}条期望都符合",
            metadata={"evaluated": result.evaluated, "failures": result.failures},
        )
    others = {result.table for result in results if not result.success} - {".".join(key.path) for key in selected}
    if others and not goes_on:
        raise dg.Failure(f"没有通过检查：{'、'.join(sorted(others))}", allow_retries=False)


def _to_check(room: gate.Room) -> list[Partition] | None:
    """The pending partitions that should hold rows; None: of marts where there is none, all rows."""
    with tables.connect(home_folder()) as con:
        partitions = ledger.to_check(con)
    return partitions or (None if room == "marts" else [])


def _go_on_without_the_failed(
    context: dg.AssetCheckExecutionContext,
    room: gate.Room,
    checked: list[Partition] | None,
    results: list[gate.TableResult],
) -> bool:
    """Put back what the regions that fail held before, compute and judge again, until all is well (True) or nobody is to blame.

    What was found of that which goes on is kept for the release.
    """
    home = home_folder()
    database = home / "warehouse.duckdb"
    while not all(result.success for result in results):
        with tables.connect(home) as con:
            regions = sorted({region_id for region_id, _ in ledger.with_new_rows(con)})
        if not hold_back(context, worker.blame(database, room, _to_check(room) or [], regions, results)):
            return False
        if room == "marts":
            replay.rebuild(home)
        checked = _to_check(room)
        results = worker.validate_in_worker(database, room, checked)
    write_docs(home / CHECKED, room, checked, results)
    return True
