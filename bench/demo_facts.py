"""The facts of one region and year: what a county counts is counted from its own schools, teachers and classes.

Two papers of one county so agree: the staff with the teachers, those who graduate with grade 9, the births with the
first grade of the years to come.
"""

import zlib

import numpy as np
import pandas as pd
from demo import BIRTHS, COUNTED, FACTS, FIGURES, OF_ALL_SCHOOLS, PLANS, SHARES
from synthetic import STAGES, Dice, class_roster, enrolled

from dagster_project.transform.facts import facts


def of_year(values: list[str], year: int) -> str:
    """The last value is that of 2023; a year before the first has the first."""
    return values[max(year - 2024, -len(values))]


def up(counted: pd.Series) -> pd.Series:
    """Whole people, so that no share falls below what was said."""
    return pd.Series(np.abs(np.ceil(counted - 1e-9)), counted.index)


def held(extracts: dict[str, pd.DataFrame], entered: pd.Series, codes: list[int]) -> pd.DataFrame:
    """What the other extracts of a year hold of each county, special schools apart: a column a base that demo.py names."""
    s = extracts["schools"]
    is_special, is_public = s["school_type"] == "510", s["organiser"] != "10"
    is_rural = s["urban_rural_code"].str.startswith("2")
    flags = s[["school_id", "county_code"]].assign(special=is_special, public=is_public, rural=is_rural)
    flags["near"] = is_public & ~is_rural & ~s["is_boarding"]
    sections = pd.concat([
        flags.assign(stage=stage, pupils=s[f"{stage}_pupils"], teachers=s[f"{stage}_full_time_teachers"])
        for stage in STAGES[:2]
    ])  # fmt: skip
    classes = extracts["classes"].merge(flags, on="school_id")
    spent = extracts["funding"].query("item == 'total_expenditure'").set_index("entity_id")["amount_yuan"]
    pupils = s[[f"{stage}_pupils" for stage in STAGES]].fillna(0).set_axis(s["school_id"])
    spent = pupils.div(pupils.sum(axis=1), axis=0).mul(spent, axis=0)  # of a school's stages by their pupils
    sections["spent"] = pd.concat([spent[f"{stage}_pupils"] for stage in STAGES[:2]]).to_numpy()
    pay = extracts["teachers"].merge(flags, on="school_id").query("stage != 'senior'")
    ordinary, roster = sections.query("not special"), classes.query("not special")
    found = {
        "one": pd.Series(1, codes),
        "special_pupils": sections.query("special").groupby("county_code")["pupils"].sum(),
    }
    for name, which in {"": "stage == stage", "public_": "public", "rural_": "rural"}.items():
        for stage, rows in {"": ordinary, **{f"{k}_": ordinary[ordinary["stage"] == k] for k in STAGES[:2]}}.items():
            sums = rows.query(which).groupby("county_code")[["pupils", "teachers", "spent"]].sum()
            found |= {f"{name}{stage}{column}": sums[column] for column in sums}
    for name, which in {
        "grade_9": "grade == 9",
        "near_grade_1": "near and grade == 1",
        "near_grade_7": "near and grade == 7",
    }.items():
        found[name] = roster.query(which).groupby("county_code")["pupils"].sum()
    towns = s[~s["township"].str.endswith("街道")]
    found |= {
        "towns": towns.groupby("county_code")["township"].nunique(),
        "entered": entered,
        "people": found["pupils"] + found["teachers"],
        "average_pay": pay.groupby("county_code")["annual_pay_yuan"].mean(),
    }
    return pd.DataFrame(found, index=codes).fillna(0)


def county_facts(counted: pd.DataFrame, is_good: np.ndarray, year: int, dice: Dice) -> pd.DataFrame:
    """A column a fact; a share is handed in as its parts."""
    made, later, code = counted.copy(), year - 2023, counted.index.to_numpy()
    for fact, base, low, high, growth, decimals in FIGURES:
        made[fact] = (made[base] * (low + (high - low) * dice.u(code, fact)) * growth**later).round(decimals)
    for fact, rule in COUNTED.items():
        base, *shares = rule.split()
        made[fact] = up(made[base] * float(of_year(shares, year)))
    for fact, good, other, width, decimals in FACTS:
        made[fact] = (np.where(is_good, good, other) + width * dice.u(code, fact)).round(decimals)
    for share, (part, whole) in SHARES.items():
        made[part] = up(made[whole] * made[share])
    made["parent_satisfied_questionnaires"] = np.round(0.6 * made["satisfied_questionnaires"])
    in_school = made["special_pupils"] + made["included_disabled_pupils"]
    made["disabled_children_in_special_schools"], made["disabled_children_enrolled"] = made["special_pupils"], in_school
    made["disabled_children"] = (in_school / made["disabled_children_enrolment_rate"]).round()
    # of those who entered, as many are still there; the others who graduate have moved in
    out, deaths = up(0.04 * made["entered"]), 0
    kept = up(made["junior_retention_rate"] * (made["entered"] - deaths))
    made["junior_entrants_3y_ago"], made["junior_graduates"] = made["entered"], made["grade_9"]
    made["junior_transfers_in_3y"] = np.maximum(made["grade_9"] + out - kept, 0)
    made["junior_transfers_out_3y"], made["junior_deaths_3y"] = out, deaths
    return made


