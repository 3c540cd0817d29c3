"""What the page says that was not yet known when its release was made: what has been signed since, and what needs attention now.

<home>/live.js lies outside of the releases, is written anew at each change, and is read by the page of every release; a copy of
a page that lies elsewhere does without it.
"""

import json
from pathlib import Path

from dagster_project.release import signing
from dagster_project.release.read import connect
from dagster_project.release.store import current_release
from dagster_project.whole import write_whole

NOTICES = "notices.json"  # of the home


def write_live(home: Path) -> None:
    """Say of the current release what is so now. Before the first release there is no page to say it."""
    release = current_release(home)
    if release is None:
        return
    signed = []
    if found := signing.signatures(home):
        with connect(home) as con:
            marks = signing.marks(con, home)
        signed = [
            {
                "region_id": signature.region_id,
                "school_year": signature.school_year,
                "release_id": signature.release_id,
                "mark": marks[partition],
                "signed_mark": signature.mark,
                "certificate": f"{signature.release_id}/{signature.region_id}_{signature.school_year}.html",
            }
            for partition, signature in found.items()
        ]
    notices = json.loads((home / NOTICES).read_bytes()) if (home / NOTICES).exists() else []
    says = {"current": release.name, "signed": signed, "notices": notices}
    write_whole(home / "live.js", f'junheng.load("live", {json.dumps(says, ensure_ascii=False)});\n')
