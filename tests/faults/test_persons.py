"""Faults 27 and 28: nothing of a person stays anywhere, and no score can be worked out."""

import tempfile
from pathlib import Path

import duckdb
import pytest
from bad_files import TEACHER, as_csv
from helpers import (
    Grid,
    grid,
    junheng,
    schools,
    write_csv,
    write_regions,
)

from dagster_project.extracts.text import text_rows
from dagster_project.release.read import connect


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_27_what_is_decoded_on_the_way_has_no_name_that_could_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Whoever is killed while reading leaves nothing behind."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "teachers.csv").write_bytes(as_csv(grid([TEACHER] * 100_000)).encode(encoding))
    rows = text_rows(tmp_path / "teachers.csv")
    assert next(rows) == list(TEACHER) and next(rows)[0] == "T1"
    assert list((tmp_path / "tmp").iterdir()) == []


# 28: scores of a few


def hand_in_scores(raw: Path, number: int, scale: float, added: Grid = ()) -> None:
    """Region r<number>, a county of eight schools: ten pupils of each, and of the last school two in a test of their own.

    Every score is 130 + scale × what it is elsewhere: different in all regions of another scale, for every pupil.
    """
    county = f"37150{number}"
    rows = [row | {"学校标识码": f"{county}00{i:02}"} for i, row in enumerate(schools(8, county), start=1)]
    write_csv(raw / f"r{number}" / "2023" / "schools.csv", rows)
    pupils = [(f"{county}00{i:02}", 4, "数学", 37 + 3 * i + (7 * i * j) % 23) for i in range(1, 9) for j in range(30)]
    pupils += [(f"{county}0008", 5, "数学", 91), (f"{county}0008", 5, "数学", 64)]
    pupils += [(f"{county}{school}", *rest) for school, *rest in added]
    table = [
        {"学校标识码": school, "学段": "小学", "年级": grade, "科目": subject, "成绩": 130 + scale * score}
        for school, grade, subject, score in pupils
    ]
    table.append(table[0] | {"成绩": f"{table[0]['成绩']}分"})  # which is no number
    write_csv(raw / f"r{number}" / "2023" / "scores.csv", table)


def test_28_no_score_can_be_worked_out_from_what_is_published(tmp_path: Path) -> None:
    """Whoever has every mart, before and after one pupil is added, cannot tell two counties apart where no pupil has the same score:

    neither from a group of two, nor from a total, nor from the difference of two releases.
    """
    one_more = [("0003", 4, "数学", 88), ("0008", 5, "数学", 70)]
    raw, home = tmp_path / "raw", tmp_path / "home"
    counties = {1: (1.0, []), 2: (-1.3, []), 3: (1.0, one_more), 4: (-1.3, one_more)}
    write_regions(
        raw,
        "regions:\n" + "".join(f"  - {{id: r{n}, name_zh: 某市, counties: {{'37150{n}': 某县}}}}\n" for n in counties),
    )
    for number, (scale, added) in counties.items():
        hand_in_scores(raw, number, scale, added)
    outcome = junheng("refresh", "--raw", raw, "--home", home)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    def published(con: duckdb.DuckDBPyConnection, mart: str, number: int) -> list[str]:
        """A region's rows of a mart, its codes as those of the first; of a file not what its bytes are."""
        rows = con.execute(f"from {mart} where region_id = 'r{number}'").df().drop(columns="sha256", errors="ignore")
        text = rows.round(9).to_csv(index=False, float_format="%.9g")
        return sorted(text.replace(f"r{number}", "r1").replace(f"37150{number}", "371501").splitlines())

    with connect(home) as con:
        marts = con.execute(
            """select table_name from duckdb_columns() where schema_name = 'marts' and column_name = 'region_id'
            and not table_name like 'mart_similar%'"""  # which name schools of the other regions
        ).fetchall()
        assert len(marts) > 30
        for (mart,) in marts:
            assert published(con, mart, 1) == published(con, mart, 2), mart
            assert published(con, mart, 3) == published(con, mart, 4), mart
        estimates = con.execute(
            """select region_id, grade, pupil_count, difference_rate is null from mart_achievement_gap
            where region_id in ('r1', 'r3') order by all"""
        ).fetchall()
    assert estimates == [("r1", 4, 240, False), ("r1", 5, 2, True), ("r3", 4, 241, False), ("r3", 5, 3, True)]
