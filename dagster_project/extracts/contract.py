"""The contract of the seven extracts, read from contract.yml: which columns an extract has and what they may hold."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CELL_MAP = (
    "official_forms.csv"  # where the columns stand on official forms; a file of that name in raw/ goes before ours
)
BETWEEN = "[\\s\u00a0\u3000\u200b-\u200f\u2060\ufeff.·()（）_－—-]{0,3}"  # "~" in a pattern of what is personal
SOURCE = Path(__file__).with_name("contract.yml")
DUCKDB_TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}


@dataclass(frozen=True)
class Column:
    """One column of an extract: its canonical name, its official Chinese header, and what a value may be."""

    name: str
    zh: str
    type: str
    unit: str | None = None
    required: bool = False
    essential: bool = False
    hashed: bool = False
    says_none: bool = False
    is_code: bool = False
    is_private: bool = False
    adds_up: bool = True
    is_school_year: bool = False
    refers_to: tuple[str, ...] = ()
    says: str | None = None
    endings: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    plausible: dict[str, Any] = field(default_factory=dict, hash=False)
    example: str = ""
    note_zh: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def duckdb_type(self) -> str:
        """The type in the warehouse; text and every domain are VARCHAR."""
        return DUCKDB_TYPES.get(self.type, "VARCHAR")

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that stands for this column."""
        return (self.zh, self.name, *self.aliases)


@dataclass(frozen=True)
class Extract:
    """One extract: the columns in order, and the key that is unique within a region and school year.

    count_zh: how its rows are counted, 所学校 in 两所学校.
    """

    name: str
    zh: str
    grain_zh: str
    count_zh: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    note_zh: str = ""
    file_names: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def owner(self) -> str:
        """The column that names the school, or the other unit, whose row it is."""
        return next(column.name for column in self.columns if column.refers_to or column.name == "school_id")


@dataclass(frozen=True)
class Contract:
    """The whole contract: extracts, domains (stored value -> what a file may say), units, what is not data, and facts.

    explanations  facts that explain a jump: id -> zh and entity_types
    left_schools  facts of schools that need not be in the schools extract
    answers       what a fact may say for 是 and 否; answer_zh: what is expected of each type of value
    """

    extracts: dict[str, Extract]
    domains: dict[str, dict[str, list[str]]]
    units: dict[str, dict[str, float]]
    apart: dict[str, Any]
    stages: dict[str, str]
    null_tokens: tuple[str, ...]
    total_row: str
    note_row: str
    list_words: tuple[str, ...]
    personal: dict[str, str]
    explanations: dict[str, dict]
    left_schools: tuple[str, ...]
    answers: dict[str, list[str]]
    answer_zh: dict[str, str]


def _column(entry: dict, unit_words: dict[str, list[str]], prefix: str = "", prefix_zh: str = "") -> Column:
    aliases = tuple(prefix_zh + alias for alias in entry.get("aliases", ()))
    renamed: dict[str, Any] = {"name": prefix + entry["name"], "zh": prefix_zh + entry["zh"], "aliases": aliases}
    renamed["refers_to"] = tuple(entry.get("refers_to", ()))
    unit = entry.get("unit")
    renamed["endings"] = (*entry.get("endings", ()), *((unit, *unit_words.get(unit, ())) if unit else ()))
    renamed["essential"] = entry.get("essential", entry.get("required", False))
    return Column(**{**entry, **renamed})


@cache
def contract() -> Contract:
    """Read contract.yml once a process."""
    document = yaml.load(SOURCE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    stages = document["stages"]
    extracts = {}
    for name, entry in document["extracts"].items():
        columns = [_column(column, document["unit_words"]) for column in entry["columns"]]
        for stage, zh in stages.items():
            of_stage = entry.get("per_stage", ())
            columns += [_column(column, document["unit_words"], f"{stage}_", zh) for column in of_stage]
        note = entry.get("note_zh", "")
        key = tuple(entry["key"])
        also = tuple(entry.get("file_names", ()))
        extracts[name] = Extract(
            name, entry["zh"], entry["grain_zh"], entry["count_zh"], key, tuple(columns), note, also
        )
    return Contract(
        extracts=extracts,
        domains=document["domains"],
        units=document["units"],
        apart=document["apart"],
        stages=stages,
        null_tokens=tuple(document["null_tokens"]),
        total_row=document["total_row"],
        note_row=document["note_row"],
        list_words=tuple(document["list_words"]),
        personal={name: pattern.replace("~", BETWEEN) for name, pattern in document["personal"].items()},
        explanations=document["explanations"],
        left_schools=tuple(document["left_schools"]),
        answers=document["answers"],
        answer_zh=document["answer_zh"],
    )
