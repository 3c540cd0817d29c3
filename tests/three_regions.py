"""Three regions of one county each, whose schools are handed in a year at a time."""

from pathlib import Path
from typing import Any

from helpers import schools, write_csv

COUNTIES = {"jia": "371502", "yi": "371503", "bing": "371504"}
REGIONS = "regions:\n" + "".join(
    f"  - {{id: {region_id}, name_zh: {region_id}市, counties: {{'{code}': 某县}}}}\n"
    for region_id, code in COUNTIES.items()
)


def hand_in(raw: Path, region_id: str, year: int, count: int = 10, **change: Any) -> None:
    """The schools of a region in a year; change: laid over the first."""
    county = COUNTIES.get(region_id, "371505")
    rows = [{**row, "学校标识码": county + row["学校标识码"][6:]} for row in schools(count, county)]
    rows[0].update(change)
    write_csv(raw / region_id / str(year) / "schools.csv", rows)
