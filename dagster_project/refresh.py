"""One refresh from the command line: the Dagster job in this process."""

import click
import dagster as dg

from dagster_project.automation import range_tags
from dagster_project.definitions import defs


def run(ranges: list[list[str]]) -> bool:
    """Refresh unbroken ranges of partitions, a Dagster run each; True when every step and every gate passed."""
    job = defs.resolve_job_def("refresh")
    with dg.DagsterInstance.get() as instance:
        for keys in ranges:
            result = job.execute_in_process(
                instance=instance,
                tags=range_tags(keys),
                raise_on_error=False,
                run_config={"loggers": {"console": {}}},
            )
            if not result.success:
                _explain(result)
                return False
            click.echo(f"检查：{len(result.get_asset_check_evaluations())} 项全部通过")
    return True


def _explain(result: dg.ExecuteInProcessResult) -> None:
    """Say which step stopped and why; a failed gate has already said what it found."""
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error):
            root = error.cause or error
            click.echo(f"错误：{event.step_key}：{root.message.strip()}", err=True)
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            click.echo(f"错误：{'.'.join(evaluation.asset_key.path)} 没有通过检查 {evaluation.check_name}", err=True)
    click.echo("刷新没有完成；读者读到的仍是已发布的版本，改正后再运行 junheng refresh", err=True)
