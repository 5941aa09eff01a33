"""Whether a meter is right: what its readings say, and which meter is caught."""

from dataclasses import replace

import numpy as np
import pytest

from power.block import Block, Flag
from power.meter import Accuracy, Tolerance
from power.meter_check import noise, rate, values, zero
from power.meter_gain import Load, Read, against_load, against_meter

LIMITS = Accuracy(Tolerance(0.0005, 0.002), Tolerance(0.001, 0.0004), "of a UM25C")
OHMS = 10.0


def readings(volts, amps, *, rate_hz=10.0, noise=1e-4, seed=1) -> Block:
    rng = np.random.default_rng(seed)
    volts, amps = (np.asarray(column, np.float64) for column in np.broadcast_arrays(volts, amps))
    t_ns = (np.arange(len(volts)) * 1e9 / rate_hz).astype(np.int64) + 10**12
    scattered = [column + rng.normal(0, noise, len(column)) for column in (volts, amps)]
    return Block(t_ns, *scattered, np.zeros(len(t_ns), np.uint8))


def constant(volts=5.0, amps=0.5, count=60, **how) -> Block:
    return readings(np.full(count, volts), np.full(count, amps), **how)


def test_readings_that_come_as_they_should_are_fine() -> None:
    found = rate(constant(), 10.0)
    assert found.wrong == ""
    assert found.figures["rate_hz"] == pytest.approx(10.0)
    assert found.figures["largest_gap_s"] == pytest.approx(0.1)
    assert found.figures["lost"] == 0


def test_lost_readings_a_slow_meter_and_a_silent_one_are_told_apart() -> None:
    gone = constant().pick(np.arange(60) % 7 != 2)
    assert rate(gone, 10.0).wrong == "9 of 60 readings are lost"
    assert rate(constant(rate_hz=8.0), 10.0).wrong == "8 readings a second come, not 10"
    assert rate(constant(count=3), 10.0).wrong == "too few readings to tell"


def test_no_value_is_no_reading_and_beyond_the_range_is_told() -> None:
    assert values(constant()).wrong == ""
    nothing = constant(volts=np.nan, amps=np.nan)
    assert values(nothing).wrong == "no reading has a value"
    beyond = replace(constant(), flags=np.full(60, int(Flag.OVERLOAD), np.uint8))
    assert values(beyond).wrong == "60 of 60 readings are beyond its range"
    stuck = replace(constant(), flags=np.full(60, int(Flag.STALE), np.uint8))
    assert values(stuck).wrong == "all 60 readings are stale"


def test_noise_that_is_white_has_no_slow_part_and_drift_has() -> None:
    (volts, amps) = noise(constant(noise=1e-3, count=2000, rate_hz=100.0))
    assert (volts.what, amps.what) == ("noise, volts", "noise, amps")
    assert amps.figures["standard_deviation"] == pytest.approx(1e-3, rel=0.05)
    assert amps.figures["slow"] < 3e-4
    assert amps.figures["allan_1s"] == pytest.approx(1e-4, rel=0.5)  # a tenth: the mean of a hundred readings
    drifting = readings(np.full(2000, 5.0), 0.5 + np.linspace(0, 0.02, 2000), noise=1e-4, rate_hz=100.0)
    slow = noise(drifting)[1]
    assert slow.figures["slow"] == pytest.approx(0.02 / 12**0.5, rel=0.05)


def test_an_offset_is_caught_with_the_load_off_and_noise_is_none() -> None:
    (fine,) = zero(constant(amps=0.0), LIMITS)
    assert fine.wrong == ""
    (off,) = zero(constant(amps=0.002), LIMITS)
    assert off.wrong.startswith("reads +0.00199")
    assert "its limit of error there is 0.0004 A" in off.wrong
    (noisy,) = zero(constant(amps=0.0006, noise=2e-3), LIMITS)
    assert noisy.wrong == ""


def test_own_watts_have_a_zero_of_their_own() -> None:
    block = replace(constant(amps=np.nan), own_watts=np.full(60, 0.3))
    (found,) = zero(block, Accuracy(None, None, "x", Tolerance(0.01, 0.1)))
    assert (found.what, found.figures["offset"]) == ("zero, watts", pytest.approx(0.3))
    assert found.wrong


@pytest.mark.parametrize(("gain", "caught"), [(1.0, False), (1.008, False), (1.03, True), (1.1, True), (0.97, True)])
def test_a_wrong_scale_is_caught_by_a_known_load(gain, caught) -> None:
    found = against_load(constant(amps=0.5 * gain), LIMITS, Load(ohms=OHMS, tolerance=0.01))
    assert found.figures["gain"] == pytest.approx(gain, abs=1e-3)
    assert bool(found.wrong) is caught
    if caught:
        assert found.wrong.startswith(f"reads {found.figures['gain']:.4g} times the 0.5 A of the load; ")
        assert "the load's 0.01, its volts'" in found.wrong


