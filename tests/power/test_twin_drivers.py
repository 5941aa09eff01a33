"""The farm's drivers on the twins: right numbers, and every fault under its own name."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from power.block import Flag
from power.energy import energy
from power.errors import FrameError, MeterOffline, SwitchOffline
from power.meter import Meter
from power.registry import METERS, SWITCHES, load_meter, load_switch
from power.sampler import Sampler
from power.switch import PowerSwitch, cycle
from power.twin.instrument import Twin
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

WIRING: dict[str, tuple[str, dict[str, Any]]] = {
    "n6705c": ("jetson-tx2", {"channel": 1}),
    "wt310e": ("atom-e3930", {"volts_range": 15, "amps_range": 2}),
    "fnb58": ("coral-dev", {}),
    "km003c": ("coral-dev", {}),
    "lpm01a": ("coral-dev", {"volts": 3.3}),
    "otii": ("coral-dev", {}),
    "ppk2": ("coral-dev", {"mode": "ampere", "volts": 5.0}),
    "um24c": ("coral-dev", {}),
    "um25c": ("pi-zero-aiy", {}),
    "um34c": ("coral-dev", {}),
    "tc66c": ("coral-dev", {}),
    "scpi-output": ("jetson-tx2", {"channel": 1, "min_off_s": 0.1}),
    "serial-relay": ("pi-zero-aiy", {"channel": 2, "board": "lcus-feedback", "min_off_s": 0.1}),
    "shelly": ("coral-dev", {"relay": 0, "min_off_s": 0.1}),
    "snmp-pdu": ("atom-e3930", {"outlet": 3, "mib": "rpdu2", "min_off_s": 0.1}),
    "tasmota": ("coral-dev", {"relay": 2, "min_off_s": 0.1}),
}


UNASKED = {"fnb58", "lpm01a", "ppk2"}
"""Units that send on their own: what they leave out is a loss, but no error."""
KEEPING = {"otii"}
"""Units that keep what they have measured: an answer that gets lost is asked for again, and loses nothing."""


def wait_until(happened) -> None:
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def readings(sampler: Sampler) -> int:
    return sum(len(block) for block in list(sampler._blocks))


@contextmanager
def twin_of(driver: str) -> Iterator[tuple[Twin, dict[str, Any]]]:
    """A started twin of a board at rest, and the options that lead to it."""
    model, options = WIRING[driver]
    on = [True]
    supply = Supply(PROFILES[model], powered=lambda: on[0], cpu_ns=lambda: 0)
    twin = TWINS[driver]("m1", options, supply, set_power=lambda wanted: on.__setitem__(0, wanted), seed=5)
    with ExitStack() as stack:
        stack.callback(supply.close)
        stack.callback(twin.close)
        yield twin, options | twin.start()


@contextmanager
def meter_on(driver: str) -> Iterator[tuple[Twin, Meter]]:
    with twin_of(driver) as (twin, options):
        kind = load_meter(driver)
        with kind.open("m1", kind.Config.model_validate(options)) as meter:
            yield twin, meter


@contextmanager
def switch_on(driver: str) -> Iterator[tuple[Twin, PowerSwitch]]:
    with twin_of(driver) as (twin, options):
        kind = load_switch(driver)
        with kind.open("s1", kind.Config.model_validate(options)) as switch:
            yield twin, switch


@pytest.mark.parametrize("driver", sorted(METERS.keys() & WIRING.keys()))
def test_a_meter_states_the_twins_own_joules_within_its_uncertainty(driver: str) -> None:
    with meter_on(driver) as (twin, meter), Sampler(meter) as sampler:
        wait_until(lambda: readings(sampler) > 1.6 * meter.rate_hz + 3)
        trace = sampler.stop()
        start_ns, end_ns = int(trace.block.t_ns[1]) - 1, int(trace.block.t_ns[-2]) + 1
        wait_until(lambda: time.monotonic_ns() > end_ns)  # a clock that is mapped may be some milliseconds ahead
        stated = energy(
            trace.block,
            start_ns,
            end_ns,
            rate_hz=meter.rate_hz,
            aperture_s=meter.aperture_s,
            accuracy=meter.accuracy,
            allow_lost=True,
        )
        assert stated.joules == pytest.approx(twin.supply.truth(start_ns, end_ns), abs=1.5 * stated.u_joules)
        assert trace.rate_hz < 1.2 * meter.rate_hz, "an update was read twice"


@pytest.mark.parametrize("driver", sorted(METERS.keys() & WIRING.keys()))
def test_a_silent_meter_is_offline(driver: str) -> None:
    with meter_on(driver) as (twin, meter):
        twin.inject("silent")
        with pytest.raises(MeterOffline) as seen:
            meter.read()
        assert seen.value.device == "m1"
        assert seen.value.hint


@pytest.mark.parametrize("driver", sorted(METERS.keys() & WIRING.keys()))
def test_garbage_from_a_meter_is_never_a_number(driver: str) -> None:
    with meter_on(driver) as (twin, meter):
        twin.inject("garbage")
        with pytest.raises(FrameError):
            meter.read()


@pytest.mark.parametrize("driver", sorted((METERS.keys() & WIRING.keys()) - KEEPING))
def test_a_meter_that_leaves_out_answers_is_opened_and_survived_and_the_loss_is_told(driver: str) -> None:
    with twin_of(driver) as (twin, options):
        twin.inject("drop")
        kind = load_meter(driver)
        with kind.open("m1", kind.Config.model_validate(options)) as meter, Sampler(meter) as sampler:
            wait_until(lambda: sampler._blocks)
            seen = len(sampler._errors)
            if driver in UNASKED:
                wait_until(lambda: any(block.flags.any() for block in sampler._blocks))
            else:
                wait_until(lambda: len(sampler._errors) > seen)  # between two readings
            assert sampler.fault is None
            twin.inject("drop", on=False)
            seen = readings(sampler)
            wait_until(lambda: readings(sampler) > seen + 1)  # one may have been under way
            trace = sampler.stop()
        assert trace.errors or driver in UNASKED
        assert trace.lost > 0


@pytest.mark.parametrize("driver", sorted(d for d in METERS.keys() & WIRING.keys() if "lose" in TWINS[d].faults))
def test_samples_that_a_unit_leaves_out_are_told_and_made_up_by_nobody(driver: str) -> None:
    with meter_on(driver) as (twin, meter), Sampler(meter) as sampler:
        twin.inject("lose")
        wait_until(lambda: sum(int((block.flags & Flag.LOST_BEFORE > 0).sum()) for block in sampler._blocks) > 1)
        trace = sampler.stop()
    assert trace.lost > 0
    assert not trace.errors


@pytest.mark.parametrize("driver", sorted(SWITCHES.keys() & TWINS.keys()))
def test_a_switch_cycles_the_rail(driver: str) -> None:
    with switch_on(driver) as (twin, switch):
        assert switch.state() is True
        switch.off()
        assert not twin.supply.on
        assert switch.state() is False
        cycle(switch, sleep=lambda _: None)
        assert twin.supply.on


@pytest.mark.parametrize("driver", sorted(SWITCHES.keys() & TWINS.keys()))
@pytest.mark.parametrize("fault", ["silent", "garbage"])
def test_a_switch_that_cannot_be_understood_is_offline_not_off(driver: str, fault: str) -> None:
    with switch_on(driver) as (twin, switch):
        twin.inject(fault)
        with pytest.raises(SwitchOffline):
            switch.state()
        assert twin.supply.on
