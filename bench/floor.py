"""The floor: the marts' values of one region and year by one hand-written DuckDB script, and nothing else.

    python bench/floor.py RAW/REGION/YEAR OUT     CSV extracts with official headers -> OUT/<mart>.parquet

No quarantine, no checks, no history, no release, no facts and no items of the standard that rest on them. Thresholds and codes stand inline, rosters are counted while
they are read, scores and facts are not read (no mart here needs them), and the texts that explain a value
(reason, reasons, null_reason) are left out. bench/compare.py says whether the values are the product's.
"""

import sys
from pathlib import Path
from typing import Any

import duckdb

STAGES = {"primary": ("小学", 1.0), "junior": ("初中", 1.1), "senior": ("高中", 1.32)}  # weight
STAFF = {
    "full_time_teachers": "专任教师数", "higher_degree_teachers": "高于规定学历专任教师数",
    "backbone_teachers": "县级及以上骨干教师数", "pe_arts_teachers": "体育艺术专任教师数",
    "midlevel_title_teachers": "中级及以上职称教师数",
}  # fmt: skip
STAGED = {"pupils": "在校生数", "classes": "班级数", "grades": "年级数", **STAFF}
COUNTS = {"网络多媒体教室数", "普通教室数", "图书册数", "教学用计算机台数", "班级学生数"}
COUNTS |= {zh + name for zh, _ in STAGES.values() for name in STAGED.values()}
NUMBERS = {"教学及辅助用房面积", "室内体育用房面积", "运动场地面积", "教学仪器设备资产值", "金额"}
TYPES = dict.fromkeys(COUNTS, "BIGINT") | dict.fromkeys(NUMBERS, "DOUBLE")
INDICATORS: list[
    tuple[Any, ...]
] = [  # indicator, total, scale, split between stages?; thresholds in primary and junior school
    ("higher_degree_teachers_per_100", "higher_degree_teachers", 100, False, 4.2, 5.3),
    ("backbone_teachers_per_100", "backbone_teachers", 100, False, 1, 1),
    ("pe_arts_teachers_per_100", "pe_arts_teachers", 100, False, 0.9, 0.9),
    ("teaching_area_per_pupil", "teaching_area_m2", 1, True, 4.5, 5.8),
    ("sports_area_per_pupil", "sports_area_m2", 1, True, 7.5, 10.2),
    ("equipment_value_per_pupil", "equipment_value_yuan", 1, True, 2000, 2500),
    ("multimedia_rooms_per_100", "multimedia_rooms", 100, True, 2.3, 2.4),
    ("teachers_per_100", "full_time_teachers", 100, False),
    ("midlevel_title_teachers_per_100", "midlevel_title_teachers", 100, False),
    ("classrooms_per_100", "classrooms", 100, True),
    ("books_per_pupil", "books", 1, True),
    ("computers_per_100", "computers", 100, True),
    ("public_funds_per_pupil", "public_funds_yuan", 1, True),
    ("expenditure_per_pupil", "total_expenditure_yuan", 1, True),
]


def indicator(name: str, total: str, scale: int, is_split: bool, *limits: float) -> str:
    """An indicator of every school and stage; surplus = scale × total × weight − threshold × base."""
    share, weight, base = 1, 1, "pupils"
    if is_split:
        share, weight, base = "resource_share", "split_weight", "weighted_pupils"
    columns = f"""county_code, school_id, stage, '{name}'::indicator as indicator_id, urban_rural_class,
        pupils, {total} * {share} as numerator, {scale} * numerator / pupils as value"""
    if limits:
        columns += f""", if(stage = 'primary', {limits[0]}, {limits[1]})::double as threshold,
        round(threshold * 0.85, 4) as floor_value, {scale} * {base} as base,
        round({scale} * {total} * {weight} - threshold * {base}, 6) as surplus,
        surplus >= 0 as is_met, round(surplus + (threshold - floor_value) * {base}, 6) >= 0 as is_floor_met,
        if(surplus >= 0, 0, -surplus * pupils / base) as shortfall,
        round(round(100 * value, 8)) / 100 as shown,
        (shown >= threshold) <> is_met or (shown >= floor_value) <> is_floor_met as rounding_flips"""
    return f"select {columns} from fct_school_stage where is_in_scope"


