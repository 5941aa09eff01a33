"""A meter whose readings are corrected by its certificate."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from power.block import Block, Flag
from power.calibrated import Calibration, Correction, calibrated
from power.meter import Accuracy, Identity, Tolerance

MAKERS = Accuracy(Tolerance(0.001, 0.01), Tolerance(0.002, 0.02), "maker")


class Unit:
    """Reads 5.02 V and 0.49 A for 5 V and 0.5 A."""

    name, rate_hz, aperture_s, bandwidth_hz, accuracy, stamp_bound_s = "m1", 10.0, 0.1, None, MAKERS, 0.0
    verified = ("twin",)
    closed = False

    def identity(self) -> Identity:
        return Identity("acme", "one", "7")

    def read(self) -> Block:
        return Block.one(7, 5.02, 0.49, Flag.STALE)

    def stream(self) -> Iterator[Block]:
        yield Block.join([self.read(), Block.one(9, float("nan"), 0.49)])

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> "Unit":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WattMeter(Unit):
    accuracy = Accuracy(None, None, "maker", Tolerance(0.01, 0.1))

    def read(self) -> Block:
        return Block.one(7, float("nan"), float("nan"), watts=10.4)


def of(**corrections: Correction) -> Calibration:
    return Calibration.model_validate({"date": "2026-01-10", "certificate": "X-1", **corrections})


VOLTS, AMPS = Correction(gain=1.002, offset=0.01), Correction(gain=0.98, u_gain=0.0003, u_offset=0.0001)


def test_readings_are_what_was_true_and_the_raw_ones_can_be_had_back() -> None:
    by = of(volts=VOLTS, amps=AMPS)
    block = calibrated(Unit(), by).read()
    assert block.volts == pytest.approx([5.0])
    assert block.amps == pytest.approx([0.5])
    assert block.watts == pytest.approx([2.5])
    assert (block.t_ns[0], block.flags[0]) == (7, Flag.STALE)
    assert block.volts * VOLTS.gain + VOLTS.offset == pytest.approx([5.02])
    assert block.amps * AMPS.gain + AMPS.offset == pytest.approx([0.49])


def test_a_stream_is_corrected_too_and_no_value_stays_none() -> None:
    (block,) = calibrated(Unit(), of(volts=VOLTS)).stream()
    assert block.volts[0] == pytest.approx(5.0)
    assert np.isnan(block.volts[1])
    assert block.amps == pytest.approx([0.49, 0.49])


def test_the_certificates_uncertainty_replaces_the_makers_limits_part_by_part() -> None:
    accuracy = calibrated(Unit(), of(volts=Correction(gain=1.002, u_gain=0.0002), amps=AMPS)).accuracy
    assert accuracy.volts == Tolerance(0.0002, 0.01)
    assert accuracy.amps == Tolerance(0.0003, 0.0001)
    assert accuracy.source == "maker; calibrated on 2026-01-10 (certificate X-1), valid until 2027-01-10"
    assert calibrated(Unit(), of(volts=VOLTS)).accuracy.amps == MAKERS.amps


def test_watts_that_are_measured_as_such_have_a_correction_of_their_own() -> None:
    by = of(watts=Correction(gain=1.02, offset=0.2, u_gain=0.004))
    meter = calibrated(WattMeter(), by)
    assert meter.read().watts == pytest.approx([10.0])
    assert meter.accuracy.watts == Tolerance(0.004, 0.1)
    assert calibrated(WattMeter(), of(volts=VOLTS)).read().watts == pytest.approx([10.4])


def test_watts_of_a_meter_of_volts_and_amps_can_be_corrected_as_such() -> None:
    meter = calibrated(Unit(), of(watts=Correction(gain=5.02 * 0.49 / 2.5, u_gain=0.001, u_offset=0.002)))
    assert meter.read().watts == pytest.approx([2.5])
    assert meter.read().volts == pytest.approx([5.02])
    assert meter.accuracy.watts == Tolerance(0.001, 0.002)


def test_all_else_is_the_meters_own() -> None:
    unit = Unit()
    with calibrated(unit, of(volts=VOLTS)) as meter:
        assert (meter.name, meter.rate_hz, meter.aperture_s, meter.verified) == ("m1", 10.0, 0.1, ("twin",))
        assert meter.identity().serial_number == "7"
    assert unit.closed
    assert calibrated(unit, None) is unit


def test_it_expires_the_day_after_its_last() -> None:
    by = Calibration.model_validate({"date": "2026-01-10", "valid_days": 30})
    assert by.valid_until == date(2026, 2, 9)
    assert not by.expired(date(2026, 2, 9))
    assert by.expired(date(2026, 2, 10))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"date": "10.1.2026"}, "is no date; write it as 2026-01-31"),
        ({"date": (datetime.now(UTC).date() + timedelta(days=3)).isoformat()}, "lies in the future"),
        ({"volts": {"gain": 100.2}}, "100.2 is no gain of a meter that works; write reading / true value, near 1"),
        ({"volts": {"gain": float("nan")}}, "finite"),
        ({"volts": {"u_gain": -0.1}}, "greater than or equal to 0"),
        ({"volts": {"factor": 1.0}}, "Extra inputs"),
        ({"valid_days": 0}, "greater than or equal to 1"),
        ({"watts": {}, "amps": {}}, "or watts count twice"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Calibration.model_validate({"date": "2026-01-10", **wrong})


def test_what_volts_and_amps_read_apart_leave_open_stays_so() -> None:
    class Apart(Unit):
        accuracy = replace(MAKERS, apart_s=0.1)

    assert calibrated(Apart(), of(volts=VOLTS)).accuracy.apart_s == 0.1