def births(s: pd.DataFrame, size: np.ndarray, region: dict, year: int, dice: Dice) -> list[pd.DataFrame]:
    """Who enters in the years to come, by township: born there and, where it is handed in, moved in since."""
    rows = []
    for ahead in range(1, 6):
        alive, pupils = enrolled(s, size, year + ahead)
        first = class_roster(alive, pupils).query("grade == 1").merge(alive, on="school_id")
        first["children"] = first["pupils"] * 0.97 ** max(year + ahead - 2023, 0)
        entering = first.groupby(["code", "township", "town"])["children"].sum().round().astype(int).reset_index()
        key = np.array(
            [
                zlib.crc32(f"{code}{name}".encode())
                for code, name in zip(entering["code"], entering["township"], strict=True)
            ]
        )
        share = np.where(entering["town"] < 2, 0.08, -0.14) + 0.03 * dice.u(key, "migrants")
        moved = np.round(entering["children"] * share).astype(int) * ("migrants" in BIRTHS[region["id"]])
        for name, values in {"births": entering["children"] - moved, "migrants": moved}.items():
            if name in BIRTHS[region["id"]]:
                rows.append(pd.DataFrame({
                    "entity_type": "township", "entity_id": entering["code"].astype(str) + entering["township"],
                    "fact_id": f"{name}_entering_in_{ahead}y", "value": values.astype(str),
                }))  # fmt: skip
    return rows


def told(
    s: pd.DataFrame, size: np.ndarray, extracts: dict[str, pd.DataFrame], region: dict, year: int, dice: Dice
) -> pd.DataFrame:
    """What the national standard and the region's documents ask for and no other extract holds."""
    schools, codes = extracts["schools"], [int(code) for code in region["counties"]]
    alive, pupils = enrolled(s, size, year - 2)
    before = class_roster(alive, pupils).merge(alive[["school_id", "code", "kind"]], on="school_id")
    entered = before.query("grade == 7 and kind != '510'").groupby("code")["pupils"].sum()
    is_good = s.drop_duplicates("code").set_index("code")["floor"].reindex(codes).to_numpy() >= 1
    of_county = county_facts(held(extracts, entered, codes), is_good, year, dice)
    decimals = {fact: digits for fact, *_, digits in (*FIGURES, *FACTS)}
    towns = schools.drop_duplicates(["county_code", "township"])
    units = {
        "school": schools["school_id"],
        "township": towns["county_code"].astype(str) + towns["township"],
        "county": pd.Series(codes),
        "region": pd.Series([region["id"]]),
    }
    documents = region["documents"] if year >= 2021 else []  # nobody counted for a plan that was not written yet
    rows = births(s, size, region, year, dice) if region["id"] in BIRTHS else []
    for spec in facts():
        fact = spec.fact_id
        if not spec.needed_by or not spec.is_asked_of(documents):
            continue
        is_yes = spec.value_type == "boolean"
        usual = "0" if fact.startswith("veto_") else "0.7 0.85 1" if is_yes else "1"
        said = of_year(PLANS.get(fact, usual).split(), year)
        if said == "-":
            continue
        level = "county" if fact in OF_ALL_SCHOOLS else spec.entity_type
        ids = units[level]
        if fact in of_county:
            values = [f"{value:.{decimals.get(fact, 0)}f}" for value in of_county[fact]]
        elif is_yes:  # a unit that has it keeps it
            key = np.array([zlib.crc32(str(unit).encode()) for unit in ids])
            values = np.where(dice.u(key, fact) < float(said), "是", "否")
        elif fact == "interactive_classrooms":
            values = np.minimum(schools["classrooms"], schools["classrooms"] * int(said) // 12).astype(int).astype(str)
        else:
            values = said
        rows.append(pd.DataFrame({"entity_type": level, "entity_id": ids, "fact_id": fact, "value": values}))
    return pd.concat(rows).assign(evidence=f"合成数据 {year}")
