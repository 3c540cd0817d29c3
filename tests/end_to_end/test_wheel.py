"""A wheel, installed where there is no checkout, ships every file and does a whole refresh."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from helpers import ROOT, schools, write_csv, write_regions


def run(*arguments: str | Path, cwd: Path) -> str:
    """What a program says, without the checkout on its path; a failure of it fails the test."""
    left_out = ("PYTHONPATH", "JUNHENG_", "DAGSTER_HOME")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    done = subprocess.run(list(map(str, arguments)), cwd=cwd, env=bare, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with the wheel and with the libraries of this one, but not the checkout that this one has."""
    pytest.importorskip("pip", reason="no pip: no wheel can be installed")
    pytest.importorskip("hatchling", reason="no hatchling: no wheel can be built")
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT, cwd=folder)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    [site] = (folder / "env" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(
        sysconfig.get_path("purelib"), "utf-8"
    )  # after pip: it would find a junheng there
    return folder / "env"


def contents(folder: Path) -> set[Path]:
    """The files of a folder, without what Python and dbt make there as they run."""
    made = {"__pycache__", "target", "logs", ".user.yml"}
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in files if made.isdisjoint(path.parts)}


def test_every_file_is_shipped(installed: Path) -> None:
    [package] = installed.glob("lib/python*/site-packages/dagster_project")
    own = {Path(room) / path for room in ("dbt", "expectations") for path in contents(ROOT / room)}
    assert contents(package) == contents(ROOT / "dagster_project") | own


def test_a_refresh_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    """It takes ./raw, keeps ./var, and writes nothing among its own files."""
    write_regions(tmp_path / "raw", "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n")
    write_csv(tmp_path / "raw" / "demo" / "2023" / "schools.csv", schools(3))
    [package] = installed.glob("lib/python*/site-packages/dagster_project")
    (tmp_path / "where.py").write_text("import dagster_project; print(dagster_project.__path__[0])", "utf-8")
    assert run(installed / "bin" / "python", "where.py", cwd=tmp_path).strip() == str(package)
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*") if "__pycache__" not in path.parts}
    told = run(installed / "bin" / "junheng", "refresh", cwd=tmp_path)
    assert "3 行 = 载入 3 + 隔离 0" in told and "已发布" in told, told
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*") if "__pycache__" not in path.parts} == before
    current = tmp_path / "var" / "releases" / "current"
    names = {path.name for path in current.iterdir()}
    assert {"junheng.duckdb", "parquet", "forms", "briefing", "dictionary.html", "manifest.json"} <= names
    query = "select county_code from mart_county_verdict"
    assert "371502" in run(installed / "bin" / "junheng", "sql", query, cwd=tmp_path)
