"""The one place where assets, checks, the job, schedules and the sensor come together."""

import logging
import sys

import dagster as dg

from dagster_project import assets, automation, checks


@dg.logger
def plain(context: dg.InitLoggerContext) -> logging.Logger:
    """What a person wants to see on the console: the messages of the assets, without Dagster's own events."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(lambda record: getattr(record, "dagster_meta", {}).get("dagster_event") is None)
    handler.setFormatter(logging.Formatter("%(dagster_message)s"))
    logger = logging.Logger("junheng", logging.INFO)
    logger.addHandler(handler)
    return logger


defs = dg.Definitions(
    assets=[assets.files, assets.region_tables, assets.extracts, assets.models, assets.release],
    asset_checks=[checks.extract_expectations, checks.mart_expectations],
    jobs=[automation.refresh],
    schedules=automation.schedules,
    sensors=[automation.new_files],
    resources={"warehouse_lock": assets.warehouse_lock},
    loggers={"console": plain},
)
