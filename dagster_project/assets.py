"""The assets: files of raw/ -> raw tables -> dbt models -> release. One run holds the warehouse from start to end."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from dagster_project import load, transform, validation, warehouse
from dagster_project.extracts import plausible
from dagster_project.extracts.contract import contract
from dagster_project.regions import Region, find_partitions, read_regions
from dagster_project.release.export import to_postgres
from dagster_project.release.publish import publish
from dagster_project.release.read import ReleaseError
from dagster_project.settings import home_folder, postgres, raw_folder

FOR_PEOPLE = "junheng"
GATE = "mart_expectations"
REJECTS_SHOWN = 10


@dg.resource
def warehouse_lock(context: dg.InitResourceContext) -> Iterator[None]:
    """Held from the first step of a run to its last: one writer at a time, a second refresh waits and says for whom."""
    validation.start_worker()
    with warehouse.hold(home_folder(), lambda text: tell(context, text)):
        yield


ONE_WRITER = {"warehouse_lock"}


def tell(context: Any, text: str, level: int = logging.INFO) -> None:
    """Say something to the person who waits, on the console as in Dagster's log."""
    context.log.log(level, text, extra={FOR_PEOPLE: True})


class Translator(DagsterDbtTranslator):
    """A dbt source is the raw table that the loading step makes; a model stands under its schema."""

    def get_asset_key(self, dbt_resource_props: Any) -> dg.AssetKey:
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Any) -> str:
        return dbt_resource_props["schema"]


translator = Translator()  # one for all: it remembers what it has worked out


def partitions(regions: dict[str, Region]) -> dg.MultiPartitionsDefinition:
    """Region × school year: the years that lie in raw/ and the next one, so that a new folder has its partition."""
    present = find_partitions(raw_folder())
    years = sorted({year for _, year in present} | {max(year for _, year in present) + 1}) if present else []
    known = sorted({*regions, *(region_id for region_id, _ in present)})
    return dg.MultiPartitionsDefinition(
        {
            "region": dg.StaticPartitionsDefinition(known),
            "school_year": dg.StaticPartitionsDefinition([str(year) for year in years]),
        }
    )


def as_partition(key: str) -> warehouse.Partition:
    """'liaocheng|2023' -> ('liaocheng', 2023)."""
    region_id, school_year = key.split("|")
    return region_id, int(school_year)


regions = read_regions(raw_folder())
region_year = partitions(regions)
files = dg.AssetSpec(
    ["files"], description="raw/<区域>/<学年>/ 下的报表文件 · what the regions handed in", group_name="files"
)

