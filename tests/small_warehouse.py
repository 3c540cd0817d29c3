"""A warehouse that is written at once, whose every row says which state of the data it belongs to."""

from pathlib import Path

import duckdb

RARE = "㐂𠮷 “引号” 'x' \"y\", 1"


def make_warehouse(home: Path, number: int, rows: int = 200, descending: bool = False) -> None:
    """A warehouse whose every row, in every mart, says which state of the data it belongs to."""
    home.mkdir(parents=True, exist_ok=True)
    warehouse = home / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    order = "DESC" if descending else "ASC"
    name = "'" + RARE.replace("'", "''") + "'"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CREATE SCHEMA raw; CREATE SCHEMA marts; CREATE SCHEMA staging")
        connection.execute(
            """
            CREATE TABLE raw.region (
                region_id VARCHAR, region_name_zh VARCHAR, is_synthetic BOOLEAN, documents VARCHAR, rules_of INTEGER
            );
            INSERT INTO raw.region VALUES
                ('liaocheng', '聊城', false, NULL, NULL), ('demo', '示例㐂县', true, NULL, NULL);
            CREATE TABLE raw.county (region_id VARCHAR, county_code VARCHAR, county_name_zh VARCHAR);
            CREATE TABLE raw.loaded_partition (region_id VARCHAR, school_year INTEGER, fingerprint VARCHAR);
            CREATE TABLE raw.blocked_partition (
                region_id VARCHAR, school_year INTEGER, reason VARCHAR, since_release VARCHAR
            );
            CREATE TABLE raw.source_file (
                region_id VARCHAR, school_year INTEGER, source_file VARCHAR, sheet VARCHAR,
                "extract" VARCHAR, sha256 VARCHAR, rows_in BIGINT, rows_loaded BIGINT,
                rows_quarantined BIGINT, rows_skipped BIGINT, status VARCHAR, reason VARCHAR,
                unknown_columns VARCHAR
            );
            INSERT INTO raw.source_file VALUES
                ('demo', 2023, 'demo/2023/schools.csv', NULL, 'schools', 'ab12', 10, 7, 2, 1, 'loaded',
                    NULL, NULL),
                ('demo', 2023, 'demo/2023/坏.xlsx', NULL, NULL, 'cd34', 0, 0, 0, 0, 'quarantined',
                    '无法读取', NULL);
            """
        )
        connection.execute(
            f"""
            CREATE TABLE marts.fct_school_indicator (
                county_code VARCHAR NOT NULL, school_name VARCHAR, value DOUBLE, is_met BOOLEAN,
                number BIGINT NOT NULL
            );
            COMMENT ON TABLE marts.fct_school_indicator IS '学校''指标'' · one row a school';
            COMMENT ON COLUMN marts.fct_school_indicator.value IS '值 · "unrounded"; null: 无数据';
            INSERT INTO marts.fct_school_indicator
                SELECT '3715' || (i % 7), {name}, if(i % 5 = 0, NULL, hash(i) / 1e18), i % 2 = 0, {number}
                FROM range({rows}) AS numbers(i) ORDER BY i {order};
            CREATE TABLE marts.mart_county_balance AS
                SELECT {number}::BIGINT AS number, 0.4::DECIMAL(4, 3) AS cv;
            CREATE TABLE staging.stg_schools AS SELECT 1 AS a;
            CREATE VIEW marts.dim_view AS SELECT a, [1, 2] AS list FROM warehouse.staging.stg_schools;
            """,
        )
