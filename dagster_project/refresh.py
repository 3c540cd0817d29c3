"""One refresh from the command line: the Dagster job in this process, then a summary that a statistician can read."""

import sys

import click
import dagster as dg

from dagster_project import settings, warehouse
from dagster_project.assets import as_partition, describe
from dagster_project.automation import partition_keys, range_tags
from dagster_project.definitions import defs
from dagster_project.release.read import connect, write_result

VERDICTS = """
select v.region_id as 区域, coalesce(c.county_name_zh, v.county_code) as 县, v.school_year as 学年,
    case v.resource_verdict when 'met' then '达标' when 'not_met' then '不达标' else '不能判定' end as 资源配置,
    v.school_count as 学校, v.failed_school_count as 未达标学校, v.failed_coefficient_count as 超限差异系数
from mart_county_verdict as v left join dim_county as c using (region_id, county_code)
qualify v.school_year = max(v.school_year) over (partition by v.region_id)
order by v.region_id, v.county_code
"""
LONGEST_TABLE = 40


def run(region_ids: list[str], years: list[int]) -> bool:
    """Refresh the chosen partitions; True when all of it was done: every file readable, every gate passed."""
    ranges = partition_keys(region_ids, years)
    job = defs.resolve_job_def("refresh")
    passed = 0
    with dg.DagsterInstance.get() as instance:
        for keys in ranges:
            result = job.execute_in_process(
                instance=instance, tags=range_tags(keys), raise_on_error=False, run_config={"loggers": {"console": {}}}
            )
            passed += sum(evaluation.passed for evaluation in result.get_asset_check_evaluations())
            if not result.success:
                _explain(result)
                return False
    with warehouse.connect(settings.home_folder()) as con:
        account = warehouse.account(con, [as_partition(key) for keys in ranges for key in keys])
    click.echo(f"\n汇总：{describe(account)}\n检查：{passed} 项全部通过")
    _show_verdicts()
    click.echo("原因：junheng sql \"select county_code, school_year, reasons from mart_county_verdict\"")
    click.echo(f"发布在 {settings.home_folder() / 'releases' / 'current'}")
    if account.unreadable_files:
        click.echo(f"有 {account.unreadable_files} 个文件没能载入，见上；原因也在 marts.mart_source_file", err=True)
    return account.unreadable_files == 0


def _show_verdicts() -> None:
    """Each county's verdict in its latest year; a nation's counties are counted instead."""
    with connect(settings.home_folder()) as con:
        counties = con.execute(VERDICTS).fetchall()
        if len(counties) <= LONGEST_TABLE:
            write_result(con.execute(VERDICTS), "table", sys.stdout)
        else:
            write_result(
                con.execute(f"select 区域, 学年, 资源配置, count(*) as 县数 from ({VERDICTS}) group by all order by all"),
                "table",
                sys.stdout,
            )


def _explain(result: dg.ExecuteInProcessResult) -> None:
    """Say which step stopped and why; a failed gate has already said what it found."""
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error):
            root = error.cause or error
            click.echo(f"错误：{event.step_key}：{root.message.strip()}", err=True)
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            click.echo(f"错误：{'.'.join(evaluation.asset_key.path)} 没有通过检查 {evaluation.check_name}", err=True)
    click.echo("刷新没有完成；已发布的版本没有变，改正后再运行 junheng refresh", err=True)
