"""The asset graph, the job and the sensors: what Dagster shows and when it runs."""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml
from helpers import ROOT, environment, schools, write_csv, write_regions

from dagster_project.definitions import defs
from dagster_project.extracts.contract import contract
from dagster_project.extracts.regions import find_partitions
from dagster_project.orchestration import automation, partitions
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


def test_extracts_are_partitioned_by_what_there_is() -> None:
    assert GRAPH.get(dg.AssetKey(["raw", "schools"])).partitions_def == partitions.region_year


class Look(NamedTuple):
    """What came of one look of a sensor: the partitions of each run, and the keys that Dagster is to add."""

    runs: list[list[list[Any]]]
    added: list[str]


class Watch:
    """A sensor that looks at a raw folder, again and again, each time with what it remembers."""

    def __init__(self, sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> None:
        self.sensor, self.instance, self.cursor = sensor, instance, None

    def look(self) -> Look:
        with dg.build_sensor_context(self.instance, self.cursor) as context:
            result = self.sensor.evaluate_tick(context)
        self.cursor, added = result.cursor, []
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
            added += request.partition_keys
        return Look([json.loads(run.tags[partitions.TAG]) for run in result.run_requests or []], added)


def test_the_sensor_waits_until_new_files_lie_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file: wait one look. Still the same: refresh its region alone, once. What it has never seen is new, at its first look too.

    A link that leads nowhere is a file like any other. A region that is new, gone, or has another entry has changed too. A partition
    is known to Dagster before its files lie still.
    """
    raw = tmp_path / "raw"
    shutil.copytree(raw_folder(), raw)
    (raw / "wenshang" / "2023" / "classes_gone.csv").symlink_to("nothing.csv")
    monkeypatch.setenv("JUNHENG_RAW", str(raw))
    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(automation.new_files, instance)
        everything = find_partitions(raw)
        assert watch.look() == ([], [partitions.key(partition) for partition in everything])
        assert watch.look() == ([[list(partition) for partition in everything]], [])
        assert watch.look() == ([], [])
        write_csv(raw / "wenshang" / "2023" / "facts_补报.csv", schools())
        assert watch.look() == ([], [])
        years = [["wenshang", year] for year in range(2019, 2024)]
        assert watch.look() == ([years], [])
        assert watch.look() == ([], [])
        write_csv(raw / "younger" / "2030" / "schools.csv", schools())
        (raw / "younger" / "2031").mkdir()
        shutil.rmtree(raw / "haimen")
        regions = raw / "regions.yml"
        regions.write_text(regions.read_text("utf-8").replace("name_zh: 汶上县", "name_zh: 汶上"), "utf-8")
        assert watch.look() == ([], ["younger|2030"])
        assert watch.look() == ([[*years, ["younger", 2030]]], [])  # what is gone leaves with this run
        assert watch.look() == ([], [])
        regions.write_text("regions: [", "utf-8")
        assert watch.look() == ([], [])


def test_what_lay_there_before_the_first_start_is_loaded_at_the_first_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written within the last minute may still be written: it waits for the second look."""
    write_csv(tmp_path / "jia" / "2023" / "schools.csv", schools(1))
    write_regions(tmp_path, "regions:\n  - {id: jia, name_zh: 甲}\n")
    monkeypatch.setenv("JUNHENG_RAW", str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        assert Watch(automation.new_files, instance).look().runs == []
        monkeypatch.setattr(automation, "STILL", 0)
        watch = Watch(automation.new_files, instance)
        assert watch.look().runs == [[["jia", 2023]]]
        assert watch.look().runs == []


def test_each_region_is_refreshed_at_its_own_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, however often its hour came while nobody looked; also a region that is younger than the process."""
    now = datetime.now(ZoneInfo(automation.TIMEZONE))
    entry = "  - {{id: {}, name_zh: {}, counties: {{'{}': 县}}, refresh: '{:%-M %-H} * * *'}}\n".format
    past, ahead = now - timedelta(minutes=10), now + timedelta(minutes=10)
    text = "regions:\n" + entry("jia", "甲", 371501, past) + entry("yi", "乙", 371502, ahead)
    for region_id, year in (("jia", 2022), ("jia", 2023), ("yi", 2023), ("younger", 2023)):
        write_csv(tmp_path / region_id / str(year) / "schools.csv", schools(1))
    write_regions(tmp_path, text)
    monkeypatch.setenv("JUNHENG_RAW", str(tmp_path))
    jia, yi, younger = [["jia", 2022], ["jia", 2023]], ["yi", 2023], ["younger", 2023]
    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(automation.due_regions, instance)

        def away(since: timedelta) -> list[list[list[Any]]]:
            watch.cursor = str((now - since).timestamp())
            return watch.look().runs

        assert watch.look().runs == []  # before the service first ran nothing was missed
        assert away(timedelta(hours=1)) == [jia]
        assert watch.look().runs == []
        assert away(timedelta(days=3)) == [[*jia, yi]]
        write_regions(tmp_path, text + entry("younger", "新", 371503, past))
        assert away(timedelta(hours=1)) == [[*jia, younger]]
        write_regions(tmp_path, "regions: [")
        assert away(timedelta(hours=1)) == []
        write_regions(tmp_path, text)  # what came meanwhile is made up
        assert watch.look().runs == [jia]


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
