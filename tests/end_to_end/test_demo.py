"""The demo data: what the seed makes, no more than it may weigh, in words the contract knows."""

import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RAW = ROOT / "raw"
sys.path.insert(0, str(ROOT / "bench"))

import generate  # noqa: E402

EXTRACTS = sorted(p for p in RAW.glob("*/*/*") if p.suffix in {".csv", ".xlsx"})


def content(path: Path) -> dict[str, bytes]:
    """The bytes of a file; of a workbook those of its parts, for compression differs between zlib builds."""
    if path.suffix != ".xlsx":
        return {"": path.read_bytes()}
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name) for name in book.namelist()}


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str) if path.suffix == ".csv" else pd.read_excel(path, dtype=str, engine="openpyxl")


def test_the_demo_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate.main(["--demo", "--out", str(tmp_path / "raw")])
    made = {p.relative_to(tmp_path / "raw"): p for p in (tmp_path / "raw").rglob("*") if p.is_file()}
    kept = {p.relative_to(RAW) for p in (*EXTRACTS, RAW / "regions.yml")}
    assert set(made) == kept
    assert [str(name) for name, path in made.items() if content(path) != content(RAW / name)] == []


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate.main(["--counties", "2", "--years", "2022-2023", "--format", "xlsx", "--out", str(tmp_path / name)])
    first = sorted(p for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(first) == 2 * 6 + 1
    assert all(p.read_bytes() == (tmp_path / "b" / p.relative_to(tmp_path / "a")).read_bytes() for p in first)


def test_the_demo_is_small() -> None:
    assert sum(p.stat().st_size for p in RAW.rglob("*") if p.is_file()) < 5_000_000


def test_every_region_hands_in_six_extracts_a_year() -> None:
    """All but the rooms, which schools count themselves."""
    regions = {r["id"] for r in yaml.safe_load((RAW / "regions.yml").read_text(encoding="utf-8"))["regions"]}
    assert {(p.parts[-3], p.parts[-2], p.stem) for p in EXTRACTS} == {
        (region, str(year), extract)
        for region in regions
        for year in range(2019 if region == "wenshang" else 2021, 2024)
        for extract in generate.EXTRACTS
        if extract != "rooms"
    }


@pytest.mark.parametrize("path", EXTRACTS, ids=lambda p: "/".join(p.parts[-3:]))
def test_every_header_is_in_the_contract(path: Path) -> None:
    assert set(read(path)) <= {c["zh"] for c in generate.columns_of(path.stem)}


def test_school_ids_are_ten_digits_and_unique_in_a_year() -> None:
    for year in sorted({p.parts[-2] for p in EXTRACTS}):
        ids = pd.concat([read(p)["学校标识码"] for p in EXTRACTS if p.stem == "schools" and p.parts[-2] == year])
        assert ids.is_unique
        assert ids.str.fullmatch(r"\d{10}").all()


def test_a_county_named_xian_has_no_city_and_the_seat_of_a_town_is_town() -> None:
    """Its seat is 镇区 like the seat of a 镇 (国函〔2008〕60号); 城区 is of a 区 or a 市, 乡中心区 the seat of a 乡."""
    regions = yaml.safe_load((RAW / "regions.yml").read_text(encoding="utf-8"))["regions"]
    xian = {code for r in regions for code, name in r["counties"].items() if name.endswith("县")}
    schools = pd.concat([read(p) for p in EXTRACTS if p.stem == "schools"])
    classes = schools["城乡类型"]
    is_xian, is_city = schools["县级行政区划代码"].isin(xian), classes.isin(["主城区", "城乡结合区"])
    assert not (is_xian & is_city).any()
    assert set(schools["县级行政区划代码"][is_city]) == set(schools["县级行政区划代码"][~is_xian])
    seats = schools["是否乡镇驻地"] == "是"
    assert set(schools["乡镇街道"][seats & (classes == "乡中心区")].str[-1]) == {"乡"}


def test_no_two_counties_say_the_same_of_themselves() -> None:
    """L1 to L8 of table Ⅰ: a county's are its own, in every year and from region to region."""
    asked = [
        "population_wan", "agricultural_population_wan", "townships", "villages", "gdp_per_capita_yuan",
        "fiscal_revenue_per_capita_yuan", "rural_income_yuan", "urban_income_yuan",
    ]  # fmt: skip
    for year in ("2021", "2022", "2023"):
        facts = pd.concat([read(p) for p in EXTRACTS if p.stem == "facts" and p.parts[-2] == year])
        told = facts[facts["事实编号"].isin(asked)].pivot(index="单位代码", columns="事实编号", values="值")
        assert told.shape == (19, 8) and told.notna().all(axis=None)
        assert told.loc[told.duplicated(keep=False)].empty, year


def test_the_readme_holds_the_contract() -> None:
    readme = (RAW / "README.md").read_text(encoding="utf-8")
    assert generate.with_contract(readme) == readme
