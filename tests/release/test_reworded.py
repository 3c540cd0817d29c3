"""A word that is changed in the house reaches the next release: a form's row, a column's meaning, the page's script, an expectation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
from helpers import ROOT, environment, schools, write_csv, write_regions

ROOMS = ("dagster_project", "dbt", "expectations")
COUNTY = "371502"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house with a release of its own, in which words can be changed."""
    folder = tmp_path_factory.mktemp("house")
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    write_regions(folder / "raw", f"regions:\n  - {{id: demo, name_zh: 示范市, counties: {{'{COUNTY}': 某县}}}}\n")
    write_csv(folder / "raw" / "demo" / "2023" / "schools.csv", [{**row, "建校年份": 1986} for row in schools(10)])
    refresh(folder)
    return folder


def refresh(house: Path) -> Path:
    """Refresh with the code of the copy; the folder of its release."""
    shown = subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", "refresh"],
        env={**environment(), "PYTHONPATH": str(house)},
        cwd=house,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return (house / "var" / "releases" / "current").resolve()


def reword(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def words_of(book: Path) -> set[str]:
    return {str(cell.value) for sheet in openpyxl.load_workbook(book) for row in sheet.iter_rows() for cell in row}


def test_a_school_s_form_says_since_when_it_stands(house: Path) -> None:
    book = house / "var" / "releases" / "current" / "forms" / "demo" / "某县_2023_学校自评表.xlsx"
    assert sum("建校于1986年" in word for word in words_of(book)) == 10


def test_nothing_reworded_is_nothing_published(house: Path) -> None:
    before = (house / "var" / "releases" / "current").resolve()
    assert refresh(house) == before


def test_a_reworded_row_of_the_form_and_a_column_reach_forms_and_dictionary(house: Path) -> None:
    before = (house / "var" / "releases" / "current").resolve()
    seeds, meanings = house / "dbt" / "seeds", next((house / "dbt" / "models").rglob("columns.md"))
    reword(seeds / "application_form_layout.csv", "县域内义务教育学校规划布局合理", "县域内学校布局合理")
    reword(meanings, "学校名称", "学校的全称")
    after = refresh(house)
    form = "forms/demo/某县_2023_申报表.xlsx"
    assert any("县域内学校布局合理" in word for word in words_of(after / form) - words_of(before / form))
    assert "学校的全称" in (after / "dictionary.html").read_text("utf-8")
    assert "学校的全称" in words_of(after / "dictionary.xlsx")


def test_a_mended_script_and_template_reach_page_and_dictionary_without_a_new_build(house: Path) -> None:
    built = os.stat(house / "dbt" / "target" / "junheng" / "manifest.json").st_mtime_ns
    release = house / "dagster_project" / "release"
    reword(release / "briefing" / "app.js", '"use strict";', '"use strict"; // mended')
    reword(release / "dictionary.html.j2", "</title>", "（改）</title>")
    after = refresh(house)
    assert "// mended" in (after / "briefing" / "app.js").read_text("utf-8")
    assert "（改）</title>" in (after / "dictionary.html").read_text("utf-8")
    assert os.stat(house / "dbt" / "target" / "junheng" / "manifest.json").st_mtime_ns == built


def test_a_reworded_expectation_is_held_against_all_that_was_published(house: Path) -> None:
    reword(house / "expectations" / "raw" / "schools.json", "学校名称没有空值", "每所学校都有名称")
    refresh(house)
    assert "每所学校都有名称" in (house / "var" / "data_docs" / "raw.html").read_text("utf-8")
