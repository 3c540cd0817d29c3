"""One refresh from the command line: the Dagster job in this process."""

import re
from collections.abc import Collection

import click
import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from dagster_project.console import full_disk
from dagster_project.extracts.regions import Partition, find_partitions
from dagster_project.orchestration.partitions import NAME, new_keys, run_tags
from dagster_project.orchestration.runs import end_dead, forget_old_logs, upgrade
from dagster_project.settings import home_folder, raw_folder


def run(defs: dg.Definitions, partitions: Collection[Partition]) -> bool:
    """Refresh these partitions in one Dagster run; True when every step and every gate passed."""
    job = defs.resolve_job_def("refresh")
    with dg.DagsterInstance.get() as instance:
        upgrade(instance, home_folder())
        end_dead(instance, home_folder())
        forget_old_logs(home_folder())
        instance.add_dynamic_partitions(NAME, new_keys(instance, find_partitions(raw_folder())))
        result = job.execute_in_process(
            instance=instance,
            tags=run_tags(partitions),
            raise_on_error=False,
            run_config={"loggers": {"console": {}}},
        )
    evaluations = result.get_asset_check_evaluations()
    failed = [evaluation for evaluation in evaluations if not evaluation.passed]
    for evaluation in failed:
        click.echo(f"错误：{'.'.join(evaluation.asset_key.path)} 没有通过检查 {evaluation.check_name}", err=True)
    if not failed and result.success:
        click.echo(f"检查：{len(evaluations)} 项全部通过")
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error):
            root = error.cause or error
            if root.cls_name == DagsterAssetCheckFailedError.__name__:  # told above, in Chinese
                continue
            said = re.sub(r"^(\w+\.)+\w+: ", "", root.message.strip())  # without the name of the exception
            click.echo(f"错误：{event.step_key}：{full_disk(said) or said}", err=True)
    if not any(event.is_step_materialization and event.step_key == "release" for event in result.all_events):
        click.echo("刷新没有完成；读者读到的仍是已发布的版本，改正后再运行 junheng refresh", err=True)
    return result.success
