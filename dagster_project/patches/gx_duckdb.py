"""GX 1.24 reads a result of DuckDB after it has closed the connection."""


def speak_duckdb() -> None:
    """Mend GX 1.24 for DuckDB: it reads a result after it has closed the connection (GX issue 11579).

    Dialects on this list keep one connection. `tests/patches/test_gx_duckdb.py` says when the mend is no longer needed.
    """
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    class Dialect(str):
        value = "duckdb"

    if "duckdb" not in engine._PERSISTED_CONNECTION_DIALECTS:
        engine._PERSISTED_CONNECTION_DIALECTS = (*engine._PERSISTED_CONNECTION_DIALECTS, Dialect("duckdb"))  # ty: ignore[invalid-assignment]