AS_REPORTED = ", ".join(
    f"{{stage: '{stage}'::stage, stage_zh: '{zh}', split_weight: {weight}::double, "
    f"{', '.join(f'own_{name}: {zh}{column}' for name, column in STAGED.items())}}}"
    for stage, (zh, weight) in STAGES.items()
)
OWN = ", ".join(f"own_{name}" for name in STAGED if name != "grades")
JOINED = f"""select s.* rename (own_grades as grades), classes.* exclude (school_id, stage_zh),
    public_funds_yuan, total_expenditure_yuan, coalesce(own_pupils, roster_pupils) as pupils,
    coalesce(own_classes, roster_classes) as classes,
    {", ".join(f"coalesce(own_{x}, t.{x}) as {x}, t.{x} as roster_{x}" for x in STAFF)},
    case when {" or ".join(f"(own_{x} is null and t.{x} is not null)" for x in STAFF)} then 'roster'
        when coalesce({", ".join(f"own_{x}" for x in STAFF)}) is not null then 'reported'
    end as teacher_source
from schools s left join teachers t using (school_id, stage_zh)
left join classes using (school_id, stage_zh) left join funding using (school_id)"""
FACTS = " union all by name ".join(indicator(*row) for row in INDICATORS)
GROUP = "county_code, stage, indicator_id"
MEDIAN = "filter (p_below >= 0.5)"
THEIL = "if({0} = 0, 1, {0} * ln({0}) - {0} + 1)".format
QUERIES = {  # in this order; those with a mart's name are written
    "teachers": """select 学校标识码 as school_id, 学段 as stage_zh, count(*) as full_time_teachers,
    count(*) filter (学历 in ('本科', '研究生') or 学历 = '专科' and 学段 = '小学') as higher_degree_teachers,
    count(*) filter (骨干教师级别 in ('县级', '市级', '省级', '国家级')) as backbone_teachers,
    count(*) filter (任教学科 in ('体育', '体育与健康', '艺术', '音乐', '美术')) as pe_arts_teachers,
    count(*) filter (专业技术职务 in ('一级', '高级', '正高级')) as midlevel_title_teachers
from FILE where coalesce(岗位, '')
    not in ('行政人员', '教辅人员', '工勤人员', '代课教师', '兼任教师', '校外教师') group by all""",
    "classes": """select 学校标识码 as school_id, 学段 as stage_zh, count(*) as roster_classes,
    sum(班级学生数)::bigint as roster_pupils, max(班级学生数) as largest_class_pupils
from FILE group by all""",
    "funding": """select school_id, sum(yuan) filter (item = '公用经费') as public_funds_yuan,
    sum(yuan) filter (item = '教育支出合计') as total_expenditure_yuan
from (select 单位代码 as school_id, 经费项目 as item,
    coalesce(sum(金额) filter (口径 = '决算'), sum(金额) filter (口径 = '预算')) as yuan
    from FILE where 经费项目 in ('公用经费', '教育支出合计') group by all) group by all""",
    "schools": f"""select 学校标识码 as school_id, 县级行政区划代码 as county_code,
    学校名称 as school_name, 乡镇街道 as township, 学校状态 as status,
    case 办学类型 when '小学' then '211' when '小学教学点' then '218' when '初级中学' then '311'
        when '九年一贯制学校' then '312' when '完全中学' then '341' when '高级中学' then '342'
        when '十二年一贯制学校' then '345' when '特殊教育学校' then '510' end as school_type,
    case when 城乡类型 in ('主城区', '城乡结合区') then 'urban'
        when 城乡类型 in ('乡中心区', '村庄') then 'rural' else 'town' end::area as urban_rural_class,
    教学及辅助用房面积 - coalesce(室内体育用房面积, 0) as teaching_area_m2,
    运动场地面积 + coalesce(室内体育用房面积, 0) as sports_area_m2,
    教学仪器设备资产值 * 10000 as equipment_value_yuan, 网络多媒体教室数 as multimedia_rooms,
    普通教室数 as classrooms, 图书册数 as books, 教学用计算机台数 as computers,
    unnest([{AS_REPORTED}], recursive := true) from FILE""",
    "fct_school_stage": f"""select * exclude (stage_zh, status, {OWN}),
    exclusion_reason is null as is_in_scope, pupils * split_weight / nullif(weighted_pupils, 0) as resource_share
from (select *,
    case when status = '撤销' then '学校已撤销或停办' when school_type = '510' then '特殊教育学校不在评估范围'
        when pupils is null then '在校生数缺失' when pupils = 0 then '该学段没有在校生'
        when school_type = '218' and sum(pupils) over school < 50 then '教学点不足50人'
    end as exclusion_reason,
    case when count(*) over school = count(pupils) over school
        then sum(pupils * split_weight) over school end as weighted_pupils
    from ({JOINED}) where pupils is not null or classes > 0 or full_time_teachers > 0
    window school as (partition by school_id))
where stage <> 'senior'""",
    "fct_school_indicator": f"select * exclude (base, surplus, shown) from ({FACTS})",
    "mart_school_verdict": """select *, case when floor_failed_count > 0 or met_count + missing_count < 6 then false
    when missing_count = 0 then true end as is_passed
from (select county_code, school_id, stage, count(*) filter (is_met) as met_count,
    count(*) filter (not is_floor_met) as floor_failed_count, count(*) filter (value is null) as missing_count
    from fct_school_indicator where threshold is not null group by all)
join (select school_id, stage, school_name, pupils from fct_school_stage) using (school_id, stage)""",
    "totals": f"""select {GROUP}, urban_rural_class, any_value(threshold) as threshold, count(*) as listed,
    count(value) as n, sum(pupils) filter (value is not null) as p, sum(numerator) as x, sum(value) as v
from fct_school_indicator group by all""",
    "means": f"""select {GROUP}, any_value(threshold) as threshold,
    max(if(indicator_id like '%_per_100', 100, 1)) as scale,
    sum(n)::bigint as school_count, (sum(listed) - sum(n))::bigint as missing_school_count,
    sum(p)::bigint as pupils, sum(x) as total, scale * total / pupils as county_mean,
    sum(v) / nullif(school_count, 0) as unweighted_mean, school_count > 1 and total > 0 as is_assessable,
    max(x / p) filter (urban_rural_class = 'urban')
        / nullif(max(x / p) filter (urban_rural_class = 'rural'), 0) as urban_rural_ratio
from totals group by {GROUP}""",
    "spread": f"""select {GROUP}, value, f.pupils / m.pupils as w, value / county_mean as r,
    value / unweighted_mean as u, value / nullif(scale * x / p, 0) as in_class,
    scale * x / p / county_mean as of_class, sum(f.pupils) over by_value / m.pupils as p_below,
    sum(numerator) over by_value / total as x_below
from fct_school_indicator f join means m using ({GROUP}) join totals using ({GROUP}, urban_rural_class)
where value is not null and is_assessable window by_value as (partition by {GROUP} order by value)""",
    "measures": f"""select {GROUP}, sqrt(sum(w * (r - 1) * (r - 1))) as difference_coefficient,
    sqrt(sum((u - 1) * (u - 1)) / count(*)) as unweighted_cv, sum(w * (r * p_below - x_below)) as gini,
    sum(w * {THEIL("r")}) as theil, sum(w * {THEIL("of_class")}) as theil_between,
    sum(if(of_class > 0, w * of_class * {THEIL("in_class")}, 0)) as theil_within,
    min(value) filter (p_below >= 0.95) / nullif(min(value) filter (p_below >= 0.05), 0) as range_ratio,
    min(x_below) {MEDIAN} / nullif(min(r) {MEDIAN} * min(p_below) {MEDIAN}, 0) as mcloone
from spread group by all""",
    "mart_county_balance": f"""select * exclude (threshold, scale, total, unweighted_mean, is_assessable),
    if(threshold is not null, if(stage = 'primary', 0.5, 0.45), null) as limit_value,
    round(difference_coefficient, 12) <= limit_value as is_within,
    if(missing_school_count = 0, is_within, null) as is_met,
    (round(difference_coefficient, 3) <= limit_value) <> is_within as rounding_flips
from means left join measures using ({GROUP})""",
    "mart_county_verdict": """select *, case when failed_school_count + failed_coefficient_count > 0 then 'not_met'
    when undecided_school_count > 0 or coefficient_count < 14 then 'not_evaluable' else 'met' end as resource_verdict
from (select county_code, count(*) as school_count, count(*) filter (not is_passed) as failed_school_count,
    count(*) filter (is_passed is null) as undecided_school_count from mart_school_verdict group by all)
join (select county_code, count(is_met) as coefficient_count, coefficient_count
    - count(*) filter (is_met) as failed_coefficient_count from mart_county_balance where limit_value is not null group by all) using (county_code)""",
    "mart_variance_share": f"""select {GROUP}, school_id, p as pupils, value,
    part / nullif(variance, 0) as variance_share, if(school_count > 2 and rest > 0,
        sqrt(greatest(variance - part * n / (n - p), 0) * (n - p)) / rest, null) as coefficient_without
from (select {GROUP}, school_id, value, f.pupils as p, b.pupils as n, school_count,
    county_mean * b.pupils - value * f.pupils as rest,
    f.pupils * (value - county_mean) * (value - county_mean) as part,
    b.pupils * difference_coefficient * county_mean * difference_coefficient * county_mean as variance
    from fct_school_indicator f join mart_county_balance b using ({GROUP})
    where value is not null and threshold is not null and difference_coefficient is not null)""",
}


def scan(path: Path) -> str:
    """A CSV extract with the types that are needed, none of them guessed."""
    with path.open(encoding="utf-8") as stream:
        columns = {name: TYPES.get(name, "VARCHAR") for name in stream.readline().strip().split(",")}
    return f"read_csv('{path}', auto_detect = false, header = true, delim = ',', columns = {columns})"


def main(folder: Path, out: Path) -> None:
    """Read, compute, write."""
    out.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("set preserve_insertion_order = false")
    words = {"indicator": [row[0] for row in INDICATORS], "stage": STAGES, "area": ["urban", "town", "rural"]}
    for name, values in words.items():
        con.execute(f"create type {name} as enum ({', '.join(map(repr, values))})")
    for table, query in QUERIES.items():
        if "FILE" in query:
            query = query.replace("FILE", scan(folder / f"{table}.csv"))
        con.execute(f"create table {table} as {query}")
        if table.startswith(("fct_", "mart_")):
            key = f"'{folder.parent.name}' as region_id, {folder.name} as school_year"
            con.execute(f"copy (select {key}, * from {table}) to '{out}/{table}.parquet' (compression zstd)")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
