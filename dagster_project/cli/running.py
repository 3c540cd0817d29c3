"""To load and publish, once or as a service, and to see how it stands."""

import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagster_project import settings
from dagster_project.cli.options import HOME, RAW
from dagster_project.console import Failed, prepare, say_misnamed
from dagster_project.warehouse.lock import Busy

if TYPE_CHECKING:
    from dagster_project.extracts.regions import Partition
    from dagster_project.orchestration.summary import Survey


@click.command()
@RAW
@HOME
@click.option("--region", "region_ids", multiple=True, metavar="区域", help="只刷新这个区域（可重复）")
@click.option("--year", "years", multiple=True, type=int, metavar="学年", help="只刷新这个学年，如 2023（可重复）")
@click.option("--no-service", is_flag=True, help="自己做，不交给常驻的 junheng serve")
def refresh(
    raw: Path | None, home: Path | None, region_ids: tuple[str, ...], years: tuple[int, ...], no_service: bool
) -> None:
    """载入有变化的报表，重算指标，检查，发布。

    坏行会被隔离并报告，其余照常载入。读不了的文件使退出码不为 0，其余照常发布。一个区域没通过检查，它仍是上一版的数，
    其余区域照常发布；要求刷新的没有全部做到，退出码不为 0。junheng serve 在运行，就交给它做：结果一样，快几秒。
    """
    started = time.monotonic()
    settings.use(raw, home)
    if not no_service and (code := _hand_over(region_ids, years)) is not None:
        sys.exit(code)
    prepare()
    from dagster_project.orchestration.messages import report
    from dagster_project.orchestration.summary import account_for, summarise, survey
    from dagster_project.processes import leave
    from dagster_project.warehouse import last_run

    before = survey()
    asked = _asked(before, region_ids, years)
    is_complete = not say_misnamed()
    if before.damage:
        click.echo(f"已发布的版本有 {len(before.damage)} 处损坏，重新生成：{before.damage[0]}", err=True)
    if before.is_built and not before.damage and not before.todo & asked:
        after = before
        if not before.todo and not before.blocked and not before.problems:
            click.echo("文件没有变化，已发布的版本仍是最新")
        is_complete &= _deliver()
        if is_complete and not before.todo:  # what an earlier run could not do is no longer to be done
            last_run.end(settings.home_folder())
    else:
        from dagster_project.gates.worker import start_worker

        start_worker()  # it imports Great Expectations while this process imports Dagster and dbt
        gc.disable()  # what is imported stays: to look for garbage in it, again and again, takes a second
        from dagster_project.definitions import defs
        from dagster_project.orchestration.refresh import run

        gc.freeze()
        gc.enable()

        is_complete &= run(defs, before.todo & asked if before.is_built else asked)
        after = survey()
    is_complete &= account_for(before, after, asked | _asked(after, region_ids, years), region_ids)
    is_complete &= summarise(asked)
    for line in report(after):
        is_complete = False
        click.echo(f"错误：{line}", err=True)
    click.echo(f"用时 {time.monotonic() - started:.1f} 秒")
    leave(0 if is_complete else 1)


def _hand_over(region_ids: tuple[str, ...], years: tuple[int, ...]) -> int | None:
    """The exit code of the refresh as the service of this home did it; None: there is no service that could."""
    from dagster_project.cli.ready import hand_over

    asked = [f"--region={region_id}" for region_id in region_ids] + [f"--year={year}" for year in years]
    places = ["--raw", str(settings.raw_folder()), "--home", str(settings.home_folder())]
    return hand_over(["refresh", "--no-service", *places, *asked])


def _asked(found: "Survey", region_ids: tuple[str, ...], years: tuple[int, ...]) -> set["Partition"]:
    """The partitions that were asked for, those that were taken out of raw/ included; raises Failed for what there is not."""
    known = {*found.regions, *(region_id for region_id, _ in found.partitions)}
    for region_id in region_ids:
        if region_id not in known:
            raise Failed(f"没有区域“{region_id}”：可选的有 {'、'.join(sorted(known))}")
    present = {year for _, year in found.partitions}
    if not present:
        raw = settings.raw_folder()
        raise Failed(f"{raw} 里没有报表：请放进 raw/<区域>/<学年>/，例如 raw/liaocheng/2023/schools.csv")
    for year in years:
        if year not in present:
            raise Failed(f"没有 {year} 学年的文件：现有 {'、'.join(map(str, sorted(present)))}")
    return {
        (region_id, year)
        for region_id, year in found.partitions
        if (not region_ids or region_id in region_ids) and (not years or year in years)
    }


