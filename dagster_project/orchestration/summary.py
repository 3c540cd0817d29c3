"""What there is to refresh, and what a refresh came to, for a statistician. Light: no Dagster, no dbt."""

import io
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from dagster_project import fingerprint, settings
from dagster_project.extracts.regions import Partition, Region, find_misnamed, find_partitions, read_regions
from dagster_project.release import forms, signing
from dagster_project.release.export import is_delivered
from dagster_project.release.read import connect, write_result
from dagster_project.release.store import code_version, current_release, verify
from dagster_project.warehouse import last_run, ledger, load, lock, tables

VERDICTS = """
select v.region_id as 区域, coalesce(c.county_name_zh, v.county_code) as 县, v.school_year as 学年,
    l.sign || ' ' || l.label_zh as 优质均衡, v.open_requirement_count as 还差几条, v.missing_school_count as 缺学校,
    v.failed_school_count as 未达标校段, v.failed_coefficient_count as 超限差异系数
from mart_county_verdict as v left join dim_county as c using (region_id, county_code)
left join dim_label as l on l.kind = 'verdict' and v.verdict = l.code
qualify v.school_year = max(v.school_year) over (partition by v.region_id)
order by v.region_id, v.county_code
"""
LACKING = """
select coalesce(c.county_name_zh, county_code), school_year, reason
from (from mart_completeness qualify school_year = max(school_year) over (partition by region_id))
left join dim_county as c using (region_id, county_code)
where not is_complete and extract = 'schools'
order by region_id, county_code
"""
COUNTED = """
select region_id as 区域, school_year as 学年, county_count as 县数, met_count as 优质均衡达标, not_met_count as 未达标,
    not_evaluable_count as 无法判定, resource_met_count as 资源配置达标
from mart_region_verdict
qualify school_year = max(school_year) over (partition by region_id)
order by region_id
"""
FILED = """
select region_id, school_year, deadline, count(*), count(*) filter (status = 'received'), count(*) filter (status = 'late'),
    count(*) filter (status = 'rejected'), count(*) filter (status = 'missing')
from (from mart_filing qualify school_year = max(school_year) over (partition by region_id))
group by region_id, school_year, deadline
order by region_id
"""
TONES = """
select sign || ' ' || label_zh, case tone when 'yes' then 'green' when 'no' then 'red' else 'yellow' end
from dim_label where kind = 'verdict'
"""
CHANGED = "select cause_zh, count(*) from mart_release_change group by cause_zh order by count(*) desc, cause_zh"
LONGEST_TABLE = 40
MOST_LACKING = 10
MOST_REMARKS = 5
MOST_CAUSES = 3


@dataclass(frozen=True)
class Survey:
    """raw/ held against what is loaded and published."""

    regions: dict[str, Region]
    present: set[Partition]
    loaded: set[Partition]
    pending: set[Partition]
    changes: dict[Partition, load.Change]
    blocked: dict[Partition, ledger.Blocked]
    is_built: bool  # there is a release, by the code as it is
    damage: list[str]  # what is wrong with the files of the release
    run_problem: str | None  # why the last refresh did not come to its end

    @property
    def is_readable(self) -> bool:
        """Whether there is a release, by the code as it is and undamaged."""
        return self.is_built and not self.damage

    @property
    def partitions(self) -> set[Partition]:
        """All that lie in raw/ or in the warehouse."""
        return self.present | self.loaded | self.pending | self.blocked.keys()

    @property
    def todo(self) -> set[Partition]:
        """Those that a refresh would do something about."""
        return self.changes.keys() | self.pending

    @property
    def problems(self) -> dict[str, str]:
        """The regions that regions.yml or their folder stops, and why."""
        return {region.id: region.problem for region in self.regions.values() if region.problem}

    def why(self, partition: Partition, before: "Survey | None" = None) -> str | None:
        """Why a partition is not in the release as raw/ has it; before: as it was before a refresh; None: it is."""
        if problem := self.problems.get(partition[0]):
            return problem
        if partition in self.blocked:
            return self.blocked[partition].reason
        if partition not in self.todo:
            return None
        was = before.changes.get(partition) if before else None
        if before and partition in self.changes and self.changes[partition] != was:
            return "刷新期间文件又有变化：请再运行 junheng refresh"
        return "没有发布：见上面的错误" if before else "有变化，还没有刷新"


