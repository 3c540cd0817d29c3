"""A statistician signs the figures of a region and school year as a release has them; until then they are provisional, 暂定.

    <home>/signed/<release_id>/<region>_<year>.json       who, when, the sha256 of every file that went in and of every table that came out
    <home>/signed/<release_id>/<region>_<year>.html       the certificate, to print
    <home>/signed/<release_id>/<region>_<year>/<county>_<year>_申报表.xlsx, …_学校自评表.xlsx   the papers of its counties, marked as signed

All of it lies beside the releases: nothing that is published changes. A release with a signature is never removed. Later releases hold
their own files and tables to those that were signed, and say so where they differ. The newest signature of a region and year counts.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from jinja2 import Environment, FileSystemLoader

from dagster_project.extracts.regions import Partition
from dagster_project.release import forms
from dagster_project.release.read import connect
from dagster_project.release.store import SIGNED as FOLDER
from dagster_project.release.store import ReleaseError, read_manifest, require_release, verify
from dagster_project.settings import TIMEZONE, Damaged
from dagster_project.sql import quote_name
from dagster_project.whole import write_whole

SIGNED = (
    "fct_school_indicator", "mart_school_verdict", "mart_county_balance", "mart_standard_item", "mart_item_verdict",
    "mart_county_verdict", "mart_application_form", "mart_application_form_school", "mart_self_assessment",
)  # fmt: skip
LONGEST_NAME = 30
COLUMNS = "select column_name from duckdb_columns() where database_name = current_database() and table_name = ? order by column_index"
COUNTIES = """
select coalesce(county_name_zh, county_code), verdict.label_zh, resource.label_zh, missing_school_count
from mart_county_verdict as v
left join dim_county using (region_id, county_code)
left join dim_label as verdict on verdict.kind = 'verdict' and verdict.code = v.verdict
left join dim_label as resource on resource.kind = 'verdict' and resource.code = v.resource_verdict
where (v.region_id, v.school_year) = (?, ?)
order by county_code
"""


@dataclass(frozen=True)
class Signature:
    """columns: of each signed table, those that its hash is taken over."""

    region_id: str
    school_year: int
    name: str
    signed_at: str
    release_id: str
    code_version: str
    inputs: dict[str, str | None]
    results: dict[str, str]
    columns: dict[str, list[str]]

    @property
    def partition(self) -> Partition:
        return self.region_id, self.school_year

    @property
    def mark(self) -> str:
        """What stands on what was signed."""
        return f"已签署：{self.name}，{self.signed_at[:10]}"


def sign(home: Path, region_id: str, school_year: int, name: str) -> Path:
    """Sign a region and year of the current release; the certificate. Raises ReleaseError where that cannot be."""
    name = name.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise ReleaseError(f"签署人的姓名应是一行文字，不超过 {LONGEST_NAME} 个字：--name 姓名")
    release = require_release(home)
    if damage := verify(release):
        raise ReleaseError(f"版本 {release.name} 已损坏，不能签署：{damage[0]}。请先运行 junheng refresh")
    manifest = read_manifest(release)
    with connect(home) as con:
        inputs = _inputs(con, region_id, school_year)
        columns = {mart: _columns(con, mart) for mart in SIGNED}
        results = _results(con, region_id, school_year, columns)
        counties = con.execute(COUNTIES, [region_id, school_year]).fetchall()
        if not counties:
            raise ReleaseError(
                f"版本 {release.name} 里没有 {region_id} {school_year} 学年的结论，不能签署：junheng status 列出有哪些学年"
            )
        now = datetime.now(ZoneInfo(TIMEZONE)).isoformat(timespec="seconds")
        signature = Signature(
            region_id, school_year, name, now, release.name, manifest["code_version"], inputs, results, columns
        )
        stem = f"{region_id}_{school_year}"
        folder = home / FOLDER / release.name
        papers, building = folder / stem, folder / f".{stem}"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        forms.write_papers(con, building, region_id, school_year, signature.mark)
    shutil.rmtree(papers, ignore_errors=True)  # of an earlier signature of the same figures
    building.rename(papers)
    certificate = folder / f"{stem}.html"
    told = [b["reason"] for b in manifest["blocked"] if (b["region_id"], b["school_year"]) == signature.partition]
    write_whole(certificate, _certificate(signature, counties, manifest["notice"], told))
    write_whole(folder / f"{stem}.json", json.dumps(asdict(signature), ensure_ascii=False, indent=1))
    return certificate


def signatures(home: Path) -> dict[Partition, Signature]:
    """The newest signature of every region and year that was signed. Raises Damaged for one that cannot be read."""
    found: dict[Partition, Signature] = {}
    for path in sorted((home / FOLDER).glob("*/*.json")):
        try:
            signature = Signature(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise Damaged(f"签署记录 {path} 已损坏：请从备份恢复，或移走它再签署一次") from error
        before = found.get(signature.partition)
        if before is None or before.signed_at < signature.signed_at:
            found[signature.partition] = signature
    return found


def changes(con: duckdb.DuckDBPyConnection, signature: Signature) -> list[str]:
    """What differs from what was signed, in Chinese; empty: nothing. The session is one on marts."""
    partition = signature.partition
    inputs, said = _inputs(con, *partition), []
    changed = [path for path in {**signature.inputs, **inputs} if signature.inputs.get(path) != inputs.get(path)]
    if changed:
        said.append(f"报表 {len(changed)} 个（{sorted(changed)[0]}{'等' * (len(changed) > 1)}）")
    results = _results(con, *partition, signature.columns)
    said += [mart for mart, digest in signature.results.items() if results.get(mart) != digest]
    return said


def marks(con: duckdb.DuckDBPyConnection, home: Path) -> dict[Partition, str]:
    """What stands on the page and on the forms of every region and year that was signed; the others are provisional."""
    return {partition: _mark(con, signature) for partition, signature in signatures(home).items()}


def broken(con: duckdb.DuckDBPyConnection, home: Path) -> dict[Partition, str]:
    """The marks of what is no longer as it was signed."""
    signed = signatures(home)
    return {partition: mark for partition, mark in marks(con, home).items() if mark != signed[partition].mark}


def _mark(con: duckdb.DuckDBPyConnection, signature: Signature) -> str:
    if changed := changes(con, signature):
        return f"签署后数据有变化：{signature.name} {signature.signed_at[:10]} 签署的是版本 {signature.release_id}，现在不同的有 {'、'.join(changed)}"
    return signature.mark


def _inputs(con: duckdb.DuckDBPyConnection, region_id: str, school_year: int) -> dict[str, str | None]:
    query = (
        "select distinct source_file, sha256 from mart_source_file where (region_id, school_year) = (?, ?) order by all"
    )
    return dict(con.execute(query, [region_id, school_year]).fetchall())


def _columns(con: duckdb.DuckDBPyConnection, mart: str) -> list[str]:
    return [column for (column,) in con.execute(COLUMNS, [mart]).fetchall()]


def _results(
    con: duckdb.DuckDBPyConnection, region_id: str, school_year: int, columns: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The sha256 of each table's rows of a region and year; a table that has no longer all these columns is left out."""
    found = {}
    for mart, names in columns.items():
        if not {*names}.issubset(_columns(con, mart)):
            continue
        selected = ", ".join(map(quote_name, names))
        rows = con.execute(
            f"""select sha256(coalesce(string_agg(line, '' order by line), '')) from (
                select sha256(row({selected})::varchar) as line from {quote_name(mart)} where (region_id, school_year) = (?, ?)
            )""",
            [region_id, school_year],
        )
        found[mart] = rows.fetchall()[0][0]
    return found


def digest(values: Mapping[str, str | None]) -> str:
    """One hash of several, for a person to compare."""
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _certificate(signature: Signature, counties: Sequence[Any], notice: str | None, told: Sequence[str]) -> str:
    page = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("certificate.html")
    return page.render(
        signature=signature,
        counties=counties,
        notice=notice,
        told=told,
        inputs=digest(signature.inputs),
        results=digest(signature.results),
    )
