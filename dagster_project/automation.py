"""When refreshes happen: the one job, a schedule a region, and a sensor that sees new files."""

import json
from collections.abc import Collection, Iterator
from itertools import groupby

import dagster as dg

from dagster_project.assets import as_partition, region_year, regions
from dagster_project.regions import Region, find_partitions
from dagster_project.settings import raw_folder

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
TIMEZONE = "Asia/Shanghai"

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="载入报表、计算指标、检查、发布 · load, compute, check, publish",
)


def partition_ranges(region_ids: Collection[str] = (), years: Collection[int] = ()) -> list[list[str]]:
    """The partitions to refresh as unbroken ranges, a Dagster run each; no ids or no years: all of them."""

    def chosen(key: str) -> bool:
        region_id, year = as_partition(key)
        return (not region_ids or region_id in region_ids) and (not years or year in years)

    return [list(keys) for is_chosen, keys in groupby(region_year.get_partition_keys(), chosen) if is_chosen]


def range_tags(keys: list[str]) -> dict[str, str]:
    """Run tags that make one run materialise a range of partitions."""
    return {RANGE_START: keys[0], RANGE_END: keys[-1]}


def _schedule(region: Region, cron: str) -> dg.ScheduleDefinition:
    def requests(_: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
        return [dg.RunRequest(tags=range_tags(keys)) for keys in partition_ranges([region.id])]

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


@dg.sensor(job=refresh, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def new_files(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Refresh the regions whose files changed since the last look and have been still for one look."""
    raw = raw_folder()
    seen = json.loads(context.cursor or "{}")
    now = {}
    for region_id, year in find_partitions(raw):
        for path in sorted((raw / region_id / str(year)).rglob("*")):
            now.setdefault(region_id, []).append(
                [str(path.relative_to(raw)), path.stat().st_size, path.stat().st_mtime]
            )
    refreshed = seen.get("refreshed", now)
    settled = [r for r in now if now[r] != refreshed.get(r) and now[r] == seen.get("looked", {}).get(r)]
    context.update_cursor(
        json.dumps({"looked": now, "refreshed": {r: now[r] if r in settled else refreshed.get(r) for r in now}})
    )
    for region_id in settled:
        for keys in partition_ranges([region_id]):
            yield dg.RunRequest(tags=range_tags(keys))
    if not settled:
        yield dg.SkipReason("没有新文件，或文件还在变动")
