"""Where things are: raw/ and var/ lie in the checkout, unless JUNHENG_RAW and JUNHENG_HOME say otherwise; JUNHENG_POSTGRES, JUNHENG_KEEP.

Installed from a wheel there is no checkout: they lie in the current folder, and the wheel brings dbt/ and expectations/ in the package.
"""

import os
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo


class Damaged(ValueError):
    """A file that this installation keeps is not as it was left; the message is Chinese and says what to do."""


PACKAGE = Path(__file__).resolve().parent
TIMEZONE = "Asia/Shanghai"
IS_CHECKOUT = not (PACKAGE / "dbt").is_dir()
RESOURCES = PACKAGE.parent if IS_CHECKOUT else PACKAGE


def raw_folder() -> Path:
    """The folder of the extracts, never written to."""
    return Path(os.environ.get("JUNHENG_RAW", _place() / "raw")).resolve()


def home_folder() -> Path:
    """The folder of the warehouse, the releases and Dagster's own files."""
    return Path(os.environ.get("JUNHENG_HOME", _place() / "var")).resolve()


def _place() -> Path:
    return PACKAGE.parent if IS_CHECKOUT else Path.cwd()


def today() -> date:
    """The day where the bureaus are."""
    return datetime.now(ZoneInfo(TIMEZONE)).date()


def service() -> Path | None:
    """The socket at which a service takes refreshes, JUNHENG_SERVICE, that of this home unless it is said; None where it is empty."""
    said = os.environ.get("JUNHENG_SERVICE")
    return home_folder() / "service.sock" if said is None else Path(said) if said else None


def postgres() -> str | None:
    """The address of the PostgreSQL database that every release is written to; None: of no database."""
    return os.environ.get("JUNHENG_POSTGRES")


def keep() -> int | None:
    """How many releases are kept at least, JUNHENG_KEEP; None: all. Raises Damaged."""
    text = os.environ.get("JUNHENG_KEEP", "")
    if text and not (text.isdecimal() and int(text) > 0):
        raise Damaged(f"环境变量 JUNHENG_KEEP 是“{text}”：请写至少保留几个版本，如 30；不写就全部保留")
    return int(text) if text else None


def use(raw: Path | None, home: Path | None) -> None:
    """Choose the folders for this process and those it starts."""
    os.environ["JUNHENG_RAW"] = str((raw or raw_folder()).resolve())
    os.environ["JUNHENG_HOME"] = str((home or home_folder()).resolve())
    os.environ["DAGSTER_HOME"] = str(home_folder() / "dagster")
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
