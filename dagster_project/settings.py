"""Where things are: raw/ and var/ of the checkout, unless JUNHENG_RAW and JUNHENG_HOME say otherwise; JUNHENG_POSTGRES."""

import os
from pathlib import Path


class Damaged(ValueError):
    """A file that this installation keeps is not as it was left; the message is Chinese and says what to do."""


CHECKOUT = Path(__file__).resolve().parent.parent


def raw_folder() -> Path:
    """The folder of the extracts, never written to."""
    return Path(os.environ.get("JUNHENG_RAW", CHECKOUT / "raw")).resolve()


def home_folder() -> Path:
    """The folder of the warehouse, the releases and Dagster's own files."""
    return Path(os.environ.get("JUNHENG_HOME", CHECKOUT / "var")).resolve()


def postgres() -> str | None:
    """The address of the PostgreSQL database that every release is written to; None: of no database."""
    return os.environ.get("JUNHENG_POSTGRES")


def use(raw: Path | None, home: Path | None) -> None:
    """Choose the folders for this process and those it starts."""
    os.environ["JUNHENG_RAW"] = str((raw or raw_folder()).resolve())
    os.environ["JUNHENG_HOME"] = str((home or home_folder()).resolve())
    os.environ["DAGSTER_HOME"] = str(home_folder() / "dagster")
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
