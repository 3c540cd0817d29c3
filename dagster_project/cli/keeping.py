"""To keep the warehouse safe."""

import os
from pathlib import Path

import click

from dagster_project import settings
from dagster_project.cli.options import HOME
from dagster_project.console import Failed
from dagster_project.warehouse.lock import Busy


@click.command()
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


@click.command()
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
