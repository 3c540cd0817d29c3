"""The data dictionary of a release, as a page and as a workbook: what dbt's manifest says, so each word is written once.

A table's first sentence says its grain; its key is what a dbt test holds unique, or `meta.key` where none runs at each
refresh. A table with all the columns of a dimension's key refers to that dimension: the names conform.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dagster_project.fingerprint import sha256
from dagster_project.transform import project

FILES = ("dictionary.html", "dictionary.xlsx")
TEMPLATE = Path(__file__).with_suffix(".html.j2")
KINDS = {"dim": "维度", "fct": "事实", "mart": "主题"}


def write_dictionary(
    building: Path, previous: Path | None, code_version: str, marts: Collection[str]
) -> list[dict[str, str]]:
    """Write the dictionary of these marts into a release, or link that of the release before if it says the same."""
    words = hashlib.sha256(f"{code_version} {sorted(marts)}".encode()).hexdigest()
    before = json.loads((previous / "manifest.json").read_bytes()).get("dictionary", []) if previous else []
    if previous and {(file["file"], file["words"]) for file in before} == {(file, words) for file in FILES}:
        for file in FILES:
            os.link(previous / file, building / file)
    else:
        manifest = read_manifest()
        described = [table for table in tables(manifest) if table["name"] in marts]
        _write_page(building / FILES[0], described, exposures(manifest), queries(manifest))
        _write_workbook(building / FILES[1], described, queries(manifest))
    return [{"file": file, "words": words, "sha256": sha256(building / file)} for file in FILES]


def read_manifest() -> dict[str, Any]:
    return json.loads(project.prepare().read_bytes())


def tables(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Every mart in order of its name: description, key, dimensions it refers to, columns, and the SQL that defines it."""
    marts, keys = _marts(manifest), keys_of(manifest)
    dimensions = {name: keys[name] for name in sorted(marts) if name.startswith("dim_")}
    described = []
    for name, node in sorted(marts.items()):
        references = {
            dimension: key
            for dimension, key in dimensions.items()
            if dimension != name and set(key) <= set(node["columns"])
        }
        zh, en = _halves(node["description"])
        columns = []
        for column in node["columns"].values():
            meaning, english = _halves(column["description"])
            columns.append(
                {
                    "name": column["name"],
                    "type": column["data_type"],
                    "zh": meaning,
                    "en": english,
                    "is_key": column["name"] in keys[name],
                    "references": [dimension for dimension, key in references.items() if column["name"] in key],
                }
            )
        described.append(
            {
                "name": name,
                "kind": KINDS[name.partition("_")[0]],
                "zh": zh,
                "en": en,
                "key": keys[name],
                "references": references,
                "columns": columns,
                "sql": node["raw_code"].strip(),
            }
        )
    return described


def keys_of(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """The columns that tell a mart's rows apart."""
    keys = {name: node["config"]["meta"].get("key", []) for name, node in _marts(manifest).items()}
    for node in manifest["nodes"].values():
        if node.get("test_metadata", {}).get("name") == "unique_combination":
            keys[node["attached_node"].rpartition(".")[2]] = node["test_metadata"]["kwargs"]["columns"]
    return keys


def _marts(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    models = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    return {node["name"]: node for node in models if node["schema"] == "marts"}


def primary_keys(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """The keys of marts that a dbt test holds unique and without null at each refresh, where they are plain columns."""
    held = {
        node["attached_node"].rpartition(".")[2]
        for node in manifest["nodes"].values()
        if node.get("test_metadata", {}).get("name") == "unique_combination"
    }
    return {
        table["name"]: table["key"]
        for table in tables(manifest)
        if table["name"] in held and set(table["key"]) <= {column["name"] for column in table["columns"]}
    }


def exposures(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Who uses which marts."""
    return [
        {
            "label": exposure["label"],
            "zh": _halves(exposure["description"])[0],
            "marts": sorted(mart.rpartition(".")[2] for mart in exposure["depends_on"]["nodes"]),
        }
        for exposure in manifest["exposures"].values()
    ]


def queries(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """The worked queries of dbt/analyses: the comment at the top says the question and how to read the answer."""
    analyses = (node for node in manifest["nodes"].values() if node["resource_type"] == "analysis")
    found = []
    for node in sorted(analyses, key=lambda node: node["name"]):
        lines = node["raw_code"].strip().splitlines()
        comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
        sql = "\n".join(line for line in lines if not line.startswith("--"))
        found.append({"name": node["name"], "question": comment[0], "reading": "".join(comment[1:]), "sql": sql})
    return found


def _halves(description: str) -> tuple[str, str]:
    """A description is Chinese · English; the space that a folded line leaves between Chinese characters goes."""
    zh, _, en = " ".join(description.split()).partition(" · ")
    return re.sub(r"(?<=[^\x00-\xff]) (?=[^\x00-\xff])", "", zh), en


def _write_page(
    path: Path, described: list[dict[str, Any]], uses: list[dict[str, Any]], worked: list[dict[str, str]]
) -> None:
    import jinja2

    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text("utf-8")
    )
    path.write_text(template.render(tables=described, exposures=uses, queries=worked), "utf-8")


def _write_workbook(path: Path, described: list[dict[str, Any]], worked: list[dict[str, str]]) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    from dagster_project.sheets import as_text, print_landscape, text_width

    sheets = {
        "表": (
            {"表": 30, "类别": 8, "一行是什么": 70, "主键": 34, "引用的维度": 34, "英文说明": 70},
            [
                (t["name"], t["kind"], t["zh"], "、".join(t["key"]), "、".join(t["references"]), t["en"])
                for t in described
            ],
        ),
        "列": (
            {"表": 30, "列": 28, "类型": 10, "主键": 6, "引用的维度": 24, "含义": 70, "英文说明": 70},
            [
                (
                    t["name"],
                    c["name"],
                    c["type"],
                    "是" if c["is_key"] else "",
                    "、".join(c["references"]),
                    c["zh"],
                    c["en"],
                )
                for t in described
                for c in t["columns"]
            ],
        ),
        "定义": ({"表": 30, "定义（dbt 模型）": 140}, [(t["name"], t["sql"]) for t in described]),
        "查询": (
            {"问题": 40, "怎样看结果": 50, "查询": 110},
            [(query["question"], query["reading"], query["sql"]) for query in worked],
        ),
    }
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, (widths, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(list(widths))
        for row in rows:
            sheet.append(row)
        for column, width in enumerate(widths.values(), start=1):
            sheet.column_dimensions[get_column_letter(column)].width = width
        for row in sheet.iter_rows():
            lines = [
                sum(text_width(text) // w + 1 for text in str(c.value).split("\n"))
                for c, w in zip(row, widths.values(), strict=True)
            ]
            sheet.row_dimensions[row[0].row].height = min(15 * max(lines), 400)  # Excel shows no more
            for cell in row:
                cell.alignment = Alignment(vertical="top", wrap_text=True)
                as_text(cell)
        for cell in sheet[1]:
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="E8EDF2")
        sheet.freeze_panes = "B2"
        sheet.auto_filter.ref = sheet.dimensions
        print_landscape(sheet, header_row=1)
    book.save(path)
