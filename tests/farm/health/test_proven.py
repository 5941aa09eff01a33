"""Whether a board has power, where its switch cannot be asked and a meter stands in for it."""

import math
from concurrent.futures import Future

import pytest

from farm.health.meters import Reading
from farm.health.one_look import _proven
from farm.lab.inventory import Lab
from power.errors import MeterOffline

LAB = Lab.model_validate(
    {
        "lab": "shelf",
        "meters": {"m1": {"driver": "um25c", "rail": "USB 5 V"}},
        "switches": {
            "blind": {"driver": "serial-relay", "proof": {"meter": "m1", "off_below_watts": 0.5}},
            "bare": {"driver": "serial-relay"},
        },
        "boards": {"a": {"model": "pi-zero-aiy", "switch": "blind", "meters": ["m1"]}},
    }
)


def read(answer):
    meter = Future()
    meter.set_result(answer)
    return {"m1": meter}


@pytest.mark.parametrize(("watts", "powered"), [(0.9, True), (0.5, True), (0.4, False), (math.nan, None)])
def test_a_proofs_watts_tell_on_from_off_and_no_value_tells_nothing(watts, powered):
    assert _proven(LAB, "blind", read(Reading(5.0, watts / 5, watts))) is powered


def test_a_proof_that_does_not_answer_leaves_it_unknown():
    assert _proven(LAB, "blind", read(MeterOffline("m1", "no answer", hint="x"))) is None
    assert _proven(LAB, "bare", read(Reading(5.0, 0.0, 0.0))) is None
    assert _proven(LAB, None, {}) is None
