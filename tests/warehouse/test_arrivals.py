"""When a school's rows came in is remembered from the first time on, and outlives the warehouse file."""

from datetime import date
from pathlib import Path

import pytest
from helpers import REGION, read, schools, write_csv

from dagster_project import settings
from dagster_project.warehouse import arrivals, load, tables

FIRST, LATER = date(2023, 10, 1), date(2023, 10, 20)


def load_on(day: date, home: Path, raw: Path, patch: pytest.MonkeyPatch) -> dict[str, date]:
    """Load demo/2023 on a day; when each school's row of the schools extract first came."""
    patch.setattr(load, "today", lambda: day)
    with tables.connect(home) as con:
        read(con, raw, REGION)
        arrivals.keep(con, home)
        found = con.execute("select school_id, arrived_on from raw.arrival where extract = 'schools'").fetchall()
    return dict(found)


def test_a_restatement_is_not_late_and_a_new_warehouse_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, home = tmp_path / "raw", tmp_path / "home"
    write_csv(raw / "demo" / "2023" / "schools.csv", schools(2))
    assert load_on(FIRST, home, raw, monkeypatch) == {"3715020001": FIRST, "3715020002": FIRST}
    restated = schools(3)
    restated[0]["小学在校生数"] = 999
    write_csv(raw / "demo" / "2023" / "schools.csv", restated)
    expected = {"3715020001": FIRST, "3715020002": FIRST, "3715020003": LATER}
    assert load_on(LATER, home, raw, monkeypatch) == expected
    (home / "warehouse.duckdb").unlink()
    assert load_on(date(2024, 1, 1), home, raw, monkeypatch) == expected


def test_a_warehouse_of_another_version_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, home = tmp_path / "raw", tmp_path / "home"
    write_csv(raw / "demo" / "2023" / "schools.csv", schools(1))
    load_on(FIRST, home, raw, monkeypatch)
    with tables.connect(home) as con:
        con.execute("alter table raw.schools add column gone integer")
    assert load_on(LATER, home, raw, monkeypatch) == {"3715020001": FIRST}


def test_a_damaged_memory_says_what_to_do(tmp_path: Path) -> None:
    tmp_path.joinpath(arrivals.KEPT).write_text("half")
    with pytest.raises(settings.Damaged, match="请从备份恢复"), tables.connect(tmp_path):
        pass
