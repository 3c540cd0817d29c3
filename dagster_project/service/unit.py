"""The systemd unit of this installation."""

import getpass
import os
import sys
from pathlib import Path
from string import Template

from dagster_project.transform.project import MADE


def unit_file(raw: Path, home: Path) -> str:
    """junheng.service with the paths of this installation, what dbt compiles of a checkout included; a % is systemd's own sign."""
    owner = home.stat().st_uid if home.exists() else os.getuid()
    places = {"program": Path(sys.executable).with_name("junheng"), "raw": raw, "home": home, "made": MADE}
    escaped = {
        name: str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"') for name, path in places.items()
    }
    return Template(Path(__file__).with_name("junheng.service").read_text("utf-8")).substitute(
        escaped, user=_name(owner)
    )


def _name(uid: int) -> str:
    """Whose the home is: the service is to write as that user."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return getpass.getuser()
