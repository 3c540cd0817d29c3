"""What a refresh came to, for a statistician: rows, verdicts, where the release is. Light: no Dagster, no dbt."""

import sys
from collections.abc import Collection

import click

from dagster_project import load, settings, transform, warehouse
from dagster_project.regions import read_regions
from dagster_project.release.read import connect, current_release, write_result

VERDICTS = """
select v.region_id as 区域, coalesce(c.county_name_zh, v.county_code) as 县, v.school_year as 学年,
    case v.resource_verdict when 'met' then '达标' when 'not_met' then '不达标' else '不能判定' end as 资源配置,
    v.school_count as 校段, v.failed_school_count as 未达标校段, v.failed_coefficient_count as 超限差异系数
from mart_county_verdict as v left join dim_county as c using (region_id, county_code)
qualify v.school_year = max(v.school_year) over (partition by v.region_id)
order by v.region_id, v.county_code
"""
COUNTED = f"select 区域, 学年, 资源配置, count(*) as 县数 from ({VERDICTS}) group by all order by all"
LONGEST_TABLE = 40


def what_changed(chosen: Collection[warehouse.Partition] | None) -> set[warehouse.Partition] | None:
    """The chosen partitions with files that the release does not hold; None: all, as its code changed too.

    Waits while another refresh writes.
    """
    home, raw = settings.home_folder(), settings.raw_folder()
    with warehouse.hold(home, click.echo), warehouse.connect(home) as con:
        if current_release(home) is None or warehouse.build_fingerprint(con) != transform.fingerprint():
            return None
        changes = load.find_changes(con, raw, read_regions(raw), warehouse.hash_key(home), chosen)
        pending = {partition for partition in warehouse.pending(con) if chosen is None or partition in chosen}
        return {change.partition for change in changes} | pending


def summarise(partitions: Collection[warehouse.Partition] | None) -> bool:
    """Print what the release says of the partitions; True when every file could be read."""
    home = settings.home_folder()
    with connect(home) as con:
        click.echo(f"汇总：{warehouse.account(con, partitions, 'mart_source_file')}")
        refused = warehouse.refused_files(con, partitions, "mart_source_file")
        for line in refused:
            click.echo(f"没能载入：{line}", err=True)
        counties = con.execute(f"select count(*) from ({VERDICTS})").fetchall()[0][0]
        write_result(con.execute(VERDICTS if counties <= LONGEST_TABLE else COUNTED), "table", sys.stdout)
    click.echo('原因：junheng sql "select county_code, school_year, reasons from mart_county_verdict"')
    click.echo(f"发布在 {home / 'releases' / 'current'}")
    return not refused
