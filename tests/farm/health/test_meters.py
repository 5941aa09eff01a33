"""A reading that makes no sense is told; one that does is let be."""

import math

import pytest

from farm.errors import LabFault
from farm.health.meters import Reading, check_reading, rail_volts


@pytest.mark.parametrize(
    ("rail", "volts"),
    [
        ("19 V barrel jack", (15.2, 22.8)),
        ("USB 5 V", (4.0, 6.0)),
        ("5.1V pin header", (4.08, 6.12)),
        ("9 V to 36 V input", (7.2, 43.2)),
        ("the thick red wire", (0.5, 300.0)),
        ("VIN of carrier 3", (0.5, 300.0)),
    ],
)
def test_the_volts_of_a_rail_are_read_off_its_words(rail, volts):
    assert rail_volts(rail) == pytest.approx(volts)


@pytest.mark.parametrize(
    ("reading", "told"),
    [
        (Reading(math.nan, 0.5, math.nan), "m-1: answers, and has no value for volts"),
        (Reading(5.0, math.inf, math.inf), "m-1: answers, and has no value for amps"),
        (Reading(12.0, 0.5, 6.0), r"m-1: reads 12 V; 'USB 5 V' is 4 to 6 V"),
        (Reading(5.0, 0.0, 0.0), "m-1: reads 0 W on a board that is on"),
        (Reading(5.0, -0.5, -2.5), "m-1: reads -2.5 W on a board that is on"),
    ],
)
def test_nonsense_is_named_with_its_figures(reading, told):
    with pytest.raises(LabFault, match=told):
        check_reading("m-1", "USB 5 V", reading, powered=True)


def test_a_plausible_reading_and_a_dead_rail_are_no_faults():
    check_reading("m-1", "USB 5 V", Reading(4.98, 0.2, 1.0), powered=True)
    check_reading("m-1", "USB 5 V", Reading(0.0, 0.0, 0.0), powered=False)
