"""The facts that a bureau can hand in beside the other extracts."""

import csv
from dataclasses import dataclass
from functools import cache

from dagster_project import settings
from dagster_project.extracts.contract import contract

SEEDS = settings.RESOURCES / "dbt" / "seeds"
SOURCES = (SEEDS / "inputs.csv", SEEDS / "data_checks.csv")  # of known_facts


@dataclass(frozen=True)
class Known:
    """What a row of the facts extract may be: a figure of seeds/inputs.csv, or an explanation, whose value is text.

    entity_types    who may hand it in; of what is inherited a county may too
    """

    fact_id: str
    name_zh: str
    value_type: str
    entity_types: tuple[str, ...]


@cache
def known_facts() -> tuple[Known, ...]:
    """Every fact that dbt or a gate reads."""
    found = []
    for row in seed("inputs"):
        if row["source"] == "facts":
            level, inherited = row["unit_level"], row["is_inherited"] == "true"
            entities = (level, "county") if inherited and level != "county" else (level,)
            found.append(Known(row["input_id"], row["name_zh"], row["value_type"], entities))
    for fact_id, entry in contract().explanations.items():
        found.append(Known(fact_id, entry["zh"], "text", tuple(entry["entity_types"])))
    for row in seed("data_checks"):
        found.append(Known(f"explained_{row['check_id']}", f"说明：{row['name_zh']}", "text", (row["unit_level"],)))
    return tuple(found)


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a dbt seed."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
