"""The junheng command. Light to import: Dagster, dbt and Great Expectations come in only where they are needed."""

import atexit
import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import click

from dagster_project import settings
from dagster_project.console import Failed, Group, prepare, say_misnamed, the_region
from dagster_project.extracts.regions import find_partitions
from dagster_project.warehouse.lock import Busy

if TYPE_CHECKING:
    from dagster_project.extracts.regions import Partition, Region
    from dagster_project.orchestration.summary import Survey

FOLDER = click.Path(path_type=Path, file_okay=False)
PATH = click.Path(path_type=Path, dir_okay=False)
HERE = "在源码目录里；由 wheel 安装的，在当前文件夹里"
HOME = click.option("--home", type=FOLDER, help=f"仓库与发布所在的文件夹（默认 var：{HERE}）")
RELEASE = click.option("--release", metavar="版本", help="哪一版：版本号（如 2.1）或编号；不写就是当前版本")
FORM = click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="输出格式")
RAW = click.option("--raw", type=FOLDER, help=f"报表所在的文件夹（默认 raw：{HERE}）")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="junheng", message="均衡 Junheng %(version)s")
def main() -> None:
    """均衡 Junheng：县域义务教育优质均衡数据仓库。

    \b
    没有现成的报表：junheng template --out 文件夹，写出空白报表供填写。
    报表交上来，先看有没有问题：junheng check 文件或文件夹
    把各校报表放进 raw/<区域>/<学年>/，然后：
      junheng refresh                 载入、计算、检查、发布
      junheng status                  各区域是不是最新，哪里没有更新
      junheng verify                  已发布的文件有没有损坏
      junheng releases                以前的各版：何时发布，有什么变化，怎样打开
      junheng diff                    与上一版相比，哪些数变了，为什么
      junheng sign 区域 学年 --name 姓名   签署结果；签署以前都是暂定
      junheng sql "select * from mart_county_verdict"
      junheng trace 县或学校 学年 哪个数      它从哪个文件哪一格来，依据哪一条
      junheng export 文件夹            CSV；或写入 PostgreSQL
      junheng serve                   常驻：定时刷新，发布成果网页
      junheng backup 文件夹            备份；恢复用 junheng restore
      junheng ui                      在浏览器里看流程、定时与运行记录
    """


@main.command()
@RAW
@HOME
@click.option("--region", "region_ids", multiple=True, metavar="区域", help="只刷新这个区域（可重复）")
@click.option("--year", "years", multiple=True, type=int, metavar="学年", help="只刷新这个学年，如 2023（可重复）")
def refresh(raw: Path | None, home: Path | None, region_ids: tuple[str, ...], years: tuple[int, ...]) -> None:
    """载入有变化的报表，重算指标，检查，发布。

    坏行会被隔离并报告，其余照常载入。读不了的文件使退出码不为 0，其余照常发布。一个区域没通过检查，它仍是上一版的数，
    其余区域照常发布；要求刷新的没有全部做到，退出码不为 0。
    """
    started = time.monotonic()
    settings.use(raw, home)
    prepare()
    from dagster_project.orchestration.messages import report
    from dagster_project.orchestration.summary import account_for, summarise, survey
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
    _leave(0 if is_complete else 1)


@main.command()
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

    found = survey()
    is_current = tell_status(found)
    _leave(0 if tell(found) and is_current else 1)


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


def _leave(code: int) -> NoReturn:
    """End now: Python would take another second to dismantle a thousand modules one by one."""
    from dagster_project.processes import stop_pools

    stop_pools()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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


@main.command()
@click.option("--release", "name", metavar="版本", help="核对以前的一版：版本号（如 2.1）或编号")
@click.option("--all", "is_all", is_flag=True, help="核对全部版本；已精简的逐个还原")
@HOME
def verify(name: str | None, is_all: bool, home: Path | None) -> None:
    """核对已发布的版本：每个文件都在，且与清单 manifest.json 里的 sha256 相符。已精简的版本还要能还原成清单里的样子。

    完好时退出码为 0；有损坏、缺失或多出的文件，逐个列出，退出码为 1。当前版本损坏，运行 junheng refresh 会重新生成。
    """
    from dagster_project.orchestration.summary import tell_damage
    from dagster_project.release.history import verify as look
    from dagster_project.release.store import ReleaseError, find_release, listed, require_release

    settings.use(None, home)
    try:
        current = require_release(settings.home_folder())
        chosen = (
            [find_release(settings.home_folder(), name)] if name else listed(current.parent) if is_all else [current]
        )
    except ReleaseError as error:
        raise Failed(str(error)) from error
    is_sound = True
    for release in chosen:
        if damage := look(release):
            is_sound = False
            tell_damage(release, damage)
        else:
            click.echo(f"版本 {release.name} 完好：每个文件都与清单相符")
    sys.exit(0 if is_sound else 1)


