"""When refreshes happen: the one job, a schedule a region, and a sensor that sees new files."""

import json
from collections.abc import Collection, Iterator
from hashlib import sha256
from itertools import groupby

import dagster as dg

from dagster_project.assets import as_partition, region_year, regions
from dagster_project.load import partition_files
from dagster_project.regions import Region, find_partitions
from dagster_project.settings import raw_folder
from dagster_project.warehouse import Partition

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
TIMEZONE = "Asia/Shanghai"

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="载入报表、计算指标、检查、发布 · load, compute, check, publish",
)


def partition_ranges(
    chosen: Collection[Partition] | None = None, changed: Collection[Partition] | None = None
) -> list[list[str]]:
    """Partitions to refresh as unbroken ranges of keys, a Dagster run each, as few and as short as they can be.

    chosen: those that were asked for, None: all. changed: those with anything to do, None: all; a range may run
    over a partition where nothing changed, but not over one that changed and was not asked for. Changes that no
    key stands for (a region or year that left raw/ altogether) are made by any run: the first key's, if need be.
    """

    def is_changed(key: str) -> bool:
        return changed is None or as_partition(key) in changed

    def is_chosen(key: str) -> bool:
        return chosen is None or as_partition(key) in chosen

    every_key: list[str] = [*region_year.get_partition_keys()]
    ranges = []
    for is_barred, group in groupby(every_key, lambda key: is_changed(key) and not is_chosen(key)):
        keys = list(group)
        to_do = [number for number, key in enumerate(keys) if is_changed(key) and not is_barred]
        if to_do:
            ranges.append(keys[to_do[0] : to_do[-1] + 1])
    return ranges or ([every_key[:1]] if changed else [])


def range_tags(keys: list[str]) -> dict[str, str]:
    """Run tags that make one run materialise a range of partitions."""
    return {RANGE_START: keys[0], RANGE_END: keys[-1]}


def _of_region(region_id: str) -> list[list[str]]:
    """A region's partitions up to the last year that any region has handed in."""
    last = max((year for _, year in find_partitions(raw_folder())), default=0)
    keys = map(as_partition, region_year.get_partition_keys())
    return partition_ranges([(owner, year) for owner, year in keys if owner == region_id and year <= last])


def _schedule(region: Region, cron: str) -> dg.ScheduleDefinition:
    def requests(_: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        for keys in _of_region(region.id):
            yield dg.RunRequest(tags=range_tags(keys))

    return dg.ScheduleDefinition(
        name=f"refresh_{region.id}".replace("-", "_"),
        job=refresh,
        cron_schedule=cron,
        execution_timezone=TIMEZONE,
        execution_fn=requests,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{region.name_zh}按 regions.yml 的时间刷新",
    )


schedules = [_schedule(region, region.refresh) for region in regions.values() if region.refresh]


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="每分钟看一次 raw/：文件有变化并已放稳，就刷新那个区域 · refresh the regions whose files changed",
)
def new_files(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Refresh the regions whose files changed since the last look and have been still for one look."""
    raw = raw_folder()
    seen = json.loads(context.cursor or "{}")
    files = {}
    for region_id, year in find_partitions(raw):
        for path in partition_files(raw, region_id, year):
            stat = path.lstat()
            files.setdefault(region_id, []).append((str(path.relative_to(raw)), stat.st_size, stat.st_mtime_ns))
    now = {region_id: sha256(repr(listing).encode()).hexdigest() for region_id, listing in files.items()}
    refreshed = seen.get("refreshed", now)
    settled = [r for r in now if now[r] != refreshed.get(r) and now[r] == seen.get("looked", {}).get(r)]
    context.update_cursor(
        json.dumps({"looked": now, "refreshed": {r: now[r] if r in settled else refreshed.get(r) for r in now}})
    )
    for region_id in settled:
        for keys in _of_region(region_id):
            yield dg.RunRequest(tags=range_tags(keys))
    if not settled:
        yield dg.SkipReason("没有新文件，或文件还在变动")
