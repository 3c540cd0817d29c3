"""The refresh as a user runs it: exit codes and messages, and what it survives."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from helpers import command, environment, junheng, query, schools, write_csv, write_regions

from dagster_project.release.read import connect
from dagster_project.release.store import TOLD, current_release, verify


def fingerprint(home: Path) -> dict[str, str]:
    """Every file of the current release and its hash."""
    release = current_release(home)
    assert release is not None
    return hashes(release)


def hashes(release: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(release.rglob("*")) if p.is_file()}


def contents(home: Path) -> dict[str, str]:
    """Every mart of the current release that does not tell of releases, and the hash of its Parquet file."""
    release = current_release(home)
    assert release is not None
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    return {mart["name"]: mart["sha256"] for mart in manifest["marts"] if mart["name"] not in TOLD}


@pytest.fixture
def copy(demo: Path, tmp_path: Path) -> Path:
    shutil.copytree(demo, tmp_path / "demo", symlinks=True)
    return tmp_path / "demo"


def refresh(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return junheng("refresh", "--raw", folder / "raw", "--home", folder / "home", *more)


def restate(folder: Path) -> None:
    """Hand in 东昌府区's schools of 2022 again, the first with twice the pupils: 2021 and 2023 look at that year too."""
    path = folder / "raw" / "liaocheng" / "2022" / "schools.csv"
    header, first, *rest = path.read_text("utf-8-sig").splitlines()
    at = header.split(",").index("小学在校生数")
    cells = first.split(",")
    cells[at] = str(2 * int(cells[at]))
    path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n", encoding="utf-8")


def test_the_demo_tells_its_story(demo: Path) -> None:
    """Who passes on resources in 2023, who fails on one coefficient, who on one school."""
    rows = query(
        demo / "home",
        "select county_code, resource_verdict, failed_school_count, failed_coefficient_count"
        " from mart_county_verdict where school_year = 2023",
    )
    verdicts = {county: tuple(rest) for county, *rest in rows}
    assert len(verdicts) == 19
    assert {county for county, (verdict, *_) in verdicts.items() if verdict == "met"} == {
        "371502", "371524", "371526", "320684", "441821", "441825", "210700",
    }  # fmt: skip
    assert verdicts["371503"] == ("not_met", 0, 1)
    assert verdicts["371521"] == ("not_met", 1, 0)


def test_a_release_says_that_the_demo_is_synthetic(demo: Path) -> None:
    release = current_release(demo / "home")
    assert release is not None and verify(release) == []
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    assert "合成" in manifest["notice"]
    assert all(region["is_synthetic"] for region in manifest["regions"])
    assert len(manifest["source_files"]) == 102


def test_every_column_is_described_in_chinese(demo: Path) -> None:
    undescribed = query(
        demo / "home",
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts'"
        " and not regexp_matches(coalesce(comment, ''), '[一-龥]')",
    )
    assert undescribed == []


def test_the_same_files_again_change_nothing(copy: Path) -> None:
    before = fingerprint(copy / "home")
    outcome = refresh(copy)
    assert outcome.returncode == 0 and "文件没有变化" in outcome.stdout
    assert fingerprint(copy / "home") == before