@main.command()
@click.option(
    "--open", "name", metavar="版本", help="写出这一版的 DuckDB 文件的路径，供别的工具只读打开；已精简的先还原"
)
@HOME
def releases(name: str | None, home: Path | None) -> None:
    """列出各版：编号、版本号、发布时间、占用空间、完整还是已精简、与上一版相比有什么变化。

    最新的三版是完整的；更早的精简为变化的部分，随时可以还原。全部保留；设置环境变量 JUNHENG_KEEP=30，就至少保留最新的 30 版。
    签署过的版本从不删除。

    \b
    例：junheng releases
        junheng releases --open 2.1
        junheng sql --release 2.1 "from mart_county_verdict"
    """
    from dagster_project.release.history import lines, snapshot_of
    from dagster_project.release.store import ReleaseError, find_release, require_release

    settings.use(None, home)
    try:
        require_release(settings.home_folder())
        for line in (
            [str(snapshot_of(find_release(settings.home_folder(), name)))] if name else lines(settings.home_folder())
        ):
            click.echo(line)
    except ReleaseError as error:
        raise Failed(str(error)) from error


@main.command()
@click.argument("older", required=False, metavar="[版本]")
@click.argument("newer", required=False, metavar="[版本]")
@HOME
@FORM
def diff(older: str | None, newer: str | None, home: Path | None, form: Literal["table", "csv", "json"] | None) -> None:
    """两个版本之间哪些发布的数有变化，为什么。不写版本：当前版本与它的上一版相比。

    \b
    例：junheng diff                        有什么变化，一段话
        junheng diff --format csv          每个有变化的数：原值、现值、原因
        junheng diff 1.0 2.3 --format table
    """
    import duckdb

    from dagster_project.release.difference import WITH_CAUSES
    from dagster_project.release.read import write_result
    from dagster_project.release.store import ReleaseError
    from dagster_project.release.tell import of_any_two

    settings.use(None, home)
    try:
        with duckdb.connect() as con:
            first, second, found = of_any_two(con, settings.home_folder(), older, newer)
            if form:
                write_result(con.execute(WITH_CAUSES), form, sys.stdout)
                return
            click.echo(f"{first} → {second}：{found.said}")
            for mart, (added, removed) in found.counts.items():
                click.echo(f"    {mart}：增加 {added} 行，减少 {removed} 行")
    except (ReleaseError, duckdb.Error) as error:
        raise Failed(str(error)) from error


@main.command()
@click.argument("region_id", metavar="区域", required=False)
@click.argument("year", metavar="学年", type=int, required=False)
@click.option("--name", metavar="姓名", help="签署人")
@click.option("--list", "is_listed", is_flag=True, help="列出谁签署了什么，签署后有没有变化")
@HOME
def sign(region_id: str | None, year: int | None, name: str | None, is_listed: bool, home: Path | None) -> None:
    """签署一个区域一个学年的结果：记下姓名、时间、每个报表和每张结果表的校验值，写出可打印的签署单和各县的申报表。

    签署以前，网页和申报表上写着“暂定”；签署以后数据有变化，网页、申报表和 junheng status 都会写明，签署的那个版本一直保留。
    再签署一次，以最新的为准。

    \b
    例：junheng sign liaocheng 2023 --name 张三
        junheng sign --list
    """
    from dagster_project.release import live, signing
    from dagster_project.release.read import connect
    from dagster_project.release.store import ReleaseError
    from dagster_project.warehouse import lock

    settings.use(None, home)
    place = settings.home_folder()
    try:
        if is_listed:
            with connect(place) as con:
                for (region, signed_year), mark in sorted(signing.marks(con, place).items()):
                    click.echo(f"{region} {signed_year}：{mark}")
            return
        if region_id is None or year is None or name is None:
            raise Failed("请写明区域、学年和签署人，例如 junheng sign liaocheng 2023 --name 张三")
        with lock.hold(place, click.echo):
            certificate = signing.sign(place, region_id, year, name)
            live.write_live(place)
    except ReleaseError as error:
        raise Failed(str(error)) from error
    click.echo(f"已签署 {region_id} {year}。签署单：{certificate}")
    click.echo(f"各县申报表：{certificate.with_suffix('')}")