def _deliver() -> bool:
    """Write to PostgreSQL what an earlier refresh could not; True unless it cannot be done now either."""
    from dagster_project.release.export import deliver
    from dagster_project.release.store import ReleaseError

    try:
        if delivered := deliver(settings.home_folder()):
            click.echo(delivered)
    except ReleaseError as error:
        click.echo(f"错误：{error}", err=True)
        return False
    return True


@click.command()
@RAW
@HOME
def status(raw: Path | None, home: Path | None) -> None:
    """各区域载入到哪一年，哪些有变化还没刷新，哪些没有通过检查、为什么；谁报了、谁签署了；有什么事要处理。

    都是最新的、没有事要处理，退出码为 0；否则为 1，可供监控程序定时运行。只看，不载入，不发布，也不发通知。
    """
    settings.use(raw, home)
    prepare()
    from dagster_project.orchestration.notices import tell
    from dagster_project.orchestration.summary import survey, tell_status
    from dagster_project.processes import leave

    found = survey()
    is_current = tell_status(found)
    leave(0 if tell(found) and is_current else 1)


@click.command()
@RAW
@HOME
@click.option("--host", metavar="地址", default="127.0.0.1", show_default=True, help="成果网页绑定的地址")
@click.option("--port", default=8000, show_default=True, metavar="端口", help="成果网页的端口")
@click.option(
    "--ui-port", metavar="端口", default=3000, show_default=True, help="流程网页（Dagster）的端口，只绑定本机"
)
@click.option("--public", is_flag=True, help="成果网页允许绑定本机以外的地址（没有登录，须放在代理之后）")
@click.option("--unit", is_flag=True, help="不启动，写出 systemd 的单元文件")
def serve(raw: Path | None, home: Path | None, host: str, port: int, ui_port: int, public: bool, unit: bool) -> None:
    """常驻运行：有新文件或到了时间就刷新，发布成果网页；停机几天，一次补上。

    \b
    成果网页 http://127.0.0.1:8000 总是最新发布的版本，只读；流程网页 http://127.0.0.1:3000 同 junheng ui。
    改 regions.yml、增加区域或学年，不用重启。哪一部分意外结束，会自己重新启动。
    开机就运行：junheng serve --unit > /etc/systemd/system/junheng.service
    装在容器里：源码的 dagster_project/service/compose.yaml
    """
    from dagster_project.service.unit import unit_file

    settings.use(raw, home)
    if unit:
        click.echo(unit_file(settings.raw_folder(), settings.home_folder()), nl=False)
        return
    _refuse_public(host, public)
    prepare()
    _upgrade()
    from dagster_project.service.serve import serve as run

    try:
        run(settings.home_folder(), host, port, ui_port, click.echo)
    except Busy as error:
        raise Failed(str(error)) from error


@click.command()
@RAW
@HOME
@click.option("--host", metavar="地址", default="127.0.0.1", show_default=True, help="网页绑定的地址")
@click.option("--port", default=3000, show_default=True, metavar="端口", help="网页端口")
@click.option("--public", is_flag=True, help="允许绑定本机以外的地址（网页没有登录，须放在代理之后）")
def ui(raw: Path | None, home: Path | None, host: str, port: int, public: bool) -> None:
    """打开 Dagster 网页：流程图、分区、定时、运行记录。"""
    _refuse_public(host, public)
    settings.use(raw, home)
    prepare()
    _upgrade()
    click.echo(f"均衡 Junheng：http://{host}:{port}（按 Ctrl+C 结束）")
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"  # by a tool that Junheng has not
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-m", "dagster_project.definitions", "-h", host, "-p", str(port)])


def _upgrade() -> None:
    """Let Dagster's programs find its record of runs as they know it."""
    import dagster as dg

    from dagster_project.orchestration.runs import upgrade

    with dg.DagsterInstance.get() as instance:
        upgrade(instance, settings.home_folder())


def _refuse_public(host: str, public: bool) -> None:
    """Raise Failed for an address that other machines reach, unless that is meant."""
    if host not in ("127.0.0.1", "localhost", "::1") and not public:
        raise Failed(f"网页没有登录，不绑定 {host}：确需如此请加 --public，并放在有登录的代理之后")
