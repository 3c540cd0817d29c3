"""A county of the demo as its own files say it: what its papers should show, derived from the raw extracts alone."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
from helpers import ROOT
from openpyxl.worksheet.worksheet import Worksheet

RAW = ROOT / "raw" / "liaocheng" / "2023"
STAGES = {"小学": Fraction(1), "初中": Fraction("1.1"), "高中": Fraction("1.32")}
THRESHOLDS = {
    "小学": ("4.2", "1", "0.9", "4.5", "7.5", "2000", "2.3"),
    "初中": ("5.3", "1", "0.9", "5.8", "10.2", "2500", "2.4"),
}
STAGE_NAMES = ("小学", "初中")
PASSING, FAILING = "371524", "371522"
NAMES = {PASSING: "东阿县", FAILING: "莘县"}


def paper_of(home: Path, county: str, kind: str = "申报表") -> Path:
    return home / f"releases/current/forms/liaocheng/{NAMES[county]}_2023_{kind}.xlsx"


def rounded(value: Fraction | int | float, decimals: int) -> Decimal:
    """Half up, exactly."""
    exact = Fraction(value)
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def number(text: Any) -> Fraction:
    return Fraction(str(text)) if pd.notna(text) else Fraction(0)


class County:
    """A county read from the files that it handed in, with nothing of the product."""

    def __init__(self, code: str) -> None:
        schools = pd.read_csv(RAW / "schools.csv", dtype=str)
        self.schools = schools[schools["县级行政区划代码"] == code]
        mine = set(self.schools["学校标识码"])

        def of(name: str, column: str) -> pd.DataFrame:
            table = pd.read_csv(RAW / f"{name}.csv", dtype=str)
            return table[table[column].isin(mine)]

        self.teachers = of("teachers", "学校标识码").query("学段 in ['小学', '初中']")
        self.classes, self.funding = of("classes", "学校标识码"), of("funding", "单位代码")
        facts = pd.read_csv(RAW / "facts.csv", dtype=str)
        rows = facts[facts["单位代码"] == code]
        self.facts = dict(zip(rows["事实编号"], rows["值"], strict=True))
        self.sections = {stage: list(self._sections(stage)) for stage in STAGE_NAMES}

    def _sections(self, stage: str) -> Iterator[tuple[pd.Series, Fraction, list[Fraction]]]:
        """Each section in scope, in the order of its school's code: the school, its pupils, its seven values."""
        for _, school in self.schools.sort_values("学校标识码").iterrows():
            pupils = number(school[f"{stage}在校生数"])
            point = school["办学类型"] == "小学教学点" and pupils < 50
            if not pupils or point or school["办学类型"] == "特殊教育学校":
                continue
            weighted = sum(number(school[f"{other}在校生数"]) * weight for other, weight in STAGES.items())
            share = pupils * STAGES[stage] / weighted
            indoor = number(school["室内体育用房面积"])
            staff = [
                100 * number(school[f"{stage}{kind}"])
                for kind in ("高于规定学历专任教师数", "县级及以上骨干教师数", "体育艺术专任教师数")
            ]
            shared = [
                number(school["教学及辅助用房面积"]) - indoor,
                number(school["运动场地面积"]) + indoor,
                10000 * number(school["教学仪器设备资产值"]),
                100 * number(school["网络多媒体教室数"]),
            ]
            yield school, pupils, [x / pupils for x in staff] + [x * share / pupils for x in shared]

    def passes(self, stage: str, values: list[Fraction]) -> bool:
        thresholds = list(map(Fraction, THRESHOLDS[stage]))
        met = [value >= threshold for value, threshold in zip(values, thresholds, strict=True)]
        floor = [value >= threshold * Fraction("0.85") for value, threshold in zip(values, thresholds, strict=True)]
        return sum(met) >= 6 and all(floor)

    def coefficients(self, stage: str) -> list[tuple[Fraction, float]]:
        """Pooled value and difference coefficient of each indicator."""
        total = sum((pupils for _, pupils, _ in self.sections[stage]), Fraction(0))
        found = []
        for i in range(7):
            mean = sum((pupils * values[i] for _, pupils, values in self.sections[stage]), Fraction(0)) / total
            variance = sum(pupils * (values[i] - mean) ** 2 for _, pupils, values in self.sections[stage]) / total
            found.append((mean, float(variance) ** 0.5 / float(mean)))
        return found

    def teachers_of(self, year: str) -> pd.DataFrame:
        """Those of another year, in the schools that the county had then."""
        schools = pd.read_csv(RAW.parent / year / "schools.csv", dtype=str)
        mine = schools[schools["县级行政区划代码"] == self.schools["县级行政区划代码"].iloc[0]]["学校标识码"]
        teachers = pd.read_csv(RAW.parent / year / "teachers.csv", dtype=str)
        return teachers[teachers["学校标识码"].isin(mine)].query("学段 in ['小学', '初中']")

    def fact(self, name: str) -> Fraction:
        return Fraction(self.facts[name])

    def money(self, schools: pd.Series) -> Fraction:
        mine = self.funding[self.funding["单位代码"].isin(schools)]
        return sum(map(number, mine.query("经费项目 == '公用经费' and 口径 == '预算'")["金额"]), Fraction(0))


def row(sheet: Worksheet, number: int, first: int, last: int) -> list[Any]:
    return [sheet.cell(number, column).value for column in range(first, last + 1)]
