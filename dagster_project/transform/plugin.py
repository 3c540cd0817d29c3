"""The functions that dbt's SQL calls, for the connection that dbt-duckdb opens; dbt/profiles.yml names this module."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from dagster_project.transform.functions import register


class Plugin(BasePlugin):
    """dbt-duckdb calls it for the connection that it opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        register(conn)
