"""The papers of a county as workbooks: the application form, 申报表 tables Ⅰ to Ⅵ, and the self-assessment form of each of its
schools, 学校自评表. They draw what the marts say and compute nothing; how, paper.py says.
"""

import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.worksheet.hyperlink import Hyperlink

from dagster_project.release.paper import PAPERS, Place, Words, body, head, read_layout, told

PROVISIONAL = "暂定（未签署）"  # what stands on a paper whose region and year nobody has signed
SYNTHETIC = "合成数据，不反映任何学校的实际情况"  # and on each of a region whose data are made up
MOST_SHEETS = 500  # of one workbook, which Excel still opens at once
NOT_IN_A_TITLE, LONGEST_TITLE = re.compile(r"[\[\]:*?/\\']"), 31  # of a sheet
NOT_IN_A_FILE_NAME, LONGEST_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f]'), 40  # of a county in a file's name


def write_forms(
    con: duckdb.DuckDBPyConnection,
    building: Path,
    previous: Path | None,
    code_version: str,
    marks: Mapping[tuple[str, int], str],
) -> list[dict[str, Any]]:
    """Write the papers of every county into a release, forms/<region>/<county>_<year>_申报表.xlsx and …_学校自评表.xlsx; a workbook whose
    figures and mark are those of the release before, written by the same code and seeds, is linked to it. Each file with its county and
    the digest of its figures and mark and that code version. `marks`: of the regions and years that were signed."""
    con.execute("use junheng.marts")
    before = json.loads((previous / "manifest.json").read_bytes()).get("forms", []) if previous else []
    known = {(form["file"], form["figures"]) for form in before}
    forms, names = [], file_names(con)
    for kind, layout_name, query, write in FORMS:
        layout = read_layout(layout_name)
        for region_id, county_code, school_year, figures in counties(con, query):
            mark = marks.get((region_id, school_year), PROVISIONAL)
            figures = f"{code_version}-{hashlib.md5(f'{figures}{mark}'.encode()).hexdigest()}"
            file = f"forms/{region_id}/{names[region_id, county_code]}_{school_year}_{kind}.xlsx"
            (building / file).parent.mkdir(parents=True, exist_ok=True)
            if previous and (file, figures) in known and (previous / file).is_file():
                os.link(previous / file, building / file)
            else:
                write(con, layout, region_id, county_code, school_year, mark, building / file)
            forms.append({"region_id": region_id, "county_code": county_code, "file": file, "figures": figures})
    return forms


def write_papers(con: duckdb.DuckDBPyConnection, folder: Path, region_id: str, school_year: int, mark: str) -> None:
    """Write the papers of every county of a region and year into a folder, under this mark."""
    names = file_names(con)
    query = "select county_code from mart_county_verdict where (region_id, school_year) = (?, ?) order by county_code"
    for (county_code,) in con.execute(query, [region_id, school_year]).fetchall():
        for kind, layout_name, _, write in FORMS:
            path = folder / f"{names[region_id, county_code]}_{school_year}_{kind}.xlsx"
            write(con, read_layout(layout_name), region_id, county_code, school_year, mark, path)


