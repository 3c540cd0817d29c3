"""The two gates of a refresh: Great Expectations (GX) on what came in (raw) and on what goes out (marts).

A bad row has been quarantined before; a gate stops a bad table: a unit that is off by ten thousand, a
shifted column, an empty partition, a measure outside its range. The rules are data:
`expectations/<room>/<table>.json`, one GX suite a table; a rule's `description` is the Chinese sentence
that messages and Data Docs show. Keys, relationships and arithmetic are dbt's tests and not repeated here.

The gates run in a process of their own: importing GX takes seconds, which so overlap the loading, and GX
leaves database engines open, which would keep every other connection of the process out of the warehouse.
The worker opens the warehouse read-only, computes inside DuckDB, lets go of the file, and ends with its
parent.

Data Docs are rendered here, not by GX: its pages fetch styles and scripts from the web, and leave out what
a SQL expectation found. They and the messages show counts, aggregates and what a suite's own SQL returns;
the suite of the teachers returns nothing about one person.
"""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dagster_project.extracts.regions import Partition
from dagster_project.gates.data_docs import write_docs
from dagster_project.gates.results import SUITES, Finding, Room, TableResult
from dagster_project.patches.gx_duckdb import speak_duckdb
from dagster_project.sql import quote

os.environ["GX_ANALYTICS_ENABLED"] = "false"
EXAMPLES = 3  # offending groups that a message names


def validate(
    database: Path,
    room: Room,
    partitions: Collection[Partition] | None = None,
    docs: Path | None = None,
    region_id: str | None = None,
) -> list[TableResult]:
    """Hold the suites of a room against the warehouse, the rows of `partitions` only (None: all rows).

    A suite with `whole_table` in its meta takes its whole table: the table has no partitions, or the suite
    compares them. With `region_id`, whose partitions these are, it takes that region's rows, and a table that
    belongs to no region is left out: so `blame` finds out who fails. No partition at all means nothing to check. With `docs`, the room's page of Data Docs is
    written into that folder. An expectation that cannot be evaluated (a table or column is missing) counts
    as failed; a warehouse that cannot be opened raises.
    """
    if partitions is not None and not partitions:
        return []
    given = "" if partitions is None else _only(partitions)
    from sqlalchemy import text

    results = []
    suites = _suites(room)
    if region_id is not None:
        of_regions = _tables_of_regions(database, room)
        suites = [suite for suite in suites if suite.name in of_regions or not suite.meta.get("whole_table")]
    source = _context().data_sources.add_sql(
        "warehouse",
        connection_string=f"duckdb:///{database}",
        create_temp_table=False,
        kwargs={"connect_args": {"read_only": True}},
        assets=[
            _rows_to_check(suite, given, region_id) for suite in suites
        ],  # one by one, GX would write its settings anew each time
    )
    try:
        source.get_execution_engine().execute_query(text("set enable_progress_bar = false"))
        for suite in suites:
            batch = source.get_asset(suite.name).get_batch_definition("all").get_batch()
            outcome = batch.validate(suite, result_format={"result_format": "COMPLETE"})
            found = {found.expectation: found for found in map(_finding, outcome.results)}
            results.append(TableResult(suite.name, [found[rule.description] for rule in suite.expectations]))
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
    if docs is not None:
        write_docs(docs, room, partitions, results)
    return results


def _tables_of_regions(database: Path, room: Room) -> set[str]:
    """The tables of a room that say which region a row is of."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as con:
        found = con.execute(
            "select schema_name || '.' || table_name from duckdb_columns() where schema_name = ? and column_name = 'region_id'",
            [room],
        )
        return {row[0] for row in found.fetchall()}


def _rows_to_check(suite: Any, given: str, region_id: str | None) -> dict[str, Any]:
    """A suite's table as GX's settings describe an asset; given: the where clause of the partitions."""
    whole = "" if region_id is None else f" where region_id = {quote(region_id)}"
    rows = whole if suite.meta.get("whole_table") else given
    query = f"select * from {suite.name}{rows}"
    return {"name": suite.name, "type": "query", "query": query, "batch_definitions": [{"name": "all"}]}


def _context() -> Any:
    """A GX context in memory, without progress bars and without GX's own docs."""
    import great_expectations as gx
    from great_expectations.data_context.types import base

    speak_duckdb()
    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    quiet = base.ProgressBarsConfig(globally=False)
    return gx.get_context(
        mode="ephemeral",
        project_config=base.DataContextConfig(
            store_backend_defaults=stores, progress_bars=quiet, analytics_enabled=False
        ),
    )


def _suites(room: Room) -> list[Any]:
    """The suites of a room, in the order of their tables' names."""
    import great_expectations as gx

    return [
        gx.ExpectationSuite(**json.loads(path.read_text("utf-8"))) for path in sorted((SUITES / room).glob("*.json"))
    ]


def _only(partitions: Collection[Partition]) -> str:
    """A where clause for the rows of the partitions.

    Plain lists come first: DuckDB skips the storage of other regions and years by them, not by pairs.
    """
    regions = ", ".join(sorted({quote(region) for region, _ in partitions}))
    years = ", ".join(sorted({f"{year:d}" for _, year in partitions}))
    pairs = ", ".join(f"({quote(region)}, {year:d})" for region, year in sorted(partitions))
    exact = f" and (region_id, school_year) in ({pairs})" if len(partitions) > 1 else ""
    return f" where region_id in ({regions}) and school_year in ({years}){exact}"


def _finding(result: Any) -> Finding:
    """GX's result as a sentence: the rows that a suite's SQL returned, else the number observed."""
    config, observed = result.expectation_config, result.result
    errors = [error for error in _errors(result.exception_info) if error]
    rows = observed.get("details", {}).get("unexpected_rows") or []
    if errors:
        text = f"无法检查，{errors[0]}"
    elif "unexpected_count" in observed:
        values = {str(value) for value in observed["partial_unexpected_list"] if value is not None}
        examples = "、".join(sorted(values)[:EXAMPLES])
        text = f"{observed['element_count']} 行中 {observed['unexpected_count']} 行不合" + (
            examples and f"，如 {examples}"
        )
    elif rows:
        text = _told(rows, observed["observed_value"])
    elif config.type == "unexpected_rows_expectation":
        text = "0 处不合"
    else:
        text = f"观察到 {_shown(observed['observed_value'])}"
    named: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        named.setdefault(row.get("地区"), []).append(row)
    regions = {str(region): _told(own, len(own)) for region, own in named.items() if None not in named}
    return Finding(config.description, bool(result.success), text, regions)


def _told(rows: list[dict[str, Any]], count: int) -> str:
    """The first of the rows that a suite's SQL returned, and how many there are."""
    text = "；".join(" ".join(f"{name}={_shown(value)}" for name, value in row.items()) for row in rows[:EXAMPLES])
    return f"{text}；共 {count} 处" if count > EXAMPLES else text


def _errors(info: dict[str, Any]) -> list[str | None]:
    """First lines of GX's exceptions: one set of fields for the expectation, or one for each metric."""
    fields = [info] if "raised_exception" in info else info.values()
    return [each["exception_message"] and each["exception_message"].splitlines()[0] for each in fields]


def _shown(value: Any) -> str:
    """A value for readers: numbers with four significant digits at most after the point."""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
