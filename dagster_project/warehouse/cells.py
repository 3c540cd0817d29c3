"""In which cell of a flat extract each figure stands, and what the cell says."""

import duckdb
from openpyxl.utils import get_column_letter

from dagster_project.extracts.contract import Column, Extract
from dagster_project.extracts.facts import known_facts
from dagster_project.extracts.rows import WHAT_IS_EXPECTED
from dagster_project.extracts.sheet import BLANKS
from dagster_project.sql import quote
from dagster_project.warehouse.accounts import Source

# Whose cells are kept, and the name of a row's figure where it has one only. Rosters of people are not here: no cell of one person is kept.
FIGURES = ("schools", "funding", "facts")
OF_WHAT = {"funding": "item || '_' || account || '_yuan'", "facts": "fact_id"}


def list_cells(con: duckdb.DuckDBPyConnection, extract: Extract, source: Source) -> None:
    """List the cells that were read as figures, of the rows of a sheet that are loaded. A fact that is free text is no figure."""
    if extract.name not in FIGURES:
        return
    position = source.headers.position
    cells = ", ".join(
        f"""{{'column_name': {OF_WHAT.get(extract.name, quote(column.name))}, 'column_zh': {quote(column.zh)},
            'header': {quote(source.headers.said[column.name])}, 'letter': {quote(get_column_letter(position[column.name] + 1))},
            'said': trim(c{position[column.name]}, {quote(BLANKS)}), 'is_read': {column.name} is not null}}"""
        for column in extract.columns
        if column.name in position and _is_figure(extract, column)
    )
    if not cells:
        return
    free_text = ", ".join(quote(fact.fact_id) for fact in known_facts() if fact.value_type == "text")
    con.execute(
        f"""insert into incoming_source_cell
        select {quote(extract.name)}, entity_id, cell.column_name, cell.column_zh, masked(cell.header), source_file, sheet, row_number,
            cell.letter || row_number, masked(cell.said)
        from (
            select source, row_number, {extract.owner} as entity_id, unnest([{cells}]) as cell
            from candidate_{extract.name} join {source.sheet.table} using (row_number)
            where source = {source.number} and reason is null and not is_skipped
        ) join source using (source)
        where cell.is_read and cell.column_name not in ({free_text})"""
    )


def _is_figure(extract: Extract, column: Column) -> bool:
    if column.name in extract.key:
        return False
    return (
        column.type in WHAT_IS_EXPECTED or column.type == "boolean" or (extract.name, column.name) == ("facts", "value")
    )
