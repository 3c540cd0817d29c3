"""What needs somebody to act: of the release (mart_notice), and of the warehouse as it is now. Light: no Dagster, no dbt.

It stands in <home>/notices.json, from where the page has it, and in `junheng status`; messages.py sends it to who asked for it.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click
import duckdb

from dagster_project.extracts.facts import seed
from dagster_project.extracts.regions import Partition, partition_files
from dagster_project.orchestration.summary import Survey
from dagster_project.release import live, signing
from dagster_project.release.read import connect
from dagster_project.settings import home_folder, raw_folder, today
from dagster_project.whole import write_whole

KIND = "notice"  # of the seed labels
STALE = timedelta(hours=26)  # a night's refresh missed, and its hours
SPARE = 3  # times the warehouse: a release takes up to 1.5, and a rebuild as much again
LEAST_FREE = 1_000_000_000  # bytes
SAID_BY_STATUS = ("partition_blocked", "release_damaged", "signature_broken")
SURVEYED = ("partition_blocked",)  # kinds of mart_notice that the warehouse knows better


@dataclass(frozen=True)
class Notice:
    """kind: a code of the seed labels; subject: what it concerns; the same text about the same subject is the same notice."""

    kind: str
    region_id: str | None
    school_year: int | None
    subject: str
    text: str

    @property
    def key(self) -> str:
        return f"{self.kind} {self.region_id} {self.school_year} {self.subject}"

    def __str__(self) -> str:
        return f"【{words()[self.kind]['label_zh']}】{self.subject}：{self.text}"

    @property
    def is_open(self) -> bool:
        """Whether somebody has to act; else it is only to be known."""
        return words()[self.kind]["tone"] == "no"


def words() -> dict[str, dict[str, str]]:
    """The rows of the seed labels for the kinds of notices, in their order."""
    return {row["code"]: row for row in seed("labels") if row["kind"] == KIND}


def gather(found: Survey) -> list[Notice]:
    """All that is so now, the gravest kinds first."""
    home = home_folder()
    notices = [*_of_the_house(home, found), *_of_partitions(found), *_never_filed(found)]
    if found.is_readable:
        with connect(home) as con:
            notices += _of_release(con)
            notices += [
                Notice("signature_broken", *partition, f"{_name(found, partition[0])} {partition[1]}", mark)
                for partition, mark in signing.broken(con, home).items()
            ]
    order = list(words())
    return sorted(notices, key=lambda notice: (order.index(notice.kind), notice.key))


def tell(found: Survey) -> bool:
    """Print what `junheng status` has not said of itself; True when nobody has to act."""
    notices = gather(found)
    for notice in notices:
        if notice.kind not in SAID_BY_STATUS:
            click.echo(str(notice))
    return not any(notice.is_open for notice in notices)


def keep(notices: list[Notice]) -> None:
    """Write them where the page finds them."""
    home = home_folder()
    rows = [{**asdict(notice), "is_open": notice.is_open} for notice in notices]
    write_whole(home / live.NOTICES, json.dumps(rows, ensure_ascii=False))
    live.write_live(home)


def _of_the_house(home: Path, found: Survey) -> list[Notice]:
    notices = []
    if found.run_problem:
        notices.append(Notice("run_failed", None, None, "junheng refresh", found.run_problem))
    if found.damage:
        said = f"{len(found.damage)} 处，{found.damage[0]}：请运行 junheng refresh，会重新生成"
        notices.append(Notice("release_damaged", None, None, "已发布的版本", said))
    warehouse = home / "warehouse.duckdb"
    needed = SPARE * warehouse.stat().st_size + LEAST_FREE if warehouse.exists() else LEAST_FREE
    if shutil.disk_usage(home).free < needed:
        said = f"可用的不到 {needed / 1e9:.0f} GB，下一次刷新可能写不下：请清出空间"
        notices.append(Notice("disk_low", None, None, f"{home} 所在的磁盘", said))
    return notices


def _of_partitions(found: Survey) -> list[Notice]:
    """Those that stayed behind, and those whose files have been lying for long without a refresh."""
    notices = []
    for region_id, problem in found.problems.items():
        notices.append(Notice("partition_blocked", region_id, None, _name(found, region_id), problem))
    for (region_id, year), held in found.blocked.items():
        if region_id not in found.problems:
            subject = f"{_name(found, region_id)} {year}"
            notices.append(Notice("partition_blocked", region_id, year, subject, held.reason))
    for partition in found.changes.keys() - found.blocked.keys():
        region_id, year = partition
        if region_id in found.problems or not (laid := _laid(partition)) or datetime.now() - laid < STALE:
            continue
        said = f"{laid:%Y-%m-%d %H:%M} 放进来的文件还没有载入：请运行 junheng refresh，并查看 junheng ui 是不是停了"
        notices.append(Notice("region_stale", region_id, year, f"{_name(found, region_id)} {year}", said))
    return notices


def _laid(partition: Partition) -> datetime | None:
    """When the last of its files came to lie where it is; null: none is there any more."""
    times = [path.lstat().st_ctime for path in partition_files(raw_folder(), *partition)]
    return datetime.fromtimestamp(max(times)) if times else None


def _never_filed(found: Survey) -> list[Notice]:
    """Years after a loaded one that are overdue and of which not one file is there: no release can tell of them."""
    notices = []
    for region_id, last in sorted({r: max(y for o, y in found.loaded if o == r) for r, _ in found.loaded}.items()):
        region = found.regions.get(region_id)
        due = region.due(last + 1) if region else None
        if due and due < today() and (region_id, last + 1) not in found.partitions:
            said = f"截止 {due}，一个文件也没有交"
            subject = f"{_name(found, region_id)} {last + 1}"
            notices.append(Notice("deadline_missed", region_id, last + 1, subject, said))
    return notices


def _of_release(con: duckdb.DuckDBPyConnection) -> list[Notice]:
    rows = con.execute(
        "select kind, region_id, school_year, subject, notice from mart_notice where not list_contains(?, kind)",
        [list(SURVEYED)],
    )
    return [Notice(*row) for row in rows.fetchall()]


def _name(found: Survey, region_id: str) -> str:
    region = found.regions.get(region_id)
    return region.name_zh if region else region_id
