"""What would change: a region's year as handed in beside what a file of measures, or the rules of another year, would make of it.

Both go through the same models and stand in a warehouse that is thrown away, as two regions that never mix; neither raw/ nor a release is touched.
"""

import csv
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import duckdb

from dagster_project.extracts.contract import Column, contract
from dagster_project.extracts.regions import Region
from dagster_project.release.read import write_result
from dagster_project.sql import quote
from dagster_project.transform import build
from dagster_project.warehouse import load, tables

PLANNED = "设想"  # no region of regions.yml has such an id
HEADERS = {
    "动作": "action", "学校标识码": "school_id", "另一学校标识码": "other_school_id", "栏目": "column", "数量": "amount"
}  # fmt: skip
ACTIONS = {"撤销": "close", "并入": "merge", "新建": "build", "增减": "add", "分流": "divert", "限额": "cap"}
OF_SCHOOL = {name: extract.owner for name, extract in contract().extracts.items() if name != "schools"}
COPIED = ("county_code", "township", "school_type", "organiser", "urban_rural_code", "status")

PAIRS = f"""
    from (from marts.{{mart}} where region_id <> '{PLANNED}' and {{touched}}) as handed_in
    full outer join (from marts.{{mart}} where region_id = '{PLANNED}' and {{touched}}) as changed using ({{key}})
    order by all
"""
COUNTED = "(select *, if(measure_id = 'primary_pupil_count', 'primary', 'junior') as stage from marts.fct_measure)"
RESULTS = {
    "pupils": "select county_code, stage, handed_in.numerator::bigint as actual, changed.numerator::bigint as planned"
    + PAIRS.replace("marts.{mart}", COUNTED)
    .replace("{key}", "county_code, stage")
    .replace(
        "{touched}",
        "area_level = 'county' and measure_id in ('primary_pupil_count', 'junior_pupil_count') and {touched}",
    ),
    "verdicts": "select county_code, handed_in.verdict as actual, changed.verdict as planned, handed_in.failed_coefficient_count as"
    " actual_failed_coefficients, changed.failed_coefficient_count as planned_failed_coefficients,"
    " handed_in.reasons as actual_reasons, changed.reasons as planned_reasons"
    + PAIRS.replace("{mart}", "mart_county_verdict").replace("{key}", "county_code"),
    "coefficients": "select county_code, stage, indicator_id, handed_in.difference_coefficient as actual,"
    " changed.difference_coefficient as planned, handed_in.is_met as actual_is_met,"
    " changed.is_met as planned_is_met"
    + PAIRS.replace("{mart}", "mart_county_balance").replace("{touched}", "limit_value is not null and {touched}"),
    "gaps": "select county_code, stage, indicator_id, changed.unit_zh, handed_in.pass_units as actual_to_pass, changed.pass_units as"
    " planned_to_pass, handed_in.balance_units as actual_to_balance, changed.balance_units as planned_to_balance"
    + PAIRS.replace("{mart}", "mart_county_gap"),
}


# Every pupil of a class sits on a seat of a number: the highest seats leave first, the lowest that are free are taken first.
OUT_OF_LARGEST = """
    update raw.classes as stayed set pupils = stayed.pupils - leaving.pupils
    from (
        select grade, class_no, count(*) as pupils
        from (
            select grade, class_no, unnest(range(1, pupils + 1)) as seat from raw.classes
            where region_id = $1 and school_id = $2 and stage = $3
            order by seat desc, grade, class_no limit $4
        )
        group by all
    ) as leaving
    where region_id = $1 and school_id = $2 and stage = $3
        and stayed.grade = leaving.grade and stayed.class_no = leaving.class_no
"""
INTO_SMALLEST = """
    update raw.classes as stayed set pupils = stayed.pupils + coming.pupils
    from (
        select grade, class_no, count(*) as pupils
        from (
            select grade, class_no, unnest(range(pupils + 1, pupils + $4 + 1)) as seat from raw.classes
            where region_id = $1 and school_id = $2 and stage = $3
            order by seat, grade, class_no limit $4
        )
        group by all
    ) as coming
    where region_id = $1 and school_id = $2 and stage = $3
        and stayed.grade = coming.grade and stayed.class_no = coming.class_no
"""


