"""The dictionary of facts: what a bureau can hand in beside the other extracts, and who asks for it."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from dagster_project import settings
from dagster_project.extracts.contract import contract

SEEDS = settings.RESOURCES / "dbt" / "seeds"
SOURCES = (SEEDS / "inputs.csv", SEEDS / "data_checks.csv")  # of known_facts
NATIONAL = "国家标准"
OF_MEASURES = ("quotient", "change", "least", "areas", "areas_share")  # statistics of other measures


@dataclass(frozen=True)
class Fact:
    """A row of seeds/inputs.csv that the facts extract holds.

    needed_by   ids of targets (LC-30), items of the national standards (G13), tables of the application form; none: a transition rule
    documents   the policy documents of those targets, and NATIONAL
    """

    fact_id: str
    name_zh: str
    entity_type: str
    value_type: str
    unit_zh: str
    is_inherited: bool
    note_zh: str
    needed_by: tuple[str, ...]
    documents: frozenset[str]

    def is_asked_of(self, documents: Iterable[str]) -> bool:
        """Whether a region with these documents needs it; what nobody needs may be handed in everywhere."""
        return not self.documents or not self.documents.isdisjoint({NATIONAL, *documents})


def facts() -> list[Fact]:
    """All facts, in the order of the seed; what needs them follows from the measures that targets and items read."""
    populations = {row["population_id"]: row["condition_input"] for row in seed("populations")}
    measures = {row["measure_id"]: row for row in seed("measures")}

    def inputs_of(measure: str) -> set[str]:
        row = measures[measure]
        parts = {part for part in re.split("[;+-]", f"{row['numerator']};{row['denominator']}") if part}
        if row["statistic"] in OF_MEASURES:
            return set().union(*map(inputs_of, parts))
        return parts | {populations.get(row["population_id"], "")}

    asked = [(row["target_id"], row["document_id"], row["measure_id"]) for row in seed("targets")]
    asked += [(row["item_id"], NATIONAL, row["measure_id"]) for row in seed("standard_items")]
    asked += [
        (f"申报表{row['form_table']}", NATIONAL, row["measure_id"])
        for row in seed("application_form_blanks")
        if row["measure_id"]
    ]
    found = []
    for row in seed("inputs"):
        if row["source"] == "facts":
            by = [(name, document) for name, document, measure in asked if row["input_id"] in inputs_of(measure)]
            found.append(
                Fact(
                    row["input_id"], row["name_zh"], row["unit_level"], row["value_type"], row["unit_zh"],
                    row["is_inherited"] == "true", row["note_zh"],
                    tuple(dict.fromkeys(name for name, _ in by)), frozenset(document for _, document in by),
                )
            )  # fmt: skip
    return found


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
        found.append(Known(f"explained_{row['check_id']}", f"说明：{row['name_zh']}", "text", ("school",)))
    return tuple(found)


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a dbt seed."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
