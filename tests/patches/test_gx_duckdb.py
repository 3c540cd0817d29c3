"""When patches/gx_duckdb.py can go."""

from pathlib import Path

import pytest
from sound_tables import GOOD, make_warehouse

from dagster_project.gates import suites


def test_duckdb_mend_is_still_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """When this fails, GX speaks DuckDB by itself: delete patches/gx_duckdb.py, its call and this test."""
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    dialects = tuple(each for each in engine._PERSISTED_CONNECTION_DIALECTS if each != "duckdb")
    monkeypatch.setattr(engine, "_PERSISTED_CONNECTION_DIALECTS", dialects)
    monkeypatch.setattr(suites, "speak_duckdb", lambda: None)
    results = suites.validate(make_warehouse(tmp_path / "warehouse.duckdb"), "raw", GOOD)
    assert not all(result.success for result in results), (
        "Great Expectations now works on DuckDB by itself: delete patches/gx_duckdb.py, its call and this test"
    )
