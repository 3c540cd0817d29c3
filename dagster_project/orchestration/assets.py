"""The assets: files of raw/ -> raw tables -> dbt models -> release. One run holds the warehouse from start to end."""

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG

from dagster_project import fingerprint, settings
from dagster_project.extracts import plausible
from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import Region, RegionsError, find_partitions, read_regions
from dagster_project.gates import worker
from dagster_project.orchestration import partitions
from dagster_project.orchestration.dbt_specs import asset_key, asset_specs, check_specs
from dagster_project.orchestration.runs import alive
from dagster_project.release.export import deliver
from dagster_project.release.publish import publish
from dagster_project.release.read import connect
from dagster_project.release.store import CHECKED, ReleaseError, current_release
from dagster_project.settings import Damaged, home_folder, raw_folder
from dagster_project.transform import build, project, replay
from dagster_project.warehouse import arrivals, last_run, ledger, load, lock, tables

FOR_PEOPLE = "junheng"
GATE = "mart_expectations"
REJECTS_SHOWN = 10
REASONS_SHOWN = 3
MOST_CHANGES = 50
CHANGES = """
select coalesce(county_name_zh, county_code, region_id), coalesce(cast(school_year as varchar), ''), count(*), replace(cause_zh, '|', '／')
from mart_release_change left join dim_county using (region_id, county_code)
group by all order by 3 desc, 1, 2, 4
"""


@dg.resource
def warehouse_lock(context: dg.InitResourceContext) -> Iterator[dict[str, str]]:
    """Held from the first step of a run to its last: one writer at a time, a second refresh waits and says for whom.

    Its value is where the steps of a run note which regions stay behind, each with the reason.
    """
    worker.start_worker()
    home = home_folder()
    with alive(home, context.run_id or ""), lock.hold(home, lambda text: tell(context, text)):
        last_run.begin(home)
        shutil.rmtree(home / CHECKED, ignore_errors=True)  # each release describes itself alone
        yield {}


ONE_WRITER = {"warehouse_lock"}


@dg.failure_hook
def note_failure(context: dg.HookContext) -> None:
    """Remember why a step failed, for who asks for the status; of an error that nobody foresaw only where and which, not what it said.

    What would fail the same way again, as a gate does, is not tried again.
    """
    error = context.op_exception
    if isinstance(error, DagsterAssetCheckFailedError):
        reason = f"没有通过检查：{'、'.join(line.partition(':')[0] for line in str(error).splitlines()[1:])}"
    elif isinstance(error, dg.Failure | ReleaseError | project.BuildFailed | RegionsError | Damaged):
        reason = str(error)
    else:
        reason = f"没有料到的情况（{type(error).__name__}），经过见 junheng ui 的运行记录"
    last_run.fail(home_folder(), f"{context.op.name}：{reason}")
    if is_final(error):
        context.instance.add_run_tags(context.run_id, {RETRY_ON_ASSET_OR_OP_FAILURE_TAG: "false"})


def is_final(error: BaseException | None) -> bool:
    """Whether the same files and rules fail again: a verdict, not a full disk, a lost connection or a process that was killed."""
    return (
        isinstance(error, DagsterAssetCheckFailedError | RegionsError | Damaged)
        or (isinstance(error, project.BuildFailed) and bool(error.tests))
        or (isinstance(error, dg.Failure) and not error.allow_retries)
    )


def tell(context: Any, text: str, level: int = logging.INFO) -> None:
    """Say something to the person who waits, on the console as in Dagster's log."""
    context.log.log(level, text, extra={FOR_PEOPLE: True})