def survey() -> Survey:
    """Hold raw/ against what is loaded and published. Waits while another refresh writes. Raises RegionsError."""
    home, raw = settings.home_folder(), settings.raw_folder()
    regions, present = read_regions(raw), set(find_partitions(raw))
    release = current_release(home)
    with lock.hold(home, click.echo), tables.connect(home) as con:
        changes = load.find_changes(con, raw, regions, tables.hash_key(home), None)
        return Survey(
            regions=regions,
            present=present,
            loaded=ledger.loaded(con),
            pending=ledger.pending(con),
            changes={change.partition: change for change in changes},
            blocked=ledger.blocked(con),
            is_built=release is not None
            and tables.build_fingerprint(con) == fingerprint.building()
            and code_version(release) == fingerprint.publishing()[:12],
            damage=verify(release) if release else [],
            run_problem=last_run.problem(home),
        )


def account_for(before: Survey, after: Survey, asked: Collection[Partition], region_ids: Collection[str]) -> bool:
    """Print what became of every partition; True when nothing that was asked for was left. region_ids: those asked for, none: all."""
    left = {p: why for p in asked if (why := after.why(p, before))}
    done = before.todo & set(asked) - left.keys()
    gone = {p for p in done if p not in after.present}
    click.echo(
        f"分区：共 {len(before.partitions | after.partitions)}，有变化 {len(done | left.keys())}，"
        f"已载入 {len(done - gone)}，移出 {len(gone)}，未处理 {len(left)}"
    )
    for line in _by_reason(left, after):
        click.echo(f"未处理：{line}", err=True)
    asked_regions = [r for r in after.problems if not region_ids or r in region_ids]
    empty = [r for r in asked_regions if r not in {region_id for region_id, _ in left}]
    for region_id in empty:
        click.echo(f"未处理：{region_id}：{after.problems[region_id]}", err=True)
    others = {p for p in after.partitions - set(asked) if after.why(p)}
    if others:
        names = "、".join(_by_region(others))
        click.echo(f"另有 {len(others)} 个分区有变化，这次没有要求刷新：{names}")
    for line in _by_reason({p: after.blocked[p].reason for p in others & after.blocked.keys()}, after):
        click.echo(f"仍未更新：{line}")
    return not left and not empty


def _by_reason(partitions: Mapping[Partition, str], found: Survey) -> list[str]:
    """'聊城市 2022、2023：why', a line for the years of a region that have one reason."""
    groups: dict[tuple[str, str], list[Partition]] = {}
    for partition, why in sorted(partitions.items()):
        groups.setdefault((partition[0], why), []).append(partition)
    lines = []
    for (_, why), members in groups.items():
        since = {found.blocked[p].since_release for p in members if p in found.blocked} - {None}
        kept = f"；仍是版本 {'、'.join(sorted(map(str, since)))} 的数" if since else ""
        lines.append(f"{'、'.join(_by_region(members))}：{why}{kept}")
    return lines


def _by_region(partitions: Collection[Partition]) -> list[str]:
    """'liaocheng 2022 2023', one a region."""
    years: dict[str, list[str]] = {}
    for region_id, year in sorted(partitions):
        years.setdefault(region_id, []).append(str(year))
    return [" ".join([region_id, *own]) for region_id, own in years.items()]


def tell_status(found: Survey) -> bool:
    """Print the newest release, and of every region what it holds and what it lacks; True when everything is current."""
    home = settings.home_folder()
    release = current_release(home)
    if release is None:
        click.echo("还没有发布版本：请先运行 junheng refresh")
    elif found.damage:
        tell_damage(release, found.damage)
    else:
        manifest = json.loads((release / "manifest.json").read_text("utf-8"))
        click.echo(
            f"版本 {release.name}，发布于 {datetime.fromisoformat(manifest['created_at']).astimezone():%Y-%m-%d %H:%M}"
        )
    lines, filed, signed = [], _filed(home) if found.is_readable else {}, _signed(home) if found.is_readable else {}
    for region_id in sorted({*found.regions, *(region_id for region_id, _ in found.partitions)}):
        own = sorted(p for p in found.partitions if p[0] == region_id)
        region = found.regions.get(region_id)
        years = " ".join(str(year) for _, year in own if (region_id, year) in found.loaded) or "无"
        click.echo(f"{region.name_zh if region else '没有登记'}（{region_id}）：已载入 {years}")
        if region_id in filed:
            click.echo(f"    {filed[region_id]}")
        for year, mark in sorted((year, mark) for (signer, year), mark in signed.items() if signer == region_id):
            click.echo(f"    {year} {mark}")
        lines += _by_reason({p: why for p in own if (why := found.why(p))}, found)
        if region and region.problem and not own:
            lines.append(f"{region_id}：{region.problem}")
    lines += find_misnamed(settings.raw_folder())
    for line in lines:
        click.echo(f"未更新：{line}")
    if not found.is_built and release is not None:
        click.echo("程序有变化，还没有重算：请运行 junheng refresh")
    if not (delivered := is_delivered(home)):
        click.echo("PostgreSQL 里还不是这个版本：请运行 junheng refresh，会再写")
    return found.is_readable and not lines and delivered


