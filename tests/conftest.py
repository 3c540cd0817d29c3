"""What the tests share: the junheng command as a process, small extract folders, and the real data where it is."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

Table = Sequence[Mapping[str, Any]]


def junheng(*arguments: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, and wait for it."""
    return subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True, timeout=timeout)


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "dagster_project.cli", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def write_csv(path: Path, rows: Table) -> Path:
    """A CSV as a bureau hands it in: UTF-8, the keys of the first row as header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_regions(raw: Path, text: str) -> None:
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "regions.yml").write_text(text, encoding="utf-8")


def schools(count: int = 6, county: str = "371502") -> list[dict[str, Any]]:
    """A county of primary schools with all that the seven indicators need, each school a little different."""
    return [
        {
            "学校标识码": f"37150200{i:02}",
            "学校名称": f"第{i}小学",
            "县级行政区划代码": county,
            "办学类型": "小学",
            "城乡类型": ("111", "121", "220")[i % 3],
            "小学在校生数": 400 + 37 * i,
            "小学班级数": 10,
            "小学专任教师数": 30 + i,
            "小学高于规定学历专任教师数": 25 + i,
            "小学县级及以上骨干教师数": 6 + i % 3,
            "小学体育艺术专任教师数": 5 + i % 2,
            "教学及辅助用房面积": 3000 + 100 * i,
            "室内体育用房面积": 300,
            "运动场地面积": 5000,
            "教学仪器设备资产值": 120.5,
            "网络多媒体教室数": 14,
            "图书册数": 9000 + i,
        }
        for i in range(1, count + 1)
    ]


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
    """A copy of the demo's extracts and a home with its first release; a test copies it before it changes it."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "raw", folder / "raw")
    outcome = junheng("refresh", "--raw", folder / "raw", "--home", folder / "home")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "载入 53929 + 隔离 0" in outcome.stdout
    return folder


@pytest.fixture(scope="session")
def demo_home(demo: Path) -> Path:
    return demo / "home"