def hold_back(context: Any, failures: Mapping[str, Sequence[str]]) -> bool:
    """Let the run go on without the new rows of the regions that failed, each with what it failed; False: it cannot.

    A failure of nobody's, or of a region that has no new rows, stops the run: what it finds wrong has been there before.
    """
    home = home_folder()
    current = current_release(home)
    with tables.connect(home) as con:
        if not failures or not failures.keys() <= {region_id for region_id, _ in ledger.with_new_rows(con)}:
            return False
        for region_id, said in failures.items():
            reason = (
                f"没有通过检查：{'；'.join(said[:REASONS_SHOWN])}{f' 等 {len(said)} 条' * (len(said) > REASONS_SHOWN)}"
            )
            ledger.hold_back(con, region_id, reason, current.name if current else None)
            context.resources.warehouse_lock[region_id] = reason
            tell(context, f"{region_id} 这次不更新，其余照常", logging.WARNING)
        return bool(ledger.loaded(con))


files = dg.AssetSpec(
    ["files"], description="raw/<区域>/<学年>/ 下的报表文件 · what the regions handed in", group_name="files"
)

pending = dg.AssetSpec(
    ["raw", "pending_partition"],
    deps=[files.key],
    description="待重算的地区学年 · partitions whose rows changed since the last release",
    group_name="raw",
)

arrival = dg.AssetSpec(
    ["raw", "arrival"],
    deps=[files.key],
    description="各校各种报表第一次载入的日期 · when a school's rows of an extract were first loaded",
    group_name="raw",
)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["raw", "region"], description="区域 · regions of regions.yml", group_name="raw"),
        dg.AssetSpec(["raw", "county"], description="县 · counties of regions.yml", group_name="raw"),
    ],
    required_resource_keys=ONE_WRITER,
)
def region_tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """raw/regions.yml as two tables; of a region with rows it is written with them (load.apply_change)."""
    found = read_regions(raw_folder())
    with tables.connect(home_folder()) as con:
        with_rows = {region_id for region_id, _ in ledger.loaded(con) | ledger.pending(con)}
        fine = {region_id: region for region_id, region in found.items() if not region.problem}
        tables.write_regions(con, {r: fine[r] for r in fine if r not in with_rows}, {*found, *with_rows})
    yield dg.MaterializeResult(asset_key=["raw", "region"], metadata={"rows": len(found)})
    yield dg.MaterializeResult(
        asset_key=["raw", "county"], metadata={"rows": sum(len(r.counties) for r in found.values())}
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            ["raw", name],
            deps=[files.key, ["raw", "region"]],
            description=zh,
            group_name="raw",
            code_version=fingerprint.loading()[:12],
        )
        for name, zh in [
            *((name, f"{extract.zh}：{extract.grain_zh}") for name, extract in contract().extracts.items()),
            ("source_file", "收到的文件及行数核对 · files with their row accounts"),
            ("source_cell", "每个数出自哪一格 · cells that figures come from"),
            ("quarantine", "被隔离的行及原因 · rejected rows with the reason"),
            ("blocked_partition", "没有更新的地区学年及原因 · partitions that are not as raw/ has them"),
            ("deadline", "截止日期 · by when the extracts are due"),
            ("unread_cell", "读不出的单元格 · cells that could not be read"),
            ("implausible_cell", "不可能的数 · figures that cannot be"),
        ]
    ],
    partitions_def=partitions.region_year,
    backfill_policy=dg.BackfillPolicy.single_run(),
    required_resource_keys=ONE_WRITER,
)
def extracts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetMaterialization]:
    """Load the partitions of this run whose files changed; each in one transaction.

    What is gone from raw/ leaves with any run of its region, and with any run at all where the region has no folder any more.
    """
    raw, home = raw_folder(), home_folder()
    found, present, key = read_regions(raw), find_partitions(raw), tables.hash_key(home)
    wanted = partitions.asked_for(context)
    alive, mine = {region_id for region_id, _ in present}, {region_id for region_id, _ in wanted}
    broken = {region_id for region_id, region in found.items() if region.problem}
    with tables.connect(home) as con:
        known = ledger.loaded(con) | ledger.pending(con) | ledger.blocked(con).keys()
        wanted |= {p for p in known.difference(present) if p[0] in mine or p[0] not in alive}
        ledger.restore(con, [p for p in ledger.with_new_rows(con) if p not in wanted or p[0] in broken])
        changes = load.find_changes(con, raw, found, key, wanted)
        for number, change in enumerate(changes, start=1):
            _apply(context, con, change, f"[{number}/{len(changes)}]", found.get(change.region_id), key)
        arrivals.keep(con, home)
        if not changes:
            tell(context, "文件没有变化，不重新载入")
        if tables.build_fingerprint(con) != fingerprint.building():
            ledger.make_all_pending(con)
        current = (wanted & ledger.loaded(con)) - ledger.blocked(con).keys()
        rows = tables.rows_by_table(con, current)
    for region_id in broken & mine:
        context.resources.warehouse_lock[region_id] = found[region_id].problem or ""
    for name, counts in rows.items():
        yield from _materialized(context, ["raw", name], counts)


