"""A process that stays up and refreshes after each change; bench/run.py starts it.

    python bench/resident.py RAW HOME REPEAT

Its last line is a JSON list: for every refresh but the first, the seconds as a whole (`wall`) and by step.
"""

import json
import sys
import time
from pathlib import Path

from run import change, profile

from dagster_project import settings


def main(raw: Path, home: Path, repeat: int) -> None:
    """Refresh once to be warm, then `repeat` times after a change."""
    settings.use(raw, home)
    from dagster_project.definitions import defs
    from dagster_project.orchestration.refresh import run
    from dagster_project.orchestration.summary import survey

    found = []
    for _ in range(repeat + 1):
        change(raw)
        began = time.time()
        found_now = survey()
        if not run(defs, found_now.todo if found_now.is_built else found_now.partitions):
            raise SystemExit("refresh failed")
        ended = time.time()
        found.append(profile(home, began, ended) | {"wall": ended - began})
    print(json.dumps(found[1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
