"""When refreshes happen: the one job, a schedule a region, and a sensor that sees new files."""

import json
from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path

import dagster as dg

from dagster_project.extracts.regions import (
    Partition,
    Region,
    RegionsError,
    find_partitions,
    partition_files,
    read_regions,
)
from dagster_project.orchestration.assets import PARTITIONS, region_year, regions
from dagster_project.orchestration.runs import end_dead, forget_old_logs
from dagster_project.settings import home_folder, raw_folder

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
TIMEZONE = "Asia/Shanghai"

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="载入报表、计算指标、检查、发布 · load, compute, check, publish",
)


def run_tags(partitions: Collection[Partition]) -> dict[str, str]:
    """Tags of the one run that deals with these partitions.

    The list is what counts. Dagster shows the range, which it takes dimension by dimension and only from keys that it knew at its
    start: the smallest that covers those of the partitions that have such a key.
    """
    tags = {PARTITIONS: json.dumps(sorted(partitions))}
    keys = region_year.get_partition_keys()
    if not keys:
        return tags
    known = [(region_id, str(year)) for region_id, year in partitions if f"{region_id}|{year}" in set(keys)]
    if not known:
        return {**tags, RANGE_START: keys[0], RANGE_END: keys[0]}
    ids, years = zip(*known, strict=True)
    return {**tags, RANGE_START: f"{min(ids)}|{min(years)}", RANGE_END: f"{max(ids)}|{max(years)}"}


def _of_regions(region_ids: Collection[str]) -> list[Partition]:
    """All years of some regions that lie in raw/; what is gone leaves with them."""
    return [partition for partition in find_partitions(raw_folder()) if partition[0] in region_ids]


def _schedule(region: Region, cron: str) -> dg.ScheduleDefinition:
    def request(_: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(tags=run_tags(_of_regions({region.id})))

    return dg.ScheduleDefinition(
        name=f"refresh_{region.id}".replace("-", "_"),
        job=refresh,
        cron_schedule=cron,
        execution_timezone=TIMEZONE,
        execution_fn=request,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{region.name_zh}按 regions.yml 的时间刷新",
    )


schedules = [_schedule(region, region.refresh) for region in regions.values() if region.refresh and not region.problem]


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="每分钟看一次 raw/：文件有变化并已放稳，就刷新那个区域 · refresh the regions whose files changed",
)
def new_files(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Refresh the regions whose files or entry changed since the last look and have been still for one look.

    A region whose folder is gone has changed too. What waits behind a run that has died is let go first.
    """
    end_dead(context.instance, home_folder())
    forget_old_logs(home_folder())
    raw = raw_folder()
    seen = json.loads(context.cursor or "{}")
    try:
        now = _listings(raw)
    except RegionsError as error:
        yield dg.SkipReason(str(error))
        return
    refreshed, looked = seen.get("refreshed", now), seen.get("looked", {})
    settled = [r for r in {**refreshed, **now} if now.get(r) != refreshed.get(r) and now.get(r) == looked.get(r)]
    known = {r: now.get(r) if r in settled else refreshed.get(r) for r in {**refreshed, **now}}
    context.update_cursor(json.dumps({"looked": now, "refreshed": {r: known[r] for r in known if known[r]}}))
    if settled:
        yield dg.RunRequest(tags=run_tags(_of_regions(settled)))
    else:
        yield dg.SkipReason("没有新文件，或文件还在变动")


def _listings(raw: Path) -> dict[str, str]:
    """Each region that has a folder, with a hash of its files' names, sizes and times, and of its entry in regions.yml."""
    entries = read_regions(raw)
    listings: dict[str, list[tuple[str, int, int]]] = {}
    for region_id, year in find_partitions(raw):
        for path in partition_files(raw, region_id, year):
            stat = path.lstat()
            listing = listings.setdefault(region_id, [])
            listing.append((str(path.relative_to(raw)), stat.st_size, stat.st_mtime_ns))
    return {r: sha256(repr((entries.get(r), listing)).encode()).hexdigest() for r, listing in listings.items()}
