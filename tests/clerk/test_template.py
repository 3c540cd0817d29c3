"""Blank extracts: what a clerk fills in comes back whole, and Excel refuses what the contract refuses."""

import csv
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import openpyxl
import pytest
from helpers import ROOT, junheng, write_regions
from openpyxl import Workbook
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet.datavalidation import DataValidation

from dagster_project.clerk.template import DICTIONARY, write_templates
from dagster_project.extracts.contract import Column, Extract, contract
from dagster_project.extracts.headers import find_headers
from dagster_project.extracts.regions import Region, read_regions
from dagster_project.release.read import connect
from dagster_project.warehouse import load, tables

COUNTIES = {"371502": "东昌府区", "371503": "茌平区"}
REGION = Region("demo", "示范区", COUNTIES, r"^\d{10}$", None, (), "09-01", synthetic=False)
EXTRACTS = contract().extracts
ROWS = 2


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with tables.connect(tmp_path / "home") as connection:
        yield connection


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """Where a partition lies, with a blank workbook an extract."""
    folder = tmp_path / "raw" / "demo" / "2023"
    write_templates(folder, COUNTIES)
    return folder


def fill(folder: Path) -> None:
    """Write the contract's examples below each header, and a second row with another key."""
    for name, extract in EXTRACTS.items():
        book = openpyxl.load_workbook(folder / f"{name}.xlsx")
        sheet = book[extract.zh]
        for index, column in enumerate(extract.columns, start=1):
            for row, said in enumerate((column.example, other(column, extract)), start=2):
                sheet.cell(row, index, float(said) if column.type in ("integer", "number") else said)
                written_as = sheet.column_dimensions[get_column_letter(index)].number_format
                sheet.cell(row, index).number_format = written_as
        book.save(folder / f"{name}.xlsx")


def other(column: Column, extract: Extract) -> str:
    """The column's example, or for the last column of the key another value, with a leading zero."""
    if column.name not in extract.key[-1:]:
        return column.example
    if domain := contract().domains.get(column.type):
        return next(said[0] for said in domain.values() if column.example not in said)
    return "townships" if column.name == "fact_id" else f"0{column.example[1:]}"


def read(con: duckdb.DuckDBPyConnection, folder: Path) -> tables.Account:
    raw = folder.parents[1]
    return load.apply_change(con, raw, load.Change("demo", 2023, "of this test"), REGION, "key")


