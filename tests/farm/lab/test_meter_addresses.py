"""Two meters of an inventory at one address are a slip; two channels, rails or daemons are two meters."""

import pytest

from farm.lab.checks import check


def faults(driver, *options):
    meters = {f"m{n}": {"driver": driver, "rail": "5 V", "options": given} for n, given in enumerate(options)}
    return [fault.text for fault in check({"lab": "demo", "meters": meters, "boards": {}}) if "address" in fault.text]


PTD = {"volts_range": 300, "amps_range": 1}


@pytest.mark.parametrize(
    ("driver", "one", "other"),
    [
        ("ptdaemon", {"address": "a:8888", **PTD}, {"address": "b:8888", **PTD}),
        ("ptdaemon", {"address": "a:8888", "channel": 1, **PTD}, {"address": "a:8888", "channel": 2, **PTD}),
        ("ina3221", {"rail": "VDD_IN"}, {"rail": "VDD_MUX"}),
        ("rapl", {}, {"zone": "package-1"}),
        ("nvml", {}, {"gpu": "1"}),
    ],
)
def test_two_places_are_two_meters_and_one_place_is_one(driver, one, other):
    assert faults(driver, one, other) == []
    assert faults(driver, one, {**one, "serial_number": "7"} if driver in ("ptdaemon", "nvml") else one) != []