@pytest.fixture(scope="module")
def restated(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The marts of a home built from nothing out of the restated extracts."""
    folder = tmp_path_factory.mktemp("restated")
    shutil.copytree(demo / "raw", folder / "raw")
    restate(folder)
    assert refresh(folder).returncode == 0
    return contents(folder / "home")


def test_one_regions_refresh_equals_a_rebuild(copy: Path, restated: dict[str, str]) -> None:
    """A restated extract makes a new release with the same marts as a home built from nothing; the old one stays."""
    old = current_release(copy / "home")
    jumps = "select count(*) from mart_data_check where check_id = 'enrolment_jump' and school_year = 2023"
    assert query(copy / "home", jumps) == [(0,)]
    restate(copy)
    outcome = refresh(copy, "--region", "liaocheng")
    assert outcome.returncode == 0, outcome.stderr
    assert "1 个地区学年" in outcome.stdout
    assert [line for line in (outcome.stdout + outcome.stderr).splitlines() if line.isascii() and line.strip()] == []
    assert old is not None and old.is_dir() and current_release(copy / "home") != old
    assert query(copy / "home", jumps) == [(1,)]
    refreshed = contents(copy / "home")
    assert {mart for mart in restated if restated[mart] != refreshed[mart]} == set()


def test_a_withdrawn_extract_leaves_the_next_release(copy: Path) -> None:
    shutil.rmtree(copy / "raw" / "wenshang" / "2021")
    assert refresh(copy).returncode == 0
    marts = [
        "fct_school_stage",
        "fct_school_indicator",
        "mart_county_balance",
        "mart_county_verdict",
        "mart_source_file",
    ]
    for mart in marts:
        years = query(
            copy / "home", f"select distinct school_year from {mart} where region_id = 'wenshang' order by all"
        )
        assert years == [(2019,), (2020,), (2022,), (2023,)], mart


def test_bad_rows_are_reported_and_the_rest_is_released(county: Callable[..., Path], tmp_path: Path) -> None:
    rows = schools()
    rows[2]["小学在校生数"] = -5
    raw = county(schools=rows)
    path = raw / "demo" / "2023" / "schools.csv"
    path.write_bytes(path.read_bytes().rstrip())
    outcome = junheng("refresh", "--raw", raw, "--home", tmp_path / "home")
    assert outcome.returncode == 0, outcome.stderr
    assert "demo/2023/schools.csv 第 4 行：“小学在校生数”为“-5”，不能小于 0：请改正" in outcome.stdout
    assert "提示：demo/2023/schools.csv：最后一行末尾没有换行" in outcome.stdout
    assert query(tmp_path / "home", 'select source_file, row_number, "extract" from mart_quarantine') == [
        ("demo/2023/schools.csv", 4, "schools")
    ]
    assert query(tmp_path / "home", "select count(*) from fct_school_stage") == [(5,)]


def test_an_unreadable_file_fails_the_command_but_not_the_others(county: Callable[..., Path], tmp_path: Path) -> None:
    raw = county()
    (raw / "demo" / "2023" / "teachers.xlsx").write_bytes(b"PK\x03\x04 cut short")
    write_csv(raw / "unknown" / "2023" / "schools.csv", schools())
    outcome = junheng("refresh", "--raw", raw, "--home", tmp_path / "home")
    assert outcome.returncode == 1
    assert "没能载入：demo/2023/teachers.xlsx：工作簿不完整，可能中途截断" in outcome.stderr
    assert "没能载入：unknown/2023/schools.csv：区域“unknown”没有登记" in outcome.stderr
    assert query(tmp_path / "home", "select count(*) from fct_school_stage") == [(6,)]


def test_a_failed_gate_keeps_the_figures(copy: Path) -> None:
    """元 handed in as 万元: every row is possible by itself, the table is not."""
    before = contents(copy / "home")
    path = copy / "raw" / "liaocheng" / "2023" / "schools.csv"
    header, *rows = path.read_text("utf-8-sig").splitlines()
    at = header.split(",").index("教学仪器设备资产值")
    wrong = [",".join(f"{float(c or 0) * 1e4}" if i == at else c for i, c in enumerate(row.split(","))) for row in rows]
    path.write_text("\n".join([header, *wrong]) + "\n", encoding="utf-8")
    outcome = refresh(copy)
    assert outcome.returncode == 1
    assert "raw.schools 没有通过检查" in outcome.stderr and "liaocheng 没有更新，仍是以前的数" in outcome.stderr
    after = contents(copy / "home")
    assert {mart for mart in before if before[mart] != after[mart]} == {"mart_blocked_partition", "mart_notice"}
    other = refresh(copy, "--region", "haimen")
    assert other.returncode == 0, other.stdout + other.stderr


def test_a_year_with_30_percent_fewer_schools_waits_for_an_explanation(
    county: Callable[..., Path], tmp_path: Path
) -> None:
    """Truncated or real, nobody can tell from the file; a fact of the county says which, and stays on record."""
    raw, home = county(schools=schools(10)), tmp_path / "home"
    assert junheng("refresh", "--raw", raw, "--home", home).returncode == 0
    before = contents(home)
    write_csv(raw / "demo" / "2024" / "schools.csv", schools(7))
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    numbers = "地区=demo 学年=2024 县=371502 上年学校数=10 本年学校数=7 减少=30.0%"
    assert outcome.returncode == 1 and "raw.schools 没有通过检查" in outcome.stderr
    assert numbers in outcome.stdout + outcome.stderr
    assert numbers in (home / "data_docs" / "raw.html").read_text("utf-8")
    after = contents(home)
    assert {mart for mart in before if before[mart] != after[mart]} == {"mart_blocked_partition", "mart_notice"}
    why = {"单位类型": "县", "单位代码": "371502", "事实编号": "explained_fewer_rows", "值": "三所村小并入中心校"}
    write_csv(raw / "demo" / "2024" / "facts.csv", [why])
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert query(home, "select count(*) from fct_school_stage where school_year = 2024") == [(7,)]


def test_a_jump_that_the_bureau_explains_stops_being_reported(county: Callable[..., Path], tmp_path: Path) -> None:
    raw, home = county(), tmp_path / "home"
    doubled = schools()
    doubled[0]["小学在校生数"] *= 2
    write_csv(raw / "demo" / "2024" / "schools.csv", doubled)
    why = {"单位类型": "学校", "单位代码": "3715020001", "事实编号": "explained_enrolment_jump", "值": "新建小区入住"}
    asked = "select school_year, school_id, severity, message, explanation from mart_data_check where check_id = 'enrolment_jump'"
    message = "小学：在校生数874人，上学年在校生数437人，相差437人"
    assert junheng("refresh", "--raw", raw, "--home", home).returncode == 0
    assert query(home, asked) == [(2024, "3715020001", "warning", message, None)]
    write_csv(raw / "demo" / "2024" / "facts.csv", [why])
    assert junheng("refresh", "--raw", raw, "--home", home).returncode == 0
    assert query(home, asked) == [(2024, "3715020001", "explained", message, "新建小区入住")]


def test_a_county_that_contradicts_its_schools_is_reported_until_it_explains(
    county: Callable[..., Path], tmp_path: Path
) -> None:
    """201 teachers stand in the schools; a staff of 180 is less, and 402 is no more than twice as many."""
    asked = "select county_code, school_id, check_id, severity, message, explanation from mart_data_check"
    message = "全县：学校表的小学专任教师数201人，小学教职工数180人，相差21人"
    told = {"单位类型": "县", "单位代码": "371502"}
    staff = {**told, "事实编号": "primary_staff", "值": "180"}
    why = {**told, "事实编号": "explained_primary_staff_below_teachers", "值": "一贯制学校算在初中"}
    home = tmp_path / "home"
    assert junheng("refresh", "--raw", county(facts=[staff]), "--home", home).returncode == 0
    assert query(home, asked) == [("371502", None, "primary_staff_below_teachers", "warning", message, None)]
    assert junheng("refresh", "--raw", county(facts=[staff, why]), "--home", home).returncode == 0
    assert [row[3::2] for row in query(home, asked)] == [("explained", "一贯制学校算在初中")]
    assert junheng("refresh", "--raw", county(facts=[{**staff, "值": "402"}]), "--home", home).returncode == 0
    assert query(home, asked) == []


@pytest.mark.parametrize("seconds", [2, 4, 6])
def test_killed_halfway_the_release_stays_and_the_next_refresh_converges(
    copy: Path, restated: dict[str, str], seconds: float
) -> None:
    """Readers have the old release, every byte of it, or, where the kill came late, the new one whole."""
    old = current_release(copy / "home")
    assert old is not None
    before = hashes(old)
    restate(copy)
    process = subprocess.Popen(
        command("refresh", "--raw", copy / "raw", "--home", copy / "home"),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert hashes(old) == before
    assert current_release(copy / "home") == old or contents(copy / "home") == restated
    outcome = refresh(copy)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert contents(copy / "home") == restated
    release = current_release(copy / "home")
    assert release is not None and verify(release) == []


def test_a_damaged_release_is_told_and_made_anew(copy: Path) -> None:
    """A flipped byte in a form, a lost dictionary, no manifest: none of it goes on into the next release."""
    home = copy / "home"
    verdict = junheng("verify", "--home", home)
    assert verdict.returncode == 0 and "完好" in verdict.stdout
    for harm in ("a form", "the dictionary", "the manifest"):
        release = current_release(home)
        assert release is not None
        form = next(release.glob("forms/*/*.xlsx"))
        path = {
            "a form": form,
            "the dictionary": release / "dictionary.xlsx",
            "the manifest": release / "manifest.json",
        }[harm]
        for place in (path, path.parent):
            place.chmod(0o755)
        if harm == "a form":
            content = path.read_bytes()
            path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
        else:
            path.unlink()
        for outcome in (junheng("verify", "--home", home), junheng("status", "--raw", copy / "raw", "--home", home)):
            assert outcome.returncode == 1 and f"版本 {release.name} 已损坏" in outcome.stderr
            assert path.name in outcome.stderr and "junheng refresh 会重新生成" in outcome.stderr
        outcome = refresh(copy)
        assert outcome.returncode == 0 and "处损坏，重新生成" in outcome.stderr, outcome.stdout + outcome.stderr
        assert current_release(home) != release
        assert junheng("verify", "--home", home).returncode == 0


def test_a_damaged_warehouse_or_key_says_what_to_do(copy: Path) -> None:
    home = copy / "home"
    release = current_release(home)
    (home / "hash.key").write_text("")
    outcome = refresh(copy)
    assert outcome.returncode == 1 and "hash.key 是空的或已损坏：请从备份恢复" in outcome.stderr
    (home / "hash.key").unlink()
    (home / "warehouse.duckdb").write_bytes(b"x" * 5000)
    outcome = refresh(copy)
    assert outcome.returncode == 1 and "warehouse.duckdb 已损坏或读不了：请移走它" in outcome.stderr
    assert "Traceback" not in outcome.stderr and current_release(home) == release
    (home / "warehouse.duckdb").unlink()
    assert refresh(copy).returncode == 0


def test_two_refreshes_at_once_take_turns(copy: Path) -> None:
    restate(copy)
    arguments = command("refresh", "--raw", copy / "raw", "--home", copy / "home")
    both = [
        subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert any("另一次刷新正在进行（进程" in output for output in outputs)
    assert not any("Traceback" in output for output in outputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--region", "nowhere"], "没有区域“nowhere”：可选的有"),
        (["--year", "1999"], "没有 1999 学年的文件：现有 2023"),
    ],
)
def test_what_is_not_there_is_named(
    county: Callable[..., Path], tmp_path: Path, arguments: list[str], message: str
) -> None:
    outcome = junheng("refresh", "--raw", county(), "--home", tmp_path / "home", *arguments)
    assert outcome.returncode == 1 and message in outcome.stderr


def test_an_empty_raw_folder_says_what_to_put_there(tmp_path: Path) -> None:
    write_regions(tmp_path / "raw", "regions:\n  - {id: demo, name_zh: 示范区}\n")
    outcome = junheng("refresh", "--raw", tmp_path / "raw", "--home", tmp_path / "home")
    assert outcome.returncode == 1 and "里没有报表：请放进 raw/<区域>/<学年>/" in outcome.stderr
    nothing = junheng("sql", "select 1", "--home", tmp_path / "home")
    assert nothing.returncode == 1 and "还没有发布版本" in nothing.stderr


def test_a_file_in_a_folder_that_is_no_school_year_is_told(county: Callable[..., Path], tmp_path: Path) -> None:
    raw = county()
    for place in (
        "demo/2023-2024/schools.csv",
        "demo/teachers.xlsx",
        "demo/aliases.csv",
        "demo/scenarios/plan.csv",
        ".hidden/schools.csv",
    ):
        (raw / place).parent.mkdir(exist_ok=True)
        (raw / place).write_text("标准列名,本地列名\n")
    outcome = junheng("refresh", "--raw", raw, "--home", tmp_path / "home", "--year", "1999")
    assert [line.partition("：请")[0] for line in outcome.stderr.splitlines()[:-1]] == [
        "注意：raw/demo/2023-2024 里有 1 个报表文件没有读",
        "注意：raw/demo 里有 1 个报表文件没有读",
    ]


def test_sql_reads_the_release_and_only_that(demo: Path) -> None:
    asked = "select county_code, county_name_zh from dim_county where region_id = 'haimen'"
    outcome = junheng("sql", asked, "--home", demo / "home", "--format", "csv")
    assert outcome.stdout.splitlines() == ["county_code,county_name_zh", "320684,海门市"]
    refused = junheng("sql", "copy (select 1) to '/tmp/stolen.csv'", "--home", demo / "home")
    assert refused.returncode == 1 and not Path("/tmp/stolen.csv").exists()


def test_the_web_page_binds_no_public_address(tmp_path: Path, county: Callable[..., Path]) -> None:
    outcome = junheng("ui", "--raw", county(), "--home", tmp_path / "home", "--host", "0.0.0.0")
    assert outcome.returncode == 1 and "--public" in outcome.stderr


def test_readers_read_while_a_refresh_runs(copy: Path) -> None:
    restate(copy)
    process = subprocess.Popen(
        command("refresh", "--raw", copy / "raw", "--home", copy / "home"), env=environment(), stdout=subprocess.DEVNULL
    )
    counts = set()
    while process.poll() is None:
        counts.add(query(copy / "home", "select count(*) from mart_county_verdict")[0][0])
    assert process.returncode == 0
    assert counts == {59}
    with pytest.raises(duckdb.Error), connect(copy / "home") as con:
        con.execute("create table marts.x as select 1")


def test_a_region_that_is_gone_altogether_leaves_the_next_release(copy: Path) -> None:
    """No partition key stands for it any more; it leaves with the run of the others."""
    shutil.rmtree(copy / "raw" / "wenshang")
    regions = (copy / "raw" / "regions.yml").read_text("utf-8")
    start = regions.index("  - id: wenshang")
    end = regions.index("  - id: qingyuan")
    (copy / "raw" / "regions.yml").write_text(regions[:start] + regions[end:], encoding="utf-8")
    assert refresh(copy).returncode == 0
    assert query(copy / "home", "select count(*) from fct_school_stage where region_id = 'wenshang'") == [(0,)]
    again = refresh(copy)
    assert again.returncode == 0 and "文件没有变化" in again.stdout
