"""Synthetic extracts: the demo regions of raw/, or a region tree of any size for measuring.

    python bench/generate.py --demo --out raw    the regions of raw/regions.yml, 2021 to 2023
    python bench/generate.py --counties 136 --years 2023 --out DIR [--seed 7] [--format csv|xlsx]
    python bench/generate.py --contract          write the contract's tables into raw/README.md

Every value is drawn from a hash of (seed, key, name): the same seed gives the same bytes, a teacher keeps the
birth year, and one county can change without moving the others. Headers and Chinese values come from the
contract. Nothing here describes a real school.
"""

# ruff: noqa: SIM905 — words in a string read better than a list of quoted ones
import argparse
import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml
from openpyxl import Workbook

from dagster_project.transform.facts import facts

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = yaml.safe_load((ROOT / "dagster_project/extracts/contract.yml").read_text(encoding="utf-8"))
EXTRACTS, DOMAINS = CONTRACT["extracts"], CONTRACT["domains"]
STAGES = list(CONTRACT["stages"])  # primary, junior, senior: axis 1 of the arrays below

# A school's value / threshold is exp(mean + spread * N(0,1)), at least `floor` (1.04: all schools pass),
# times the county's level, which goes from y2021 to y2023; icc: between-school share of the scores' variance.
TRAITS = """
code   schools mean spread floor y2021 y2023 icc twist           in_2023
371502 14  0.22 0.16 1.04 0.97 1.00 0.08 -               met
371503 12  0.18 0.12 1.04 0.97 1.00 0.10 backbone        not_met:one_coefficient
371521 12  0.18 0.14 1.04 0.97 1.00 0.12 teaching_point  not_met:one_school
371522 14 -0.05 0.55 0.30 0.80 1.00 0.24 -               not_met:schools_and_coefficients
371524 10  0.16 0.12 1.04 0.80 1.00 0.09 -               met:not_before
371525 12  0.02 0.40 0.40 0.97 1.00 0.19 merger          not_met:schools_and_coefficients
371526 11  0.18 0.12 1.04 0.97 1.00 0.11 split           met:by_the_weighted_split_only
371581 12  0.14 0.12 1.04 1.00 0.84 0.14 -               not_met:but_in_2021
320684 14  0.30 0.15 1.04 0.97 1.00 0.06 -               met
370830 15  0.16 0.16 0.86 0.80 1.00 0.12 -               not_met:a_few_schools_left
441802 14  0.18 0.14 1.04 0.97 1.00 0.13 crowded         not_met:grounds_of_the_schools_in_town
441803 10  0.00 0.35 0.40 0.97 1.00 0.18 -               not_met:many_schools
441821  9  0.20 0.14 1.04 0.97 1.00 0.10 -               met
441823 10 -0.08 0.45 0.30 0.97 1.00 0.22 -               not_met:many_schools
441825  8  0.24 0.18 1.04 0.80 1.00 0.12 -               met:not_before
441826  8 -0.02 0.40 0.30 0.80 1.00 0.20 -               not_met:schools_and_coefficients
441881 14 -0.06 0.50 0.30 0.97 1.00 0.25 -               not_met:schools_and_coefficients
441882 10  0.06 0.25 0.50 0.80 1.00 0.15 -               not_met:many_schools
210700 11  0.20 0.14 1.04 0.97 1.00 0.12 -               met
"""
XLSX = {"haimen": set(EXTRACTS), "qingyuan": set(EXTRACTS), "wenshang": {"schools", "teachers", "facts"}}
ROSTER_ONLY = {"jinzhou_county_city"}  # reports no teacher totals: the roster is all there is
TOWNS = {
    370830: "中都街道 汶上街道 南站街道 南旺镇 次邱镇 寅寺镇 郭楼镇 康驿镇".split(),
    320684: "常乐镇 悦来镇 四甲镇 余东镇 正余镇 海永镇".split(),
}
INVENTED_TOWNS = "城关镇 城东镇 城西镇 城南镇 城北镇 河口镇".split()
LAYOUT = "211 211 311 211 312 218 211 311 341 211 345 510 211 311".split()  # then its first eight again
WEIGHTS = {"312": (1, 1.1, 0), "341": (0, 1, 1.2), "345": (1, 1.1, 1.32), "510": (1, 1, 0), "311": (0, 1, 0)}
# What a school aims at, by stage: higher-degree, backbone, PE and arts teachers a hundred pupils, teaching
# and sports area (m2), equipment (yuan) a pupil, multimedia rooms a hundred; CEILING = highest value / aim.
AIM = np.array([[4.2, 1, 0.9, 4.5, 7.5, 2000, 2.3]] + 2 * [[5.3, 1, 0.9, 5.8, 10.2, 2500, 2.4]])
AIM[:, [0, 1, 2, 6]] /= 100
CEILING = [1.4, 4.5, 2.4, 2.5, 2.5, 3.5, 2.5]
FACTS = [  # fact, value in a county whose schools pass, in another, range, decimals
    ("civil_service_average_pay", 88000, 88000, 3000, 0),
    ("teacher_average_pay", 94000, 86500, 3000, 0),
    ("junior_retention_rate", 0.965, 0.94, 0.03, 3),
    ("disabled_children_enrolment_rate", 0.96, 0.93, 0.03, 3),
    ("key_high_school_quota_share", 0.52, 0.48, 0.15, 2),
    ("migrant_children_public_share", 0.87, 0.82, 0.1, 3),
    ("social_recognition_rate", 0.88, 0.83, 0.06, 3),
    ("difference_rate_maths", 0.12, 0.15, 0.02, 3),
]
SHARES = {  # a share is handed in as its parts: the whole, how many, the part
    "junior_retention_rate": ("junior_entrants_3y_ago", 1500, "junior_graduates"),
    "disabled_children_enrolment_rate": ("disabled_children", 200, "disabled_children_enrolled"),
    "key_high_school_quota_share": ("key_high_school_places", 400, "allotted_places"),
    "migrant_children_public_share": ("migrant_children", 800, "migrant_children_in_public"),
    "social_recognition_rate": ("valid_questionnaires", 1000, "satisfied_questionnaires"),
}
# What the documents of a region ask for besides: the value of 2021, 2022 and 2023, "-" for a fact that is not handed in.
# A share of the units has a boolean; a number or date is said as it stands. Facts not named here: 0.7 0.85 1 and 1 1 1.
# fmt: off
PLANS = {
    "has_family_education_station": "0.6 0.7 0.8", "meets_provincial_class_2": "0.5 0.6 0.8", "in_strong_school_action": "0.2 0.35 0.6",
    "is_paired": "0.3 0.5 0.6", "has_gigabit_network": "0.2 0.3 0.4", "has_recording_room": "0.5 0.7 1", "labour_sites": "1 1 1",
    "is_closed_management": "0.9 1 1", "new_heads": "6 5 8", "new_heads_trained": "5 5 8", "new_teacher_bound_terms": "1 2 2",
    "exam_selections_to_town": "1 0 0", "central_kindergartens": "9 9 9", "model_central_kindergartens": "3 4 6",
    "city_subject_bases": "0 1 1", "featured_high_schools": "0 0 1", "township_legal_entities": "2 2 3",
    "nine_year_retention_rate": "0.962 0.968 0.971", "poor_rural_pupils": "420 400 385", "aided_poor_rural_pupils": "410 398 385",
    "has_special_education_centre": "0.4 0.6 0.9", "strong_town_pilots": "18 26 35", "min_funding_per_city_pilot_wan_yuan": "40 50 50",
    "pilot_evaluations": "0 1 1", "preschool_universal": "0.1 0.3 0.5", "min_schools_per_city_researcher": "- - -",
    "rural_teacher_health_checks": "1 1 -",
    "is_law_based_model_school": "0.5 0.8 1", "has_class_1_equipment": "0.6 0.8 0.9", "is_smart_campus": "0.2 0.4 0.7",
    "public_funds_standard_yuan": "1000 1000 1050", "rebuilt_named_schools": "1 2 3", "buildings_to_reinforce": "24 24 24",
    "buildings_reinforced": "11 19 24", "teachers_and_pupils": "8200 8150 8100", "learning_space_users": "6000 7400 7290",
    "min_rural_staff_training_hours": "90 150 180", "substitute_teachers": "40 22 9", "kindergartens_bought_back": "1 1 2",
    "rural_schools_supported": "5 9 8", "min_schools_per_official": "1 0 1", "min_subject_leaders": "- - -", "model_teachers": "1 1 2",
    "seed_teachers": "1 2 2",
    "is_new_or_expanded": "0 0.1 0.2", "interactive_classrooms": "5 9 14", "daily_sports_hours": "1 1 1", "psych_centres": "0 1 1",
    "psych_teachers": "0 1 1", "course_completeness": "0.95 1 1", "city_school_projects_done": "0 1 3", "new_primary_schools": "0 0 1",
    "new_junior_schools": "0 0 0", "new_nine_year_schools": "0 0 0", "sync_pilots_planned": "12 12 12", "sync_pilots_done": "3 6 9",
    "new_recruits": "80 95 90", "pe_arts_recruits": "14 19 21", "new_recruits_trained": "78 95 90", "master_heads": "2 4 7",
    "teaching_backbones": "30 70 100", "devoted_teachers": "310 540 700", "classroom_teaching_rank": "- 5 4",
    "new_tutoring_licences": "2 0 0", "nearby_enrolment_primary_rate": "0.98 0.99 1", "nearby_enrolment_junior_rate": "0.94 0.95 0.95",
    "fitness_good_rate": "0.48 0.51 0.53", "fitness_pass_rate": "0.95 0.96 0.97", "health_record_rate": "0.9 0.95 1",
    "myopia_rate": "0.523 0.52 0.515", "achievement_level_chinese": "Ⅱ Ⅲ Ⅲ", "achievement_level_maths": "Ⅱ Ⅱ Ⅲ",
    "difference_rate_chinese": "0.17 0.16 0.149", "plan_date": "- 2022-09-28 2022-09-28",
    "county_psych_centres": "0 1 1", "has_ipv6": "0.3 0.6 -",
    "education_communities": "2 3 4", "provincial_first_communities": "1 2 5", "featured_quality_high_schools": "0 1 2",
    "inclusive_model_units": "0 0 0",
    "layout_plan_date": "2019-08-20 2019-08-20 2019-08-20", "residential_school_projects": "4 5 6", "synchronous_school_projects": "4 4 6",
    "meets_standardised_school": "1 1 1", "has_canteen_meals": "0.5 0.7 0.9", "homework_grades_1_2": "0 0 0",
    "has_after_school_service": "0.7 0.9 -", "education_budget_yuan": "183000000 191500000 190800000", "special_inspections": "1 1 0",
    "is_built_by_2016": "- - -", "is_small_class_rural": "- - -", "is_built_by_2010_or_mostly_migrant": "- - -",
    "primary_visiting_pe_arts_teachers": "- - -", "junior_visiting_pe_arts_teachers": "- - -", "borrowed_sports_area_m2": "- - -",
    "implementation_date": "- - -", "evaluation_date": "- - -",
    "basic_balance_recognised_year": "2015 2015 2015", "rural_allotted_places": "104 108 114",
    "junior_transfers_in_3y": "12 10 8", "junior_transfers_out_3y": "12 10 8", "junior_deaths_3y": "0 0 0",
    "migrant_children_in_bought_places": "0 0 0", "disabled_children_in_special_schools": "61 60 58",
    "questionnaires": "1040 1040 1040", "parent_questionnaires": "620 620 620", "visited_people": "60 60 60",
    "satisfied_visited_people": "53 54 56", "population_wan": "52.36 51.98 51.47", "agricultural_population_wan": "28.1 27.4 26.6",
    "townships": "14 14 14", "villages": "312 312 309", "gdp_per_capita_yuan": "58600 61200 64100",
    "fiscal_revenue_per_capita_yuan": "3900 4050 4210", "rural_income_yuan": "18900 20100 21400", "urban_income_yuan": "34200 35800 37500",
    "primary_staff": "1180 1165 1150", "junior_staff": "760 765 770",
    "public_satisfaction_rate": "0.86 0.88 0.9", "government_work_score": "86 88 91",
}
# fmt: on
UNTESTED = re.compile(r"(achievement_level|difference_rate)_(science|pe|arts|moral)")  # the monitoring takes turns


