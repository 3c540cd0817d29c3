"""What a user sees when a command cannot be done: one Chinese sentence and an exit code, never a traceback."""

import os
import re
import shutil
import sys
import traceback
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import click
import duckdb
import yaml

from dagster_project import settings
from dagster_project.extracts.regions import Region, RegionsError, find_misnamed, find_strays, read_regions, region_of

LONGEST_HOME = 300  # bytes; below it lie files whose whole name may have 512
LEAST_SPACE = 32_000_000  # bytes; the smallest home has twice as many
KEPT_LOOKS = {"skipped": 1, "started": 7, "success": 90, "failure": 90}  # days; a sensor looks 1440 times a day
FULL = re.compile("No space left on device|disk is full")
FAILED = "disk I/O error"  # what SQLite says of a full disk, but not of that alone


class Failed(click.ClickException):
    """Something was not done; the message says what and what to do."""


class Group(click.Group):
    """A group of commands whose errors are told in Chinese. The last resort, for what nobody foresaw, keeps the details in a file."""

    def main(self, *arguments: Any, **more: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().main(*arguments, **{**more, "standalone_mode": False})
        except click.UsageError as error:
            _leave(2, f"{_translated(error)}。用法见 {error.ctx.command_path if error.ctx else 'junheng'} -h")
        except click.exceptions.Exit as error:
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _leave(130, "已中断")
        except (click.ClickException, RegionsError, settings.Damaged) as error:
            _leave(1, error.message if isinstance(error, click.ClickException) else str(error))
        except duckdb.IOException as error:
            _leave(1, full_disk(traceback.format_exc()) or _of_warehouse(error))
        except BrokenPipeError:  # the reader of the output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except Exception as error:  # the last resort
            _leave(1, full_disk(traceback.format_exc()) or _unforeseen(error))


def full_disk(text: str) -> str | None:
    """What there is to tell where an error, by its text, comes of a disk that is full; null: it does not."""
    home = settings.home_folder()
    free = shutil.disk_usage(home).free if home.exists() else LEAST_SPACE
    if not FULL.search(text) and not (FAILED in text and free < LEAST_SPACE):
        return None
    return f"磁盘满了（{home} 所在的磁盘还剩 {free / 1e6:,.0f} MB）：请清出空间，再运行 junheng refresh；已发布的版本不受影响"


def _of_warehouse(error: duckdb.IOException) -> str:
    """What an error of the warehouse's file means, and what to do."""
    path = settings.home_folder() / "warehouse.duckdb"
    if "Could not set lock" in str(error):
        return f"{path} 正被另一个程序打开：请关闭它，再试"
    return f"{path} 已损坏或读不了：请移走它，再运行 junheng refresh，会从 raw/ 重建；已发布的版本不受影响。{str(error).splitlines()[0]}"


def _unforeseen(error: Exception) -> str:
    return f"没有料到的情况（{type(error).__name__}），没有做完；经过写在 {_keep_details()}，请交给维护人员"


def _leave(code: int, message: str) -> None:
    click.echo(f"错误：{message}", err=True)
    sys.exit(code)


def _translated(error: click.UsageError) -> str:
    """What is wrong with the arguments."""
    match error:
        case click.NoSuchOption():
            return f"没有选项 {error.option_name}"
        case click.BadOptionUsage():
            return f"选项 {error.option_name} 的写法不对，它后面可能少了值，或多了值"
        case click.MissingParameter():
            return f"缺少 {_name(error)}"
        case click.BadParameter():
            return f"{_name(error)} 的值不对：{_expected(error)}"
    if error.message.startswith("No such command"):
        return f"没有这个命令 {error.message.partition(' command ')[2].rstrip('.')}"
    return f"参数不对：{error.message}"


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return "参数"
    return (
        error.param.opts[0]
        if isinstance(error.param, click.Option)
        else error.param.make_metavar(error.ctx or click.Context(click.Command("")))
    )


def _expected(error: click.BadParameter) -> str:
    match error.param.type if error.param else None:
        case click.types.IntParamType():
            return "应是整数，如 2023"
        case click.Choice() as choice:
            return f"应是 {'、'.join(map(str, choice.choices))} 之一"
        case click.Path(file_okay=False):
            return "应是文件夹"
        case click.Path(dir_okay=False):
            return "应是文件"
    return error.message


def _keep_details() -> Path:
    """Write the traceback to a log in the home, or where that cannot be, in the temporary folder."""
    text = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {' '.join(map(repr, sys.argv[1:]))}\n{traceback.format_exc()}\n"
    for folder in (settings.home_folder(), Path(gettempdir())):
        try:
            path = folder / "error.log"
            with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(text)
            return path
        except OSError:
            continue
    return Path("")


def require_home(home: Path) -> None:
    """Make the folder of the warehouse and the releases; raises Failed where it cannot be made or written to, or is full."""
    if odd := sorted({char for char in str(home) if char in "%?#$\\" or not char.isprintable()}):
        raise Failed(
            f"仓库文件夹的名字里不能有 {' '.join(map(ascii, odd))}：{str(home)!a}，请换一个（--home 或 JUNHENG_HOME）"
        )
    if len(os.fsencode(home)) > LONGEST_HOME:
        raise Failed(f"仓库文件夹的名字长到超过 {LONGEST_HOME} 个字节：{home}，请换一个（--home 或 JUNHENG_HOME）")
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
        probe = home / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Failed(
            f"仓库文件夹 {home} 不能用（{error.strerror}）：请换一个能写的文件夹（--home 或 JUNHENG_HOME）"
        ) from error
    if free < LEAST_SPACE:
        raise Failed(
            f"仓库文件夹 {home} 所在的磁盘只剩 {free / 1e6:,.0f} MB，至少要 {LEAST_SPACE / 1e6:,.0f} MB：请清出空间，或换一个文件夹"
        )


def require_raw(raw: Path) -> None:
    """Raises Failed where the folder of the extracts is none, or cannot be read."""
    try:
        next(iter(raw.iterdir()), None)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "名字不对"
        raise Failed(
            f"报表文件夹 {ascii(str(raw)) if not str(raw).isprintable() else raw} 打不开（{why}）：请用 --raw 或 JUNHENG_RAW 指明"
        ) from error


def say_misnamed() -> bool:
    """Tell of folders that can be no region; True where there is one."""
    misnamed = find_misnamed(settings.raw_folder())
    for sentence in misnamed:
        click.echo(f"错误：{sentence}", err=True)
    return bool(misnamed)


def prepare() -> None:
    """Make sure that the folders can be used, and tell of files that no partition holds; raises Failed and RegionsError."""
    raw = settings.raw_folder()
    require_raw(raw)
    require_home(settings.home_folder())
    read_regions(raw)
    for folder, count in find_strays(raw).items():
        where = folder.relative_to(raw.parent)
        click.echo(
            f"注意：{where} 里有 {count} 个报表文件没有读：请放进 raw/<区域>/<学年>/，学年写四位数字，如 2023", err=True
        )
    dagster_home = settings.home_folder() / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    (dagster_home / "dagster.yaml").write_text(yaml.safe_dump(_dagster_yaml(dagster_home)), encoding="utf-8")


def _dagster_yaml(dagster_home: Path) -> dict[str, object]:
    """Dagster's own settings: one run at a time, ended if it never starts, nothing sent home, no newsletter, a lean event log, no
    copy of what a step prints (it prints nothing, and copying takes four processes), no look of a sensor for longer than it serves
    anybody. A run that asks for it is tried again (automation.AGAIN).
    """
    return {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        "run_monitoring": {"enabled": True},
        "run_retries": {"enabled": True},
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        "retention": {"sensor": {"purge_after_days": KEPT_LOOKS}},
        "event_log_storage": {
            "module": "dagster_project.patches.event_log",
            "class": "KeptSqliteEventLog",
            "config": {"base_dir": str(dagster_home / "history" / "runs")},
        },
    }


def the_region(region_id: str) -> Region:
    """One region of regions.yml, fit to be loaded; raises Failed and RegionsError."""
    region = region_of(settings.raw_folder(), region_id)
    if region is None:
        known = "、".join(sorted(read_regions(settings.raw_folder())))
        raise Failed(f"没有区域“{region_id}”：可选的有 {known}")
    return region