def _materialized(
    context: dg.AssetExecutionContext, key: list[str], counts: Mapping[tables.Partition, int]
) -> Iterator[dg.MaterializeResult | dg.AssetMaterialization]:
    """Tell Dagster of a table's partitions, each with its own rows. Of a run with Dagster's own partitions it tells itself."""
    own = {partitions.key(partition): {"rows": count} for partition, count in counts.items()}
    if partitions.is_listed(context):
        yield dg.MaterializeResult(asset_key=key)
        yield from (dg.AssetMaterialization(key, partition=name, metadata=rows) for name, rows in own.items())
    else:
        for name, rows in own.items():
            context.add_asset_metadata(rows, key, name)
        yield dg.MaterializeResult(asset_key=key)


def _apply(
    context: dg.AssetExecutionContext,
    con: duckdb.DuckDBPyConnection,
    change: load.Change,
    number: str,
    region: Region | None,
    key: str,
) -> None:
    """Make one change and tell what came of it."""
    place, problem, account = f"{number} {change.region_id} {change.school_year}", change.problem, None
    try:
        account = None if problem else load.apply_change(con, raw_folder(), change, region, key)
    except load.StillChanging as error:
        problem = str(error)
    if problem:
        current = current_release(home_folder())
        ledger.block(con, change.partition, problem, current.name if current else None)
        context.resources.warehouse_lock[change.region_id] = problem
        tell(context, f"{place}：没有载入。{problem}", logging.WARNING)
        return
    tell(context, f"{place}：文件已撤回，移出" if change.fingerprint is None else f"{place}：{account}")
    for line in tables.rejects(con, change.partition, REJECTS_SHOWN):
        tell(context, f"    {line}", logging.WARNING)
    for line in plausible.lines(con, *change.partition, REJECTS_SHOWN):
        tell(context, f"    {line}", logging.WARNING)


dbt_checks = check_specs(project.manifest())