@main.command()
@click.argument("query", required=False, metavar="[查询]")
@RELEASE
@HOME
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "xlsx"]), default="table", help="输出格式")
@click.option("--out", type=PATH, metavar="文件", help="写到这个文件，不覆盖已有的；CSV 写成 Excel 双击打开不乱码的")
@click.option(
    "--with",
    "files",
    multiple=True,
    type=PATH,
    metavar="文件",
    help="自己的 CSV、Excel 或 Parquet，作为一张表与各表一起查（可重复）",
)
def sql(
    query: str | None,
    release: str | None,
    home: Path | None,
    form: Literal["table", "csv", "json", "xlsx"],
    out: Path | None,
    files: tuple[Path, ...],
) -> None:
    """查询已发布的版本（只读，刷新时也能查）。不写查询，就打开 DuckDB 的命令行：按 Tab 补全，按 ↑ 找回以前的查询；
    只能查，不能写文件，也不能运行别的程序。

    \b
    例：junheng sql "select county_code, verdict, reasons from mart_county_verdict"
        junheng sql "show tables"
        junheng sql
        junheng sql < 查询.sql
        junheng sql --release 2.1 "from mart_release_change"     以前的一版，junheng releases 列出
        junheng sql --with 我的.csv "select * from 我的 join dim_school using (school_id)"
        junheng sql --out 结论.xlsx --format xlsx "from mart_county_verdict"
        junheng sql --out 结论.csv --format csv "from mart_county_verdict"
    dbt/analyses/ 里有二十个写好的查询，可以直接粘贴。
    """
    import duckdb

    from dagster_project.release.read import ROOM, connect, shell, write_result
    from dagster_project.release.save import write_file
    from dagster_project.release.store import ReleaseError

    settings.use(None, home)
    if form == "xlsx" and out is None:
        raise Failed("--format xlsx 要写明 --out 文件.xlsx")
    try:
        if query is None and not sys.stdin.isatty():
            query = sys.stdin.read()
        if query is None and (files or out):
            raise Failed("--with 和 --out 要同时写查询：命令行里不能读写文件")
        if query is None:
            command = shell(settings.home_folder(), release)
            click.echo("均衡 Junheng：只读，一直是打开时的这个版本。每条查询以分号结束")
            click.echo("列出表 show tables;　看一张表的列 describe 表名;　离开 .exit")
            click.echo(f"表和列的含义：{Path(command[-1]).with_name('dictionary.html')}")
            click.echo(ROOM if sys.stdout.isatty() else "", nl=False, color=True)
            os.execv(command[0], command)
        with connect(release=release, files=files) as con:
            for statement in con.extract_statements(query):
                result = con.execute(statement)
                if statement.expected_result_type != [duckdb.ExpectedResultType.QUERY_RESULT]:
                    continue
                if out:
                    write_file(result, form, out)
                    click.echo(f"已写出 {out}")
                elif form != "xlsx":
                    write_result(result, form, sys.stdout)
    except (ReleaseError, duckdb.Error) as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"没有写出 {out}。{error}") from error


@main.command()
@click.argument("who", metavar="县或学校")
@click.argument("year", metavar="学年", type=int)
@click.argument("what", metavar="哪个数…", nargs=-1)
@HOME
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "table", "csv", "json"]),
    default="text",
    help="输出格式；text 之外只列来源",
)
def trace(
    who: str, year: int, what: tuple[str, ...], home: Path | None, form: Literal["text", "table", "csv", "json"]
) -> None:
    """一个数从哪里来：由哪些学校的数算出，各在哪个文件哪一行哪一格，原文是什么，依据哪一条，怎样算。只读已发布的版本。

    \b
    例：junheng trace 371502 2023 小学 生均教学及辅助用房面积      全县的差异系数
        junheng trace 3715020001 2023 小学 生均教学及辅助用房面积   一所学校的
        junheng trace 371502 2023 表Ⅱ-2 第3行 L7                  申报表里的一格
        junheng trace 371502 2023 G5-1                            国家标准的一条
        junheng trace liaocheng 2023 LC-29                        政策文件的一个目标
    名称可以只写一部分。由教师、班级名册数出来的，指到文件和行数。
    """
    from dagster_project.release.read import connect, write_result
    from dagster_project.release.store import ReleaseError
    from dagster_project.release.trace import find, lines, sources

    settings.use(None, home)
    try:
        with connect() as con:
            figure = find(con, who, year, what)
            if form == "text":
                for line in lines(con, figure):
                    click.echo(line)
            else:
                write_result(sources(con, figure), form, sys.stdout)
    except ReleaseError as error:
        raise Failed(str(error)) from error


