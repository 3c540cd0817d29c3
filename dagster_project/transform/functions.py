"""What dbt's SQL calls and DuckDB does not have."""

import duckdb


def f_quantile(freedom_between: float, freedom_within: float, probability: float) -> float:
    """Quantile of the F distribution, by scipy; imported at the first call, as few refreshes ask for it."""
    from scipy.special import fdtri

    return float(fdtri(freedom_between, freedom_within, probability))


def register(con: duckdb.DuckDBPyConnection) -> None:
    """Let the SQL of this connection call the functions; null in, null out."""
    con.create_function("f_quantile", f_quantile, ["DOUBLE"] * 3, "DOUBLE")
