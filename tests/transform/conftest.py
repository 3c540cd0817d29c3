"""A warehouse whose marts are built and empty, once for all laws, and the standards as its models have them."""

from fractions import Fraction
from pathlib import Path

import pytest
from drawn_counties import Standard, Standards, open_marts

from dagster_project.transform import build
from dagster_project.warehouse import tables


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose marts are built and empty: each example replaces its one partition."""
    folder = tmp_path_factory.mktemp("arithmetic")
    tables.connect(folder).close()
    build.build(folder)
    return folder


@pytest.fixture(scope="session")
def standards(home: Path) -> Standards:
    """Thresholds and limits as dim_indicator has them; fractions of their decimals, since floats would not be exact."""
    with open_marts(home) as con:
        rows = [
            (indicator, stage, *map(str, figures))
            for stage in ("primary", "junior")
            for indicator, *figures in con.execute(
                f"select indicator_id, {stage}_threshold, {stage}_floor_value, {stage}_limit_value"
                " from marts.dim_indicator where is_national"
            ).fetchall()
        ]
    return {(indicator, stage): Standard(*map(Fraction, figures)) for indicator, stage, *figures in rows}
