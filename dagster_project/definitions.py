"""The one place where assets, checks, the job and the sensors come together."""

import logging
import sys

import dagster as dg

from dagster_project.orchestration import asset_checks, assets, automation


class MessageAlone(logging.Formatter):
    """What an asset says, without Dagster's run id and step name before it."""

    def format(self, record: logging.LogRecord) -> str:
        return getattr(record, "dagster_meta")["orig_message"]  # noqa: B009 (an attribute that Dagster adds)


@dg.logger
def plain(context: dg.InitLoggerContext) -> logging.Logger:
    """The console: what the assets say as it happens; Dagster's own events stay in its event log."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(lambda record: hasattr(record, assets.FOR_PEOPLE))
    handler.setFormatter(MessageAlone())
    logger = logging.Logger("junheng", logging.INFO)
    logger.addHandler(handler)
    return logger


defs = dg.Definitions(
    assets=[
        assets.files,
        assets.pending,
        assets.arrival,
        assets.region_tables,
        assets.extracts,
        assets.models,
        assets.release,
    ],
    asset_checks=[asset_checks.extract_expectations, asset_checks.mart_expectations],
    jobs=[automation.refresh],
    sensors=[automation.new_files, automation.due_regions, automation.attention],
    resources={"warehouse_lock": assets.warehouse_lock},
    loggers={"console": plain},
    executor=dg.in_process_executor,
)