@dg.multi_asset(
    specs=asset_specs(project.manifest()),
    check_specs=list(dbt_checks.values()),
    can_subset=True,
    required_resource_keys=ONE_WRITER,
)
def models(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """All arithmetic: the dbt project, whole after its code changed, else the pending partitions alone.

    A run that asks for some of the models (a button of the page) computes them all and reports those.
    """
    home = home_folder()
    with tables.connect(home) as con:
        full = tables.build_fingerprint(con) != fingerprint.building()
        count = len(ledger.pending(con))
    tell(context, "计算指标：" + ("全部重算" if full else f"{count} 个地区学年"))
    results: dict[str, build.Result] = {}
    refused: dict[str, build.Result] = {}  # tests that some regions failed, without which the run goes on
    compute = build.build if full else replay.rebuild
    try:
        try:
            compute(home, lambda result: results.update({result.unique_id: result}))
        except project.BuildFailed as error:
            if not hold_back(context, error.regions):
                raise
            refused = {key: result for key, result in results.items() if result.failures}
            compute(home, lambda result: results.update({result.unique_id: result}))
    finally:
        yield from _check_results(
            {**results, **refused}.values(), dg.AssetCheckSeverity.WARN if refused else dg.AssetCheckSeverity.ERROR
        )
    for unique_id, check in dbt_checks.items():
        if unique_id not in results:  # it reads seeds and code alone, which are as they were when it passed
            yield dg.AssetCheckResult(
                passed=True,
                asset_key=check.asset_key,
                check_name=check.name,
                description="没有变化，不再检查",
                metadata={"status": "unchanged"},
            )
    for unique_id, node in project.nodes().items():
        key = asset_key(node)
        if key in context.selected_asset_keys and unique_id in results:
            yield dg.MaterializeResult(asset_key=key, metadata={"seconds": results[unique_id].seconds})
        elif key in context.selected_asset_keys and key in release_inputs:  # a view is as it should be, not built again
            yield dg.MaterializeResult(asset_key=key, metadata={"status": "unchanged"})
    with tables.connect(home) as con:
        tables.note_build(con, fingerprint.building())


def _check_results(results: Iterable[build.Result], severity: dg.AssetCheckSeverity) -> Iterator[dg.AssetCheckResult]:
    """Of the dbt tests that ran."""
    for result in results:
        if check := dbt_checks.get(result.unique_id):
            yield dg.AssetCheckResult(
                passed=not result.failures,
                severity=severity,
                asset_key=check.asset_key,
                check_name=check.name,
                description=f"{result.failures}行不符" if result.failures else "没有不符的行",
                metadata={"failures": result.failures, "seconds": result.seconds},
            )


def _changes(home: Path) -> str:
    """What changed since the release before, as a table of Markdown: of each county and year how many figures, and why."""
    with connect(home) as con:
        rows = con.execute(CHANGES).fetchall()
    if not rows:
        return "与上一版相比，发布的数没有变化。"
    lines = ["| 县 | 学年 | 有变化的数 | 原因 |", "|---|---|---|---|"]
    lines += [f"| {county} | {year} | {figures} | {cause} |" for county, year, figures, cause in rows[:MOST_CHANGES]]
    return "\n".join(lines + ([f"\n…… 共{len(rows)}行"] if len(rows) > MOST_CHANGES else []))


release_inputs = [key for key in models.keys if key.path[0] == "marts"]


@dg.asset(
    deps=release_inputs,
    group_name="release",
    code_version=fingerprint.publishing()[:12],
    required_resource_keys=ONE_WRITER,
    description="已发布的版本：算完、查过、只读的一份 marts · the finished, checked copy behind releases/current",
)
def release(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Publish what this very run has checked: the page can run this step alone, after a gate that failed.

    Fails, after it has published, where a region stayed behind.
    """
    if GATE not in context.job_def.graph.node_dict:
        raise dg.Failure("没有发布：这次运行没有检查全部 marts，请运行作业 refresh", allow_retries=False)
    home = home_folder()
    published = publish(home, fingerprint.publishing()[:12], settings.keep())
    with tables.connect(home) as con:
        ledger.accept(con)
        kept = ledger.loaded(con) | ledger.blocked(con).keys()
    partitions.forget_all_but(context.instance, kept.union(find_partitions(raw_folder())))
    told = f"已发布 {published.release_id}" if published.is_new else f"内容没有变化，仍是 {published.release_id}"
    tell(context, told)
    yield dg.MaterializeResult(
        metadata={
            "release_id": published.release_id,
            "path": dg.MetadataValue.path(str(published.path)),
            "page": dg.MetadataValue.path(str(published.path / "briefing/index.html")),
            "changes": dg.MetadataValue.md(_changes(home)),
        }
    )
    try:
        if delivered := deliver(home):
            tell(context, delivered)
    except ReleaseError as error:
        raise dg.Failure(f"{told}；{error}。改正后运行 junheng refresh，会再写") from None
    last_run.end(home)
    if behind := context.resources.warehouse_lock:
        raise dg.Failure(f"{told}；{'、'.join(sorted(behind))} 没有更新，仍是以前的数", allow_retries=False)
