"""Fifty planted faults of ten kinds among some 300 schools: each is found and told, as what it is, and nothing else is."""

import csv
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from helpers import ROOT, junheng, write_csv

from dagster_project.release.read import connect
from dagster_project.warehouse import arrivals

Row = dict[str, str]
EXTRACTS = ("schools", "teachers", "classes", "funding")
OWNER = {"schools": "学校标识码", "teachers": "学校标识码", "classes": "学校标识码", "funding": "单位代码"}
OF_EACH = 5
IN_TIME = "2023-10-10"  # the deadline is the 15th

Tables = dict[str, list[Row]]


def without(tables: Tables, school: str, *extracts: str) -> None:
    for name in extracts:
        tables[name] = [row for row in tables[name] if row[OWNER[name]] != school]


def each(tables: Tables, extract: str, school: str, column: str, said: str) -> None:
    for row in tables[extract]:
        if row[OWNER[extract]] == school:
            row[column] = said


FAULTS: dict[str, tuple[Callable[[Tables, str], None], dict[str, str]]] = {
    "files nothing": (lambda tables, school: without(tables, school, *EXTRACTS), dict.fromkeys(EXTRACTS, "missing")),
    "row with a word that nobody knows": (
        lambda tables, school: each(tables, "schools", school, "办学类型", "村小"),
        dict.fromkeys(EXTRACTS, "rejected"),
    ),
    "a letter in its code": (
        lambda tables, school: each(tables, "schools", school, "学校标识码", f"{school[:-1]}O"),
        dict.fromkeys(EXTRACTS, "rejected"),
    ),
    "no teachers": (lambda tables, school: without(tables, school, "teachers"), {"teachers": "missing"}),
    "no classes": (lambda tables, school: without(tables, school, "classes"), {"classes": "missing"}),
    "no funding": (lambda tables, school: without(tables, school, "funding"), {"funding": "missing"}),
    "classes that cannot be read": (
        lambda tables, school: each(tables, "classes", school, "年级", "很多"),
        {"classes": "rejected"},
    ),
    "classes in a file that is none": (
        lambda tables, school: without(tables, school, "classes"),
        {"classes": "missing"},
    ),
    "everything late": (lambda tables, school: None, dict.fromkeys(EXTRACTS, "late")),
    "funding late": (lambda tables, school: None, {"funding": "late"}),
}
LATE = {"everything late": EXTRACTS, "funding late": ("funding",)}
RIGHT = ("closed, and said so", "merged, and named", "restated after the day", "one row twice")


def read_tables(folder: Path) -> Tables:
    tables = {}
    for name in (*EXTRACTS, "facts"):
        with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
            tables[name] = list(csv.DictReader(stream))
    return tables


def refresh(raw: Path, home: Path) -> subprocess.CompletedProcess[str]:
    outcome = junheng("refresh", "--raw", raw, "--home", home, timeout=500)
    assert "已发布" in outcome.stdout, outcome.stdout + outcome.stderr
    return outcome


