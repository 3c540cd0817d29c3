"""A warehouse that passes both gates, made once and copied."""

import shutil
from pathlib import Path

import pytest
from sound_tables import make_warehouse


@pytest.fixture(scope="module")
def good_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_warehouse(tmp_path_factory.mktemp("good") / "warehouse.duckdb")


@pytest.fixture
def warehouse(good_warehouse: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good_warehouse, tmp_path / "数据 仓库.duckdb"))
