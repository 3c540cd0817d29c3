"""A clock that was set back: Dagster asks a sensor again only a minute after its last look, which then lies in the future."""

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import SensorInstigatorData

AHEAD = 120.0  # seconds; less than that passes by itself


def mend_clock(instance: dg.DagsterInstance, now: float) -> list[str]:
    """Let each sensor whose last look lies ahead of now look at once; their names."""
    mended = []
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData):
            continue
        last = max(data.last_tick_timestamp or 0, data.last_tick_start_timestamp or 0)
        if last > now + AHEAD:
            looked = data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None)
            instance.update_instigator_state(state.with_data(looked))
            mended.append(state.name)
    return mended