class Dice(NamedTuple):
    seed: int

    def u(self, key, name: str) -> np.ndarray:
        """Uniform [0, 1) from a 64-bit mix of (seed, key, name)."""
        x = np.asarray(key).astype(np.uint64) + np.uint64(zlib.crc32(f"{self.seed}/{name}".encode()) << 31)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 0x9E3779B97F4A7C15)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        return ((x ^ (x >> np.uint64(32))) >> np.uint64(11)) / 2.0**53

    def g(self, key, name: str) -> np.ndarray:
        """Standard normal."""
        angle = 2 * np.pi * self.u(key, name + "'")
        return np.sqrt(-2 * np.log(1 - self.u(key, name))) * np.cos(angle)

    def pick(self, key, name: str, options: str) -> np.ndarray:
        """One of the space-separated options; a repeated one is likelier."""
        values = np.array(options.split(), dtype=object)
        return values[(self.u(key, name) * len(values)).astype(int)]


def expand(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group of each row, and its place within the group: sizes [2, 1] -> [0, 0, 1], [0, 1, 0]."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def build_schools(names: dict[int, str], traits: pd.DataFrame, dice: Dice, scale: float):
    """All schools that ever exist, pupils of 2023 (school, stage), value / aim (school, stage, indicator)."""
    rows, seen = [], {}
    for code, name in names.items():
        towns = TOWNS.get(code, INVENTED_TOWNS)
        for j in range(traits.at[code, "schools"]):
            kind = LAYOUT[j if j < len(LAYOUT) else j % 8]
            town = towns[(j + j // len(towns)) % len(towns)]
            place = name.split("（")[0] if kind in ("341", "345", "510") else town
            nth = seen[code, place, kind] = seen.get((code, place, kind), 0) + 1
            rank = (
                ("中心" if kind == "211" else "") if nth == 1 else f"第{'一二三四五六七八九十'[nth - 1 : nth] or nth}"
            )
            noun = DOMAINS["school_type"][kind][0]
            rows.append((code, code * 10000 + j + 1, place + rank + noun, town, kind, towns.index(town)))
    s = pd.DataFrame(rows, columns="code school_id school_name township kind town".split())
    s = s.join(traits, on="code").assign(first=0, last=9999, predecessor_ids=None)
    s["is_seat"] = ~s.duplicated(["code", "town"])
    key = s["school_id"].to_numpy()[:, None] * 8 + np.arange(3)
    size = np.exp(0.35 * dice.g(key, "size")) * [330, 340, 280] * np.where(s["town"] < 2, 1.4, 0.9)[:, None]
    size = np.round(size * scale * (np.array([WEIGHTS.get(kind, (1, 0, 0)) for kind in s["kind"]]) > 0))
    size[s["kind"] == "218"], size[s["kind"] == "510"] = (38, 0, 0), (42, 24, 0)
    mean, spread, floor = (s[name].to_numpy()[:, None, None] for name in ("mean", "spread", "floor"))
    ratio = np.exp(mean + spread * dice.g(key[:, :, None] * 8 + np.arange(7), "ratio"))
    weak = np.floor(7 * dice.u(key, "weak") / 0.2)[:, :, None] == np.arange(7)  # one indicator in one section of five
    ratio = np.where(weak, np.minimum(ratio, 0.92), np.clip(ratio, floor, CEILING))
    for code, twist in traits["twist"].items():
        s, size, ratio = twisted(twist, s, size, ratio, (s["code"] == code).to_numpy())
    return s, size, ratio


def twisted(twist: str, s: pd.DataFrame, size: np.ndarray, ratio: np.ndarray, here: np.ndarray):
    """The one thing that makes a county a case."""
    kind, in_town = s["kind"].to_numpy(), (s["town"] < 2).to_numpy()
    if twist == "backbone":  # two large primary schools hold the backbone teachers: one coefficient fails
        ratio[np.argsort(-size[:, 0] * (here & (kind == "211")))[:2], 0, 1] = 4.4
    elif twist == "teaching_point":  # 60 pupils: in scope, and nobody teaches PE or arts
        size[here & (kind == "218"), 0] = 60
        ratio[here & (kind == "218"), 0, 2] = 0
    elif twist == "split":  # combined schools just reach the thresholds by the weighted split, not by heads
        ratio[here & np.isin(kind, ["312", "341", "345"]), :, 3:] = 1.005
    elif twist == "crowded":  # the town grew, the grounds of its schools did not
        ratio[here & in_town, :, 4] *= 0.55
    elif twist == "merger":  # two village schools of 2021 are one new school from 2022
        a, b = np.flatnonzero(here & (kind == "211") & ~in_town)[:2]
        s.loc[[a, b], "last"] = 2021
        new = s.loc[a].to_dict() | {
            "school_id": s.loc[here, "school_id"].max() + 1,
            "first": 2022,
            "last": 9999,
        }
        new["school_name"] = f"{new['township']}联合小学"
        new["predecessor_ids"] = ";".join(s.loc[[a, b], "school_id"].astype(str))
        s = pd.concat([s, pd.DataFrame([new])], ignore_index=True)
        size, ratio = np.vstack([size, size[a] + size[b]]), np.concatenate([ratio, ratio[[a]]])
    return s, size, ratio


# fmt: off
def build_year(s: pd.DataFrame, size, ratio, year: int, dice: Dice, gaps: bool) -> dict[str, pd.DataFrame]:
    """The six extracts of one region and year, in canonical names and stored values."""
    alive = ((s["first"] <= year) & (s["last"] >= year)).to_numpy()
    s, size, ratio, later = s[alive].reset_index(drop=True), size[alive], ratio[alive], year - 2023
    sid, kind, town, good = (s[name].to_numpy() for name in ("school_id", "kind", "town", "floor"))
    good, rise = good >= 1, 1.03**later
    level = s["y2021"] + (s["y2023"] - s["y2021"]) * np.clip((year - 2021) / 2, 0, 1)
    growth = np.where(np.isin(kind, ["218", "510"]), 1, np.where(town < 2, 1.015, 0.985))
    pupils = np.round(size * growth[:, None] ** later).astype(int)
    weight = np.array([WEIGHTS.get(k, (1, 0, 0)) for k in kind])
    need = ratio * level.to_numpy()[:, None, None] * AIM
    staff = np.ceil(need[:, :, :3] * pupils[:, :, None] - 1e-9).astype(int)
    # of what the stages share, as much as leaves enough for each after the split
    at_least = np.where(weight > 0, 1 / np.maximum(weight, 1), 0)[:, :2, None] * need[:, :2, 3:]
    shared = at_least.max(axis=1) * (pupils * weight).sum(axis=1)[:, None]
    full = np.maximum(np.ceil(pupils * [0.063, 0.078, 0.08]).astype(int), staff.max(axis=2))
    middle = np.round(full * (0.5 + 0.2 * dice.u(sid[:, None] * 8 + np.arange(3), "middle"))).astype(int)
    grades = np.array([6, 3, 3])
    classes = grades * np.ceil(pupils / grades / ([45, 50, 50] + np.where(good, 0, 8)[:, None])).astype(int)
    total, rooms = pupils.sum(axis=1), classes.sum(axis=1)
    indoor = np.where(dice.u(sid, "hall") < 0.4, np.floor(shared[:, 1] * 0.06), 0)
    special = np.ceil(rooms / 12).astype(int) - (~good & (dice.u(sid, "special") < 0.2))
    schools = pd.DataFrame({
        "school_id": sid, "school_name": s["school_name"], "county_code": s["code"],
        "township": s["township"], "school_type": kind,
        "organiser": np.where(dice.u(sid, "private") < 0.04, "10", "7"),
        "urban_rural_code": np.select([town == 0, town == 1, s["is_seat"]], ["111", "121", "210"], "220"),
        "is_boarding": (pupils[:, 1] > 0) & (town > 1), "is_township_seat": s["is_seat"], "status": "open",
        "predecessor_ids": s["predecessor_ids"],
        "teaching_area_m2": np.ceil(shared[:, 0]) + indoor, "indoor_sports_area_m2": indoor,
        "sports_ground_area_m2": np.ceil(shared[:, 1]) - indoor,
        "equipment_value_wan_yuan": np.ceil(shared[:, 2] / 100) / 100,
        "multimedia_rooms": np.ceil(shared[:, 3] - 1e-9), "classrooms": rooms + rooms // 12,
        "music_rooms": special, "min_music_room_area_m2": np.where(special, np.where(good, 96, 84), np.nan),
        "art_rooms": special, "min_art_room_area_m2": np.where(special, np.where(good, 92, 80), np.nan),
        "books": np.round(total * (22 + 16 * dice.u(sid, "books"))),
        "computers": np.round(total * (0.09 + 0.1 * dice.u(sid, "computers"))),
    })
    counts = (pupils, classes, grades + 0 * pupils, full, *np.moveaxis(staff, 2, 0), middle)
    for k, stage in enumerate(STAGES):
        for column, values in zip(EXTRACTS["schools"]["per_stage"], counts, strict=True):
            schools[f"{stage}_{column['name']}"] = np.where(pupils[:, k] > 0, values[:, k], np.nan)

    i, k = np.nonzero(pupils)  # sections: a school's stages
    section, stage, counts = sid[i] * 10 + k, np.array(STAGES, dtype=object)[k], [x[i, k] for x in counts]
    of_section = pd.DataFrame({"school_id": sid[i], "stage": stage})
    n, nth = expand(counts[1])
    parallel, extra = (counts[1] // grades[k])[n], (counts[0] % counts[1])[n]
    class_rows = of_section.iloc[n].assign(
        grade=np.array([1, 7, 10])[k][n] + nth // parallel, class_no=nth % parallel + 1,
        pupils=(counts[0] // counts[1])[n] + (nth < extra))

    heads = np.append(True, i[1:] != i[:-1])  # a school's head stands after the teachers of its first stage
    n, nth = expand(counts[3] + heads)
    is_head, person, primary, fine = nth == counts[3][n], section[n] * 1000 + nth, k[n] == 0, good[i][n]

    def holds(number: np.ndarray, name: str) -> np.ndarray:
        """Exactly so many teachers of each section, the same ones each year as far as the number allows."""
        return nth[np.argsort(np.lexsort((dice.u(person, name) + is_head, n)))] < number[n]

    higher, backbone, arts, mid = map(holds, counts[4:], ("degree", "backbone", "arts", "middle"))
    usual = np.where(primary, dice.pick(person, "usual", "bachelor bachelor associate"), "bachelor")
    years = np.floor(14 * dice.u(person, "since")) + year - 2021
    eligible = (years >= 6) & ~is_head
    lost = gaps & (dice.u(section, "gap") < 0.03)[n] & (nth == counts[3][n] - 1)  # one short of the total
    teachers = of_section.iloc[n].assign(
        teacher_id=[f"T{number}" for number in person], post=np.where(is_head, "校长", "专任教师"),
        degree=np.select([higher & (dice.u(person, "master") < 0.06), higher | is_head, primary],
                         ["postgraduate", usual, "upper_secondary"], "associate"),
        has_certificate=fine | (dice.u(person, "certificate") > 0.02),
        subject=np.select([is_head, arts], [None, dice.pick(person, "arts", "体育 体育 音乐 美术")],  # ty: ignore[no-matching-overload]
                          dice.pick(person, "subject", "语文 语文 语文 数学 数学 英语 英语 科学")),
        title=np.select([is_head, mid], ["senior", dice.pick(person, "title", "first first senior")],
                        dice.pick(person, "title", "second second second third unranked")),
        backbone_level=np.select([backbone, ~is_head & (dice.u(person, "school") < 0.05)],  # ty: ignore[no-matching-overload]
                                 [dice.pick(person, "level", "county county city province"), "school"], None),
        birth_year=np.floor(1966 + 32 * dice.u(person, "birth")), years_at_school=years,
        terms_at_school=np.where(is_head, 1 + years // 6, np.nan), rotation_eligible=eligible,
        rotated=eligible & (dice.u(person, f"rotated {year}") < np.where(fine, np.where(backbone, 0.4, 0.15), 0.08)),
        training_hours_5y=np.where(fine, 360, 330) + np.floor(80 * dice.u(person, "training")),
        annual_pay_yuan=100 * np.round((820 + 300 * dice.u(person, "pay")) * np.where(fine, 1, 0.92) * rise),
        in_establishment=dice.u(person, "establishment") > 0.03)[~lost]

    a_pupil = np.select([kind == "510", pupils[:, 1] > 0], [8200, 1080], np.where(good, 1110, 860))
    public = np.round(np.maximum(total, 100) * a_pupil * (0.95 + 0.3 * dice.u(sid, "public")))
    training = np.round(public * np.where(good, 0.055, 0.045 + 0.02 * dice.u(sid, "share")))
    payroll, spent = np.round(full.sum(axis=1) * 98000 * rise), np.round(public * 0.98)
    funding = pd.DataFrame({
        ("public_funds", "budget"): public, ("public_funds", "final"): spent, ("personnel", "final"): payroll,
        ("teacher_training", "budget"): training, ("total_expenditure", "final"): spent + payroll,
    }, index=sid).stack([0, 1]).rename_axis(["entity_id", "item", "account"]).reset_index(name="amount_yuan")

    sampled = np.flatnonzero((k < 2) & (counts[0] >= 50))  # 12 pupils a subject
    n, nth = expand(np.full(len(sampled) * 2, 12))
    subject, n = np.array(["语文", "数学"], dtype=object)[n % 2], sampled[n // 2]
    own = dice.g(section[n] * 1000 + nth + 500 * (subject == "数学"), f"pupil {year}")
    share = s["icc"].to_numpy()[i][n]
    score = 500 + 90 * (np.sqrt(share) * dice.g(section[n], "effect") + np.sqrt(1 - share) * own)
    scores = of_section.iloc[n].assign(grade=np.array([4, 8])[k[n]], subject=subject, score=score.round(1))

    county = s.drop_duplicates("code")
    said = {fact: (np.where(county["floor"] >= 1, high, low) + width * dice.u(county["code"], fact)) * (rise if digits == 0 else 1)
            for fact, high, low, width, digits in FACTS}
    digits = {fact: digits for fact, *_, digits in FACTS}
    for share, (whole, number, part) in SHARES.items():
        said |= {whole: np.full(len(county), number), part: np.round(number * said.pop(share))}
    of_county = pd.concat([pd.DataFrame({
        "entity_type": "county", "entity_id": county["code"], "fact_id": fact, "evidence": f"合成数据 {year}",
        "value": [f"{v:.{digits.get(fact, 0)}f}" for v in values],
    }) for fact, values in said.items()])
    return dict(zip(EXTRACTS, (schools, teachers, class_rows, funding, scores, of_county), strict=True))
# fmt: on


def planned_facts(schools: pd.DataFrame, region: dict, year: int, dice: Dice) -> pd.DataFrame:
    """What a region's documents and the national standard ask for and no other extract holds; PLANS says how it goes."""
    known = {fact for fact, *_ in FACTS}.union(*((whole, part) for whole, _, part in SHARES.values()))
    towns = schools.drop_duplicates(["county_code", "township"])
    units = {
        "school": schools["school_id"],
        "township": towns["county_code"].astype(str) + towns["township"],
        "county": pd.Series([int(code) for code in region["counties"]]),
        "region": pd.Series([region["id"]]),
    }
    rows = []
    for spec in facts():
        fact = spec.fact_id
        if fact in known or not spec.needed_by or not spec.is_asked_of(region["documents"]) or UNTESTED.fullmatch(fact):
            continue
        is_yes = spec.value_type == "boolean"
        said = PLANS.get(fact, "0 0 0" if fact.startswith("veto_") else "0.7 0.85 1" if is_yes else "1 1 1").split()[
            year - 2021
        ]
        if said == "-":
            continue
        level = "county" if fact == "public_funds_standard_yuan" else spec.entity_type
        ids = units[level]
        if is_yes:  # a unit that has it keeps it
            key = np.array([zlib.crc32(str(unit).encode()) for unit in ids])
            values = np.where(dice.u(key, fact) < float(said), "是", "否")
        elif fact == "interactive_classrooms":
            values = np.minimum(schools["classrooms"], schools["classrooms"] * int(said) // 12).astype(int).astype(str)
        else:
            values = said
        rows.append(pd.DataFrame({"entity_type": level, "entity_id": ids, "fact_id": fact, "value": values}))
    return pd.concat(rows).assign(evidence=f"合成数据 {year}") if rows else pd.DataFrame()


def columns_of(extract: str) -> list[dict]:
    """The contract's columns in order, those of a stage written out for each stage."""
    staged = [
        {**c, "name": f"{stage}_{c['name']}", "zh": zh + c["zh"]}
        for stage, zh in CONTRACT["stages"].items()
        for c in EXTRACTS[extract].get("per_stage", [])
    ]
    return EXTRACTS[extract]["columns"] + staged


def official(frame: pd.DataFrame, extract: str, shift: int) -> pd.DataFrame:
    """As a clerk hands it in: Chinese headers and values, and columns after the key begin elsewhere."""
    kept = [c for c in columns_of(extract) if c["name"] in frame and frame[c["name"]].notna().any()]
    key = [c for c in kept if c["name"] in EXTRACTS[extract]["key"]]
    rest = [c for c in kept if c not in key]
    made = {}
    for c in key + rest[shift % len(rest) :] + rest[: shift % len(rest)]:
        values = frame[c["name"]]
        if c["type"] in DOMAINS:
            said = {stored: words[0] for stored, words in DOMAINS[c["type"]].items()}
            values = values.map({True: said["true"], False: said["false"]} if c["type"] == "boolean" else said)
        elif c["type"] != "number":
            values = values.astype("Int64" if c["type"] == "integer" else "string")
        made[c["zh"]] = values
    return pd.DataFrame(made)


def to_xlsx(frame: pd.DataFrame, path: Path, title: str) -> None:
    """A workbook without a clock in it."""
    book, raw = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet(title)
    for row in (tuple(frame), *frame.astype(object).where(frame.notna(), None).itertuples(index=False)):
        sheet.append(row)
    book.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in source.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2024-01-01T00:00:00Z", source.read(name))
            out.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)


def write(regions: list[dict], traits: pd.DataFrame, years: range, out: Path, seed: int, scale: float, xlsx: dict):
    """DIR/<region>/<year>/<extract>.csv, or .xlsx where `xlsx` names the extract for the region."""
    for shift, region in enumerate(regions):
        names = {int(code): name for code, name in region["counties"].items()}
        schools = build_schools(names, traits.loc[list(names)], Dice(seed), scale)
        for year in years:
            folder = out / region["id"] / str(year)
            folder.mkdir(parents=True, exist_ok=True)
            extracts = build_year(*schools, year, Dice(seed), region["id"] not in ROSTER_ONLY)
            planned = planned_facts(extracts["schools"], region, year, Dice(seed))
            extracts["facts"] = pd.concat([extracts["facts"], planned])
            if region["id"] in ROSTER_ONLY:
                extracts["schools"] = extracts["schools"].filter(regex="^(?!.*_teachers$)")
            for extract, frame in extracts.items():
                frame = official(frame, extract, shift)
                if extract in xlsx.get(region["id"], ()):
                    to_xlsx(frame, folder / f"{extract}.xlsx", EXTRACTS[extract]["zh"])
                else:
                    text = frame.to_csv(index=False, lineterminator="\n", float_format="%.15g")
                    (folder / f"{extract}.csv").write_text(text, encoding="utf-8")


def with_contract(readme: str) -> str:
    """The readme with the contract's tables, one an extract, made anew between the two markers."""
    types = {"text": "文字", "integer": "整数", "number": "数值", "boolean": "是/否"}
    lines = []
    for extract, spec in EXTRACTS.items():
        key = "、".join(c["zh"] for c in spec["columns"] if c["name"] in spec["key"])
        lines += [
            f"### {spec['zh']} `{extract}`",
            "",
            spec["grain_zh"] + f"；不得重复：{key}。" * bool(key),
            "",
        ]
        lines += [
            "| 中文列名 | English name | 必填 | 类型（单位） | 取值 | 说明 |",
            "|---|---|---|---|---|---|",
        ]
        staged = [
            {**c, "zh": f"小学/初中/高中 + {c['zh']}", "name": "primary_ junior_ senior_ + " + c["name"]}
            for c in spec.get("per_stage", [])
        ]
        for c in spec["columns"] + staged:
            words = DOMAINS.get(c["type"], {}).items()
            values = [said[0] + f"({stored})" * stored.isdigit() for stored, said in words]
            values += [f"{sign} {c[bound]}" for sign, bound in (("≥", "min"), ("≤", "max")) if bound in c]
            remarks = {
                "": c.get("note_zh"),
                "例：": c.get("example"),
                "也可写作 ": "、".join(c.get("aliases", [])),
            }
            remarks = [label + text for label, text in remarks.items() if text]
            kind = types.get(c["type"], "选项") + (f"（{c['unit']}）" if "unit" in c else "")
            cells = (
                c["zh"],
                c["name"],
                "是" * c.get("required", False),
                kind,
                "、".join(values),
                "；".join(remarks),
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    pattern = re.compile(r"(?<=<!-- contract -->\n).*(?=<!-- /contract -->)", re.DOTALL)
    return pattern.sub(lambda _: "\n".join(lines), readme)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--demo", action="store_true")
    task.add_argument("--counties", type=int, help="one region of so many counties, 40 to 90 schools each")
    task.add_argument("--contract", action="store_true")
    parser.add_argument("--years", default="2023", help="2023 or 2015-2023")
    parser.add_argument("--out", type=Path, default=ROOT / "raw")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
    args = parser.parse_args(argv)
    if args.contract:
        readme = ROOT / "raw/README.md"
        readme.write_text(with_contract(readme.read_text(encoding="utf-8")), encoding="utf-8")
    elif args.demo:
        text = (ROOT / "raw/regions.yml").read_text(encoding="utf-8")
        traits = pd.read_csv(io.StringIO(TRAITS), sep=r"\s+", index_col="code")
        write(yaml.safe_load(text)["regions"], traits, range(2021, 2024), args.out, args.seed, 1.0, XLSX)
        (args.out / "regions.yml").write_text(text, encoding="utf-8")
    else:
        dice, code = Dice(args.seed), 410001 + np.arange(args.counties)
        size, mean = (
            40 + np.floor(51 * dice.u(code, "schools")).astype(int),
            0.1 + 0.15 * dice.g(code, "mean"),
        )
        traits = pd.DataFrame({"schools": size, "mean": mean}, index=code)
        traits = traits.assign(spread=0.3, floor=0.3, y2021=0.92, y2023=1.0, icc=0.15, twist="-")
        region = {
            "id": "province",
            "name_zh": "测试省",
            "synthetic": True,
            "refresh": "0 2 * * *",
            "documents": [],
        }
        region["reference_month_day"] = "09-01"
        region["counties"] = {str(c): f"测试县{c % 10000:03d}" for c in code}
        first, _, last = args.years.partition("-")
        xlsx = {"province": set(EXTRACTS) if args.format == "xlsx" else set()}
        write([region], traits, range(int(first), int(last or first) + 1), args.out, args.seed, 1.8, xlsx)
        text = yaml.safe_dump({"regions": [region]}, allow_unicode=True, sort_keys=False)
        (args.out / "regions.yml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
