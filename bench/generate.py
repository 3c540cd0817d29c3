"""Synthetic extracts: the demo regions of raw/, or a region tree of any size for measuring.

    python bench/generate.py --demo --out raw    the regions of raw/regions.yml, 2021 to 2023, one from 2019
    python bench/generate.py --counties 136 --years 2023 --out DIR [--seed 7] [--format csv|xlsx]
    python bench/generate.py --contract          write the contract's tables into raw/README.md

synthetic.py draws what they hold, demo_facts.py counts what they hand in beside it, and demo.py says what makes a
county of the demo a case: the same seed gives the same bytes. Headers and Chinese values come from the contract. Nothing here describes a real school.
"""

import argparse
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from demo import TRAITS, YEARS
from demo_facts import told
from openpyxl import Workbook
from synthetic import CONTRACT, DOMAINS, EXTRACTS, ROOT, Dice, build_schools, build_year

XLSX = {"haimen": set(EXTRACTS), "qingyuan": set(EXTRACTS), "wenshang": {"schools", "teachers", "facts"}}
ROSTER_ONLY = {"jinzhou_county_city"}  # reports no teacher totals: the roster is all there is


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


def write(regions: list[dict], traits: pd.DataFrame, years: dict, out: Path, seed: int, scale: float, xlsx: dict):
    """DIR/<region>/<year>/<extract>.csv, or .xlsx where `xlsx` names the extract for the region; `years` has a range each."""
    for shift, region in enumerate(regions):
        names = {int(code): name for code, name in region["counties"].items()}
        schools = build_schools(names, traits.loc[list(names)], Dice(seed), scale)
        for year in years[region["id"]]:
            folder = out / region["id"] / str(year)
            folder.mkdir(parents=True, exist_ok=True)
            extracts = build_year(*schools, year, Dice(seed), region["id"] not in ROSTER_ONLY)
            extracts["facts"] = told(*schools[:2], extracts, region, year, Dice(seed))
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
        regions = yaml.safe_load(text)["regions"]
        years = {region["id"]: YEARS.get(region["id"], range(2021, 2024)) for region in regions}
        write(regions, traits, years, args.out, args.seed, 1.0, XLSX)
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
        years = {"province": range(int(first), int(last or first) + 1)}
        write([region], traits, years, args.out, args.seed, 1.8, xlsx)
        text = yaml.safe_dump({"regions": [region]}, allow_unicode=True, sort_keys=False)
        (args.out / "regions.yml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
