"""The director's page: a static site that opens from disk. Here the rows of the marts become its data files; nothing is computed.

    briefing/index.html, style.css, app.js       the page, the same in every release of a code version
    briefing/pictures.js, chart.*                its pictures: heat maps are tables and strips are SVG, which read aloud and print as they
                                                 are; Chart.js draws the trends (0.2 MB, a library of maps and waterfalls would be 1 MB)
    briefing/data/index.js                       regions, indicators, the notice
    briefing/data/regions/<region>.js            the region's counties, policy targets and source files
    briefing/data/regions/<region>/<county>.js   everything that the page of a county and those of its schools show
    briefing/data/search/<region>.js             names, codes and pinyin initials of the region's counties and schools: read when somebody searches
    briefing/data/sources.js                     from which columns an indicator is made
    briefing/data/sources/<region>/<county>.js   the cells that a county's figures come from: read only when somebody asks for them
    briefing/data/release.js                     which release this is, when it was made, and what changed since the one before

A page opened from disk may not fetch, but may add a script: each data file calls junheng.load(its name, its tables).
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.release.briefing_tables import (
    COLUMNS_OF_INDICATORS,
    COUNTY,
    COUNTY_SOURCE,
    INDEX,
    OF_RELEASE,
    REGION,
    SEARCH,
    SOURCES,
    Table,
)
from dagster_project.release.forms import PROVISIONAL

PAGE = Path(__file__).with_suffix("")
RELEASE = "briefing/data/release.js"


def write_briefing(
    con: duckdb.DuckDBPyConnection,
    building: Path,
    previous: Path | None,
    notice: str | None,
    forms: Mapping[tuple[str, ...], Sequence[str]],
    marks: Mapping[tuple[str, int], str],
) -> list[dict[str, Any]]:
    """Write briefing/ into a release; a file that is the same in the release before is linked to it. Each file with its sha256.

    `marks`: of the regions and years that were signed; the others are provisional. All of MARTS have to be there. `forms`: of each
    region's county its workbooks in the release, the application form first.
    """
    con.execute("use junheng.marts")
    con.execute(
        "create or replace temp table newest as"
        " select region_id, max(school_year) as school_year from mart_county_verdict group by region_id"
    )
    newest = dict(con.execute("from newest").fetchall())
    files = [
        _write(building, previous, f"briefing/{asset.name}", asset.read_bytes()) for asset in sorted(PAGE.iterdir())
    ]
    index = _tables(con, INDEX, ())[()] | {"notice": json.dumps(notice, ensure_ascii=False)}
    files.append(_write(building, previous, "briefing/data/index.js", _script("index", index)))
    for (region_id,), tables in _tables(con, REGION, ("region_id",)).items():
        name = f"regions/{region_id}"
        tables["mark"] = json.dumps(marks.get((region_id, newest.get(region_id, 0)), PROVISIONAL), ensure_ascii=False)
        files.append(_write(building, previous, f"briefing/data/{name}.js", _script(name, tables)))
    con.create_function("initials", _initials, ["VARCHAR"], "VARCHAR")
    for (region_id,), tables in _tables(con, SEARCH, ("region_id",)).items():
        name = f"search/{region_id}"
        files.append(_write(building, previous, f"briefing/data/{name}.js", _script(name, tables)))
    con.remove_function("initials")
    columns = _tables(con, COLUMNS_OF_INDICATORS, ())[()]
    files.append(_write(building, previous, "briefing/data/sources.js", _script("sources", columns)))
    con.execute(COUNTY_SOURCE)
    for key, tables in _tables(con, SOURCES, ("region_id", "county_code")).items():
        name = "/".join(("sources", *key))
        files.append(_write(building, previous, f"briefing/data/{name}.js", _script(name, tables)))
    for key, tables in _tables(con, COUNTY, ("region_id", "county_code")).items():
        tables["forms"] = json.dumps(forms.get(key, []), ensure_ascii=False)
        name = "/".join(("regions", *key))
        files.append(_write(building, previous, f"briefing/data/{name}.js", _script(name, tables)))
    return files


def write_release(con: duckdb.DuckDBPyConnection, building: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write which release this is, when it was made, what was checked and what changed since the one before; the file with its sha256."""
    says = {key: json.dumps(manifest[key]) for key in ("release_id", "created_at")}
    says["checks"] = json.dumps([file["file"] for file in manifest["data_docs"]])
    says |= _tables(con, OF_RELEASE, ())[()]
    return _write(building, None, RELEASE, _script("release", says))


def _initials(name: str) -> str:
    """The first letters of a name's syllables in pinyin, as somebody types them: 莘县 is sx."""
    from pypinyin import Style, lazy_pinyin  # a dictionary of 0.1 s: needed here alone

    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()


def _tables(
    con: duckdb.DuckDBPyConnection, tables: dict[str, Table], key: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, str]]:
    """For each value of the key every table as JSON, {"columns": [...], "rows": [[...], ...]}; [] where it has no rows."""
    rows: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    columns = {name: [column.strip() for column in table.columns.split(",")] for name, table in tables.items()}
    for name, table in tables.items():
        by = "".join(f"{column}, " for column in key)
        selected = ", ".join(f'"{column}"' for column in columns[name])
        query = f"select {by} to_json(list(json_array({selected}) order by {table.order})) from {table.source} group by all order by all"
        for *found, text in con.execute(query).fetchall():
            rows[tuple(found)][name] = text
    return {
        found: {
            name: f'{{"columns": {json.dumps(columns[name])}, "rows": {texts.get(name) or "[]"}}}' for name in tables
        }
        for found, texts in rows.items()
    }


def _script(name: str, values: dict[str, str]) -> bytes:
    lines = ",\n".join(f"{json.dumps(key)}: {value}" for key, value in values.items())
    return f"junheng.load({json.dumps(name, ensure_ascii=False)}, {{\n{lines}\n}});\n".encode()


def _write(building: Path, previous: Path | None, file: str, content: bytes) -> dict[str, Any]:
    """Bring a file into the release, as a link where the release before has the same bytes."""
    path = building / file
    path.parent.mkdir(parents=True, exist_ok=True)
    before = previous / file if previous else None
    if before and before.is_file() and before.read_bytes() == content:
        os.link(before, path)
    else:
        path.write_bytes(content)
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest()}
