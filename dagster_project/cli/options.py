"""The options that several commands share."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)
PATH = click.Path(path_type=Path, dir_okay=False)
HERE = "在源码目录里；由 wheel 安装的，在当前文件夹里"
HOME = click.option("--home", type=FOLDER, metavar="文件夹", help=f"仓库与发布所在的文件夹（默认 var：{HERE}）")
RELEASE = click.option("--release", metavar="版本", help="哪一版：版本号（如 2.1）或编号；不写就是当前版本")
FORM = click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="输出格式")
RAW = click.option("--raw", type=FOLDER, metavar="文件夹", help=f"报表所在的文件夹（默认 raw：{HERE}）")