def file_names(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """What the files of each region's county are called: its name, with its code where the region has another of that name; one without
    a name by its code."""
    counties = con.execute(
        "select region_id, county_code, coalesce(county_name_zh, county_code) from dim_county"
    ).fetchall()
    names = {(region, code): NOT_IN_A_FILE_NAME.sub(" ", name)[:LONGEST_NAME] for region, code, name in counties}
    alike = Counter((region, name) for (region, _), name in names.items())
    return {
        (region, code): f"{name}{code}" if alike[region, name] > 1 else name for (region, code), name in names.items()
    }


def counties(con: duckdb.DuckDBPyConnection, lines: str) -> list[tuple[str, str, int, str]]:
    """Region, county and newest school year of every workbook, and what tells whether its figures changed: all its lines."""
    return con.execute(
        f"""
        with lines as ({lines})
        select region_id, county_code, school_year, md5(string_agg(line, '' order by line)) from lines
        group by region_id, county_code, school_year
        qualify school_year = max(school_year) over (partition by region_id)
        order by all
        """
    ).fetchall()


def write_form(
    con: duckdb.DuckDBPyConnection,
    layout: Mapping[str, Sequence[Place]],
    region_id: str,
    county_code: str,
    school_year: int,
    mark: str,
    path: Path,
) -> None:
    """Write the form of a county and school year; cells without data stay blank and stand on the last sheet."""
    key = [region_id, county_code, school_year]
    where = "where (region_id, county_code, school_year) = (?, ?, ?)"
    blanks = _rows(
        con,
        f"select '表' || form_table as sheet, row_no || '.' || blank_no as name, shown, label_zh, missing"
        f" from mart_application_form {where} order by form_table, row_no, blank_no",
        key,
    )
    figures: dict[str, dict[str, Any]] = defaultdict(dict)
    for blank in blanks:
        figures[blank["sheet"]][blank["name"]] = blank["shown"]
    items: dict[str, Any] = {}
    for item_id, is_met, reason in con.execute(
        f"select item_id, is_met, reason from mart_item_verdict {where}", key
    ).fetchall():
        items |= {item_id: is_met, f"{item_id}:conclusion": reason}
    schools = _rows(
        con,
        f"select * replace (cast(organiser as integer) as organiser) from mart_application_form_school {where} order by row_no",
        key,
    )
    missing = [blank for blank in blanks if blank["shown"] is None] or [{"label_zh": "没有"}]
    lists = {"schools": schools, "missing": missing}
    lacks = con.execute(f"select reason from mart_completeness {where} and extract = 'schools'", key).fetchone()
    county, years, notice = _heading(con, region_id, county_code, school_year)
    line, words = "　".join(filter(None, (county, years, mark, notice))), _words(con)
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, (title, *places) in layout.items():
        sheet, paper = book.create_sheet(name), PAPERS[name]
        head(sheet, paper, title, line, lacks[0] if lacks else None)
        body(sheet, places, paper, lists, {**items, **figures[name]}, words)
    book.save(path)


def write_self_assessments(
    con: duckdb.DuckDBPyConnection,
    layout: Mapping[str, Sequence[Place]],
    region_id: str,
    county_code: str,
    school_year: int,
    mark: str,
    path: Path,
) -> None:
    """Write the self-assessment form of every school of a county, a sheet each, behind a first sheet that lists them; of a county with
    more schools than any has, the first MOST_SHEETS, and it says so."""
    schools = _rows(
        con,
        "select * from mart_self_assessment where (region_id, county_code, school_year) = (?, ?, ?) order by row_no",
        [region_id, county_code, school_year],
    )
    county, years, notice = _heading(con, region_id, county_code, school_year)
    shortened = f"学校太多，只有前{MOST_SHEETS}所的表" if len(schools) > MOST_SHEETS else ""
    mark = "　".join(filter(None, (mark, notice, shortened)))
    words, book = _words(con), Workbook()
    contents = book.worksheets[0]
    (contents.title, (title, *places)), (name, (school_title, school_line, *school_places)) = layout.items()
    head(contents, PAPERS[contents.title], title, f"{county}　{years}　{mark}")
    body(contents, places, PAPERS[contents.title], {"schools": schools}, {}, words)
    first_row = next(place.row for place in places if place.style == "schools")
    for row, school in enumerate(schools[:MOST_SHEETS], start=first_row):
        known = {**school, "county": county, "years": years, "missing": school["missing"] or "没有"}
        sheet = book.create_sheet(
            NOT_IN_A_TITLE.sub(" ", f"{school['row_no']} {school['school_name']}")[:LONGEST_TITLE]
        )
        contents.cell(row, 2).hyperlink = Hyperlink(contents.cell(row, 2).coordinate, location=f"'{sheet.title}'!A1")
        head(sheet, PAPERS[name], school_title, f"{told(school_line.text, known)}　{mark}")
        body(sheet, school_places, PAPERS[name], {}, known, words)
    book.save(path)


FORMS: list[
    tuple[str, str, str, Callable[..., None]]
] = [  # what the file is called behind county and year, layout, what it shows, who writes it
    (
        "申报表",
        "application_form_layout",
        """
        select region_id, county_code, school_year, md5(form::varchar) as line from mart_application_form as form
        union all
        select region_id, county_code, school_year, md5(form::varchar) from mart_application_form_school as form
        union all
        select region_id, county_code, school_year, md5(item_id || coalesce(is_met::varchar, '') || coalesce(reason, ''))
        from mart_item_verdict
        union all
        select region_id, county_code, school_year, md5(concat(county_name_zh, is_synthetic)) from dim_county
        inner join mart_county_verdict using (region_id, county_code)
        union all
        select region_id, county_code, school_year, md5(coalesce(reason, '')) from mart_completeness where extract = 'schools'
        """,
        write_form,
    ),
    (
        "学校自评表",
        "self_assessment_layout",
        """
        select region_id, county_code, school_year, md5(concat(form::varchar, county_name_zh, is_synthetic)) as line
        from mart_self_assessment as form
        left join dim_county using (region_id, county_code)
        """,
        write_self_assessments,
    ),
]


def _heading(
    con: duckdb.DuckDBPyConnection, region_id: str, county_code: str, school_year: int
) -> tuple[str, str, str | None]:
    """The county by its name, the school year as it is written, and that the data are made up, where they are."""
    name, is_synthetic = con.execute(
        "select county_name_zh, is_synthetic from dim_county where (region_id, county_code) = (?, ?)",
        [region_id, county_code],
    ).fetchone() or (None, False)
    return name or county_code, f"{school_year}—{school_year + 1}学年", SYNTHETIC if is_synthetic else None


def _words(con: duckdb.DuckDBPyConnection) -> Words:
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, code, label in con.execute("select kind, code, label_zh from dim_label").fetchall():
        words[kind][code] = label
    return words


def _rows(con: duckdb.DuckDBPyConnection, query: str, key: list[Any]) -> list[dict[str, Any]]:
    found = con.execute(query, key)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