@main.command()
@click.argument("target", metavar="文件夹或网址")
@RELEASE
@HOME
def export(target: str, release: str | None, home: Path | None) -> None:
    """把已发布的版本写成 CSV（Excel 直接打开不乱码），或写入 PostgreSQL。

    \b
    例：junheng export 各表                                       每张表一个 CSV
        junheng export postgresql://用户@主机/库                   模式 marts，表和列带中文说明
    密码放在 PGPASSWORD 或 ~/.pgpass；写在网址里也行，不会出现在任何提示和记录里。

    PostgreSQL 里的各表在一个事务里换成新版本：读者读到的不是旧的就是新的，授权和自建视图都保留。
    设置环境变量 JUNHENG_POSTGRES=网址，每次 junheng refresh 发布后就自动写入；没写成的，下次刷新补写。
    """
    from dagster_project.release.export import to_csv, to_postgres
    from dagster_project.release.store import ReleaseError

    settings.use(None, home)
    try:
        if "://" in target and release:
            raise Failed("PostgreSQL 里只放当前版本：--release 用于写 CSV")
        if "://" in target:
            rows = to_postgres(settings.home_folder(), target)
            click.echo(f"已写入 PostgreSQL 的模式 marts：{len(rows)} 张表 {sum(rows.values())} 行")
        else:
            click.echo(f"已写出 {len(to_csv(settings.home_folder(), Path(target), release))} 个 CSV：{target}")
    except ReleaseError as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"没有写完 CSV，请关闭正在用 Excel 打开的文件再试。{error}") from error


@main.command()
@click.argument("path", metavar="文件.zip", type=click.Path(path_type=Path, dir_okay=False))
@HOME
def superset(path: Path, home: Path | None) -> None:
    """写出 Superset 的导入文件：数据库、数据集和两个看板（区县均衡、政策目标）。

    \b
    例：junheng superset 看板.zip
    在 Superset 的“看板”页点导入，选这个文件。以后每次刷新，看板自动读到最新发布的版本，不用再导入。

    Superset 的环境里要有 duckdb 和 duckdb-engine，并能读到发布所在的文件夹。
    """
    from dagster_project.release.store import ReleaseError, require_release
    from dagster_project.release.superset import write_superset

    settings.use(None, home)
    try:
        release = require_release(settings.home_folder())
        write_superset(release.parent / "current" / "junheng.duckdb", path)
    except ReleaseError as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"没有写出 {path}。{error}") from error
    click.echo(f"已写出 {path}：在 Superset 的“看板”页导入")


@main.command()
@click.option(
    "--out",
    required=True,
    type=FOLDER,
    metavar="文件夹",
    help="写到哪个文件夹；没有就新建，已有的文件不覆盖",
)
@click.option("--region", "region_id", metavar="区域", help="只列 regions.yml 中这个区域的县和它的文件用到的事实")
@click.option(
    "--prefill", nargs=2, type=(str, int), metavar="区域 学年", help="每校一个文件夹，填好上一学年报的数，供改正"
)
@RAW
@HOME
def template(
    out: Path, region_id: str | None, prefill: tuple[str, int] | None, raw: Path | None, home: Path | None
) -> None:
    """写出七张空白报表（Excel），供各校或统计员填写。

    每个文件有一张待填的表（必填列有 * 号，选项有下拉，数值有范围）和一张填写说明。

    \b
    例：junheng template --out 空白报表
        junheng template --out 空白报表 --region liaocheng
        junheng template --out 预填报表 --prefill liaocheng 2024     每校按 2023 学年报的数预填
    预填的有学校、班级、专用教室、经费和学校的事实，没有教师和成绩；各校改好交回，连文件夹一起放进去即可。
    填好后放进 raw/<区域>/<学年>/，文件名不变，再运行 junheng refresh。
    """
    from dagster_project.clerk.template import write_templates

    settings.use(raw, home)
    if prefill:
        _prefill(out, the_region(prefill[0]), prefill[1])
        return
    try:
        region = the_region(region_id) if region_id else None
        paths = write_templates(out, region.counties if region else {}, region.documents if region else None)
    except OSError as error:
        raise Failed(f"没有写出空白报表。{error}") from error
    for path in paths:
        click.echo(path)
    click.echo("填好后放进 raw/<区域>/<学年>/，文件名不变，再运行 junheng refresh")


