"""The asset graph, the job, the schedules and the sensor: what Dagster shows and when it runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from helpers import ROOT, environment, schools, write_csv

from dagster_project.definitions import defs
from dagster_project.extracts.contract import contract
from dagster_project.orchestration import automation
from dagster_project.orchestration.assets import PARTITIONS
from dagster_project.settings import raw_folder

GRAPH = defs.resolve_asset_graph()
REFRESH = defs.resolve_job_def("refresh")


def ancestors(key: dg.AssetKey) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    waiting = [key]
    while waiting:
        parents = GRAPH.get(waiting.pop()).parent_keys - found
        found |= parents
        waiting += parents
    return found


def test_lineage_runs_from_the_files_to_the_release() -> None:
    upstream = ancestors(dg.AssetKey("release"))
    assert dg.AssetKey("files") in upstream
    for extract in ("schools", "teachers", "classes", "funding"):
        assert dg.AssetKey(["raw", extract]) in upstream
    assert dg.AssetKey(["staging", "stg_schools"]) in ancestors(dg.AssetKey(["marts", "mart_county_verdict"]))
    marts = {key for key in GRAPH.get_all_asset_keys() if key.path[0] == "marts"}
    assert marts and marts <= upstream


def test_every_extract_and_mart_has_a_gate_that_blocks() -> None:
    gates = {key.asset_key for key in GRAPH.asset_check_keys if key.name == "expectations"}
    assert {dg.AssetKey(["raw", name]) for name in contract().extracts} <= gates
    assert {key for key in GRAPH.get_all_asset_keys() if key.path[0] == "marts"} <= gates
    assert all(GRAPH.get_check_spec(key).blocking for key in GRAPH.asset_check_keys if key.name == "expectations")


def test_extracts_are_partitioned_by_region_and_school_year() -> None:
    partitions = GRAPH.get(dg.AssetKey(["raw", "schools"])).partitions_def
    assert isinstance(partitions, dg.MultiPartitionsDefinition)
    keys = partitions.get_partition_keys()
    assert "liaocheng|2023" in keys and "liaocheng|2024" in keys  # a year ahead, for the next folder


def test_each_region_has_its_schedule() -> None:
    names = {schedule.name: schedule.cron_schedule for schedule in automation.schedules}
    assert set(names) == {
        f"refresh_{region}" for region in ("liaocheng", "haimen", "wenshang", "qingyuan", "jinzhou_county_city")
    }
    schedule = next(s for s in automation.schedules if s.name == "refresh_wenshang")
    requests = schedule.evaluate_tick(dg.build_schedule_context()).run_requests
    assert requests is not None and len(requests) == 1
    assert asked_for(requests[0]) == [["wenshang", 2021], ["wenshang", 2022], ["wenshang", 2023]]


def asked_for(request: dg.RunRequest) -> list[list[Any]]:
    return json.loads(request.tags[PARTITIONS])


@pytest.mark.parametrize(
    ("partitions", "start", "end"),
    [
        ([("haimen", 2022)], "haimen|2022", "haimen|2022"),
        ([("wenshang", 2023), ("liaocheng", 2024)], "liaocheng|2023", "wenshang|2024"),
        ([("younger", 2023), ("haimen", 2021)], "haimen|2021", "haimen|2021"),
        ([("younger", 2023), ("haimen", 1990)], "haimen|2021", "haimen|2021"),
        ([], "haimen|2021", "haimen|2021"),
    ],
)
def test_a_run_names_its_partitions_and_its_range_has_keys_that_there_are(partitions, start, end) -> None:
    """What a run deals with is the list; the range is for the page, which knows only the keys of its start."""
    tags = automation.run_tags(partitions)
    assert [tuple(each) for each in json.loads(tags[PARTITIONS])] == sorted(partitions)
    assert (tags[automation.RANGE_START], tags[automation.RANGE_END]) == (start, end)


def test_the_sensor_waits_until_new_files_lie_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First look: take note. A new file: wait one look. Still the same: refresh its region alone, once.

    A link that leads nowhere is a file like any other. A region that is new, gone, or has another entry has changed too.
    """
    shutil.copytree(raw_folder(), tmp_path / "raw")
    (tmp_path / "raw" / "wenshang" / "2023" / "classes_gone.csv").symlink_to("nothing.csv")
    monkeypatch.setenv("JUNHENG_RAW", str(tmp_path / "raw"))
    cursor = None

    def look() -> list[list[list[Any]]]:
        nonlocal cursor
        with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance, cursor) as context:
            result = automation.new_files.evaluate_tick(context)
            cursor = result.cursor
        return [asked_for(request) for request in result.run_requests or []]

    assert look() == []
    write_csv(tmp_path / "raw" / "wenshang" / "2023" / "facts_补报.csv", schools())
    assert look() == []
    years = [["wenshang", 2021], ["wenshang", 2022], ["wenshang", 2023]]
    assert look() == [years]
    assert look() == []
    write_csv(tmp_path / "raw" / "younger" / "2030" / "schools.csv", schools())
    shutil.rmtree(tmp_path / "raw" / "haimen")
    regions = tmp_path / "raw" / "regions.yml"
    regions.write_text(regions.read_text("utf-8").replace("name_zh: 汶上县", "name_zh: 汶上"), "utf-8")
    assert look() == []
    assert look() == [[*years, ["younger", 2030]]]  # what is gone leaves with this run
    assert look() == []
    regions.write_text("regions: [", "utf-8")
    assert look() == []


def test_nothing_calls_home(demo_home: Path) -> None:
    """Telemetry of Dagster, dbt and Great Expectations is off."""
    dagster = yaml.safe_load((demo_home / "dagster" / "dagster.yaml").read_text("utf-8"))
    assert dagster["telemetry"]["enabled"] is False
    project = yaml.safe_load((ROOT / "dbt" / "dbt_project.yml").read_text("utf-8"))
    assert project["flags"]["send_anonymous_usage_stats"] is False
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_every_dbt_test_is_a_check_of_a_model() -> None:
    """A test that names no model would only be noted, not shown as a check."""
    names = {key.name for key in GRAPH.asset_check_keys}
    assert {path.stem for path in (ROOT / "dbt" / "tests").glob("assert_*.sql")} <= names


def test_a_refresh_starts_without_dbt() -> None:
    """To import it takes longer than all else of a refresh: only a changed project needs it."""
    code = "import sys, dagster_project.definitions; print({name.partition('.')[0] for name in sys.modules} & {'dbt', 'dagster_dbt'})"
    said = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"


def test_a_model_has_its_columns_sql_and_checks() -> None:
    """What the page shows of a mart, and the tests of it: beside it in yml, and in dbt/tests by their meta."""
    key = dg.AssetKey(["marts", "mart_county_balance"])
    spec = GRAPH.get(key)
    assert "with " in (spec.description or "") and spec.code_version and spec.group_name == "marts"
    columns = spec.metadata["dagster/column_schema"].columns
    assert columns[0].name == "region_id" and columns[0].type == "varchar" and "区域" in columns[0].description
    checks = {check.name: GRAPH.get_check_spec(check) for check in GRAPH.asset_check_keys if check.asset_key == key}
    assert {"assert_theil_parts_add_up", "assert_balance_counts_every_school"} < checks.keys()
    assert all(check.blocking for check in checks.values())
    [counts] = (check for name, check in checks.items() if name == "assert_balance_counts_every_school")
    assert dg.AssetKey(["marts", "fct_school_stage"]) in {dep.asset_key for dep in counts.additional_deps}
