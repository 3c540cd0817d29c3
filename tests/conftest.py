"""What pytest hands to a test: folders, the demo and its release, the real data where they are, a browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from helpers import ROOT, SHARED, Table, junheng, schools, write_csv, write_regions
from playwright.sync_api import Browser, sync_playwright

from dagster_project.transform import project
from dagster_project.warehouse import tables


def pytest_configure(config: pytest.Config) -> None:
    """Parse the dbt project once, before processes side by side would each do it."""
    if not hasattr(config, "workerinput"):
        project.prepare()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with tables.connect(tmp_path / "home") as connection:
        yield connection


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data with published results, kept outside the project; a test that needs it skips without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no ../shared/data beside the checkout: the real data are not there to test with")
    return SHARED / "data"


@pytest.fixture
def county(tmp_path: Path) -> Callable[..., Path]:
    """Write a raw folder with one region of one county; keyword arguments replace or add extracts."""

    def write(**extracts: Table) -> Path:
        raw = tmp_path / "raw"
        write_regions(raw, "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n")
        for name, rows in {"schools": schools(), **extracts}.items():
            write_csv(raw / "demo" / "2023" / f"{name}.csv", rows)
        return raw

    return write


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's extracts and a home with its first release, made once for all processes of a run; a test copies it
    before it changes it."""
    made = tmp_path_factory.getbasetemp().parent / f"demo-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            building = tmp_path_factory.mktemp("building")
            shutil.copytree(ROOT / "raw", building / "raw")
            outcome = junheng("refresh", "--raw", building / "raw", "--home", building / "home", from_nothing=True)
            assert outcome.returncode == 0, outcome.stdout + outcome.stderr
            assert "载入 91969 + 隔离 0" in outcome.stdout
            building.rename(made)
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def demo_home(demo: Path) -> Path:
    return demo / "home"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("no Chromium on this machine: no page is opened in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
