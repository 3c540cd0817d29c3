"""Grain: degrees of freedom. The two quantiles of the F distribution that bound an interval, which SQL cannot say."""

import pyarrow as pa
from scipy.special import fdtri


def model(dbt, session):
    """The tails hold half of what the interval leaves out, each."""
    dbt.config(materialized="table")
    parameters = dict(dbt.ref("parameters").project("parameter_id, value::double").fetchall())
    tail = (1 - parameters["interval_confidence"]) / 2
    tests = dbt.ref("int_scores__decomposed").filter("freedom_between > 0 and freedom_within > 0")
    pairs = tests.project("freedom_between, freedom_within").distinct().fetchall()
    quantiles = [(*pair, fdtri(*pair, tail), fdtri(*pair, 1 - tail)) for pair in pairs]
    names = ["freedom_between", "freedom_within", "lower_quantile", "upper_quantile"]
    types = [pa.int64(), pa.int64(), pa.float64(), pa.float64()]
    columns = zip(*quantiles, strict=True) if quantiles else [[]] * 4
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], names)
