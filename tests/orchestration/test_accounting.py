"""A refresh does all the work there is or says what it left; one region never holds back another; refused rows are never read."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import ROOT, command, environment, junheng, write_csv, write_regions
from three_regions import COUNTIES, REGIONS, hand_in

from dagster_project import settings
from dagster_project.orchestration import automation, partitions, runs
from dagster_project.release.read import connect
from dagster_project.release.store import current_release, verify
from dagster_project.transform import project, replay
from dagster_project.warehouse import ledger, tables


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three regions, each with 2022 and 2023, and a release of them; a test copies it."""
    folder = tmp_path_factory.mktemp("three")
    write_regions(folder / "raw", REGIONS)
    for region_id in COUNTIES:
        for year in (2022, 2023):
            hand_in(folder / "raw", region_id, year)
    outcome = refresh(folder)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "分区：共 6，有变化 6，已载入 6，移出 0，未处理 0" in outcome.stdout
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published, tmp_path / "three", symlinks=True)
    settings_of_dagster = tmp_path / "three" / "home" / "dagster" / "dagster.yaml"  # which say where its history lies
    text = settings_of_dagster.read_text("utf-8").replace(str(published), str(tmp_path / "three"))
    settings_of_dagster.write_text(text, "utf-8")
    return tmp_path / "three"