class ScenarioError(ValueError):
    """A scenario that cannot be computed; the message, in Chinese, says which line and why."""


@dataclass(frozen=True)
class Step:
    """One row of the file."""

    place: str
    action: str
    school_id: str
    other_school_id: str
    column: str
    amount: str

    def refuse(self, why: str) -> ScenarioError:
        return ScenarioError(f"{self.place}：{why}")


def read_steps(path: Path) -> list[Step]:
    """The measures in the order in which they are taken; headers and actions in Chinese or English."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = {header: HEADERS.get(header.strip(), header.strip()) for header in reader.fieldnames or ()}
            if unknown := sorted(set(names.values()) - set(HEADERS.values())):
                raise ScenarioError(f"{path.name}：不认识的表头 {'、'.join(unknown)}；可用的是 {'、'.join(HEADERS)}")
            rows = [
                {names.get(key, ""): (cell or "").strip() for key, cell in row.items() if isinstance(cell, str)}
                for row in reader
            ]
    except (OSError, UnicodeError) as error:
        raise ScenarioError(f"读不了 {path}：须是 UTF-8 的 CSV。{error}") from error
    steps = [
        Step(f"{path.name} 第 {number} 行", *(row.get(name, "") for name in HEADERS.values()))
        for number, row in enumerate(rows, 2)
        if any(row.values())
    ]
    if not steps:
        raise ScenarioError(f"{path.name} 里没有一行措施")
    return [replace(step, action=ACTIONS.get(step.action, step.action)) for step in steps]


def compare(
    raw: Path,
    region: Region,
    year: int,
    path: Path | None,
    rules_of: int | None,
    out: Path | None,
    say: Callable[[str], None],
    to: TextIO,
) -> None:
    """Print the verdict, coefficients and gaps of the counties concerned, as they are and as they would be; out: also as CSV.

    path: the measures; null: none. rules_of: the school year whose rules judge what would be; null: those of the region.
    """
    steps = read_steps(path) if path else []
    planned = replace(region, id=PLANNED, rules_of=rules_of or region.rules_of)
    with TemporaryDirectory(prefix="junheng-scenario-") as folder:
        home = Path(folder)
        with tables.connect(home) as con:
            say(
                f"{region.id} {year}：{load.apply_change(con, raw, load.Change(region.id, year, PLANNED), region, secrets.token_hex())}"
            )
            tables.write_regions(con, {region.id: region, PLANNED: planned})
            copy(con, region.id)
            counties = {county for step in steps for county in take(con, step)}
        rules = f"按 {rules_of} 学年的规则评判，" if rules_of else ""
        say(f"{rules}计算 {len(steps)} 项措施……")
        build.build(home)
        with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
            touched = (
                f"county_code in ({', '.join(map(quote, sorted(counties)))})" if counties and not rules_of else "true"
            )
            for name, query in RESULTS.items():
                query = query.format(touched=touched, key="county_code, stage, indicator_id")
                say("")
                write_result(con.execute(query), "table", to)
                if out:
                    out.mkdir(parents=True, exist_ok=True)
                    with (out / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as stream:
                        write_result(con.execute(query), "csv", stream)


def copy(con: duckdb.DuckDBPyConnection, region_id: str) -> None:
    """The planned region: all that the one region handed in, once more."""
    for table in tables.TABLES:
        handed_in = f"select * replace (? as region_id) from raw.{table} where region_id = ?"
        con.execute(f"insert into raw.{table} {handed_in}", [PLANNED, region_id])
    for table in ("funding", "facts"):
        named = f"update raw.{table} set entity_id = ? where region_id = ? and entity_id = ?"
        con.execute(named, [PLANNED, PLANNED, region_id])


def take(con: duckdb.DuckDBPyConnection, step: Step) -> set[str]:
    """Change the planned region by one measure; the counties that it concerns."""
    taken = {
        "close": _close, "merge": _merge, "build": _build, "add": _add, "divert": _divert, "cap": _cap
    }.get(step.action)  # fmt: skip
    if taken is None:
        raise step.refuse(f"不认识的动作“{step.action}”；可用的是 {'、'.join(ACTIONS)}")
    known = ({step.school_id} if step.action != "build" else set()) | (
        {step.other_school_id}
        if step.action in ("merge", "build", "divert") or (step.action == "cap" and step.other_school_id)
        else set()
    )
    for school_id in sorted(known):
        if not school_id and step.action == "divert":
            raise step.refuse("分流要写“另一学校标识码”：学生到哪所学校")
        if not _find(con, school_id, "county_code"):
            raise step.refuse(f"学校表里没有学校“{school_id}”")
    counties = {str(_find(con, school_id, "county_code")[0]) for school_id in known}
    taken(con, step)
    return counties


def _find(con: duckdb.DuckDBPyConnection, school_id: str, column: str) -> tuple:
    query = f"select {column} from raw.schools where region_id = ? and school_id = ?"
    return con.execute(query, [PLANNED, school_id]).fetchone() or ()


def _close(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """The school is gone with all that it has; its pupils are those of other schools only where further rows say so."""
    con.execute("delete from raw.schools where region_id = ? and school_id = ?", [PLANNED, step.school_id])
    for table, column in OF_SCHOOL.items():
        con.execute(f"delete from raw.{table} where region_id = ? and {column} = ?", [PLANNED, step.school_id])


def _merge(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """The other school gets all that this one has; what one of the two does not report stays unknown."""
    if step.school_id == step.other_school_id:
        raise step.refuse("一所学校不能并入自己")
    for stage, zh in contract().stages.items():
        mine, others = (
            _find(con, school, f"coalesce({stage}_pupils, 0)")[0] for school in (step.school_id, step.other_school_id)
        )
        if mine and not others:
            raise step.refuse(f"学校“{step.other_school_id}”没有{zh}，不能并入{zh}学生")
    sums = ", ".join(f"{column.name} = {_sum(column)}" for column in _figures())
    con.execute(
        f"update raw.schools as mine set {sums} from raw.schools as gone"
        " where mine.region_id = $1 and gone.region_id = $1 and mine.school_id = $2 and gone.school_id = $3",
        [PLANNED, step.other_school_id, step.school_id],
    )
    for table, number in {"classes": "class_no", "rooms": "room_no"}.items():
        con.execute(
            f"update raw.{table} set {number} = concat_ws('-', school_id, {number}) where region_id = ? and school_id = ?",
            [PLANNED, step.school_id],
        )
    for table, column in OF_SCHOOL.items():
        if table != "facts":
            moved = f"update raw.{table} set {column} = ? where region_id = ? and {column} = ?"
            con.execute(moved, [step.other_school_id, PLANNED, step.school_id])
    _close(con, step)


def _sum(column: Column) -> str:
    """A figure of two schools as one: of a stage that only one of them has, its own; the most grades, the largest class, the least
    size of a room; it stands where the one that stays stands, and as long.
    """
    name = column.name
    both = f"mine.{name} + gone.{name}"
    if not column.adds_up:
        both = f"{'greatest' if name.endswith(('_grades', '_largest_class')) else 'least'}(mine.{name}, gone.{name})"
    if name == "built_year":
        both = f"mine.{name}"
    for stage in contract().stages:
        if name.startswith(f"{stage}_"):
            return f"case when coalesce(gone.{stage}_pupils, 0) = 0 then mine.{name} else {both} end"
    return both


def _figures() -> list[Column]:
    return [column for column in contract().extracts["schools"].columns if column.type in ("integer", "number")]


def _build(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """A school with nothing yet, of the place, type and stages of the other; further rows say what it has."""
    if not step.school_id or _find(con, step.school_id, "school_id"):
        raise step.refuse(f"学校标识码“{step.school_id}”是空的或已有学校用了")
    stages = {
        column.name: stage
        for column in _figures()
        for stage in contract().stages
        if column.name.startswith(f"{stage}_")
    }
    figures = ", ".join(
        f"case when {stages[column.name]}_pupils > 0 then 0 end as {column.name}"
        if column.name in stages
        else f"0 as {column.name}"
        for column in _figures()
        if column.adds_up
    )
    con.execute(
        f"insert into raw.schools by name select region_id, school_year, ? as school_id, ? as school_name, {', '.join(COPIED)}, {figures}"
        " from raw.schools where region_id = ? and school_id = ?",
        [step.school_id, f"新建学校{step.school_id}", PLANNED, step.other_school_id],
    )


def _add(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """More or fewer pupils, teachers, rooms, m² and so on, in the unit of the extract."""
    column, amount, now = _amount(con, step, _figures())
    if not now + amount >= 0:
        raise step.refuse(f"学校“{step.school_id}”的{column.zh}现为 {now:g}，减不了 {-amount:g}")
    _change(con, step.school_id, column, amount)


def _divert(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """So many pupils of a stage go to the other school; teachers, rooms and all else stay where they are."""
    column, amount, now = _amount(con, step, _pupils())
    if amount < 1:
        raise step.refuse(f"分流的人数要大于 0，不能是 {amount:g}")
    if amount >= now:
        why = "全部学生都走，请用“并入”" if amount == now else "分不出这么多"
        raise step.refuse(f"学校“{step.school_id}”的{column.zh}现为 {now:g}，{why}")
    _move_pupils(con, step, column, int(amount))


def _cap(con: duckdb.DuckDBPyConnection, step: Step) -> None:
    """A stage has no more pupils than the amount; who is above it goes to the other school, or where none is named leaves the county."""
    column, amount, now = _amount(con, step, _pupils())
    if amount < 1:
        raise step.refuse(f"限额要大于 0，不能是 {amount:g}；不再招生请用“撤销”或“并入”")
    if now > amount:
        _move_pupils(con, step, column, int(now - amount))


def _amount(con: duckdb.DuckDBPyConnection, step: Step, columns: list[Column]) -> tuple[Column, float, float]:
    """The column that a step names among these, the amount that it states, and what the school has now."""
    column = next((column for column in columns if step.column in column.headers), None)
    if column is None:
        known = f"；可用的是 {'、'.join(column.zh for column in columns)}" if step.action != "add" else ""
        raise step.refuse(f"学校表没有可以{_word(step.action)}的栏目“{step.column}”{known}")
    try:
        amount = int(step.amount) if column.type == "integer" else float(step.amount)
    except ValueError as error:
        raise step.refuse(f"数量“{step.amount}”不是{'整' if column.type == 'integer' else ''}数") from error
    [now] = _find(con, step.school_id, column.name)
    if now is None:
        raise step.refuse(f"学校“{step.school_id}”没有填报{column.zh}，不知道{_word(step.action)}后是多少")
    return column, amount, now


def _word(action: str) -> str:
    return next(zh for zh, code in ACTIONS.items() if code == action)


def _pupils() -> list[Column]:
    return [column for column in _figures() if column.name in {f"{stage}_pupils" for stage in contract().stages}]


def _change(con: duckdb.DuckDBPyConnection, school_id: str, column: Column, amount: float) -> None:
    changed = f"update raw.schools set {column.name} = {column.name} + ? where region_id = ? and school_id = ?"
    con.execute(changed, [amount, PLANNED, school_id])


def _move_pupils(con: duckdb.DuckDBPyConnection, step: Step, column: Column, pupils: int) -> None:
    """In the totals, and in the class rosters where there are any: out of the largest classes, into the smallest, whatever their grade."""
    stage = column.name.removesuffix("_pupils")
    if step.other_school_id:
        if step.school_id == step.other_school_id:
            raise step.refuse(f"一所学校不能{_word(step.action)}到自己")
        mine, others = (_find(con, school, "county_code")[0] for school in (step.school_id, step.other_school_id))
        if mine != others:
            raise step.refuse(f"学校“{step.other_school_id}”在另一个县（{others}），只能在县内{_word(step.action)}")
        if not _find(con, step.other_school_id, column.name)[0]:
            raise step.refuse(
                f"学校“{step.other_school_id}”没有{contract().stages[stage]}学生，不能接收{contract().stages[stage]}学生"
            )
        _change(con, step.other_school_id, column, pupils)
        con.execute(INTO_SMALLEST, [PLANNED, step.other_school_id, stage, pupils])
    _change(con, step.school_id, column, -pupils)
    con.execute(OUT_OF_LARGEST, [PLANNED, step.school_id, stage, pupils])
    emptied = "delete from raw.classes where region_id = ? and school_id = ? and stage = ? and pupils = 0"
    con.execute(emptied, [PLANNED, step.school_id, stage])