def _prefill(out: Path, region: "Region", year: int) -> None:
    """Write last year's answers of every school."""
    from dagster_project.clerk.prefill import NothingBefore, write_prefilled
    from dagster_project.warehouse import lock, tables

    home = settings.home_folder()
    try:
        with lock.hold(home, click.echo), tables.connect(home) as con:
            folders = write_prefilled(out, con, region, year)
    except (NothingBefore, OSError) as error:
        raise Failed(f"没有写出预填报表。{error}") from error
    click.echo(f"{len(folders)} 所学校，各一个文件夹：{out}")
    click.echo(f"改好后连文件夹放进 raw/{region.id}/{year}/，再运行 junheng refresh")


@main.command()
@click.argument("paths", nargs=-1, metavar="文件或文件夹…")
@click.option(
    "--out",
    default=Path("检查结果"),
    show_default=True,
    type=FOLDER,
    metavar="文件夹",
    help="标注的副本写到哪个文件夹；没有就新建",
)
def check(paths: tuple[str, ...], out: Path) -> None:
    """只检查报表，不载入：列出哪一行哪一列有什么问题、怎么改。

    检查与载入用同样的规则，仓库和原文件都不动。文件放在 raw/<区域>/<学年>/ 里的，按该区域的区县和列名检查；
    放在别处的，区县不限。同一文件夹的文件一并检查，教师、班级等表里的学校与学校表核对。

    有问题的文件另存一份 <原文件名>-检查结果.xlsx：第一张表列出全部问题，可点击跳转；出错的单元格标红，批注里写明原因。
    在这一份里改好，代替原文件交回即可。改动过的副本不会被下一次检查覆盖。

    \b
    例：junheng check 学校.xlsx 教师.xlsx
        junheng check raw/liaocheng/2023 --out 退回各校

    没有问题时退出码为 0，有问题时为 1。
    """
    from dagster_project.clerk.check import CheckError
    from dagster_project.clerk.check import check as check_paths

    if not paths:
        raise Failed("请给出要检查的文件或文件夹，例如 junheng check raw/liaocheng/2023")
    try:
        is_right = check_paths([Path(path) for path in paths], out, click.echo)
    except CheckError as error:
        raise Failed(str(error)) from error
    _leave(0 if is_right else 1)


