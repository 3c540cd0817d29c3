"""Synthetic extracts: the demo regions of raw/, or a region tree of any size for measuring.

    python bench/generate.py --demo --out raw
    python bench/generate.py --counties 136 --years 2023 --out DIR [--seed 7] [--format csv|xlsx]
    python bench/generate.py --contract          write the contract's tables into raw/README.md

Every value is drawn from a hash of (seed, key, name), so the same seed gives the same bytes whatever the order,
a teacher keeps birth year and subject from year to year, and one county can change without moving the others.
Headers and Chinese values are read from the contract. Nothing here describes a real school.
"""

import argparse
import datetime as dt
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

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = yaml.safe_load((ROOT / "dagster_project/extracts/contract.yml").read_text(encoding="utf-8"))
STAGES = list(CONTRACT["stages"])  # primary, junior, senior: axis 1 of the arrays below


class Region(NamedTuple):
    name: str
    documents: str
    refresh: str  # cron, Asia/Shanghai
    xlsx: frozenset[str] = frozenset()  # the extracts handed in as workbooks; the others are CSV
    reports_teachers: bool = True  # False: schools.* has no teacher totals, the roster is all there is
    note: str = ""


class County(NamedTuple):
    """A county's traits: value / threshold of a school is exp(mean + spread·N(0,1)), at least `floor`, times
    the level of the year. `twist` is the one thing that makes the county a case (see `twisted`)."""

    region: str
    code: int
    name: str
    schools: int
    mean: float
    spread: float
    floor: float
    levels: tuple[float, float, float]  # 2021, 2022, 2023
    icc: float  # between-school share of the variance of scores
    twist: str = ""


