"""Do two folders of marts hold the same values?  python bench/compare.py FLOOR RELEASE/parquet

Rows are joined by their keys. Every column that both have must agree: texts, booleans and nulls exactly, and
numbers to 1e-9 of their size. One line a mart; exit code 1 when anything differs or a row has no partner.
"""

import sys
from pathlib import Path

import duckdb

KEYS = {"region_id", "school_year", "county_code", "school_id", "stage", "indicator_id"}
TOLERANCE = 1e-9
EXACT = ("VARCHAR", "BOOLEAN")


def compare(con: duckdb.DuckDBPyConnection, floor: Path, product: Path) -> bool:
    """Compare one mart and print its line; True when it agrees."""
    types = []
    for path in (floor, product):
        rows = con.execute(f"select column_name, column_type from (describe from '{path}')").fetchall()
        types.append(dict(rows))
    shared = [name for name in types[0] if name in types[1]]
    keys, values = [c for c in shared if c in KEYS], [c for c in shared if c not in KEYS]
    distances = ""
    for c in values:
        size = f"abs(a.{c} - b.{c})::double / greatest(abs(a.{c}), abs(b.{c}))"
        apart = "1" if types[0][c] in EXACT else f"coalesce({size}, 1)"
        distances += f", max(case when a.{c} is not distinct from b.{c} then 0 else {apart} end)"
    both = f"'{floor}' as a full join '{product}' as b using ({', '.join(keys)})"
    alone = "count(*) filter (a.region_id is null or b.region_id is null)"
    rows, unmatched, *found = con.execute(f"select count(*), {alone} {distances} from {both}").fetchall()[0]
    worst, column = max(zip(found, values, strict=True))
    agrees = unmatched == 0 and worst <= TOLERANCE
    left_out = ", ".join(sorted(types[1].keys() - types[0].keys()))
    print(
        f"  {'一致 agrees ' if agrees else '不同 DIFFERS'} {floor.stem:20} {rows:7} 行 rows"
        f"  {unmatched} 无对应 unmatched  {len(values):2} 列 columns  最大相差 worst {worst:.1e} {column}"
        + (f"  未比 left out: {left_out}" if left_out else "")
    )
    return agrees


def main(floor: Path, product: Path) -> int:
    """Compare every mart that the floor makes; the exit code."""
    con = duckdb.connect()
    agree = [compare(con, path, product / path.name) for path in sorted(floor.glob("*.parquet"))]
    return 0 if agree and all(agree) else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
