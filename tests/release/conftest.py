"""A home whose warehouse is small and already built."""

from pathlib import Path

import pytest
from small_warehouse import make_warehouse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_warehouse(tmp_path, 1)
    return tmp_path