ALL = frozenset(CONTRACT["extracts"])
OLD_CODE = "按 2019 年文件所用名称；2020 年撤市设区，现为海门区 320614 · the name of 2019; a district (320614) since 2020"
UNNAMED = "文件未写明是哪个县级市，故借用所属锦州市的代码 210700 · the document does not name the city"
REGIONS = {
    "liaocheng": Region("聊城市", "LC", "0 2 * * *"),
    "haimen": Region("海门市", "HM", "30 2 * * *", ALL, note=OLD_CODE),
    "wenshang": Region("汶上县", "WS", "0 3 * * 1-5", frozenset({"schools", "teachers", "facts"})),
    "qingyuan": Region("清远市", "QY", "30 3 * * *", ALL),
    "jinzhou_county_city": Region("锦州所辖县级市", "JZ", "0 4 * * 1", reports_teachers=False, note=UNNAMED),
}
STEADY, RISING, FALLING = (0.97, 0.985, 1.0), (0.80, 0.90, 1.0), (1.0, 0.92, 0.84)
COUNTIES = [  # outcome in 2023 by the school rule and the 14 coefficients
    County("liaocheng", 371502, "东昌府区", 14, 0.22, 0.16, 1.04, STEADY, 0.08),  # met
    County("liaocheng", 371503, "茌平区", 12, 0.18, 0.12, 1.04, STEADY, 0.10, "backbone"),  # one coefficient
    County("liaocheng", 371521, "阳谷县", 12, 0.18, 0.14, 1.04, STEADY, 0.12, "teaching_point"),  # one school
    County("liaocheng", 371522, "莘县", 14, -0.05, 0.55, 0.30, RISING, 0.24),  # schools and coefficients
    County("liaocheng", 371524, "东阿县", 10, 0.16, 0.12, 1.04, RISING, 0.09),  # met, for the first time
    County("liaocheng", 371525, "冠县", 12, 0.02, 0.40, 0.40, STEADY, 0.19, "merger"),  # many
    County("liaocheng", 371526, "高唐县", 11, 0.18, 0.12, 1.04, STEADY, 0.11, "split"),  # met by the split rule
    County("liaocheng", 371581, "临清市", 12, 0.14, 0.12, 1.04, FALLING, 0.14),  # met in 2021, not since
    County("haimen", 320684, "海门市", 14, 0.30, 0.15, 1.04, STEADY, 0.06),  # met
    County("wenshang", 370830, "汶上县", 15, 0.16, 0.16, 0.86, RISING, 0.12),  # a few schools left
    County("qingyuan", 441802, "清城区", 14, 0.18, 0.14, 1.04, STEADY, 0.13, "crowded"),  # grounds of city schools
    County("qingyuan", 441803, "清新区", 10, 0.00, 0.35, 0.40, STEADY, 0.18),  # many
    County("qingyuan", 441821, "佛冈县", 9, 0.20, 0.14, 1.04, STEADY, 0.10),  # met
    County("qingyuan", 441823, "阳山县", 10, -0.08, 0.45, 0.30, STEADY, 0.22),  # many
    County("qingyuan", 441825, "连山壮族瑶族自治县", 8, 0.24, 0.18, 1.04, RISING, 0.12),  # met, for the first time
    County("qingyuan", 441826, "连南瑶族自治县", 8, -0.02, 0.40, 0.30, RISING, 0.20),  # many
    County("qingyuan", 441881, "英德市", 14, -0.06, 0.50, 0.30, STEADY, 0.25),  # many
    County("qingyuan", 441882, "连州市", 10, 0.06, 0.25, 0.50, RISING, 0.15),  # many, improving
    County("jinzhou_county_city", 210700, "锦州所辖县级市（文件未具名）", 11, 0.20, 0.14, 1.04, STEADY, 0.12),  # met
]
TOWNS = {
    370830: "中都街道 汶上街道 南站街道 南旺镇 次邱镇 寅寺镇 郭楼镇 康驿镇".split(),
    320684: "常乐镇 悦来镇 四甲镇 余东镇 正余镇 海永镇".split(),
}
INVENTED_TOWNS = "城关镇 城东镇 城西镇 城南镇 城北镇 河口镇".split()
LAYOUT = "211 211 311 211 312 218 211 311 341 211 345 510 211 311".split()  # then its first eight again
# Thresholds a hundred or one pupil, in the order higher degree, backbone, PE and arts teachers, teaching area,
# sports area, equipment (yuan), multimedia rooms; what a school is aimed at, not what judges it.
AIM = np.array([[4.2, 1, 0.9, 4.5, 7.5, 2000, 2.3]] + 2 * [[5.3, 1, 0.9, 5.8, 10.2, 2500, 2.4]])
AIM[:, [0, 1, 2, 6]] /= 100
CEILING = np.array([1.4, 4.5, 2.4, 2.5, 2.5, 3.5, 2.5])
WEIGHTS = {"312": (1, 1.1, 0), "341": (0, 1, 1.2), "345": (1, 1.1, 1.32), "510": (1, 1, 0), "311": (0, 1, 0)}


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
        radius = np.sqrt(-2 * np.log(1 - self.u(key, name)))
        return radius * np.cos(2 * np.pi * self.u(key, name + "'"))

    def pick(self, key, name: str, options: str) -> np.ndarray:
        """One of the space-separated options; a repeated one is likelier."""
        values = np.array(options.split(), dtype=object)
        return values[(self.u(key, name) * len(values)).astype(int)]


