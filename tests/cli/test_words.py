"""The help of every command, as a clerk reads it."""

import re

import click
import pytest

from dagster_project.cli import main
from dagster_project.cli.words import Context

COMMANDS = [(), *((name,) for name in main.commands)]
OF_CLICK = re.compile(r"Usage|Options|Commands|Show |OPTIONS|ARGS|DIRECTORY|INTEGER|TEXT|FILE|default:|required")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_is_chinese_throughout(words: tuple[str, ...]) -> None:
    """Of click's own words none is left."""
    command: click.Command = main.commands[words[0]] if words else main
    said = command.get_help(Context(command, info_name=" ".join(("junheng", *words))))
    assert not OF_CLICK.search(said)
    assert said.startswith("用法：junheng") and "选项：\n" in said and "显示这段说明" in said
