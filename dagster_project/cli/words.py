"""Click's own words in Chinese, in the help of every command."""

from collections.abc import Iterable

import click

WORDS = {"Options": "选项", "Commands": "命令", "[default: ": "[默认 ", "[required]": "[必填]"}
SHOW_HELP = click.help_option("-h", "--help", help="显示这段说明")


class Formatter(click.HelpFormatter):
    """What stands in the help beside our own sentences."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or "用法：")

    def write_heading(self, heading: str) -> None:
        self.write(f"{WORDS.get(heading, heading)}：\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """In two columns, a Chinese character as wide as two letters."""
        from dagster_project.release.read import width

        rows, indent = list(rows), " " * self.current_indent
        widest = max(width(name) for name, _ in rows)
        for name, said in rows:
            for word, chinese in WORDS.items():
                said = said.replace(word, chinese)
            self.write(f"{indent}{name}{' ' * (widest - width(name) + col_spacing)}{said}\n")


class Context(click.Context):
    formatter_class = Formatter


def in_chinese(command: click.Command) -> click.Command:
    """A command whose help speaks Chinese throughout."""
    command.context_class = Context
    command.options_metavar = "[选项]"
    command.add_help_option = False
    SHOW_HELP(command)
    return command
