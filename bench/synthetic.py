"""The extracts of one region and year, in canonical names and stored values; generate.py writes them as a clerk would.

Every value is drawn from a hash of (seed, key, name): a teacher keeps the birth year, and one county can change
without moving the others.
"""

# ruff: noqa: SIM905 — words in a string read better than a list of quoted ones
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml
from demo import ROTATING, TOWNS

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = yaml.safe_load((ROOT / "dagster_project/extracts/contract.yml").read_text(encoding="utf-8"))
EXTRACTS, DOMAINS = CONTRACT["extracts"], CONTRACT["domains"]
STAGES = list(CONTRACT["stages"])  # primary, junior, senior: axis 1 of the arrays below
INVENTED_TOWNS = "城关镇 城东镇 城西镇 城南镇 城北乡 河口乡".split()
LAYOUT = "211 211 311 211 312 218 211 311 341 211 345 510 211 311".split()  # then its first eight again
WEIGHTS = {"312": (1, 1.1, 0), "341": (0, 1, 1.2), "345": (1, 1.1, 1.32), "510": (1, 1, 0), "311": (0, 1, 0)}
# What a school aims at, by stage: higher-degree, backbone, PE and arts teachers a hundred pupils, teaching
# and sports area (m2), equipment (yuan) a pupil, multimedia rooms a hundred; CEILING = highest value / aim.
AIM = np.array([[4.2, 1, 0.9, 4.5, 7.5, 2000, 2.3]] + 2 * [[5.3, 1, 0.9, 5.8, 10.2, 2500, 2.4]])
AIM[:, [0, 1, 2, 6]] /= 100
GRADES = np.array([6, 3, 3])
CEILING = [1.4, 4.5, 2.4, 2.5, 2.5, 3.5, 2.5]


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
            is_county_school = kind in ("341", "345", "510")
            in_seat = is_county_school or j == LAYOUT.index("311")
            town = towns[0 if in_seat else (j + j // len(towns)) % len(towns)]
            place = name.split("（")[0] if is_county_school else town
            nth = seen[code, place, kind] = seen.get((code, place, kind), 0) + 1
            rank = (
                ("中心" if kind == "211" else "") if nth == 1 else f"第{'一二三四五六七八九十'[nth - 1 : nth] or nth}"
            )
            noun = DOMAINS["school_type"][kind][0]
            rows.append((code, code * 10000 + j + 1, place + rank + noun, town, kind, towns.index(town)))
    s = pd.DataFrame(rows, columns="code school_id school_name township kind town".split())
    s = s.join(traits, on="code").assign(first=0, last=9999, predecessor_ids=None)
    s["is_seat"] = ~s.duplicated(["code", "town"]) & (s["town"] > 0)  # the county's own seat is no 乡镇驻地
    s["in_xian"] = s["code"].map(names).str.endswith("县")  # whose seat is 镇区 too: only 区 and 市 have 城区
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


def is_open(s: pd.DataFrame, year: int) -> np.ndarray:
    return ((s["first"] <= year) & (s["last"] >= year)).to_numpy()


def enrolled(s: pd.DataFrame, size: np.ndarray, year: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The schools of a year and their pupils (school, stage): more in town every year, fewer outside."""
    there = is_open(s, year)
    s = s[there].reset_index(drop=True)
    growth = np.where(s["kind"].isin(["218", "510"]), 1, np.where(s["town"] < 2, 1.015, 0.985))
    return s, np.round(size[there] * growth[:, None] ** (year - 2023)).astype(int)


def classes_of(s: pd.DataFrame, pupils: np.ndarray) -> np.ndarray:
    """Classes (school, stage), as many in each grade: within the limit where the county's schools pass."""
    limit = [45, 50, 50] + np.where(s["floor"] >= 1, 0, 8)[:, None]
    return GRADES * np.ceil(pupils / GRADES / limit).astype(int)


def class_roster(s: pd.DataFrame, pupils: np.ndarray) -> pd.DataFrame:
    i, k = np.nonzero(pupils)
    number, classes = pupils[i, k], classes_of(s, pupils)[i, k]
    n, nth = expand(classes)
    parallel = (classes // GRADES[k])[n]
    return pd.DataFrame({
        "school_id": s["school_id"].to_numpy()[i][n],
        "stage": np.array(STAGES, dtype=object)[k][n],
        "grade": np.array([1, 7, 10])[k][n] + nth // parallel,
        "class_no": nth % parallel + 1,
        "pupils": (number // classes)[n] + (nth < (number % classes)[n]),
    })  # fmt: skip


def heads_of(person: np.ndarray, rotates: np.ndarray, year: int, dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Who heads each school, and for how many years: where heads rotate, those who had served two terms change places."""
    person, years = person.copy(), np.maximum(np.floor(14 * dice.u(person, "since")) + min(year - 2021, 0), 0)
    for _ in range(2021, year):
        moving = np.flatnonzero(rotates & (years >= 6))
        if len(moving) == 1:  # nobody to change with but one who has served less
            moving = np.append(moving, np.flatnonzero(rotates & (years < 6))[0])
        years += 1
        person[moving], years[moving] = np.roll(person[moving], 1), 0
    return person, years


# fmt: off
def build_year(s: pd.DataFrame, size, ratio, year: int, dice: Dice, gaps: bool) -> dict[str, pd.DataFrame]:
    """The extracts of one region and year but its facts, in canonical names and stored values."""
    ratio, later = ratio[is_open(s, year)], year - 2023
    s, pupils = enrolled(s, size, year)
    sid, kind, town, good = (s[name].to_numpy() for name in ("school_id", "kind", "town", "floor"))
    good, rise = good >= 1, 1.03**later
    pace = np.clip((year - 2021) / (2 if year > 2021 else 8), -0.25, 1)
    level = s["y2021"] + (s["y2023"] - s["y2021"]) * pace
    wider = 0.07 + 0.02 * dice.g(s["code"], f"narrowing {year}")  # schools come closer to each other year by year
    ratio = ratio ** np.where(s["twist"] == "narrowing", 1 - later * wider, 1)[:, None, None]
    weight = np.array([WEIGHTS.get(k, (1, 0, 0)) for k in kind])
    need = ratio * level.to_numpy()[:, None, None] * AIM
    staff = np.ceil(need[:, :, :3] * pupils[:, :, None] - 1e-9).astype(int)
    # of what the stages share, as much as leaves enough for each after the split
    at_least = np.where(weight > 0, 1 / np.maximum(weight, 1), 0)[:, :2, None] * need[:, :2, 3:]
    shared = at_least.max(axis=1) * (pupils * weight).sum(axis=1)[:, None]
    full = np.maximum(np.ceil(pupils * [0.063, 0.078, 0.08]).astype(int), staff.max(axis=2))
    middle = np.round(full * (0.5 + 0.2 * dice.u(sid[:, None] * 8 + np.arange(3), "middle"))).astype(int)
    classes = classes_of(s, pupils)
    total, rooms = pupils.sum(axis=1), classes.sum(axis=1)
    indoor = np.where(dice.u(sid, "hall") < 0.4, np.floor(shared[:, 1] * 0.06), 0)
    special = np.ceil(rooms / 12).astype(int) - (~good & (dice.u(sid, "special") < 0.2))
    is_town = (town < 2) | s["is_seat"] & ~s["township"].str.endswith("乡")
    code = np.select([(town == 0) & ~s["in_xian"], is_town, s["is_seat"]], ["111", "121", "210"], "220")
    schools = pd.DataFrame({
        "school_id": sid, "school_name": s["school_name"], "county_code": s["code"],
        "township": s["township"], "school_type": kind,
        "organiser": np.where(dice.u(sid, "private") < 0.04, "10", "7"),
        "urban_rural_code": code,
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
    counts = (pupils, classes, GRADES + 0 * pupils, full, *np.moveaxis(staff, 2, 0), middle)
    for k, stage in enumerate(STAGES):
        for column, values in zip(EXTRACTS["schools"]["per_stage"], counts, strict=True):
            schools[f"{stage}_{column['name']}"] = np.where(pupils[:, k] > 0, values[:, k], np.nan)

    i, k = np.nonzero(pupils)  # sections: a school's stages
    section, stage, counts = sid[i] * 10 + k, np.array(STAGES, dtype=object)[k], [x[i, k] for x in counts]
    of_section = pd.DataFrame({"school_id": sid[i], "stage": stage})
    class_rows = class_roster(s, pupils)

    heads = np.append(True, i[1:] != i[:-1])  # a school's head stands after the teachers of its first stage
    n, nth = expand(counts[3] + heads)
    is_head, primary, fine = nth == counts[3][n], k[n] == 0, good[i][n]
    head, head_years = heads_of(section[heads] * 1000 + 999, s["code"].to_numpy()[i[heads]] == ROTATING, year, dice)
    person = section[n] * 1000 + nth
    person[is_head] = head
    years = np.maximum(np.floor(14 * dice.u(person, "since")) + year - 2021, 0)
    years[is_head] = head_years

    def holds(number: np.ndarray, name: str) -> np.ndarray:
        """Exactly so many teachers of each section, the same ones each year as far as the number allows."""
        return nth[np.argsort(np.lexsort((dice.u(person, name) + is_head, n)))] < number[n]

    higher, backbone, arts, mid = map(holds, counts[4:], ("degree", "backbone", "arts", "middle"))
    usual = np.where(primary, dice.pick(person, "usual", "bachelor bachelor associate"), "bachelor")
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

    a_pupil = np.select([kind == "510", pupils[:, 1] > 0], [8200, np.where(good, 1150, 1080)], np.where(good, 1110, 860))
    public = np.round(np.maximum(total, 100) * a_pupil * (0.95 + 0.3 * dice.u(sid, "public")))
    training = np.round(public * np.where(good, 0.055, 0.045 + 0.02 * dice.u(sid, "share")))
    payroll, spent = np.round(full.sum(axis=1) * 98000 * rise), np.round(public * 0.98)
    funding = pd.DataFrame({
        ("public_funds", "budget"): public, ("public_funds", "final"): spent, ("personnel", "final"): payroll,
        ("teacher_training", "budget"): training, ("total_expenditure", "final"): spent + payroll,
    }, index=sid).stack([0, 1]).rename_axis(["entity_id", "item", "account"]).reset_index(name="amount_yuan")

    sampled = np.flatnonzero((k < 2) & (counts[0] >= 50))  # 30 pupils a subject, as the national monitoring
    n, nth = expand(np.full(len(sampled) * 2, 30))
    subject, n = np.array(["语文", "数学"], dtype=object)[n % 2], sampled[n // 2]
    own = dice.g(section[n] * 1000 + nth + 500 * (subject == "数学"), f"pupil {year}")
    share = s["icc"].to_numpy()[i][n]
    score = 500 + 90 * (np.sqrt(share) * dice.g(section[n], "effect") + np.sqrt(1 - share) * own)
    scores = of_section.iloc[n].assign(grade=np.array([4, 8])[k[n]], subject=subject, score=score.round(1))

    return {"schools": schools, "teachers": teachers, "classes": class_rows, "funding": funding, "scores": scores}
# fmt: on
