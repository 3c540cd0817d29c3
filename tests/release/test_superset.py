"""The dashboards, also in a real Superset, which has an environment of its own: its versions are not Junheng's."""

import json
import os
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from helpers import command, environment, junheng

from dagster_project.release import dictionary
from dagster_project.release.read import connect

CONFIG = """
SECRET_KEY = "of a test that lives a minute, and of nothing else"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
WTF_CSRF_ENABLED = TALISMAN_ENABLED = RATELIMIT_ENABLED = False
"""


class Superset(requests.Session):
    """Its API, logged in."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = f"{address}/api/v1"
        login = {"username": "admin", "password": "admin", "provider": "db"}
        token = self.post(f"{self.address}/security/login", json=login).json()["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every dashboard, chart or dataset in full."""
        listed = self.get(f"{self.address}/{kind}/", params={"q": "(page_size:100)"}).json()["result"]
        return [self.get(f"{self.address}/{kind}/{one['id']}").json()["result"] for one in listed]

    def rows(self, dataset: int, **query: Any) -> list[dict[str, Any]]:
        """What a chart gets to draw."""
        answer = self.post(
            f"{self.address}/chart/data",
            json={"datasource": {"id": dataset, "type": "table"}, "queries": [query], "force": True},
        )
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["result"]
        assert result["error"] is None
        return result["data"]


def drawn(chart: dict[str, Any]) -> dict[str, Any]:
    """The query that a chart's form asks for."""
    params = json.loads(chart["params"])
    groups = [params["groupby"]] if isinstance(params.get("groupby"), str) else params.get("groupby", [])
    metrics = params.get("metrics") or [params["metric"]] if "metric" in params or "metrics" in params else []
    return {
        "dataset": int(params["datasource"].partition("__")[0]),
        "columns": params.get("all_columns") or [*filter(None, [params.get("x_axis")]), *groups],
        "metrics": metrics,
        "orderby": [json.loads(order) for order in params.get("order_by_cols", [])],
        "extras": {"where": " AND ".join(f"({one['sqlExpression']})" for one in params["adhoc_filters"])},
        "row_limit": params["row_limit"],
    }


@pytest.fixture
def superset(tmp_path: Path) -> Iterator[Superset]:
    venv = os.environ.get("JUNHENG_SUPERSET")
    if not venv:
        pytest.skip(
            "JUNHENG_SUPERSET names no environment with Superset: pip install apache-superset==6.1.0 rich cachetools"
            " flask-caching==2.3.1 duckdb==1.5.5 duckdb-engine==0.17.0 in one of its own"
        )
    folder = tmp_path / "superset"
    folder.mkdir()
    (folder / "superset_config.py").write_text(CONFIG.format(folder=folder), "utf-8")
    setting = {**os.environ, "SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"), "SUPERSET_HOME": str(folder)}
    program = str(Path(venv) / "bin" / "superset")
    user = [
        "--username",
        "admin",
        "--password",
        "admin",
        "--firstname",
        "a",
        "--lastname",
        "b",
        "--email",
        "a@b.example",
    ]
    for step in (["db", "upgrade"], ["fab", "create-admin", *user], ["init"]):
        done = subprocess.run([program, *step], env=setting, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "log").open("w")
    server = subprocess.Popen(
        [program, "run", "--port", str(port), "--with-threads"], env=setting, stdout=log, stderr=log
    )
    try:
        with socket.socket() as waiting:
            while waiting.connect_ex(("127.0.0.1", port)) != 0:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.2)
        yield Superset(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()


def test_the_file_to_import_fits_the_release(demo_home: Path, tmp_path: Path) -> None:
    """Without Superset: every dataset has the rows of its mart, a word for every code, and the columns that charts show."""
    path = tmp_path / "看板.zip"
    outcome = junheng("superset", path, "--home", demo_home)
    assert outcome.returncode == 0, outcome.stderr
    with zipfile.ZipFile(path) as archive:
        files = {name: yaml.safe_load(archive.read(name)) for name in archive.namelist()}
    datasets = {file["uuid"]: file for name, file in files.items() if "/datasets/" in name}
    columns = {id: {column["column_name"] for column in dataset["columns"]} for id, dataset in datasets.items()}
    for dataset in datasets.values():
        with connect(demo_home) as con:
            shown, mart = con.sql(dataset["sql"]), con.sql(f"from {dataset['table_name']}")
            assert shown.columns == [column["column_name"] for column in dataset["columns"]]
            assert len(shown) == len(mart)
            for column in mart.columns:
                nulls = f"count(*) filter ({column} is null)"
                assert shown.aggregate(nulls).fetchall() == mart.aggregate(nulls).fetchall(), (
                    f"{column}: a code without a word"
                )
    for name, file in files.items():
        if "/charts/" in name:
            query = drawn({"params": json.dumps({**file["params"], "datasource": "0__table"})})
            ordered = {column for column, _ in query["orderby"]}
            assert ordered.union(query["columns"]) <= columns[file["dataset_uuid"]], file["slice_name"]
        for control in file.get("metadata", {}).get("native_filter_configuration", []):
            (target,) = control["targets"]
            assert target["column"]["name"] in columns[target["datasetUuid"]], control["name"]


def test_dashboards_answer_during_a_refresh(superset: Superset, demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "demo", symlinks=True)
    raw, home = tmp_path / "demo" / "raw", tmp_path / "demo" / "home"
    outcome = junheng("superset", tmp_path / "看板.zip", "--home", home)
    assert outcome.returncode == 0, outcome.stderr
    with (tmp_path / "看板.zip").open("rb") as file:
        imported = superset.post(f"{superset.address}/dashboard/import/", files={"formData": file})
    assert imported.status_code == 200, imported.text
    assert {board["dashboard_title"] for board in superset.all("dashboard")} == {"区县均衡", "政策目标"}

    words = {
        (table["name"], column["name"]): column["zh"]
        for table in dictionary.tables(dictionary.read_manifest())
        for column in table["columns"]
    }
    datasets = {dataset["table_name"]: dataset for dataset in superset.all("dataset")}
    for name, dataset in datasets.items():
        for column in dataset["columns"]:
            if (name, column["column_name"]) in words:
                assert column["description"] == words[name, column["column_name"]]

    charts = [drawn(chart) for chart in superset.all("chart")]
    assert len(charts) > 10
    assert all(superset.rows(**chart) for chart in charts), "a chart without a row"

    path = raw / "liaocheng" / "2023" / "schools.csv"
    header, first, rest = path.read_text("utf-8-sig").split("\n", 2)
    at, cells = header.split(",").index("小学在校生数"), first.split(",")
    school = {"dataset": datasets["mart_variance_share"]["id"], "columns": ["pupils"], "extras": {}}
    school["extras"]["where"] = f"school_id = '{cells[0]}' and school_year = 2023 and stage = '小学'"
    assert {row["pupils"] for row in superset.rows(**school)} == {int(cells[at])}
    cells[at] = str(int(cells[at]) + 1)
    path.write_text("\n".join([header, ",".join(cells), rest]), "utf-8-sig")
    refresh = subprocess.Popen(
        command("refresh", "--raw", raw, "--home", home), env=environment(), stdout=subprocess.DEVNULL
    )
    rounds = 0
    while refresh.poll() is None:
        assert all(superset.rows(**chart) for chart in charts)
        rounds += 1
    assert refresh.returncode == 0 and rounds > 1
    assert {row["pupils"] for row in superset.rows(**school)} == {int(cells[at])}, "the new release, not imported again"
    print(f"{rounds} rounds of {len(charts)} chart queries during the refresh")