def drawn(tables: Tables) -> dict[str, list[str]]:
    """Schools for every fault and for what is none, no two alike in name, none twice; the same at every draw."""
    named = Counter((row["县级行政区划代码"], row["学校名称"]) for row in tables["schools"])
    fit = [
        row["学校标识码"]
        for row in tables["schools"]
        if row["办学类型"] in ("小学", "初级中学") and named[row["县级行政区划代码"], row["学校名称"]] == 1
    ]
    dice = random.Random(16)
    chosen = iter(dice.sample(fit, OF_EACH * (len(FAULTS) + len(RIGHT))))
    return {kind: [next(chosen) for _ in range(OF_EACH)] for kind in (*FAULTS, *RIGHT)}


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, list[str]]]:
    """raw/, a home that has seen what came in time and what came late, and which schools were drawn for what."""
    folder = tmp_path_factory.mktemp("filing")
    raw, home = folder / "raw", folder / "home"
    generate = [sys.executable, ROOT / "bench" / "generate.py", "--counties", "5", "--years", "2022-2023"]
    subprocess.run([*generate, "--out", raw, "--seed", "7"], check=True)
    regions = raw / "regions.yml"
    regions.write_text(regions.read_text("utf-8").replace("refresh:", "deadline: '10-15'\n  refresh:", 1), "utf-8")
    for scores in raw.rglob("scores.csv"):
        scores.unlink()
    year = raw / "province" / "2023"
    whole = read_tables(year)
    picks = drawn(whole)
    for kind, (plant, _) in FAULTS.items():
        for school in picks[kind]:
            plant(whole, school)
    for school in picks["classes in a file that is none"]:
        (year / f"classes_{school}.xlsx").write_bytes(b"none")
    for school in (*picks["closed, and said so"], *picks["merged, and named"]):
        without(whole, school, *EXTRACTS)
    for school in picks["closed, and said so"]:
        fact = {"单位类型": "学校", "单位代码": school, "事实编号": "closed_school", "值": "是", "依据": "1号"}
        whole["facts"].append(fact)
    hosts = [row for row in whole["schools"] if row["学校标识码"] in picks["one row twice"]]
    for row in whole["schools"]:
        row["前身学校标识码"] = ""
    for row, school in zip(hosts, picks["merged, and named"], strict=True):
        row["前身学校标识码"] = school
    whole["schools"] += [dict(row) for row in hosts]

    in_time = {name: list(rows) for name, rows in whole.items()}
    for kind, extracts in LATE.items():
        for school in picks[kind]:
            without(in_time, school, *extracts)
    for name, rows in in_time.items():
        write_csv(year / f"{name}.csv", rows)
    refresh(raw, home)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:  # as if that had been in October
        con.execute("update raw.arrival set arrived_on = ?", [IN_TIME])
        arrivals.keep(con, home)
    for school in picks["restated after the day"]:
        each(whole, "schools", school, "图书册数", "31000")
    for name, rows in whole.items():
        write_csv(year / f"{name}.csv", rows)
    refresh(raw, home)
    return raw, home, picks


def test_every_fault_is_found_as_what_it_is_and_nothing_else(filed: tuple[Path, Path, dict[str, list[str]]]) -> None:
    _, home, picks = filed
    planted = {
        (school, extract): status
        for kind, (_, expected) in FAULTS.items()
        for school in picks[kind]
        for extract, status in expected.items()
    }
    with connect(home) as con:
        rows = con.execute(
            "select school_id, extract, status, reason from mart_filing where school_year = 2023 and status <> 'received'"
        ).fetchall()
        schools = con.execute("select count(distinct school_key) from mart_filing where school_year = 2023").fetchone()
    found = {(school, extract): status for school, extract, status, _ in rows}
    assert len(rows) == len(found)
    lost = {key: (status, found.get(key)) for key, status in planted.items() if found.get(key) != status}
    false = {key: status for key, status in found.items() if key not in planted}
    print(
        f"{OF_EACH * len(FAULTS)} faults among {schools} schools: {len(planted)} extracts, {len(lost)} lost, {len(false)} false alarms"
    )
    assert not lost and not false
    why = {(school, extract): reason for school, extract, _, reason in rows}
    for school in picks["classes in a file that is none"]:
        assert "没能载入，可能在里面" in why[school, "classes"]
    for school in picks["a letter in its code"]:
        assert f"{school[:-1]}O" in why[school, "schools"]


def test_every_fault_is_told(filed: tuple[Path, Path, dict[str, list[str]]]) -> None:
    """In mart_notice and by status, county by county: as many schools as were planted."""
    raw, home, picks = filed
    missed: Counter[tuple[str, str, str]] = Counter()
    for kind, (_, expected) in FAULTS.items():
        for school in picks[kind]:
            for extract, status in expected.items():
                told = "filed_late" if status == "late" else "deadline_missed"
                missed[told, f"测试县{int(school[:6]) % 10000:03d}", extract] += 1
    zh = {"schools": "学校表", "teachers": "教师表", "classes": "班级表", "funding": "经费表"}
    with connect(home) as con:
        notices = con.execute("select kind, subject, notice from mart_notice where school_year = 2023").fetchall()
    by_subject = {(kind, subject): notice for kind, subject, notice in notices if kind != "file_rejected"}
    assert set(by_subject) == {(kind, f"{county}{zh[extract]}") for kind, county, extract in missed}
    for (kind, county, extract), count in missed.items():
        counts = by_subject[kind, f"{county}{zh[extract]}"].partition("：")[0].split("，")[1:]
        assert sum(int("".join(filter(str.isdigit, said))) for said in counts) == count
    assert len([kind for kind, *_ in notices if kind == "file_rejected"]) == OF_EACH
    outcome = junheng("status", "--raw", raw, "--home", home)
    assert outcome.returncode == 1
    for (kind, subject), notice in by_subject.items():
        assert f"【{'迟报' if kind == 'filed_late' else '到期没有报'}】{subject}：{notice}" in outcome.stdout
