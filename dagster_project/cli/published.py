"""To read what is published, and to hold it against what it was."""

import os
import sys
from pathlib import Path
from typing import Literal

import click

from dagster_project import settings
from dagster_project.cli.options import FORM, HOME, PATH, RELEASE
from dagster_project.console import Failed


@click.command(short_help="查询已发布的版本（只读，刷新时也能查）")
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
            click.echo(
                "列出表 show tables;　看一张表的列 describe 表名;　代码写成中文 zh('verdict', verdict)　离开 .exit"
            )
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


@click.command()
@click.argument("who", metavar="县或学校")
@click.argument("year", metavar="学年", type=int)
@click.argument("what", metavar="哪个数…", nargs=-1)
@RELEASE
@HOME
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "table", "csv", "json"]),
    default="text",
    help="输出格式；text 之外只列来源",
)
def trace(
    who: str,
    year: int,
    what: tuple[str, ...],
    release: str | None,
    home: Path | None,
    form: Literal["text", "table", "csv", "json"],
) -> None:
    """一个数从哪里来：由哪些学校的数算出，各在哪个文件哪一行哪一格，原文是什么，依据哪一条，怎样算。只读已发布的版本。

    \b
    例：junheng trace 371502 2023 小学 生均教学及辅助用房面积      全县的差异系数
        junheng trace 3715020001 2023 小学 生均教学及辅助用房面积   一所学校的
        junheng trace 371502 2023 表Ⅱ-2 第3行 L7                  申报表里的一格
        junheng trace 371502 2023 G5-1                            国家标准的一条
        junheng trace liaocheng 2023 LC-29                        政策文件的一个目标
        junheng trace --release 2.1 371502 2023 G5-1              以前的一版里的
    名称可以只写一部分。由教师、班级名册数出来的，指到文件和行数。
    """
    import duckdb

    from dagster_project.release.read import connect, write_result
    from dagster_project.release.store import ReleaseError
    from dagster_project.release.trace import find, lines, sources

    settings.use(None, home)
    try:
        with connect(release=release) as con:
            figure = find(con, who, year, what)
            if form == "text":
                for line in lines(con, figure):
                    click.echo(line)
            else:
                write_result(sources(con, figure), form, sys.stdout)
    except (duckdb.CatalogException, duckdb.BinderException) as error:  # a table or column that it has not
        said = str(error).splitlines()[0]
        raise Failed(
            f"这一版发布得早，还没有追溯要用的表或栏目：请追溯以后的版本（junheng releases 列出）。{said}"
        ) from error
    except ReleaseError as error:
        raise Failed(str(error)) from error


@click.command()
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


@click.command()
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


@click.command(short_help="核对已发布的版本：每个文件都在，且与清单相符")
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


@click.command()
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


@click.command()
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


@click.command()
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
