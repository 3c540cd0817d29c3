"""A clerk's own folder."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder outside any raw folder."""
    (tmp_path / "交来").mkdir()
    return tmp_path / "交来"