def assert_clean(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Every row loaded as it was typed, and every other sheet accounted for."""
    account = read(con, folder)
    assert tables.rejects(con, ("demo", 2023), 100) == []
    sheets = con.execute(
        "select extract, sheet, rows_in, rows_loaded, rows_skipped, status from raw.source_file"
    ).fetchall()
    data = {(extract.name, extract.zh, ROWS, ROWS, 0, "loaded") for extract in EXTRACTS.values()}
    assert {sheet for sheet in sheets if sheet[5] == "loaded"} == data
    others = [sheet for sheet in sheets if sheet[5] != "loaded"]
    expected = {(e, s) for e in EXTRACTS for s in ("填写说明", "选项")} | {("facts", DICTIONARY)}
    assert {(sheet[0], sheet[1]) for sheet in others} == expected
    assert all(rows == skipped > 0 and status == "skipped" for _, _, rows, _, skipped, status in others)
    assert (account.loaded, account.quarantined) == (ROWS * len(EXTRACTS), 0)
    assert con.execute("select count(*) from raw.source_file where unknown_columns is not null").fetchone() == (0,)
    for extract in EXTRACTS.values():
        for column in extract.columns:
            nulls = con.execute(f"select count(*) from raw.{extract.name} where {column.name} is null").fetchone()
            assert nulls == (0,), column.name
    typed = "select equipment_value_wan_yuan, urban_rural_code, is_boarding, primary_pupils from raw.schools"
    assert con.execute(typed).fetchall() == [(260.5, "111", False, 900)] * ROWS
    schools = con.execute("select school_id from raw.schools order by school_id").fetchall()
    assert schools == [("0715000101",), ("3715000101",)]
    assert con.execute("select distinct amount_yuan from raw.funding").fetchall() == [(1035000,)]


def validations(book: Workbook, extract: Extract) -> dict[str, DataValidation]:
    """The validation of each column of the data sheet, by the column's name."""
    found = {}
    for validation in book[extract.zh].data_validations.dataValidation:
        first, top, last, _ = range_boundaries(str(validation.sqref))
        assert (first, top) == (last, 2)
        found[extract.columns[first - 1].name] = validation
    return found


def choices(book: Workbook, validation: DataValidation) -> list[str]:
    sheet, cells = str(validation.formula1).split("!")
    return [row[0].value for row in book[sheet.strip("'")][cells.replace("$", "")]]


def test_what_is_filled_in_comes_back_whole(con: duckdb.DuckDBPyConnection, blank: Path) -> None:
    fill(blank)
    assert_clean(con, blank)


def test_what_libreoffice_saves_comes_back_whole(con: duckdb.DuckDBPyConnection, blank: Path, tmp_path: Path) -> None:
    soffice = shutil.which("soffice")
    if not soffice:
        pytest.skip("no soffice on this machine: install LibreOffice Calc to test what it saves")
    fill(blank)
    saved = tmp_path / "saved" / "demo" / "2023"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    books = [blank / f"{name}.xlsx" for name in EXTRACTS]
    convert = [soffice, profile, "--headless", "--convert-to", "xlsx", "--outdir", saved, *books]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    assert_clean(con, saved)


def test_an_explanation_is_no_data_whatever_stands_above_it(blank: Path) -> None:
    """Each line of it holds the Chinese name, the English name and the aliases of one column."""
    for name, extract in EXTRACTS.items():
        sheet = openpyxl.load_workbook(blank / f"{name}.xlsx")["填写说明"]
        rows = [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
        first = next(number for number, row in enumerate(rows) if row[0] == extract.columns[0].zh)
        assert all(find_headers([row], extract) is None for row in rows[first:])


def test_a_blank_template_holds_no_row(con: duckdb.DuckDBPyConnection, blank: Path) -> None:
    account = read(con, blank)
    assert (account.loaded, account.quarantined) == (0, 0)
    assert tables.refused_files(con) == []


@pytest.mark.parametrize("extract", EXTRACTS.values(), ids=list(EXTRACTS))
@pytest.mark.parametrize("counties", [{}, COUNTIES], ids=["any", "region"])
def test_excel_refuses_what_the_contract_refuses(tmp_path: Path, extract: Extract, counties: Mapping[str, str]) -> None:
    write_templates(tmp_path, counties)
    book = openpyxl.load_workbook(tmp_path / f"{extract.name}.xlsx")
    found = validations(book, extract)
    for column in extract.columns:
        validation, domain = found[column.name], contract().domains.get(column.type, {})
        expected = list(counties) if column.name == "county_code" else [said[0] for said in domain.values()]
        assert validation.type == ("list" if expected else {"integer": "whole", "number": "decimal"}.get(column.type))
        if expected:
            assert choices(book, validation) == expected
            assert column.example in expected
        elif validation.type:
            low, high = float(str(validation.formula1)), float(str(validation.formula2))
            assert (low == column.min or column.min is None) and (high == column.max or column.max is None)
            assert low <= float(column.example) <= high


def test_excel_opens_it_without_repair_and_says_what_a_cell_is(tmp_path: Path) -> None:
    """Excel calls a file damaged that has a longer message; a region of many counties makes a long one."""
    write_templates(tmp_path, {str(code): "某某自治县" for code in range(371500, 371600)})
    for name, extract in EXTRACTS.items():
        book = openpyxl.load_workbook(tmp_path / f"{name}.xlsx")
        for column, validation in validations(book, extract).items():
            assert len(str(validation.promptTitle)) <= 32 and len(str(validation.errorTitle)) <= 32
            assert len(str(validation.prompt)) <= 255 and len(str(validation.error)) <= 225
            for said in (column, extract.column(column).example, extract.column(column).unit or ""):
                assert said in str(validation.prompt)


def test_codes_are_text_and_required_columns_are_marked(blank: Path) -> None:
    for name, extract in EXTRACTS.items():
        sheet = openpyxl.load_workbook(blank / f"{name}.xlsx")[extract.zh]
        fills = {True: set(), False: set()}
        for index, column in enumerate(extract.columns, start=1):
            header = sheet.cell(1, index)
            assert str(header.value).startswith("*") == column.required
            fills[column.required].add(header.fill.fgColor.rgb)
            is_text = sheet.column_dimensions[get_column_letter(index)].number_format == "@"
            assert is_text == (column.type not in ("integer", "number"))
        assert len(fills[True]) == 1 and not fills[True] & fills[False]
        assert sheet.freeze_panes == "C2"
    headers = [cell.value for cell in openpyxl.load_workbook(blank / "schools.xlsx")["学校"][1]]
    assert {"教学仪器设备资产值(万元)", "教学及辅助用房面积(平方米)", "网络多媒体教室数"} <= set(headers)


def test_every_column_is_explained(blank: Path) -> None:
    for name, extract in EXTRACTS.items():
        sheet = openpyxl.load_workbook(blank / f"{name}.xlsx")["填写说明"]
        lines = {row[0]: row for row in sheet.iter_rows(values_only=True)}
        for column in extract.columns:
            text = "".join(str(cell) for cell in lines[column.zh] if cell)
            said = (column.name, column.example, column.unit or "", column.note_zh, *column.aliases)
            assert all(words in text for words in said), column.name
        assert lines["一行是"][1] == extract.grain_zh
        assert "不填姓名、身份证号" in str(lines["个人信息"][1])
        assert ("散列" in str(lines["个人信息"][1])) == any(column.hashed for column in extract.columns)


def test_the_command_writes_seven_and_never_over_a_filled_one(tmp_path: Path) -> None:
    out = tmp_path / "空白报表"
    outcome = junheng("template", "--out", out, "--region", "liaocheng")
    assert outcome.returncode == 0, outcome.stderr
    assert sorted(path.stem for path in out.iterdir()) == sorted(EXTRACTS)
    book = openpyxl.load_workbook(out / "schools.xlsx")
    counties = read_regions(ROOT / "raw")["liaocheng"].counties
    assert choices(book, validations(book, EXTRACTS["schools"])["county_code"]) == list(counties)
    fill(out)
    (out / "facts.xlsx").unlink()
    filled = (out / "schools.xlsx").read_bytes()
    again = junheng("template", "--out", out)
    assert again.returncode == 1
    assert "已有 schools.xlsx、" in again.stderr and "请换一个文件夹" in again.stderr
    assert (out / "schools.xlsx").read_bytes() == filled
    assert not (out / "facts.xlsx").exists()


def test_filled_templates_are_published(blank: Path, tmp_path: Path) -> None:
    fill(blank)
    write_regions(tmp_path / "raw", "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n")
    outcome = junheng("refresh", "--raw", tmp_path / "raw", "--home", tmp_path / "published")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    query = "select status, count(*) as sheets from mart_source_file group by 1 order by 1"
    sheets = junheng("sql", query, "--home", tmp_path / "published", "--format", "csv")
    assert sheets.stdout.split() == ["status,sheets", "loaded,7", "skipped,15"]


def test_the_command_explains_itself(tmp_path: Path) -> None:
    taught = junheng("template", "--help").stdout
    assert all(words in taught for words in ("空白报表", "junheng template --out", "raw/<区域>/<学年>/", "不覆盖"))
    assert "junheng template" in junheng("--help").stdout
    unknown = junheng("template", "--out", tmp_path / "x", "--region", "atlantis")
    assert unknown.returncode == 1 and "没有区域“atlantis”：可选的有 haimen" in unknown.stderr
    (tmp_path / "file").write_text("")
    beside = junheng("template", "--out", tmp_path / "file" / "x")
    assert beside.returncode == 1 and "没有写出空白报表" in beside.stderr


def test_the_facts_workbook_lists_what_measures_read(tmp_path: Path) -> None:
    """Every fact of the dictionary stands in it once, and the list is no data when the workbook comes back."""
    [path] = [path for path in write_templates(tmp_path, {}) if path.name == "facts.xlsx"]
    listed = openpyxl.load_workbook(path)[DICTIONARY].iter_rows(min_row=2, values_only=True)
    with (ROOT / "dbt/seeds/inputs.csv").open(encoding="utf-8", newline="") as stream:
        known = [row["input_id"] for row in csv.DictReader(stream) if row["source"] == "facts"]
    assert [row[0] for row in listed] == known and len(known) > 100
    top = [[str(cell or "") for cell in row] for row in openpyxl.load_workbook(path)[DICTIONARY].values]
    assert find_headers(top[:13], contract().extracts["facts"]) is None


def test_the_facts_workbook_says_what_dim_fact_says(demo_home: Path, tmp_path: Path) -> None:
    """One rule of who needs a fact: the release and the blank workbook, made before any release, agree on each."""
    write_templates(tmp_path, {})
    sheet = openpyxl.load_workbook(tmp_path / "facts.xlsx")[DICTIONARY]
    listed = [(row[0], row[1], row[5] or "") for row in sheet.iter_rows(min_row=2, values_only=True)]
    with connect(demo_home) as con:
        mart = con.execute(
            """select fact_id, name_zh, concat_ws('、', replace(target_ids, ';', '、'), replace(item_ids, ';', '、'),
                '申报表' || replace(form_tables, ';', '、申报表'), replace(indicators_zh, ';', '、')) from dim_fact"""
        ).fetchall()
    assert sorted(listed) == sorted(mart) and len(mart) > 100


def test_a_region_is_asked_for_what_its_documents_and_the_national_standards_need(tmp_path: Path) -> None:
    def asked(name: str, documents: list[str]) -> dict[str, str]:
        write_templates(tmp_path / name, {}, documents)
        rows = openpyxl.load_workbook(tmp_path / name / "facts.xlsx")[DICTIONARY].iter_rows(min_row=2, values_only=True)
        return {str(row[0]): str(row[5]) for row in rows}

    none, liaocheng = asked("none", []), asked("liaocheng", ["LC"])
    assert none.keys() < liaocheng.keys()
    assert none["nearby_junior_entrants"] == "WS-19、G13、申报表Ⅳ"  # the standard asks everywhere
    assert "has_recording_room" not in none and liaocheng["has_recording_room"] == "LC-30、LC-31"
    assert "has_ipv6" not in liaocheng
    assert none["borrowed_sports_area_m2"] == "None"  # a transition rule alone