@main.command()
@click.argument("region_id", metavar="区域")
@click.argument("year", metavar="学年", type=int)
@click.argument("path", metavar="[文件]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@RAW
@click.option(
    "--rules", "rules_of", type=click.IntRange(1000, 2999), metavar="学年", help="假如按这一学年的规则评判，如 2024"
)
@click.option(
    "--out",
    type=FOLDER,
    metavar="文件夹",
    help="另存四个 CSV：学生数、结论、差异系数、缺口",
)
def scenario(
    region_id: str, year: int, path: Path | None, rules_of: int | None, raw: Path | None, out: Path | None
) -> None:
    """假如撤并、新建学校、分流、限额或增减资源，或按另一学年的规则，整县结论、差异系数和缺口会怎样：与现状并列。

    用同样的模型另算一遍，仓库、已发布的版本和 raw/ 都不动。文件是 CSV，一行一项措施，依次执行：

    \b
      动作,学校标识码,另一学校标识码,栏目,数量
      撤销,3715020001,,,                    学校连同学生、教师一并去掉
      并入,3715020002,3715020003,,          学生、教师、资源都归另一学校
      新建,3715029999,3715020003,,          与另一学校同地、同类型，各项从 0 起
      增减,3715029999,,小学在校生数,450     学校表的任何数量栏目，可为负
      分流,3715020004,3715020005,小学在校生数,120   120 名学生到同县的另一学校
      限额,3715020006,3715020005,小学在校生数,900   不超过 900 人，多出的到另一学校

    分流、限额只动学生数，教师、校舍都不动；班级名册里从人数最多的班转出，编入人数最少的班，不分年级。
    限额不写另一学校的，多出的学生不在本县就读；已在限额以内的不变。

    \b
    例：junheng scenario liaocheng 2023 撤并方案.csv
        junheng scenario liaocheng 2021 --rules 2024      2021 学年按 2024 学年的规则会怎样
    """
    from dagster_project.clerk.scenario import ScenarioError, compare
    from dagster_project.transform.project import BuildFailed

    settings.use(raw, None)
    region = the_region(region_id)
    if (region_id, year) not in find_partitions(settings.raw_folder()):
        raise Failed(f"{region_id} 没有 {year} 学年的文件")
    if path is None and rules_of is None:
        raise Failed(
            "请给出措施文件，或用 --rules 写按哪一学年的规则，例如 junheng scenario liaocheng 2021 --rules 2024"
        )
    try:
        compare(settings.raw_folder(), region, year, path, rules_of, out, click.echo, sys.stdout)
    except (ScenarioError, BuildFailed) as error:
        raise Failed(str(error)) from error
    _leave(0)


@main.command()
@RAW
@HOME
@click.option("--host", default="127.0.0.1", show_default=True, help="网页绑定的地址")
@click.option("--port", default=3000, show_default=True, help="网页端口")
@click.option("--public", is_flag=True, help="允许绑定本机以外的地址（网页没有登录，须放在代理之后）")
def ui(raw: Path | None, home: Path | None, host: str, port: int, public: bool) -> None:
    """打开 Dagster 网页：流程图、分区、定时、运行记录。"""
    _refuse_public(host, public)
    settings.use(raw, home)
    prepare()
    click.echo(f"均衡 Junheng：http://{host}:{port}（按 Ctrl+C 结束）")
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"  # by a tool that Junheng has not
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-m", "dagster_project.definitions", "-h", host, "-p", str(port)])


def _refuse_public(host: str, public: bool) -> None:
    """Raise Failed for an address that other machines reach, unless that is meant."""
    if host not in ("127.0.0.1", "localhost", "::1") and not public:
        raise Failed(f"网页没有登录，不绑定 {host}：确需如此请加 --public，并放在有登录的代理之后")


@main.command()
@RAW
@HOME
@click.option("--host", default="127.0.0.1", show_default=True, help="成果网页绑定的地址")
@click.option("--port", default=8000, show_default=True, help="成果网页的端口")
@click.option("--ui-port", default=3000, show_default=True, help="流程网页（Dagster）的端口，只绑定本机")
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
    from dagster_project.service.serve import serve as run

    try:
        run(settings.home_folder(), host, port, ui_port, click.echo)
    except Busy as error:
        raise Failed(str(error)) from error


@main.command()
@click.argument("target", metavar="文件夹或文件", type=click.Path(path_type=Path))
@HOME
def backup(target: Path, home: Path | None) -> None:
    """备份仓库文件夹：数仓、所有已发布的版本、密钥，写成一个文件。正在刷新的，等它结束；不影响读者。

    \b
    例：junheng backup /mnt/backup                文件名带时间
        junheng backup 均衡备份.tar
    备份里有 hash.key（教师编号的密钥），只有本人可读，请像密码一样保管。raw/ 不在里面，请照常另行备份。
    """
    from dagster_project.service.backup import backup as write

    settings.use(None, home)
    try:
        path = write(settings.home_folder(), target, click.echo)
    except OSError as error:
        raise Failed(f"没有写完备份，没有留下文件。{error}") from error
    click.echo(f"已备份到 {path}（{path.stat().st_size / 1e6:,.1f} MB）。里面有密钥，请像密码一样保管")
    if os.environ.get("JUNHENG_HASH_KEY"):
        click.echo("注意：现用的密钥在 JUNHENG_HASH_KEY 里，不在备份里，请另行保管；恢复后设成同样的值", err=True)


@main.command()
@click.argument("path", metavar="备份", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@HOME
@click.option("--replace", is_flag=True, help="已有仓库的，也恢复：原来的文件夹改名留着")
def restore(path: Path, home: Path | None, replace: bool) -> None:
    """从备份恢复仓库文件夹。每个文件都核对过才放到位；有一个不对，就什么也不动。

    \b
    例：junheng restore 均衡备份.tar --home 新文件夹
    然后 junheng status；raw/ 与备份时不同的，junheng refresh 会补上。旧版本程序的备份也能恢复，下次刷新会按现在的程序重算。
    """
    from dagster_project.service.backup import restore as put_back

    settings.use(None, home)
    try:
        aside = put_back(path, settings.home_folder(), replace, click.echo)
    except Busy as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"没有恢复。{error}") from error
    click.echo(f"已恢复到 {settings.home_folder()}" + (f"；原来的在 {aside}" if aside else ""))


if __name__ == "__main__":
    main()
