"""Limits of error that nobody looked up, or that do not hold in this heat, are told with the watts."""

import pytest

from farm.store.record import CalibrationFacts, CorrectionFacts, PowerFacts, Watts
from farm.trial.limits import limits

_CERTIFIED = CorrectionFacts(gain=1.0, offset=0.0, u_gain=0.001, u_offset=0.001)


def facts(source, *, assumed=False, **more):
    watts = Watts(watts=5.0, u_watts=0.1)
    figures = {"joules": 100.0, "u_joules": 2.0, "joules_mean_times_duration": 100.0, "peak_watts": 6.0}
    return PowerFacts(
        **{
            "meter": "m1",
            "driver": "dmm7510",
            "rail": "5 V",
            "made": "board",
            "accuracy_source": source,
            "accuracy_assumed": assumed,
            "nominal_rate_hz": 10.0,
            "rate_hz": 10.0,
            "aperture_s": 0.1,
            "readings": 200,
            "lost": 0,
            "mean": watts,
            "joules_per_inference": 0.5,
            "u_joules_per_inference": 0.01,
            **figures,
            **more,
        }
    )


def test_assumed_limits_are_told_with_their_source():
    (why,) = limits([facts("amps: wider than the data sheet, 3 A range", assumed=True)], ())
    assert why.startswith("limits: m1: its limits of error are assumed, so is ±: amps: wider than")


@pytest.mark.parametrize(
    "one",
    [
        facts("IM WT310E-02EN, section 7.3"),
        facts("Korad KA3005P manual; how old what it shows is: assumed"),
        facts("?", assumed=True, how="estimated", estimated_why="5 volts were assumed, not measured"),
        facts("?", assumed=True, calibration=CalibrationFacts(volts=_CERTIFIED, amps=_CERTIFIED)),
        facts("?", assumed=True, calibration=CalibrationFacts(watts=_CERTIFIED)),
    ],
    ids=["looked up", "another word", "estimated anyway", "certified", "certified watts"],
)
def test_nothing_is_said_where_limits_are_known_or_do_not_count(one):
    assert list(limits([one], (23.0, 24.0))) == []


def test_half_a_certificate_leaves_the_assumption():
    half = CorrectionFacts(gain=1.0, offset=0.0, u_gain=0.001)
    assert len(list(limits([facts("?", assumed=True, calibration=CalibrationFacts(watts=half))], ()))) == 1


@pytest.mark.parametrize(("air", "told"), [((12.0, 23.0), "12.0"), ((27.0, 34.5), "34.5"), ((None, 31.0), "31.0")])
def test_air_beyond_the_data_sheets_is_told(air, told):
    (why,) = limits([facts("looked up")], air)
    assert f"the air is at {told} °C; limits of error are stated for 18 to 28 °C" in why


@pytest.mark.parametrize("air", [(), (None, None), (18.0, 28.0)])
def test_air_within_them_or_unknown_is_not(air):
    assert list(limits([facts("looked up")], air)) == []