def refresh(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return junheng("refresh", "--raw", folder / "raw", "--home", folder / "home", *more)


def status(folder: Path) -> subprocess.CompletedProcess[str]:
    return junheng("status", "--raw", folder / "raw", "--home", folder / "home")


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(folder / "home") as con:
        return con.execute(sql).fetchall()


def pupils(folder: Path) -> dict[tuple[str, int], int]:
    """What the release holds: pupils by region and year."""
    rows = query(folder, "select region_id, school_year, sum(pupils) from fct_school_stage group by all")
    return {(region_id, year): int(total) for region_id, year, total in rows}


def blocked(folder: Path) -> list[tuple[Any, ...]]:
    """What the release names as not updated; mart and manifest agree, and the release is whole."""
    release = current_release(folder / "home")
    assert release is not None and verify(release) == []
    rows = query(folder, "from mart_blocked_partition order by all")
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    assert [tuple(row.values()) for row in manifest["blocked"]] == rows
    assert {row["path"] for row in manifest["source_files"]} == {
        path for (path,) in query(folder, "select source_file from mart_source_file")
    }
    return rows


def test_one_refresh_does_all_the_work_there_is(folder: Path) -> None:
    """A new year of one region, a change of an older one of another, a withdrawn one that others still have, a folder of nobody's."""
    hand_in(folder / "raw", "yi", 2024)
    hand_in(folder / "raw", "yi", 2020)  # 2021 is a gap
    hand_in(folder / "raw", "jia", 2022, 小学在校生数=500)
    shutil.rmtree(folder / "raw" / "bing" / "2023")
    hand_in(folder / "raw", "zz", 2021)
    before = pupils(folder)
    outcome = refresh(folder, "--region", "jia")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "另有 4 个分区有变化，这次没有要求刷新：bing 2023、yi 2020 2024、zz 2021" in outcome.stdout
    assert pupils(folder) == before | {("jia", 2022): before["jia", 2022] + 63}
    seen = status(folder)
    assert seen.returncode == 1 and "yi 2020 2024：有变化，还没有刷新" in seen.stdout

    outcome = refresh(folder)
    assert "分区：共 9，有变化 4，已载入 3，移出 1，未处理 0" in outcome.stdout, outcome.stdout + outcome.stderr
    assert outcome.returncode == 1  # a file was refused, and that is all
    assert "没能载入：zz/2021/schools.csv：区域“zz”没有登记" in outcome.stderr
    held = pupils(folder)
    assert {("yi", 2020), ("yi", 2024)} <= held.keys() and ("bing", 2023) not in held

    shutil.rmtree(folder / "raw" / "zz")
    hand_in(folder / "raw", "bing", 2022, 小学在校生数=500)
    assert refresh(folder, "--region", "bing").returncode == 0  # what has no folder any more leaves with any run
    again = refresh(folder)
    assert again.returncode == 0 and "文件没有变化，已发布的版本仍是最新" in again.stdout
    assert status(folder).returncode == 0


def test_a_region_that_fails_the_first_gate_stays_behind_until_it_is_mended(folder: Path) -> None:
    """40 % fewer schools: jia keeps its figures in this release and the next ones, which other regions' refreshes make."""
    before, old = pupils(folder), current_release(folder / "home")
    assert old is not None
    hand_in(folder / "raw", "jia", 2023, count=6)
    hand_in(folder / "raw", "yi", 2023, 小学在校生数=500)
    outcome = refresh(folder)
    assert outcome.returncode == 1 and "未处理：jia 2023：没有通过检查：" in outcome.stderr, outcome.stdout
    assert "上年学校数=10 本年学校数=6 减少=40.0%" in outcome.stderr
    assert "jia 没有更新，仍是以前的数" in outcome.stderr and f"仍是版本 {old.name} 的数" in outcome.stderr
    assert "分区：共 6，有变化 2，已载入 1，移出 0，未处理 1" in outcome.stdout
    after_yi = before | {("yi", 2023): before["yi", 2023] + 63}
    assert pupils(folder) == after_yi
    [(region_id, year, reason, since)] = blocked(folder)
    assert (region_id, year, since) == ("jia", 2023, old.name) and "减少=40.0%" in reason

    hand_in(folder / "raw", "bing", 2023, 小学在校生数=500)
    outcome = refresh(folder, "--region", "bing")
    assert outcome.returncode == 0, outcome.stderr
    assert "仍未更新：jia 2023：没有通过检查：" in outcome.stdout
    assert pupils(folder) == after_yi | {("bing", 2023): before["bing", 2023] + 63}
    assert [row[:2] + row[3:] for row in blocked(folder)] == [("jia", 2023, old.name)]
    seen = status(folder)
    assert seen.returncode == 1 and "未更新：jia 2023：没有通过检查：" in seen.stdout

    hand_in(folder / "raw", "jia", 2023, 小学在校生数=501)
    outcome = refresh(folder)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert blocked(folder) == [] and pupils(folder)["jia", 2023] == before["jia", 2023] + 64
    assert status(folder).returncode == 0


def test_the_gates_judge_every_year_of_a_region_that_changes(folder: Path) -> None:
    """What a build from nothing refuses a refresh refuses too, whichever of the years changed and whoever else is refreshed."""
    teachers = [{"教师编号": f"T{i}", "学校标识码": "3715020001", "学段": "小学"} for i in range(10)]
    write_csv(folder / "raw" / "jia" / "2023" / "teachers.csv", teachers[:6])
    assert refresh(folder).returncode == 0
    write_csv(folder / "raw" / "jia" / "2022" / "teachers.csv", teachers)  # a year later there are 40 % fewer
    write_csv(folder / "raw" / "yi" / "2024" / "teachers.csv", [{**teachers[0], "学校标识码": "3715030001"}])
    hand_in(folder / "raw", "bing", 2024)
    outcome = refresh(folder)
    assert outcome.returncode == 1, outcome.stdout
    assert "地区=jia 学年=2023 上年行数=10 本年行数=6" in outcome.stderr
    assert "报了别的表的地区学年，学校表至少有一行：地区=yi 学年=2024" in outcome.stderr
    assert [row[:2] for row in blocked(folder)] == [("jia", 2022), ("yi", 2024)] and ("bing", 2024) in pupils(folder)


def test_a_region_that_fails_the_second_gate_stays_behind(folder: Path, tmp_path: Path) -> None:
    """With an expectation that nine schools break: what was computed is taken back too, before anything is published."""
    for room in ("dagster_project", "dbt"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "expectations", tmp_path / "expectations")
    suite = tmp_path / "expectations" / "marts" / "mart_county_verdict.json"
    rules = json.loads(suite.read_text("utf-8"))
    rule = next(rule for rule in rules["expectations"] if rule["type"] == "unexpected_rows_expectation")
    asked = "select region_id as 地区, school_year as 学年 from {batch} where school_count = 9"
    rules["expectations"].append(
        {**rule, "kwargs": {"unexpected_rows_query": asked}, "description": "没有九所学校的县"}
    )
    suite.write_text(json.dumps(rules, ensure_ascii=False), "utf-8")
    before = pupils(folder)
    hand_in(folder / "raw", "jia", 2023, count=9)
    hand_in(folder / "raw", "jia", 2024)
    hand_in(folder / "raw", "yi", 2023, 小学在校生数=500)
    outcome = subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", "refresh", "--raw", folder / "raw", "--home", folder / "home"],
        env={**environment(), "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert outcome.returncode == 1, outcome.stdout
    assert "错误：marts.mart_county_verdict 没有通过检查 expectations" in outcome.stderr
    assert "asset check" not in outcome.stderr
    assert "未处理：jia 2023 2024：没有通过检查：没有九所学校的县：地区=jia 学年=2023" in outcome.stderr
    assert pupils(folder) == before | {("yi", 2023): before["yi", 2023] + 63}
    assert [(region_id, year, since is None) for region_id, year, _, since in blocked(folder)] == [
        ("jia", 2023, False),
        ("jia", 2024, True),
    ]


def test_a_first_build_goes_out_without_the_region_that_fails(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_regions(raw, REGIONS)
    for year, count in ((2022, 10), (2023, 6)):
        hand_in(raw, "jia", year, count)
        hand_in(raw, "yi", year)
    outcome = refresh(tmp_path)
    assert outcome.returncode == 1 and "已发布" in outcome.stdout, outcome.stdout + outcome.stderr
    assert pupils(tmp_path).keys() == {("yi", 2022), ("yi", 2023)}
    assert [(region_id, year, since) for region_id, year, _, since in blocked(tmp_path)] == [
        ("jia", 2022, None),
        ("jia", 2023, None),
    ]
    with dg.DagsterInstance.from_config(str(tmp_path / "home" / "dagster")) as instance:
        [run] = instance.get_runs()
    assert run.tags["dagster/retry_on_asset_or_op_failure"] == "false"  # the same files would fail again


def test_a_release_keeps_what_was_checked_of_it_and_of_no_other(tmp_path: Path) -> None:
    raw, releases = tmp_path / "raw", tmp_path / "home" / "releases"
    write_regions(raw, REGIONS)
    for year, count in ((2022, 10), (2023, 6)):
        hand_in(raw, "jia", year, count)
        hand_in(raw, "yi", year)
    refresh(tmp_path)
    first = (releases / "current").resolve()
    docs = {path.name: path.read_text("utf-8") for path in (first / "data_docs").iterdir()}
    assert docs.keys() == {"index.html", "raw.html", "marts.html"}
    assert "检查范围：yi 2022、yi 2023" in docs["raw.html"] and "检查范围：yi 2022、yi 2023" in docs["marts.html"]
    assert "jia" not in docs["raw.html"] and "0 张表未通过" in docs["raw.html"]
    assert "1 张表未通过" in (tmp_path / "home" / "data_docs" / "raw.html").read_text(
        "utf-8"
    )  # what the clerk has to mend
    hand_in(raw, "jia", 2023)
    hand_in(raw, "yi", 2023, 小学在校生数=500)
    assert refresh(tmp_path).returncode == 0
    second = (releases / "current").resolve()
    assert "检查范围：jia 2022、jia 2023、yi 2022、yi 2023" in (second / "data_docs" / "raw.html").read_text("utf-8")
    assert {path.name: path.read_text("utf-8") for path in (first / "data_docs").iterdir()} == docs
    (second / "data_docs" / "raw.html").chmod(0o644)
    (second / "data_docs" / "raw.html").write_text("", "utf-8")
    assert verify(second) == ["文件已损坏（sha256 与清单不符）：data_docs/raw.html"]


def test_what_a_killed_run_loaded_is_not_read_by_the_next(folder: Path) -> None:
    """kill -9 after the load, before any gate: yi's refresh publishes jia's old figures, and jia's own the new ones."""
    before = pupils(folder)
    hand_in(folder / "raw", "jia", 2023, 小学在校生数=500)
    arguments = command("refresh", "--raw", folder / "raw", "--home", folder / "home")
    with subprocess.Popen(
        arguments, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("[1/1] jia 2023"))
        os.killpg(process.pid, signal.SIGKILL)
    with tables.connect(folder / "home") as con:
        assert ledger.with_new_rows(con) == {("jia", 2023)}
    hand_in(folder / "raw", "yi", 2023, 小学在校生数=500)
    outcome = refresh(folder, "--region", "yi")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "另有 1 个分区有变化，这次没有要求刷新：jia 2023" in outcome.stdout
    assert pupils(folder) == before | {("yi", 2023): before["yi", 2023] + 63}
    assert refresh(folder).returncode == 0
    assert pupils(folder)["jia", 2023] == before["jia", 2023] + 63


def test_a_run_that_died_lets_the_next_one_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9: it would count as running for ever. The service looks once a minute, and leaves alone what is alive."""
    monkeypatch.setenv("JUNHENG_HOME", str(folder / "home"))
    monkeypatch.setenv("JUNHENG_RAW", str(folder / "raw"))
    hand_in(folder / "raw", "jia", 2023, 小学在校生数=500)
    arguments = command("refresh", "--raw", folder / "raw", "--home", folder / "home")

    def look() -> list[dg.DagsterRunStatus]:
        with dg.build_sensor_context(instance=instance) as context:
            automation.new_files.evaluate_tick(context)
        return [run.status for run in instance.get_runs() if run.status != dg.DagsterRunStatus.SUCCESS]

    with (
        dg.DagsterInstance.from_config(str(folder / "home" / "dagster")) as instance,
        subprocess.Popen(
            arguments, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("[1/1] jia 2023"))
        assert look() == [dg.DagsterRunStatus.STARTED]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert look() == [dg.DagsterRunStatus.FAILURE]


def test_an_entry_that_is_wrong_stops_its_region_alone(folder: Path) -> None:
    """Its rows, its names and its county stay as they are; mended, nothing is left."""
    before = pupils(folder)
    wrong = REGIONS.replace("{'371502': 某县}", "[371502]").replace("jia市", "不该出现")
    write_regions(folder / "raw", wrong)
    hand_in(folder / "raw", "jia", 2023, 小学在校生数=500)
    hand_in(folder / "raw", "yi", 2023, 小学在校生数=500)
    outcome = refresh(folder)
    assert outcome.returncode == 1, outcome.stdout
    assert "regions.yml 第 2 行，区域 jia：counties 应写县代码: 县名，现在是“[371502]”：请改正" in outcome.stderr
    assert pupils(folder) == before | {("yi", 2023): before["yi", 2023] + 63}
    assert [row[:2] for row in blocked(folder)] == [("jia", 2022), ("jia", 2023)]
    assert query(folder, "select distinct region_name_zh from dim_county where region_id = 'jia'") == [("jia市",)]
    again = refresh(folder)  # nothing to do but to say so
    assert again.returncode == 1 and "已发布" not in again.stdout and "未处理：jia 2022 2023" in again.stderr
    assert refresh(folder, "--region", "yi").returncode == 0
    write_regions(folder / "raw", REGIONS)
    outcome = refresh(folder)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert blocked(folder) == [] and pupils(folder)["jia", 2023] == before["jia", 2023] + 63


def test_a_running_service_refreshes_a_region_younger_than_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster shows the partitions that there are, each with its own rows; a folder without files is none, what is gone no longer."""
    from dagster_project.definitions import defs
    from dagster_project.orchestration.refresh import run

    for name in ("JUNHENG_RAW", "JUNHENG_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    settings.use(folder / "raw", folder / "home")
    hand_in(folder / "raw", "yi", 2024, 12)
    hand_in(folder / "raw", "jia", 2022, 小学在校生数=500)
    shutil.rmtree(folder / "raw" / "bing")
    (folder / "raw" / "yi" / "2025").mkdir()
    before = pupils(folder)
    assert run(defs, [("yi", 2024), ("jia", 2022)])
    with dg.DagsterInstance.get() as instance:
        [newest] = instance.get_runs(limit=1)
        assert set(instance.get_dynamic_partitions(partitions.NAME)) == set(map(partitions.key, pupils(folder)))
        told = instance.fetch_materializations(dg.AssetKey(["raw", "schools"]), limit=100).records
        rows = {
            event.partition: event.metadata["rows"].value
            for event in (record.asset_materialization for record in told if record.run_id == newest.run_id)
            if event and event.partition
        }
        [published] = instance.fetch_materializations(dg.AssetKey("release"), limit=1).records
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey(["marts", "mart_county_verdict"]), "expectations")]
        )
    assert rows == {"yi|2024": 12, "jia|2022": 10}
    assert published.asset_materialization
    said = published.asset_materialization.metadata
    assert "| 2022 |" in str(said["changes"].value) and "jia/2022/schools.csv" in str(said["changes"].value)
    assert Path(str(said["page"].value)).is_file()
    [check] = checks.values()
    assert check.event and check.event.dagster_event
    assert check.event.dagster_event.asset_check_evaluation_data.description == "7条期望都符合"
    held = pupils(folder)
    assert held["jia", 2022] == before["jia", 2022] + 63 and ("yi", 2024) in held
    assert not any(region_id == "bing" for region_id, _ in held)


def test_a_failed_dbt_test_says_whose_rows_failed_it(folder: Path) -> None:
    with tables.connect(folder / "home") as con:
        con.execute("insert into raw.pending_partition select region_id, school_year, true from raw.loaded_partition")
        con.execute("update raw.source_file set rows_in = rows_in + 1 where region_id = 'jia'")
    with pytest.raises(project.BuildFailed) as failed:
        replay.rebuild(folder / "home")
    assert failed.value.regions == {"jia": ["不合 dbt 检验 assert_source_rows_reconcile"]}


def test_the_history_of_runs_does_not_grow_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log a run, closed when the run ends, and only so many of them; Dagster still knows of the runs whose log is gone."""
    history = folder / "home" / "dagster" / "history" / "runs"
    [newest] = history.glob("*-*-*-*-*.db")
    assert not list(history.glob("*-wal"))
    for number in range(3):
        (history / f"{number}-0-0-0-0.db").touch()
        os.utime(history / f"{number}-0-0-0-0.db", (number, number))
    monkeypatch.setattr(runs, "KEPT_LOGS", 2)
    runs.forget_old_logs(folder / "home")
    assert {path.name for path in history.glob("*-*-*-*-*.db")} == {"2-0-0-0-0.db", newest.name}
    os.utime(newest, (0, 0))
    monkeypatch.setattr(runs, "KEPT_LOGS", 1)
    runs.forget_old_logs(folder / "home")
    with dg.DagsterInstance.from_config(str(folder / "home" / "dagster")) as instance:
        [run] = instance.get_runs()
        assert run.is_success and instance.all_logs(run.run_id) == []