def build_schools(counties: list[County], dice: Dice, scale: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """All schools that ever exist; pupils of 2023 (school, stage); value / threshold (school, stage, indicator)."""
    rows = []
    for number, c in enumerate(counties):
        towns = TOWNS.get(c.code, INVENTED_TOWNS)
        count: dict[tuple[str, str], int] = {}
        for j in range(c.schools):
            kind, town = LAYOUT[j if j < len(LAYOUT) else j % 8], towns[(j + j // len(towns)) % len(towns)]
            place = c.name.split("（")[0] if kind in ("341", "345", "510") else town
            nth = count[place, kind] = count.get((place, kind), 0) + 1
            noun = CONTRACT["domains"]["school_type"][kind][0]
            prefix = f"第{'一二三四五六七八九十'[nth - 1]}" if nth <= 10 else f"第{nth}"
            prefix = ("中心" if kind == "211" else "") if nth == 1 and kind != "341" else prefix
            rows.append((number, c.code * 10000 + j + 1, f"{place}{prefix}{noun}", town, kind, towns.index(town)))
    s = pd.DataFrame(rows, columns="county school_id school_name township school_type town".split())
    s = s.assign(first=0, last=9999, predecessor_ids=None, is_seat=~s.duplicated(["county", "town"]))
    traits = pd.DataFrame(counties).iloc[s["county"]]
    weight = np.array([WEIGHTS.get(kind, (1, 0, 0)) for kind in s["school_type"]])
    key = s["school_id"].to_numpy()[:, None] * 8 + np.arange(3)
    size = np.exp(0.35 * dice.g(key, "size")) * np.array([330, 340, 280]) * scale
    size *= np.where(s["town"] < 2, 1.4, 0.9)[:, None] * (weight > 0)
    size[s["school_type"] == "218"] = [38, 0, 0]
    size[s["school_type"] == "510"] = [42, 24, 0]
    key = key[:, :, None] * 8 + np.arange(7)
    ratio = np.exp(traits["mean"].to_numpy()[:, None, None] + traits["spread"].to_numpy()[:, None, None] * dice.g(key, "r"))
    ratio = np.clip(ratio, traits["floor"].to_numpy()[:, None, None], CEILING)
    near = (dice.u(key[:, :, 0], "near") < 0.2)[..., None] & (np.arange(7) == (dice.u(key[:, :, 0], "which") * 7).astype(int)[..., None])
    ratio = np.where(near, np.minimum(ratio, 0.92), ratio)  # one indicator below its threshold, above 85 %
    for number, c in enumerate(counties):
        if c.twist:
            s, size, ratio = twisted(c.twist, s, size, ratio, (s["county"] == number).to_numpy())
    return s, np.round(size), ratio


def twisted(twist: str, s: pd.DataFrame, size: np.ndarray, ratio: np.ndarray, here: np.ndarray):
    """The one thing that makes a county a case."""
    kind = s["school_type"].to_numpy()
    if twist == "backbone":  # two large primary schools hold the backbone teachers: the coefficient fails alone
        ratio[np.argsort(-size[:, 0] * here * (kind == "211"))[:2], 0, 1] = 4.4
    elif twist == "teaching_point":  # 60 pupils: in scope, and nobody teaches PE or arts
        size[here & (kind == "218"), 0] = 60
        ratio[here & (kind == "218"), 0, 2] = 0
    elif twist == "split":  # combined schools just reach the thresholds with the weights, and would not without
        ratio[here & np.isin(kind, ["312", "341", "345"]), :, 3:] = 1.005
    elif twist == "crowded":  # the grounds of the schools in town stayed as they were while the town grew
        ratio[here & (s["town"] < 2).to_numpy(), :, 4] *= 0.55
    elif twist == "merger":  # two village schools of 2021 are one new school from 2022
        a, b = np.flatnonzero(here & (kind == "211") & (s["town"] > 1).to_numpy())[:2]
        s.loc[[a, b], "last"] = 2021
        new = s.loc[a].to_dict() | {
            "school_id": s.loc[here, "school_id"].max() + 1, "school_name": f"{s.at[a, 'township']}联合小学", "first": 2022,
            "last": 9999, "predecessor_ids": ";".join(s.loc[[a, b], "school_id"].astype(str)),
        }  # fmt: skip
        s = pd.concat([s, pd.DataFrame([new])], ignore_index=True)
        size, ratio = np.vstack([size, size[a] + size[b]]), np.concatenate([ratio, ratio[[a]]])
    return s, size, ratio


def expand(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the groups, and the place within the group: sizes [2, 1] -> [0, 0, 1], [0, 1, 0]."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def build_year(counties: list[County], s: pd.DataFrame, size, ratio, year: int, dice: Dice, complete: bool):
    """The six extracts of one region and year, in canonical names and stored values."""
    alive = ((s["first"] <= year) & (s["last"] >= year)).to_numpy()
    s, size, ratio = s[alive].reset_index(drop=True), size[alive], ratio[alive]
    traits = pd.DataFrame(counties).iloc[s["county"]].reset_index(drop=True)
    sid, good = s["school_id"].to_numpy(), (traits["floor"] >= 1).to_numpy()
    level = np.array([np.interp(year, (2021, 2022, 2023), c.levels) for c in counties])[s["county"]]
    growth = np.where(s["school_type"].isin(["218", "510"]), 1, np.where(s["town"] < 2, 1.015, 0.985))
    pupils = np.round(size * growth[:, None] ** (year - 2023)).astype(int)
    weight = np.array([WEIGHTS.get(kind, (1, 0, 0)) for kind in s["school_type"]])
    need = ratio * level[:, None, None] * AIM
    staff = np.ceil(need[:, :, :3] * pupils[:, :, None] - 1e-9).astype(int)
    with np.errstate(divide="ignore", invalid="ignore"):
        a_pupil = np.where(weight[:, :2, None] > 0, need[:, :2, 3:] / weight[:, :2, None], 0).max(axis=1)
    shared = a_pupil * (pupils * weight).sum(axis=1)[:, None]
    full = np.maximum(np.ceil(pupils * [0.063, 0.078, 0.08]).astype(int), staff.max(axis=2))
    middle = np.round(full * (0.5 + 0.2 * dice.u(sid[:, None] * 8 + np.arange(3), "middle"))).astype(int)
    grades, cap = np.array([6, 3, 3]), np.array([45, 50, 50]) + np.where(good, 0, 8)[:, None]
    classes = grades * np.ceil(pupils / grades / cap).astype(int)
    total, rooms = pupils.sum(axis=1), classes.sum(axis=1)
    indoor = np.where(dice.u(sid, "hall") < 0.4, np.floor(shared[:, 1] * 0.06), 0)
    special = np.ceil(rooms / 12).astype(int) - (~good & (dice.u(sid, "music") < 0.2))
    schools = pd.DataFrame({
        "school_id": sid, "school_name": s["school_name"], "county_code": traits["code"], "township": s["township"],
        "school_type": s["school_type"], "organiser": np.where(dice.u(sid, "private") < 0.04, "10", "7"),
        "urban_rural_code": np.where(s["town"] == 0, "111", np.where(s["town"] == 1, "121", np.where(s["is_seat"], "210", "220"))),
        "is_boarding": (pupils[:, 1] > 0) & (s["town"] > 1), "is_township_seat": s["is_seat"], "status": "open",
        "predecessor_ids": s["predecessor_ids"], "teaching_area_m2": np.ceil(shared[:, 0]) + indoor, "indoor_sports_area_m2": indoor,
        "sports_ground_area_m2": np.ceil(shared[:, 1]) - indoor, "equipment_value_wan_yuan": np.ceil(shared[:, 2] / 100) / 100,
        "multimedia_rooms": np.ceil(shared[:, 3] - 1e-9).astype(int), "classrooms": rooms + rooms // 12, "music_rooms": special,
        "min_music_room_area_m2": np.where(special > 0, np.where(good, 96, 84), np.nan), "art_rooms": special,
        "min_art_room_area_m2": np.where(special > 0, np.where(good, 92, 80), np.nan),
        "books": np.round(total * (22 + 16 * dice.u(sid, "books"))).astype(int),
        "computers": np.round(total * (0.09 + 0.1 * dice.u(sid, "computers"))).astype(int),
    })  # fmt: skip
    counts = (pupils, classes, np.where(classes > 0, grades, 0), full, *np.moveaxis(staff, 2, 0), middle)
    for k, stage in enumerate(STAGES):
        for column, values in zip(CONTRACT["extracts"]["schools"]["per_stage"], counts, strict=True):
            schools[f"{stage}_{column['name']}"] = np.where(pupils[:, k] > 0, values[:, k].astype(float), np.nan)

    i, k = np.nonzero(pupils)  # sections: a school's stage
    section, stage = sid[i] * 10 + k, np.array(STAGES, dtype=object)[k]
    n, kc = expand(classes[i, k])
    parts = classes[i, k][n]
    a_grade = (classes[i, k] // grades[k])[n]
    class_rows = pd.DataFrame({
        "school_id": sid[i][n], "stage": stage[n], "grade": np.array([1, 7, 10])[k][n] + kc // a_grade, "class_no": kc % a_grade + 1,
        "pupils": pupils[i, k][n] // parts + (kc < pupils[i, k][n] % parts),
    })  # fmt: skip

    head = np.append(True, i[1:] != i[:-1])  # the head of the school stands after the teachers of its first stage
    n, kt = expand(full[i, k] + head)
    is_head = kt == full[i, k][n]
    person = section[n] * 1000 + kt

    def holds(counts: np.ndarray, name: str) -> np.ndarray:
        """Exactly `counts` teachers of each section, the same persons each year as far as the count allows."""
        order = np.lexsort((dice.u(person, name) + is_head, n))
        return expand(full[i, k] + head)[1][np.argsort(order)] < counts[n]

    primary, fine = k[n] == 0, good[i][n]
    higher, backbone, arts, mid = (holds(x[i, k], str(j)) for j, x in enumerate((*np.moveaxis(staff, 2, 0), middle)))
    degree = np.where(primary, dice.pick(person, "degree", "bachelor bachelor bachelor associate"), "bachelor")
    degree = np.where(dice.u(person, "master") < 0.06, "postgraduate", degree)
    years = np.floor(14 * dice.u(person, "since")) + year - 2021
    eligible = (years >= 6) & ~is_head
    rostered = ~((dice.u(section, "gap") < 0.03)[n] & (kt == full[i, k][n] - 1)) | complete
    teachers = pd.DataFrame({
        "teacher_id": "T" + pd.Series(person.astype(str)), "school_id": sid[i][n], "stage": stage[n],
        "degree": np.where(higher | is_head, degree, np.where(primary, "upper_secondary", "associate")),
        "has_certificate": fine | (dice.u(person, "certificate") > 0.02),
        "subject": np.where(is_head, None, np.where(arts, dice.pick(person, "arts", "体育 体育 音乐 美术"),
                            dice.pick(person, "subject", "语文 语文 语文 数学 数学 数学 英语 英语 科学 道德与法治"))),
        "title": np.where(is_head, "senior", np.where(mid, dice.pick(person, "title", "first first senior"),
                          dice.pick(person, "title", "second second second third unranked"))),
        "backbone_level": np.where(backbone, dice.pick(person, "backbone", "county county county city province"),
                                   np.where((dice.u(person, "school backbone") < 0.05) & ~is_head, "school", None)),
        "birth_year": (1966 + 32 * dice.u(person, "birth")).astype(int), "post": np.where(is_head, "校长", "专任教师"),
        "years_at_school": years, "terms_at_school": np.where(is_head, 1 + years // 6, np.nan), "rotation_eligible": eligible,
        "rotated": eligible & (dice.u(person, f"rotated {year}") < np.where(fine, 0.15, 0.08)),
        "training_hours_5y": np.where(fine, 360, 330) + np.floor(80 * dice.u(person, "training")),
        "annual_pay_yuan": 100 * np.round((820 + 300 * dice.u(person, "pay")) * np.where(fine, 1, 0.92) * 1.03 ** (year - 2023)),
        "in_establishment": dice.u(person, "establishment") > 0.03,
    })[rostered]  # fmt: skip

    payroll = full.sum(axis=1) * 98000.0 * 1.03 ** (year - 2023)
    public = np.maximum(total, 100) * np.where(s["school_type"] == "510", 8200, np.where(pupils[:, 1] > 0, 1080, 860))
    public = np.round(public * (0.95 + 0.3 * dice.u(sid, "public")))
    training = np.round(public * np.where(good, 0.055, 0.045 + 0.02 * dice.u(sid, "share")))
    spent = np.round(public * 0.98)
    items = [("public_funds", public, "budget"), ("public_funds", spent, "final"), ("teacher_training", training, "budget"),
             ("personnel", payroll, "final"), ("total_expenditure", spent + payroll, "final")]  # fmt: skip
    funding = pd.concat(
        [pd.DataFrame({"entity_id": sid, "item": item, "amount_yuan": amount, "account": account}) for item, amount, account in items]
    )

    sampled = np.flatnonzero((k < 2) & (pupils[i, k] >= 50))
    n, kp = expand(np.full(len(sampled) * 2, 12))
    n, subject = sampled[n // 2], np.array(["语文", "数学"], dtype=object)[n % 2]
    pupil, share = section[n] * 1000 + kp, traits["icc"].to_numpy()[i][n]
    own = np.where(subject == "语文", dice.g(pupil, f"chinese {year}"), dice.g(pupil, f"maths {year}"))
    scores = pd.DataFrame({
        "school_id": sid[i][n], "stage": stage[n], "grade": np.array([4, 8, 0])[k][n], "subject": subject,
        "score": np.round(500 + 90 * (np.sqrt(share) * dice.g(section[n], "effect") + np.sqrt(1 - share) * own), 1),
    })  # fmt: skip

    code = np.array([c.code for c in counties])
    fine, more = np.array([c.floor >= 1 for c in counties]), 1.03 ** (year - 2023)
    facts = {
        "civil_service_average_pay": 100 * np.round(880 * more * (1 + 0.04 * dice.u(code, "civil"))),
        "teacher_average_pay": 100 * np.round(np.where(fine, 960, 880) * more * (1 + 0.02 * dice.u(code, "teacher"))),
        "junior_retention_rate": np.round(np.where(fine, 0.965, 0.94) + 0.03 * dice.u(code, "retention"), 3),
        "disabled_children_enrolment_rate": np.round(np.where(fine, 0.96, 0.93) + 0.03 * dice.u(code, "disabled"), 3),
        "key_high_school_quota_share": np.round(0.5 + 0.15 * dice.u(code, "quota"), 2),
        "migrant_children_public_share": np.round(0.84 + 0.14 * dice.u(code, "migrant"), 3),
        "social_recognition_rate": np.round(np.where(fine, 0.88, 0.83) + 0.06 * dice.u(code, "recognition"), 3),
    }
    facts = pd.concat([pd.DataFrame({"entity_type": "county", "entity_id": code, "fact_id": name, "value": value}) for name, value in facts.items()])
    facts["evidence"] = f"合成数据 {year}"
    return {"schools": schools, "teachers": teachers, "classes": class_rows, "funding": funding, "scores": scores, "facts": facts}


def columns_of(extract: str) -> list[dict]:
    """The contract's columns in order, those of a stage written out for each stage."""
    spec = CONTRACT["extracts"][extract]
    staged = [
        {**c, "name": f"{stage}_{c['name']}", "zh": zh + c["zh"], "aliases": [zh + a for a in c.get("aliases", [])]}
        for stage, zh in CONTRACT["stages"].items()
        for c in spec.get("per_stage", [])
    ]
    return spec["columns"] + staged


def official(frame: pd.DataFrame, extract: str, shift: int) -> pd.DataFrame:
    """As a clerk hands it in: Chinese headers and values; the columns after the key begin at another place."""
    columns = {c["name"]: c for c in columns_of(extract) if c["name"] in frame and frame[c["name"]].notna().any()}
    key = [name for name in CONTRACT["extracts"][extract]["key"] if name in columns]
    rest = [name for name in columns if name not in key]
    frame = frame[key + rest[shift % len(rest) :] + rest[: shift % len(rest)]].copy()
    for name, kind in ((name, columns[name]["type"]) for name in frame):
        if kind in CONTRACT["domains"]:
            said = {stored: words[0] for stored, words in CONTRACT["domains"][kind].items()}
            frame[name] = frame[name].map({True: said["true"], False: said["false"]} if kind == "boolean" else said)
        elif kind != "number":
            frame[name] = frame[name].astype("Int64" if kind == "integer" else "string")
    return frame.rename(columns={name: c["zh"] for name, c in columns.items()})


def to_xlsx(frame: pd.DataFrame, path: Path, title: str) -> None:
    """A workbook without a clock in it."""
    book, raw = Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet(title)
    sheet.append(list(frame))
    for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
        sheet.append(row)
    book.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for member in source.infolist():
            content = source.read(member)
            if member.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2024-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(member.filename, dt.datetime(2024, 1, 1).timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, content)


def write(regions: dict[str, Region], counties: list[County], years: list[int], out: Path, seed: int, scale: float):
    """DIR/regions.yml and DIR/<region>/<year>/<extract>.csv or .xlsx."""
    lines = ["# 区域清单：新增一个区域 = 这里加一条、旁边加一个文件夹。数据均为合成。", "# Regions; all data are synthetic.", "regions:"]
    dice = Dice(seed)
    for shift, (region_id, region) in enumerate(regions.items()):
        own = [c for c in counties if c.region == region_id]
        lines += [f"  - id: {region_id}" + (f" # {region.note}" if region.note else ""), f"    name_zh: {region.name}"]
        lines += ["    synthetic: true", "    counties:", *(f'      "{c.code}": {c.name}' for c in own)]
        lines += [f'    refresh: "{region.refresh}" # Asia/Shanghai', '    reference_month_day: "09-01"']
        lines += [f"    documents: [{region.documents}]"]
        schools = build_schools(own, dice, scale)
        for year in years:
            folder = out / region_id / str(year)
            folder.mkdir(parents=True, exist_ok=True)
            for extract, frame in build_year(own, *schools, year, dice, not region.reports_teachers).items():
                if extract == "schools" and not region.reports_teachers:
                    frame = frame.drop(columns=[n for n in frame if n.endswith("_teachers")])
                frame = official(frame, extract, shift)
                if extract in region.xlsx:
                    to_xlsx(frame, folder / f"{extract}.xlsx", CONTRACT["extracts"][extract]["zh"])
                else:
                    frame.to_csv(folder / f"{extract}.csv", index=False, lineterminator="\n")
    (out / "regions.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def contract_tables() -> str:
    """The contract as Markdown, a table an extract, for the clerk."""
    lines = []
    for extract, spec in CONTRACT["extracts"].items():
        key = "、".join(c["zh"] for c in spec["columns"] if c["name"] in spec["key"])
        lines += [f"### {spec['zh']} `{extract}`", "", spec["grain_zh"] + (f"；{key} 不得重复。" if key else "。"), ""]
        lines += ["| 中文列名 | English name | 必填 | 类型（单位） | 取值 | 说明 |", "|---|---|---|---|---|---|"]
        staged = [
            {**c, "zh": f"小学/初中/高中 + {c['zh']}", "name": "`primary_` `junior_` `senior_` + " + c["name"]}
            for c in spec.get("per_stage", [])
        ]
        for c in spec["columns"] + staged:
            domain = CONTRACT["domains"].get(c["type"], {})
            kind = {"text": "文字", "integer": "整数", "number": "数值", "boolean": "是/否"}.get(c["type"], "选项")
            values = "、".join(words[0] + (f"({code})" if code.isdigit() else "") for code, words in domain.items())
            bounds = f"{c.get('min', '')}–{c.get('max', '')}" if "max" in c else f"≥ {c['min']}" if "min" in c else ""
            remarks = [c.get("note_zh", ""), f"例：{c['example']}" if "example" in c else ""]
            remarks += ["也可写作：" + "、".join(c["aliases"])] if "aliases" in c else []
            unit = f"（{c['unit']}）" if "unit" in c else ""
            cells = (c["zh"], c["name"], "是" if c.get("required") else "", kind + unit, values or bounds, "；".join(filter(None, remarks)))
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def with_contract(readme: str) -> str:
    """The readme with the tables between its two markers made anew."""
    return re.sub(r"(<!-- contract -->\n).*(<!-- /contract -->)", lambda m: m[1] + contract_tables() + m[2], readme, flags=re.S)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--demo", action="store_true", help="the five regions of raw/, 2021 to 2023")
    task.add_argument("--counties", type=int, help="one region of so many counties, 40 to 90 schools each")
    task.add_argument("--contract", action="store_true", help="write the contract's tables into raw/README.md")
    parser.add_argument("--years", default="2023", help="2023 or 2015-2023")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
    args = parser.parse_args(argv)
    if args.contract:
        readme = ROOT / "raw/README.md"
        readme.write_text(with_contract(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return
    if args.out is None:
        parser.error("--out is required")
    if args.demo:
        return write(REGIONS, COUNTIES, [2021, 2022, 2023], args.out, args.seed, 1.0)
    dice, n = Dice(args.seed), np.arange(args.counties)
    size, wealth = 40 + np.floor(51 * dice.u(n, "schools")).astype(int), 0.1 + 0.15 * dice.g(n, "wealth")
    counties = [
        County("province", 410001 + i, f"测试县{i + 1:03d}", size[i], wealth[i], 0.3, 0.3, (0.92, 0.96, 1.0), 0.15) for i in n.tolist()
    ]
    first, _, last = args.years.partition("-")
    region = Region("测试省", "", "0 2 * * *", ALL if args.format == "xlsx" else frozenset())
    write({"province": region}, counties, list(range(int(first), int(last or first) + 1)), args.out, args.seed, 2.3)


if __name__ == "__main__":
    main()