def _filed(home: Path) -> dict[str, str]:
    """Of every region's newest year, how many extracts its schools had to file and did."""
    with connect(home) as con:
        return {
            region_id: f"报送 {year}（{f'截止 {deadline}' if deadline else '没有规定截止日期'}）：应报 {expected}，已报 {received}，"
            f"迟报 {late}，被隔离 {rejected}，没有报 {missing}"
            for region_id, year, deadline, expected, received, late, rejected, missing in con.execute(FILED).fetchall()
        }


def _signed(home: Path) -> dict[Partition, str]:
    """What stands on the newest year of every region, and on every year that was signed."""
    with connect(home) as con:
        newest = con.execute(
            "select region_id, max(school_year) from mart_county_verdict group by region_id"
        ).fetchall()
        return {(region_id, year): forms.PROVISIONAL for region_id, year in newest} | signing.marks(con, home)


def tell_damage(release: Path, damage: list[str]) -> None:
    """Print what is wrong with a release and how to get a sound one."""
    click.echo(f"版本 {release.name} 已损坏：", err=True)
    for line in damage[:MOST_LACKING]:
        click.echo(f"    {line}", err=True)
    if len(damage) > MOST_LACKING:
        click.echo(f"    …… 共 {len(damage)} 处", err=True)
    click.echo("运行 junheng refresh 会重新生成；以前的版本在同一文件夹里", err=True)


def summarise(partitions: Collection[Partition] | None) -> bool:
    """Print what the release, if there is one, says of the partitions; True when every file could be read."""
    home = settings.home_folder()
    if current_release(home) is None:
        return False
    with connect(home) as con:
        click.echo(f"汇总：{tables.account(con, partitions, 'mart_source_file')}")
        refused = tables.refused_files(con, partitions, "mart_source_file")
        for line in refused:
            click.echo(f"没能载入：{line}", err=True)
        remarks = con.execute(
            f"""select source_file, remarks, count(*) over () from mart_source_file
            where remarks is not null and {tables.among(partitions)} order by all limit {MOST_REMARKS}"""
        ).fetchall()
        for source_file, remark, _ in remarks:
            click.echo(f"提示：{source_file}：{remark}")
        if remarks and remarks[0][2] > len(remarks):
            click.echo(f"…… 还有 {remarks[0][2] - len(remarks)} 个文件有提示，见 mart_source_file 的 remarks")
        counties = con.execute(f"select count(*) from ({VERDICTS})").fetchall()[0][0]
        table = io.StringIO()
        write_result(con.execute(VERDICTS if counties <= LONGEST_TABLE else COUNTED), "table", table)
        said = table.getvalue()
        for words, colour in con.execute(TONES).fetchall():
            said = said.replace(words, click.style(words, fg=colour))
        click.echo(said, nl=False)
        causes = con.execute(CHANGED).fetchall()
        lacking = con.execute(LACKING).fetchall()
    for county, year, reason in lacking[:MOST_LACKING]:
        click.echo(click.style(f"不完整：{county} {year}：{reason}", fg="red"))
    if len(lacking) > MOST_LACKING:
        click.echo(f"…… 还有 {len(lacking) - MOST_LACKING} 个县不完整，见 mart_completeness")
    click.echo('原因：junheng sql "select county_code, school_year, reasons from mart_county_verdict"')
    if causes:
        told = "；".join(f"{figures}个数：{cause}" for cause, figures in causes[:MOST_CAUSES])
        more = f"；…… 共{len(causes)}种原因" if len(causes) > MOST_CAUSES else ""
        click.echo(f"与上一版相比：{told}{more}。详见 junheng diff")
    click.echo(f"发布在 {home / 'releases' / 'current'}，用浏览器打开其中的 briefing/index.html")
    return not refused
