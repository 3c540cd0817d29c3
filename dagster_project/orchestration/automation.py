"""When refreshes happen: the one job, a sensor that sees new files, and one that knows every region's hour.

Both ask raw/ at each look, so a region or a year that is added needs no restart. Dagster's own schedules are fixed at its start.
"""

import json
import time
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.storage.tags import MAX_RETRIES_TAG, RETRY_STRATEGY_TAG
from dagster._utils.schedules import cron_string_iterator

from dagster_project.extracts.regions import RegionsError, find_partitions, partition_files, read_regions
from dagster_project.orchestration import messages
from dagster_project.orchestration.assets import note_failure
from dagster_project.orchestration.partitions import new_keys, region_year, run_tags
from dagster_project.orchestration.runs import end_dead, forget_old_logs, forget_old_runs
from dagster_project.orchestration.summary import survey
from dagster_project.settings import TIMEZONE, home_folder, raw_folder
from dagster_project.warehouse import lock

STILL = 60  # seconds that a file has lain when the service first looks at it
AGAIN = {
    MAX_RETRIES_TAG: "2",
    RETRY_STRATEGY_TAG: "ALL_STEPS",
}  # of a run that died, or failed for what may be otherwise the next time (assets.is_final)

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    hooks={note_failure},
    description="载入报表、计算指标、检查、发布 · load, compute, check, publish",
)


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="每分钟看一次 raw/：文件有变化并已放稳，就刷新那个区域 · refresh the regions whose files changed",
)
def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Refresh the regions whose files or entry changed since they were last refreshed and have been still for one look.

    A region that it has never seen has changed, at its first look too, and so has one whose folder is gone. At the very first look
    of all what has not been touched for a minute is still. What waits behind a run that has died is let go first.
    """
    end_dead(context.instance, home_folder())
    forget_old_logs(home_folder())
    forget_old_runs(context.instance, home_folder(), time.time())
    raw = raw_folder()
    seen = json.loads(context.cursor or "{}")
    try:
        now = _listings(raw)
        looked = seen["looked"] if "looked" in seen else {r: now[r] for r in _untouched(raw, time.time() - STILL)}
    except RegionsError as error:
        return dg.SkipReason(str(error))
    refreshed = seen.get("refreshed", {})
    settled = [r for r in {**refreshed, **now} if now.get(r) != refreshed.get(r) and now.get(r) == looked.get(r)]
    known = {r: now.get(r) if r in settled else refreshed.get(r) for r in {**refreshed, **now}}
    cursor = json.dumps({"looked": now, "refreshed": {r: known[r] for r in known if known[r]}})
    return _refresh(context, settled, cursor, "没有新文件，或文件还在变动")


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="按 regions.yml 里各区域的 refresh 时间刷新 · refresh each region at its hour in regions.yml",
)
def due_regions(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Refresh the regions whose hour has come since the last look, once, however often it came while nobody looked."""
    now = datetime.now(ZoneInfo(TIMEZONE)).timestamp()
    since = float(context.cursor or now)
    try:
        regions = read_regions(raw_folder())
    except RegionsError as error:
        return dg.SkipReason(str(error))
    hours = {r.id: _next(r.refresh, since) for r in regions.values() if r.refresh and not r.problem}
    due = [region_id for region_id, hour in hours.items() if hour.timestamp() < now]
    soonest = min(hours.values(), default=None)
    waiting = f"没有到时间的区域，下一次在 {soonest:%Y-%m-%d %H:%M}" if soonest else "没有写了刷新时间的区域"
    return _refresh(context, due, str(now), waiting)


@dg.sensor(
    minimum_interval_seconds=1800,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="每半小时看一次有什么事要处理，写到网页上，通知没有通知过的 · tell what needs attention, each thing once",
)
def attention(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look at everything unless a refresh is under way, which tells for itself; starts no run."""
    home = home_folder()
    if not lock.is_free(home):
        return dg.SkipReason("正在刷新，等下一次再看")
    return dg.SkipReason("；".join(messages.report(survey())) or "要通知的都通知了")


def _next(cron: str, since: float) -> datetime:
    """The first time, not before since, that a cron entry names."""
    return next(cron_string_iterator(since, cron, TIMEZONE))


def _refresh(
    context: dg.SensorEvaluationContext, region_ids: Collection[str], cursor: str, otherwise: str
) -> dg.SensorResult:
    """One run for all years of some regions that lie in raw/, what is gone leaves with it; for none, why there is no run.

    Either way Dagster gets to know the partitions that it does not know yet.
    """
    present = find_partitions(raw_folder())
    added = new_keys(context.instance, present)
    mine = [partition for partition in present if partition[0] in region_ids]
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags={**run_tags(mine), **AGAIN})] if region_ids else [],
        skip_reason=None if region_ids else otherwise,
        cursor=cursor,
        dynamic_partitions_requests=[region_year.build_add_request(added)] if added else [],
    )


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


def _untouched(raw: Path, since: float) -> set[str]:
    """The regions none of whose files was written or moved since then; nobody says how long regions.yml has been as it is."""
    touched = {region_id: 0.0 for region_id, _ in find_partitions(raw)}
    for region_id, year in find_partitions(raw):
        times = [path.lstat().st_ctime for path in partition_files(raw, region_id, year)]
        touched[region_id] = max(touched[region_id], *times)
    return {region_id for region_id, moment in touched.items() if moment < since}
