"""Whatever stands in regions.yml, aliases.csv, a folder's name, an argument or the environment: a Chinese sentence, never a traceback.

The suite draws a few examples; JUNHENG_FUZZ=10000 pytest tests/end_to_end/test_hostile_settings.py draws more.
"""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import command, environment, junheng, schools, write_csv, write_regions
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from dagster_project import cli, processes
from dagster_project import settings as places
from dagster_project.extracts.regions import (
    FIELDS,
    RegionsError,
    find_misnamed,
    find_partitions,
    find_strays,
    read_regions,
)
from dagster_project.orchestration import summary
from dagster_project.warehouse import load, tables

EXAMPLES = int(os.environ.get("JUNHENG_FUZZ", "60"))
DRAWN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
WORDS = st.sampled_from(
    ["demo", "a", "2023", "0 2 * * *", "每天2点", "@daily", "09-01", "02-30", "^x$", "(", "(?=x)", "a{99999999}", "LC", "", " ", "~", "是",
     "\ud800", "a|b", "a\nb", "x" * 300, "../x", "'", '"', "; drop table x"]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=3)
    | WORDS
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.fixed_dictionaries(
    {"id": st.sampled_from(["demo", "other"]) | VALUES}, optional={name: VALUES for name in FIELDS if name != "id"}
)


@contextlib.contextmanager
def folders() -> Generator[tuple[Path, Path]]:
    """A raw folder and a home that are thrown away, as those of this process."""
    kept = dict(os.environ)
    with tempfile.TemporaryDirectory() as name:
        raw, home = Path(name, "raw"), Path(name, "home")
        raw.mkdir()
        places.use(raw, home)
        try:
            yield raw, home
        finally:
            os.environ.clear()
            os.environ.update(kept)


def look_and_load(raw: Path, home: Path) -> None:
    """What a refresh does with its settings before it computes anything; RegionsError is told to the user."""
    regions = read_regions(raw)
    find_strays(raw)
    find_misnamed(raw)
    found = summary.survey()
    with tables.connect(home) as con:
        tables.write_regions(con, {r: region for r, region in regions.items() if not region.problem})
        for change in found.changes.values():
            if not change.problem:
                load.apply_change(con, raw, change, regions.get(change.region_id), "key")
    for partition in summary.survey().partitions:
        found.why(partition)


@DRAWN
@given(st.lists(ENTRIES, min_size=1, max_size=3) | VALUES)
def test_any_entries(entries: Any) -> None:
    with folders() as (raw, home):
        document = yaml.safe_dump({"regions": entries}, allow_unicode=True)
        (raw / "regions.yml").write_text(document, "utf-8", errors="surrogatepass")
        write_csv(raw / "demo" / "2023" / "schools.csv", schools(2))
        with contextlib.suppress(RegionsError):
            look_and_load(raw, home)


@DRAWN
@given(st.binary(max_size=40) | st.text("regions:{}[]-&*!|>'\"#%@ \n\t0a年", max_size=40).map(str.encode))
def test_any_regions_file_and_aliases(content: bytes) -> None:
    with folders() as (raw, home):
        (raw / "regions.yml").write_bytes(content)
        with contextlib.suppress(RegionsError):
            look_and_load(raw, home)
        write_regions(raw, "regions:\n  - {id: demo}\n")
        write_csv(raw / "demo" / "2023" / "schools.csv", schools(2))
        (raw / "demo" / "aliases.csv").write_bytes(content)
        look_and_load(raw, home)


@DRAWN
@given(st.binary(min_size=1, max_size=30).filter(lambda name: not set(name) & {0, 47} and name not in (b".", b"..")))
def test_any_folder_name(name: bytes) -> None:
    with folders() as (raw, home):
        write_regions(raw, "regions:\n  - {id: demo}\n")
        for place in (raw / os.fsdecode(name) / "2023", raw / "demo" / os.fsdecode(name)):
            write_csv(place / "schools.csv", schools(2))
        look_and_load(raw, home)
        assert all(region_id.isprintable() or region_id for region_id, _ in find_partitions(raw))


ARGUMENTS = st.lists(
    st.sampled_from(["refresh", "status", "sql", "check", "scenario", "template", "--raw", "--home", "--year", "--region", "--format", "-h",
                     "abc", "2023", "-1", "9" * 30, "", "--nope", "x\udcff", "a b", "%s", "nowhere/at/all"]),
    max_size=5,
)  # fmt: skip


