"""What meters say of a board that is switched off: a number near zero, never a fault."""

from typing import Any

import pytest

from power.registry import load_meter
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

OPTIONS: dict[str, dict[str, Any]] = {
    "n6705c": {"channel": 1},
    "wt310e": {"volts_range": 15, "amps_range": 2},
    "um25c": {},
    "tc66c": {},
}


@pytest.mark.parametrize("seed", [3, 10])
@pytest.mark.parametrize("driver", OPTIONS)
def test_a_meter_on_a_dead_rail_reads_nearly_nothing(driver: str, seed: int) -> None:
    """Each seed is another unit: those of 10 put the volts of a USB meter below zero and its amps above."""
    options = OPTIONS[driver]
    kind = load_meter(driver)
    with Supply(PROFILES["coral-dev"], powered=lambda: False, cpu_ns=lambda: 0) as supply:
        twin = TWINS[driver]("m1", options, supply, seed=seed)
        try:
            with kind.open("m1", kind.Config.model_validate(options | twin.start())) as meter:
                block = meter.read()
        finally:
            twin.close()
    assert abs(block.volts[0]) < 0.02
    assert abs(block.amps[0]) < 0.02
