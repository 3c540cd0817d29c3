"""The gates' own process: it lets go of the warehouse, is replaced when it dies, and ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from helpers import ROOT
from sound_tables import GOOD

from dagster_project.gates import worker


def test_worker_checks_and_lets_go(warehouse: Path, tmp_path: Path):
    worker.start_worker()
    results = worker.validate_in_worker(warehouse, "raw", GOOD, tmp_path / "docs")
    assert all(result.success for result in results)
    with duckdb.connect(warehouse) as con:
        con.execute("drop table raw.facts")
    assert not worker.validate_in_worker(warehouse, "raw", GOOD)[1].success
    with pytest.raises(Exception, match=r"nowhere\.duckdb"):
        worker.validate_in_worker(tmp_path / "nowhere.duckdb", "raw", GOOD)
    worker.stop_worker()


def test_killed_worker_is_replaced(warehouse: Path):
    from concurrent.futures.process import BrokenProcessPool

    os.kill(worker.start_worker().submit(os.getpid).result(), signal.SIGKILL)
    with pytest.raises(BrokenProcessPool):
        worker.validate_in_worker(warehouse, "raw", GOOD)
    assert worker.validate_in_worker(warehouse, "raw", GOOD)
    worker.stop_worker()


PARENT = """
import os, signal, sys, time
import duckdb
from dagster_project.gates import suites, worker

def look_for_long(warehouse):
    con = duckdb.connect(warehouse, read_only=True)
    con.execute("set enable_progress_bar = false")
    con.execute("select count(*) from range(1000000000) a(i), range(1000000000) b(j) where i * j % 7 = 3")

if __name__ == "__main__":
    print(worker.start_worker().submit(os.getpid).result(), flush=True)
    if sys.argv[2] == "killed":
        worker.start_worker().submit(look_for_long, sys.argv[1])
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end", ["killed", "done"])
def test_worker_ends_with_its_parent(end: str, warehouse: Path, tmp_path: Path):
    """Also when the parent is killed while the worker reads: nothing lingers and holds the warehouse."""
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, tmp_path / "parent.py", warehouse, end]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, timeout=30)
    until = time.monotonic() + 10
    while os.path.exists(f"/proc/{int(parent.stdout)}") and time.monotonic() < until:
        time.sleep(0.05)
    with duckdb.connect(warehouse) as con:
        con.execute("create table raw.written as select 1")


def test_module_is_light():
    """The command imports it at every start."""
    code = "import sys, dagster_project.gates.worker; print(*{'great_expectations', 'pandas'} & set(sys.modules))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert seen.stdout.split() == []


RUN = """
import multiprocessing, os
from dagster_project.gates import worker

def run():
    worker.start_worker().submit(os.getpid).result()

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=run)
    process.start()
    process.join(30)
    print(process.exitcode)
    process.kill()
"""


def test_a_run_of_the_service_ends_with_its_worker(tmp_path: Path):
    """Dagster runs in processes of multiprocessing's, which wait for their own first: each would stay for ever, with its worker."""
    (tmp_path / "run.py").write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen = subprocess.run(
        [sys.executable, tmp_path / "run.py"], stdout=subprocess.PIPE, text=True, env=environment, timeout=60
    )
    assert seen.stdout == "0\n"