pending = dg.AssetSpec(
    ["raw", "pending_partition"],
    deps=[files.key],
    description="待重算的地区学年 · partitions whose rows changed since the last release",
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
    """raw/regions.yml as two tables."""
    found = read_regions(raw_folder())
    with warehouse.connect(home_folder()) as con:
        warehouse.write_regions(con, found)
    yield dg.MaterializeResult(asset_key=["raw", "region"], metadata={"rows": len(found)})
    yield dg.MaterializeResult(
        asset_key=["raw", "county"], metadata={"rows": sum(len(r.counties) for r in found.values())}
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec(["raw", name], deps=[files.key, ["raw", "region"]], description=zh, group_name="raw")
        for name, zh in [
            *((name, f"{extract.zh}：{extract.grain_zh}") for name, extract in contract().extracts.items()),
            ("source_file", "收到的文件及行数核对 · files with their row accounts"),
            ("official_cell", "官方报表中的数出自哪一格 · cells that figures come from"),
            ("quarantine", "被隔离的行及原因 · rejected rows with the reason"),
            ("unread_cell", "读不出的单元格 · cells that could not be read"),
            ("implausible_cell", "不可能的数 · figures that cannot be"),
        ]
    ],
    partitions_def=region_year,
    backfill_policy=dg.BackfillPolicy.single_run(),
    required_resource_keys=ONE_WRITER,
)
def extracts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Load the partitions of this run whose files changed; each in one transaction."""
    keys = {as_partition(key) for key in context.partition_keys}
    every_key = {as_partition(key) for key in region_year.get_partition_keys()}
    raw, home = raw_folder(), home_folder()
    found, key = read_regions(raw), warehouse.hash_key(home)
    with warehouse.connect(home) as con:
        strays = (warehouse.loaded(con) | warehouse.pending(con)) - every_key
        wanted = keys | strays  # what left raw/ altogether has no key of its own: it leaves with any run
        changes = load.find_changes(con, raw, found, key, wanted)
        for number, change in enumerate(changes, start=1):
            place = f"[{number}/{len(changes)}] {change.region_id} {change.school_year}"
            if change.fingerprint is None:
                tell(context, f"{place}：文件已撤回，移出")
            account = load.apply_change(con, raw, change, found.get(change.region_id), key)
            if change.fingerprint is not None:
                tell(context, f"{place}：{account}")
            for line in warehouse.rejects(con, change.partition, REJECTS_SHOWN):
                tell(context, f"    {line}", logging.WARNING)
            if account.quarantined > REJECTS_SHOWN:
                tell(context, f"    …… 其余见 marts.mart_quarantine，共 {account.quarantined} 行", logging.WARNING)
            for line in plausible.lines(con, *change.partition, REJECTS_SHOWN):
                tell(context, f"    {line}", logging.WARNING)
        if not changes:
            tell(context, "文件没有变化，不重新载入")
        if warehouse.build_fingerprint(con) != transform.fingerprint():
            warehouse.make_all_pending(con)
            wanted = warehouse.loaded(con) | wanted
        warehouse.select_pending(con, wanted)
        rows = warehouse.rows_by_table(con, wanted)
    for name, count in rows.items():
        yield dg.MaterializeResult(asset_key=["raw", name], metadata={"rows_in_run": count})


@dbt_assets(manifest=transform.prepare(), dagster_dbt_translator=translator, required_resource_keys=ONE_WRITER)
def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """All arithmetic: the dbt project, whole after its code changed, else the pending partitions alone.

    A run that asks for some of the models (a button of the page) computes them all and reports those.
    """
    home, wanted = home_folder(), {key.to_python_identifier() for key in context.selected_asset_keys}
    with warehouse.connect(home) as con:
        full = warehouse.build_fingerprint(con) != transform.fingerprint()
        pending = warehouse.selected(con)
    tell(context, "计算指标：" + ("全部重算" if full else f"{len(pending)} 个地区学年"))
    results: dict[str, transform.Result] = {}
    try:
        (transform.build if full else transform.rebuild)(
            home, lambda result: results.update({result.unique_id: result})
        )
    finally:
        yield from _check_results(results.values())
    for unique_id, node in transform.nodes().items():
        key = translator.get_asset_key(node)
        name = key.to_python_identifier()
        if name in wanted and unique_id in results:
            yield dg.Output(None, output_name=name, metadata={"seconds": results[unique_id].seconds})
        elif name in wanted and key in release_inputs:  # a view is as it should be without being built again
            yield dg.Output(None, output_name=name, metadata={"status": "unchanged"})
    with warehouse.connect(home) as con:
        warehouse.note_build(con, transform.fingerprint())


def _check_results(results: Iterable[transform.Result]) -> Iterator[dg.AssetCheckResult]:
    """Of the dbt tests that ran."""
    manifest = transform.manifest()
    for result in results:
        if check := get_asset_check_key_for_test(manifest, translator, result.unique_id, None):
            yield dg.AssetCheckResult(
                passed=not result.failures,
                asset_key=check.asset_key,
                check_name=check.name,
                metadata={"failures": result.failures, "seconds": result.seconds},
            )


release_inputs = [key for key in models.keys if key.path[0] == "marts"]


@dg.asset(
    deps=release_inputs,
    group_name="release",
    required_resource_keys=ONE_WRITER,
    description="已发布的版本：算完、查过、只读的一份 marts · the finished, checked copy behind releases/current",
)
def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Publish what this very run has checked: the page can run this step alone, after a gate that failed."""
    if GATE not in context.job_def.graph.node_dict:
        raise dg.Failure("没有发布：这次运行没有检查全部 marts，请运行作业 refresh")
    home = home_folder()
    published = publish(home, transform.fingerprint()[:12])
    with warehouse.connect(home) as con:
        warehouse.clear_selected(con)
    tell(
        context, f"已发布 {published.release_id}" if published.is_new else f"内容没有变化，仍是 {published.release_id}"
    )
    if url := postgres():
        try:
            rows = to_postgres(home, url)
        except ReleaseError as error:
            raise dg.Failure(f"已发布 {published.release_id}；{error}。改正后运行 junheng export 网址") from None
        tell(context, f"已写入 PostgreSQL：{len(rows)} 张表 {sum(rows.values())} 行")
    return dg.MaterializeResult(metadata={"release_id": published.release_id, "path": str(published.path)})
