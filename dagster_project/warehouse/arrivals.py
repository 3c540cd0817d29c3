"""When each school's rows of an extract came in: the day on which this home first loaded one. A restatement does not make them late.

No file says it: a time of change is that of the last copy. So it is remembered, in <home>/arrivals.parquet too, which outlives
the warehouse file. Whoever begins with years that have long been handed in does not know when that was: the first day of a region
tells since when there was somebody to see.
"""

from datetime import date
from pathlib import Path

import duckdb

from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import Partition
from dagster_project.settings import Damaged
from dagster_project.sql import quote
from dagster_project.whole import replace_whole

KEPT = "arrivals.parquet"


def note(con: duckdb.DuckDBPyConnection, partition: Partition, day: date) -> None:
    """Remember what of a partition has just been loaded for the first time."""
    for name, extract in contract().extracts.items():
        owner = extract.owner
        con.execute(
            f"""insert into raw.arrival
            select distinct region_id, school_year, {owner}, {quote(name)}, ?::date from raw.{name}
            where region_id = ? and school_year = ? and {owner} not in (
                select school_id from raw.arrival where region_id = ? and school_year = ? and extract = {quote(name)}
            )""",
            [day, *partition, *partition],
        )


def keep(con: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Write what is remembered beside the warehouse, in one step."""
    replace_whole(
        home / KEPT, lambda path: con.execute(f"copy (from raw.arrival order by all) to {quote(path)} (format parquet)")
    )


def recall(con: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Take over into a new warehouse what was remembered. Raises Damaged for a file that cannot be read."""
    path = home / KEPT
    if not path.exists():
        return
    try:
        con.execute(f"insert into raw.arrival by name from read_parquet({quote(path)})")
    except duckdb.Error as error:
        raise Damaged(
            f"{path} 已损坏：请从备份恢复；没有备份就删掉它，以前报表的到达日期就不知道了，不再判断迟报"
        ) from error
