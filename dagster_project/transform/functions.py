"""What dbt's SQL calls and DuckDB does not have; dbt/profiles.yml names this module as a plugin of dbt-duckdb."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin


def f_quantile(freedom_between: float, freedom_within: float, probability: float) -> float:
    """Quantile of the F distribution, by scipy; imported at the first call, as few refreshes ask for it."""
    from scipy.special import fdtri

    return float(fdtri(freedom_between, freedom_within, probability))


def register(con: duckdb.DuckDBPyConnection) -> None:
    """Let the SQL of this connection call the functions; null in, null out."""
    con.create_function("f_quantile", f_quantile, ["DOUBLE"] * 3, "DOUBLE")


class Plugin(BasePlugin):
    """dbt-duckdb calls it for the connection that it opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        register(conn)
