"""The junheng command. Light to import: Dagster, dbt and Great Expectations come in only where they are needed."""

import click

from dagster_project.cli import filing, keeping, published, running
from dagster_project.cli.words import in_chinese
from dagster_project.console import Group


@click.group(cls=Group, subcommand_metavar="命令 …")
@click.version_option(package_name="junheng", message="均衡 Junheng %(version)s", help="显示版本")
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


in_chinese(main)
for command in (
    *(running.refresh, running.status, running.serve, running.ui),
    *(published.sql, published.trace, published.export, published.superset),
    *(published.verify, published.releases, published.diff, published.sign),
    *(filing.template, filing.check, filing.scenario),
    *(keeping.backup, keeping.restore),
):
    main.add_command(in_chinese(command))
