"""For who fills in, checks and plans."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagster_project import settings
from dagster_project.cli.options import FOLDER, HOME, RAW
from dagster_project.console import Failed, the_region
from dagster_project.extracts.regions import find_partitions

if TYPE_CHECKING:
    from dagster_project.extracts.regions import Region


@click.command()
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


@click.command()
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
    from dagster_project.processes import leave

    if not paths:
        raise Failed("请给出要检查的文件或文件夹，例如 junheng check raw/liaocheng/2023")
    try:
        is_right = check_paths([Path(path) for path in paths], out, click.echo)
    except CheckError as error:
        raise Failed(str(error)) from error
    leave(0 if is_right else 1)


@click.command()
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
    from dagster_project.processes import leave
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
    leave(0)
