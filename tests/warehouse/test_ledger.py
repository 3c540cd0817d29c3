"""What the warehouse remembers between two releases: what was accepted, what is new, what has to be built again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import write_regions
from three_regions import REGIONS, hand_in

from dagster_project.warehouse import ledger, load, tables


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str, int], None]:
    """Load a partition of raw/ into the home beside it."""

    def apply(region_id: str, year: int) -> None:
        regions = load_regions(tmp_path)
        with tables.connect(tmp_path / "home") as con:
            changes = load.find_changes(con, tmp_path / "raw", regions, "key", [(region_id, year)])
            for change in changes:
                load.apply_change(con, tmp_path / "raw", change, regions.get(region_id), "key")

    write_regions(tmp_path / "raw", REGIONS)
    return apply


def load_regions(folder: Path) -> dict[str, Any]:
    from dagster_project.extracts.regions import read_regions

    return dict(read_regions(folder / "raw"))


def raw_rows(con: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Every raw table but the list of what is pending."""
    names = [*tables.TABLES, "region", "county"]
    return {name: sorted(con.execute(f"from raw.{name}").fetchall(), key=repr) for name in names}


def test_new_rows_are_put_back_whole(tmp_path: Path, loaded: Callable[[str, int], None]) -> None:
    """Loaded twice before a release, with another entry, and taken out: what was accepted comes back, row for row."""
    raw, home = tmp_path / "raw", tmp_path / "home"
    hand_in(raw, "jia", 2023)
    hand_in(raw, "yi", 2023)
    loaded("jia", 2023)
    loaded("yi", 2023)
    with tables.connect(home) as con:
        ledger.accept(con)
        accepted = raw_rows(con)
    write_regions(raw, REGIONS.replace("jia市", "别名").replace("yi市", "异名"))
    hand_in(raw, "jia", 2023, count=6)
    hand_in(raw, "jia", 2024)
    shutil.rmtree(raw / "yi")
    for region_id, year in (("jia", 2023), ("jia", 2024), ("yi", 2023)):
        loaded(region_id, year)
    hand_in(raw, "jia", 2023, count=5)
    loaded("jia", 2023)
    with tables.connect(home) as con:
        assert ledger.with_new_rows(con) == {("jia", 2023), ("jia", 2024), ("yi", 2023)}
        ledger.restore(con, [("jia", 2024)])
        assert con.execute("select region_name_zh from raw.region where region_id = 'jia'").fetchall() == [("别名",)]
        ledger.hold_back(con, "jia", "不合", "版本")
        ledger.restore(con, [("yi", 2023)])
        found = raw_rows(con)
        assert found.pop("blocked_partition") == [("jia", 2023, "不合", "版本")]
        assert found == {name: rows for name, rows in accepted.items() if name != "blocked_partition"}
        assert ledger.with_new_rows(con) == set()
        assert ledger.pending(con) == {("jia", 2023), ("jia", 2024), ("yi", 2023)}
        kept = [con.execute(f"select count(*) from previous.{name}").fetchall() for name in found]
        assert kept == [[(0,)]] * len(kept)


def test_next_year_is_rebuilt_when_the_list_of_schools_changes(
    tmp_path: Path, loaded: Callable[[str, int], None]
) -> None:
    """Which schools should be there is read from the year before; how many pupils they have is not."""
    raw, home = tmp_path / "raw", tmp_path / "home"
    for year in (2022, 2023):
        hand_in(raw, "jia", year)
        loaded("jia", year)

    def pending_after(**change: Any) -> set[tables.Partition]:
        with tables.connect(home) as con:
            ledger.accept(con)
        hand_in(raw, "jia", 2022, **change)
        loaded("jia", 2022)
        with tables.connect(home) as con:
            return ledger.pending(con)

    assert pending_after(小学在校生数=500) == {("jia", 2022)}
    assert pending_after(count=9) == {("jia", 2022), ("jia", 2023)}
    with tables.connect(home) as con:
        con.execute("delete from raw.pending_partition where school_year = 2023")
        ledger.restore(con, [("jia", 2022)])
        assert ledger.pending(con) == {("jia", 2022), ("jia", 2023)}
