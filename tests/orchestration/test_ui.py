"""The Dagster page as a bureau opens it: `junheng ui`, what the page asks of its server, and a refresh started there."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import command, environment, schools, write_csv, write_regions
from playwright.sync_api import Browser, expect

CODE = {"repositoryName": "__repository__", "repositoryLocationName": "dagster_project.definitions"}


class Page(NamedTuple):
    url: str
    raw: Path
    home: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer; an error in it fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)
        assert not found.get("errors"), found["errors"]
        return found["data"]


def wait_for(look: Callable[[], Any], seconds: float, what: str) -> Any:
    """What look finds, as soon as it finds something; the test fails when it does not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.5)
    pytest.fail(f"no {what} within {seconds} seconds")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The server on a free port, over one region with two years of schools; ended with all its processes."""
    folder = tmp_path_factory.mktemp("ui")
    raw, home = folder / "raw", folder / "home"
    write_regions(
        raw,
        "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}, refresh: '0 2 * * *'}\n",
    )
    for year, count in (("2022", 1), ("2023", 2)):
        write_csv(raw / "demo" / year / "schools.csv", schools(count))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    arguments = command("ui", "--raw", raw, "--home", home, "--port", str(port))
    with log.open("wb") as stream:
        server = subprocess.Popen(
            arguments, env=environment(), stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )

    def is_up() -> bool:
        assert server.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        wait_for(is_up, 180, "server")
        yield Page(url, raw, home)
        assert "Traceback" not in log.read_text(encoding="utf-8")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_the_code_loads_and_everything_is_on_the_page(page: Page) -> None:
    [location] = page.ask(
        "{workspaceOrError {... on Workspace {locationEntries {locationOrLoadError {__typename"
        " ... on PythonError {message} ... on RepositoryLocation {repositories {jobs {name}"
        " sensors {name description sensorState {status}}}}}}}}}"
    )["workspaceOrError"]["locationEntries"]
    loaded = location["locationOrLoadError"]
    assert loaded["__typename"] == "RepositoryLocation", loaded
    [repository] = loaded["repositories"]
    assert "refresh" in {job["name"] for job in repository["jobs"]}
    sensors = {sensor["name"]: sensor for sensor in repository["sensors"]}
    assert sensors.keys() == {"new_files", "due_regions", "attention"} and all(
        s["description"] for s in sensors.values()
    )
    assert {sensor["sensorState"]["status"] for sensor in sensors.values()} == {"RUNNING"}
    assert page.ask("{shouldShowNux}") == {"shouldShowNux": False}  # no newsletter over the page


def test_the_graph_has_partitions_checks_and_descriptions(page: Page) -> None:
    nodes = {
        "/".join(node["assetKey"]["path"]): node
        for node in page.ask(
            "{assetNodes {assetKey {path} description dependencyKeys {path} partitionKeys"
            " assetChecksOrError {... on AssetChecks {checks {name description}}}}}"
        )["assetNodes"]
    }
    assert {"files", "raw/schools", "staging/stg_schools", "marts/mart_county_verdict", "release"} <= set(nodes)
    assert {"path": ["files"]} in nodes["raw/schools"]["dependencyKeys"]
    assert {"path": ["marts", "mart_county_verdict"]} in nodes["release"]["dependencyKeys"]
    wait_for(lambda: partition_rows(page).keys() == {"demo|2022", "demo|2023"}, 180, "first look of the sensors")
    for name in ("raw/schools", "marts/mart_county_verdict"):
        checks = nodes[name]["assetChecksOrError"]["checks"]
        assert [check["description"] for check in checks if check["name"] == "expectations"] != [None]
    assert [name for name, node in nodes.items() if not node["description"]] == []


def partition_rows(page: Page) -> dict[str, int | None]:
    """The rows of every partition that the page shows of the table of schools; None: it was not loaded."""
    [node] = page.ask(
        '{assetNodes(assetKeys: [{path: ["raw", "schools"]}]) {partitionKeys latestMaterializationByPartition'
        " {partition metadataEntries {... on IntMetadataEntry {intValue}}}}}"
    )["assetNodes"]
    told = {each["partition"]: each for each in node["latestMaterializationByPartition"] if each}
    return {key: told[key]["metadataEntries"][0]["intValue"] if key in told else None for key in node["partitionKeys"]}


def status(page: Page, run_id: str) -> str | None:
    """How a run ended, None while it goes on."""
    query = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
    found = page.ask(query, id=run_id)["runOrError"]["status"]
    return found if found in ("SUCCESS", "FAILURE", "CANCELED") else None


def launch(page: Page, *asset: str) -> str:
    """The button of one asset; the id of its run."""
    selector = {**CODE, "pipelineName": "__ASSET_JOB", "assetSelection": [{"path": asset}]}
    answer = page.ask(
        "mutation ($it: ExecutionParams!) {launchRun(executionParams: $it) {__typename"
        " ... on LaunchRunSuccess {run {id}} ... on PythonError {message} ... on InvalidSubsetError {message}}}",
        it={"selector": selector, "mode": "default", "runConfigData": {}},
    )["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["id"]


def test_a_refresh_started_on_the_page_publishes(page: Page) -> None:
    unchecked = launch(page, "release")  # alone it would publish what no gate has seen
    assert wait_for(lambda: status(page, unchecked), 180, "end of the run") == "FAILURE"
    query = '{assetOrError(assetKey: {path: ["release"]}) {... on Asset {assetMaterializations {runId}}}}'
    published = page.ask(query)["assetOrError"].get("assetMaterializations", [])
    assert unchecked not in {each["runId"] for each in published}

    answer = page.ask(
        "mutation ($it: LaunchBackfillParams!) {launchPartitionBackfill(backfillParams: $it) {__typename"
        " ... on LaunchBackfillSuccess {backfillId} ... on PythonError {message}}}",
        it={
            "selector": {"repositorySelector": CODE, "partitionSetName": "refresh_partition_set"},
            "partitionNames": ["demo|2022", "demo|2023"],
        },
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer

    def runs() -> list[dict[str, str]]:
        tags = [{"key": "dagster/backfill", "value": answer["backfillId"]}]
        query = "query ($of: RunsFilter!) {runsOrError(filter: $of) {... on Runs {results {id status}}}}"
        return page.ask(query, of={"tags": tags})["runsOrError"]["results"]

    [run] = wait_for(runs, 120, "run of the backfill")  # one for both partitions
    assert wait_for(lambda: status(page, run["id"]), 180, "end of the run") == "SUCCESS"
    assert (page.home / "releases" / "current").exists()
    assert partition_rows(page) == {"demo|2022": 1, "demo|2023": 2}


def test_what_is_added_is_seen_without_a_restart(page: Page) -> None:
    """A region and a year that are younger than the service: on the page at the next look, loaded once they lie still."""
    text = (page.raw / "regions.yml").read_text("utf-8")
    write_regions(page.raw, f"{text}  - {{id: younger, name_zh: 新区, counties: {{'371503': 新县}}}}\n")
    write_csv(page.raw / "younger" / "2030" / "schools.csv", schools(3, "371503"))
    (page.raw / "younger" / "2031").mkdir()
    known = {"demo|2022", "demo|2023", "younger|2030"}
    wait_for(lambda: partition_rows(page).keys() == known, 120, "partition of the new region")
    wait_for(lambda: partition_rows(page)["younger|2030"] == 3, 300, "refresh of the new region")


def test_a_browser_shows_the_lineage(page: Page, chromium: Browser) -> None:
    window = chromium.new_page()
    try:
        window.goto(f"{page.url}/assets/marts/mart_county_verdict?view=lineage&lineageScope=neighbors")
        expect(window.locator("body")).to_contain_text("mart_county_verdict", timeout=30_000)
        window.goto(f"{page.url}/asset-groups")
        for name in ("files", "raw", "staging", "intermediate", "marts", "release"):
            expect(window.get_by_text(name, exact=True).first).to_be_visible(timeout=30_000)
        text = window.locator("body").inner_text()
        assert "Join the Dagster community" not in text and "error" not in text.lower()
    finally:
        window.close()