def test_a_load_that_is_switched_meanwhile_gives_a_step_in_which_offsets_cancel() -> None:
    amps = np.concatenate([np.full(30, 0.2), [0.3, 0.5], np.full(30, 0.7)]) + 0.05  # an offset far beyond the limits
    found = against_load(readings(np.full(62, 5.0), amps), LIMITS, Load(ohms=OHMS, tolerance=0.01))
    assert found.wrong == ""
    assert found.figures["stepped"] == 1
    assert found.figures["got"] == pytest.approx(0.5, abs=1e-3)
    assert found.figures["rise_s"] == pytest.approx(0.3, abs=0.11)
    down = against_load(readings(np.full(62, 5.0), amps[::-1] * 1.03), LIMITS, Load(ohms=OHMS, tolerance=0.01))
    assert "reads 1.03 times the 0.5 A" in down.wrong


def test_a_load_of_known_watts_does_for_a_meter_that_tells_watts_only() -> None:
    block = replace(constant(volts=np.nan, amps=np.nan), own_watts=np.full(60, 10.5))
    limits = Accuracy(None, None, "x", Tolerance(0.01, 0.1))
    assert "gain 1.05" in against_load(block, limits, Load(watts=10.0, tolerance=0.01)).said
    assert against_load(block, limits, Load(watts=10.0, tolerance=0.01)).wrong
    assert not against_load(block, limits, Load(watts=10.4, tolerance=0.01)).wrong
    assert "--load-watts" in against_load(block, limits, Load(ohms=OHMS)).hint


def test_a_load_without_volts_is_no_load() -> None:
    assert (
        against_load(constant(volts=0.0, amps=0.0, noise=0.0), LIMITS, Load(ohms=OHMS)).wrong
        == "no volts lie on the load"
    )


def read(block: Block, name: str, rate_hz=10.0) -> Read:
    return Read(name, block, LIMITS, rate_hz)


def test_two_meters_that_agree_within_their_limits_are_fine() -> None:
    found = against_meter(read(constant(), "a"), read(constant(rate_hz=25.0, count=150, seed=2), "b", 25.0))
    assert [one.what for one in found] == ["volts against b", "amps against b", "watts against b"]
    assert not any(one.wrong for one in found)
    assert found[1].figures["gain"] is None  # of a constant load gain and offset cannot be told apart


def test_meters_of_watts_only_are_compared_by_their_watts() -> None:
    def watts_only(watts: float, seed: int) -> Block:
        return replace(constant(volts=np.nan, amps=np.nan, seed=seed), own_watts=np.full(60, watts))

    limits = Accuracy(None, None, "x", Tolerance(0.01, 0.1))
    reads = [Read(name, watts_only(watts, 1), limits, 10.0) for name, watts in (("a", 10.0), ("b", 10.3), ("c", 10.6))]
    (fine,) = against_meter(reads[0], reads[1])
    assert (fine.what, fine.wrong) == ("watts against b", "")
    assert fine.figures["limit"] == pytest.approx(0.2)
    assert against_meter(reads[0], reads[2])[0].wrong


def test_a_meter_that_tells_amps_alone_has_values() -> None:
    assert values(constant(volts=np.nan)).said == "60 of 60 have a value"


def test_two_meters_that_do_not_are_told_with_both_uncertainties() -> None:
    volts, amps, watts = against_meter(read(constant(amps=0.515), "a"), read(constant(seed=2), "b"))
    assert not volts.wrong
    assert amps.wrong.startswith("reads 0.51499 A where b reads 0.49999; their limits of error are ± 0.000915 and")
    assert watts.wrong


def test_of_a_load_that_changes_gain_and_offset_are_told_apart() -> None:
    true = np.repeat([0.2, 0.8, 0.4, 1.0], 30)
    found = against_meter(
        read(readings(np.full(120, 5.0), true * 1.03 + 0.01), "a"), read(readings(np.full(120, 5.0), true, seed=2), "b")
    )
    assert found[1].figures["gain"] == pytest.approx(1.03, abs=2e-3)
    assert found[1].figures["offset"] == pytest.approx(0.01, abs=2e-3)


def test_meters_that_did_not_read_at_the_same_time_are_not_compared() -> None:
    later = constant()
    later = replace(later, t_ns=later.t_ns + 10**11)
    assert all(
        "too few readings at the same time" in one.wrong
        for one in against_meter(read(constant(), "a"), read(later, "b"))
    )
