"""Bench supplies and multimeters: the farm's drivers on their twins, over real sockets and a real pseudo-terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from power.block import Block, Flag
from power.errors import FrameError, InstrumentFault, MeterOffline
from power.meter import Meter
from power.registry import load_meter
from power.sampler import Sampler
from power.twin.instrument import Twin
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

VOLTS, WATTS = 19.0, 7.0
"""A Jetson TX2 at rest."""
OPTIONS: dict[str, dict[str, Any]] = {
    "2281s": {"nplc": 0.1},
    "34465a": {"amps_range": 1.0, "assume_volts": VOLTS},
    "dmm6500": {"measures": "volts", "assume_amps": WATTS / VOLTS},
    "dmm7510": {"amps_range": 1.0, "assume_volts": VOLTS},
    "dp832": {"channel": 2},
    "hmp4040": {"channel": 4},
    "ka3005p": {},
    "nge100": {"channel": 3},
    "ngl": {"channel": 2},
    "scpi": {"volts_query": "MEAS:VOLT?", "amps_query": "MEAS:CURR?"},
    "spd1000x": {},
    "spd3303x": {"channel": 2},
    "wt330": {"element": "2", "volts_range": 30, "amps_range": 1},
}


@contextmanager
def twin_of(driver: str, **more: object) -> Iterator[tuple[Twin, dict[str, Any]]]:
    options = {**OPTIONS[driver], **more}
    with Supply(PROFILES["jetson-tx2"], powered=lambda: True, cpu_ns=lambda: 0) as supply:
        twin = TWINS[driver]("m1", options, supply, seed=7)
        try:
            yield twin, options | twin.start()
        finally:
            twin.close()


@contextmanager
def meter_on(driver: str, **more: object) -> Iterator[tuple[Twin, Meter]]:
    with twin_of(driver, **more) as (twin, options):
        kind = load_meter(driver)
        with kind.open("m1", kind.Config.model_validate(options)) as meter:
            yield twin, meter


@pytest.mark.parametrize("driver", OPTIONS)
def test_a_reading_is_within_its_limits_and_every_setting_is_confirmed(driver: str) -> None:
    with meter_on(driver) as (_, meter):
        block, limits = meter.read(), meter.accuracy
    assert "not confirmed" not in limits.source
    assert limits.volts is not None
    assert limits.amps is not None
    assert block.volts[0] == pytest.approx(VOLTS, abs=1.1 * (limits.volts.of_reading * VOLTS + limits.volts.offset))
    amps = WATTS / VOLTS
    assert block.amps[0] == pytest.approx(amps, abs=1.1 * (limits.amps.of_reading * amps + limits.amps.offset))
    assert block.flags[0] == 0


@pytest.mark.parametrize("driver", OPTIONS)
def test_a_garbled_answer_is_never_a_number(driver: str) -> None:
    with meter_on(driver) as (twin, meter):
        meter.read()
        twin.inject("garbage")
        with pytest.raises(FrameError):
            meter.read()


@pytest.mark.parametrize("driver", ["dp832", "dmm6500", "2281s", "ka3005p"])
def test_silence_is_offline(driver: str) -> None:
    with meter_on(driver) as (twin, meter):
        meter.read()
        twin.inject("silent")
        with pytest.raises(MeterOffline):
            meter.read()


@pytest.mark.parametrize("driver", ["34465a", "dmm7510"])
def test_more_than_the_range_is_flagged(driver: str) -> None:
    with meter_on(driver, amps_range=0.1) as (_, meter):
        block = meter.read()
    assert block.flags[0] == Flag.OVERLOAD
    assert np.isnan(block.amps[0])


def test_another_output_is_not_taken_for_the_one_that_is_meant() -> None:
    with twin_of("hmp4040") as (_, options):
        kind = load_meter("hmp4040")
        with kind.open("m1", kind.Config.model_validate({**options, "channel": 1})) as meter:
            assert abs(meter.read().watts[0]) < 0.1


def test_an_output_that_the_supply_refuses_is_a_fault() -> None:
    with twin_of("hmp4040") as (_, options):
        kind = load_meter("hmp4040")
        config = kind.Config.model_validate(options).model_copy(update={"channel": 9})
        with pytest.raises(InstrumentFault, match="Data out of range"):
            kind.open("m1", config)


def test_a_2281s_gives_all_it_measured_at_its_own_times() -> None:
    with meter_on("2281s") as (_, meter):
        blocks: list[Block] = []
        for block in meter.stream():
            blocks.append(block)
            if sum(len(b) for b in blocks) > 100:
                break
    block = Block.join(blocks)
    steps_ms = np.diff(block.t_ns) / 1e6
    assert np.median(steps_ms) == pytest.approx(4.0, abs=0.1)
    assert (steps_ms >= 0).all()
    assert len(blocks) < len(block) / 3  # in blocks, not one by one


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("34465a", {"sample_rate_hz": 500.0}),
        ("dmm7510", {"sample_rate_hz": 1000.0}),
        ("dmm6500", {"sample_rate_hz": 1000.0, "volts_range": 100.0}),
    ],
)
def test_a_multimeters_timer_gives_blocks_on_its_own_time_base(driver: str, options: dict[str, Any]) -> None:
    with meter_on(driver, **options) as (_, meter):
        before_ns, blocks = time.monotonic_ns(), list[Block]()
        for block in meter.stream():
            blocks.append(block)
            if sum(len(b) for b in blocks) > 0.5 * meter.rate_hz:
                break
        after_ns = time.monotonic_ns()
    assert "not confirmed" not in meter.accuracy.source
    block = Block.join(blocks)
    assert before_ns < block.t_ns[0]
    assert block.t_ns[-1] < after_ns
    assert np.diff(block.t_ns) / 1e9 == pytest.approx(1 / options["sample_rate_hz"], rel=0.01)
    assert block.watts.mean() == pytest.approx(WATTS, rel=0.01)
    assert not block.flags.any()
    assert len(blocks) < len(block) / 5


def test_a_memory_that_ran_over_is_a_loss_and_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("power.scpi.k34465a._HOLDS", 400)
    with meter_on("34465a", sample_rate_hz=500.0) as (_, meter):
        stream = iter(meter.stream())
        next(stream)
        time.sleep(1.0)
        late = next(stream)
    assert late.flags[0] == Flag.LOST_BEFORE
    assert not late.flags[1:].any()


def test_a_memory_that_runs_over_before_it_can_be_fetched_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("power.scpi.k34465a._HOLDS", 10)
    with meter_on("34465a", sample_rate_hz=500.0) as (_, meter), pytest.raises(MeterOffline, match="runs over again"):
        next(iter(meter.stream()))


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"sample_rate_hz": 500.0}, "needs a fixed amps_range; the instrument has 0.0001, 0.001"),
        ({"sample_rate_hz": 1e6, "amps_range": 1.0}, "samples at 0.1 to 5000 Hz"),
        ({"amps_range": 0.5}, "the instrument has 0.0001"),
        ({"measures": "volts", "amps_range": 1.0}, "it measures volts"),
        ({"volts_range": 1.0, "amps_range": 1.0}, "it measures amps"),
        ({"measures": "amps", "assume_amps": 1.0}, "assume the other quantity"),
    ],
)
def test_options_that_a_multimeter_cannot_have_are_told_with_those_it_has(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        load_meter("34465a").Config.model_validate({"resource": "x", **options})


def test_answers_about_ranges_are_never_watts_and_are_told_as_lost() -> None:
    """Hundreds of public MLPerf logs have them as "watts nan", or worse."""
    with meter_on("wt330", update_rate_s=0.1) as (twin, meter), Sampler(meter) as sampler:
        twin.inject("stale")
        until_s = time.monotonic() + 60
        while len(sampler._errors) < 3 or len(sampler._blocks) < 10:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        trace = sampler.stop()
    assert trace.block.watts == pytest.approx(np.full(len(trace.block), WATTS), rel=0.05)
    assert trace.lost >= 3
    assert all("values, not 3" in error for error in trace.errors)


@pytest.mark.parametrize(("set_to", "quantity"), [("CURR", "amps"), ("VOLT", "volts")])
@pytest.mark.parametrize("driver", ["34465a", "dmm6500"])
def test_a_multimeter_that_is_told_nothing_is_read_as_its_front_panel_has_it(
    driver: str, set_to: str, quantity: str
) -> None:
    with Supply(PROFILES["jetson-tx2"], powered=lambda: True, cpu_ns=lambda: 0) as supply:
        twin: Any = TWINS[driver]("m1", {}, supply, seed=7)
        try:
            options = twin.start()
            twin.function = set_to
            kind = load_meter(driver)
            with kind.open("m1", kind.Config.model_validate(options)) as meter:
                block = meter.read()
        finally:
            twin.close()
    assert getattr(block, quantity)[0] == pytest.approx({"volts": VOLTS, "amps": WATTS / VOLTS}[quantity], rel=0.01)
    assert np.isnan(block.watts[0])
    other = {"volts": "amps", "amps": "volts"}[quantity]
    assert f"{other} are not measured" in meter.accuracy.source


def test_a_multimeter_that_is_set_to_ohms_is_a_fault() -> None:
    with Supply(PROFILES["jetson-tx2"], powered=lambda: True, cpu_ns=lambda: 0) as supply:
        twin: Any = TWINS["34465a"]("m1", {}, supply, seed=7)
        try:
            options = twin.start()
            twin.function = "RES"
            kind = load_meter("34465a")
            with pytest.raises(InstrumentFault, match="neither direct volts nor amps"):
                kind.open("m1", kind.Config.model_validate(options))
        finally:
            twin.close()