@example(["sql"])
@DRAWN
@given(ARGUMENTS.filter(lambda them: "check" not in them or "" not in them))
def test_any_arguments(arguments: list[str]) -> None:
    """With a raw folder that has no region, so that nothing is computed. A command ends with an exit code and a sentence."""
    with folders() as (raw, _), contextlib.chdir(raw.parent):
        write_regions(raw, "regions: []\n")
        said = io.StringIO()
        code: object = 0
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.MonkeyPatch.context() as patch:
            patch.setattr(processes, "leave", exit)  # which would end this process
            patch.setattr(sys, "stdin", io.StringIO())  # a shell, opened by `sql` alone, has nothing to read
            try:
                cli.main(arguments)
            except SystemExit as end:
                code = end.code
        assert "没有料到" not in said.getvalue() and "Traceback" not in said.getvalue(), said.getvalue()
        assert code in (0, None) or "错误：" in said.getvalue() or "版本" in said.getvalue()


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["refresh", "--year", "今年"], {}, "错误：--year 的值不对：应是整数，如 2023"),
        (["refresh", "--yaer", "2023"], {}, "错误：没有选项 --yaer"),
        (["refersh"], {}, "错误：没有这个命令 'refersh'"),
        (["sql", "select 1", "--format", "xml"], {}, "错误：--format 的值不对：应是 table、csv、json、xlsx 之一"),
        (["refresh"], {"JUNHENG_HOME": "a file"}, "不能用（"),
        (["refresh"], {"JUNHENG_HOME": "a file/below"}, "不能用（"),
        (["status"], {"JUNHENG_HOME": "100%"}, "错误：仓库文件夹的名字里不能有 '%'"),
        (["refresh"], {"JUNHENG_HOME": "长" * 300}, "长到超过 300 个字节"),
        (["refresh"], {"JUNHENG_RAW": "a file"}, "打不开（"),
        (["refresh"], {"JUNHENG_RAW": "nowhere"}, "打不开（"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: list[str], variables: dict[str, str], message: str) -> None:
    (tmp_path / "a file").touch()
    write_regions(tmp_path / "raw", "regions: []\n")
    chosen = {"JUNHENG_RAW": "raw", "JUNHENG_HOME": "home"} | variables
    outcome = subprocess.run(
        command(*arguments), env=environment() | chosen, cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert outcome.returncode in (1, 2) and message in outcome.stderr, outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_what_nobody_foresaw_is_kept_in_a_file(tmp_path: Path) -> None:
    """A folder where a file should be, say: one sentence, and the details where a maintainer finds them."""
    write_regions(tmp_path / "raw", "regions:\n  - {id: demo}\n")
    write_csv(tmp_path / "raw" / "demo" / "2023" / "schools.csv", schools(2))
    (tmp_path / "home" / "refresh.lock").mkdir(parents=True)
    outcome = junheng("refresh", "--raw", tmp_path / "raw", "--home", tmp_path / "home")
    assert outcome.returncode == 1 and "Traceback" not in outcome.stderr
    assert f"经过写在 {tmp_path / 'home' / 'error.log'}" in outcome.stderr
    assert "Traceback" in (tmp_path / "home" / "error.log").read_text("utf-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as another user")
def test_a_folder_that_cannot_be_read_is_its_regions_problem(tmp_path: Path) -> None:
    """Not as if its files were withdrawn."""
    raw = tmp_path / "raw"
    write_regions(raw, "regions:\n  - {id: demo}\n  - {id: open}\n")
    for region_id in ("demo", "open"):
        write_csv(raw / region_id / "2023" / "schools.csv", schools(2))
    (raw / "demo").chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    found = {}
    if (child := os.fork()) == 0:
        os.setuid(65534)
        found = read_regions(raw)
        told = (found["demo"].problem or "").startswith(f"{raw / 'demo'}：打不开")
        os._exit(0 if told and find_partitions(raw) == [("open", 2023)] and find_strays(raw) == {} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (raw / "demo").chmod(0o755)
    shutil.rmtree(raw)


@pytest.mark.parametrize(("megabytes", "message"), [(3, "所在的磁盘只剩 3 MB，至少要 32 MB"), (33, "磁盘满了")])
def test_a_disk_that_is_full_is_told(county: Callable[..., Path], tmp_path: Path, megabytes: int, message: str) -> None:
    """Before anything is written, and where it fills up on the way."""
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    script = f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" && exec "$@"'
    (tmp_path / "home").mkdir()
    if shutil.which("unshare") is None or subprocess.run([*mount, script, tmp_path / "home", "true"]).returncode:
        pytest.skip("no user namespaces here")
    asked = command("refresh", "--raw", county(), "--home", tmp_path / "home")
    outcome = subprocess.run(
        [*mount, script, tmp_path / "home", *asked], env=environment(), capture_output=True, text=True, timeout=300
    )
    assert outcome.returncode == 1 and message in outcome.stderr and "请清出空间" in outcome.stderr
    assert "Error" not in outcome.stdout + outcome.stderr
