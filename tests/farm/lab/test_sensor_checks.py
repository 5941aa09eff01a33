"""Watts of the controller's own processor must not pass for a board's."""

import socket

import pytest

from farm.lab.checks import check


def faults(driver, board, **options):
    tree = {
        "lab": "demo",
        "meters": {"m1": {"driver": driver, "rail": "5 V", "options": options}},
        "boards": {"atom-01": {"model": "atom-e3930", "meters": ["m1"], **board}},
    }
    return [fault for fault in check(tree) if "sensors of this machine" in fault.text]


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("rapl", {}),
        ("ina3221", {"rail": "VDD_IN"}),
        ("tegrastats", {"rail": "VDD_IN"}),
        ("nvml", {}),
        ("rapl", {"root": "/"}),
    ],
)
def test_a_board_elsewhere_is_refused_and_this_machine_is_not(driver, options):
    (fault,) = faults(driver, {"ssh": {"host": "192.0.2.13", "user": "farm"}}, **options)
    assert fault.where == ("boards", "atom-01", "meters", 0)
    assert "host: localhost" in fault.text
    for host in ("localhost", "127.0.0.1", socket.gethostname()):
        assert faults(driver, {"ssh": {"host": host, "user": "farm"}}, **options) == []


def test_a_twin_has_none_of_them():
    assert faults("rapl", {"twin": "process", "ssh": {"host": "twin", "user": "farm"}})


def test_below_another_root_lie_other_sensors():
    assert faults("rapl", {"ssh": {"host": "192.0.2.13", "user": "farm"}}, root="/srv/atom") == []


def test_a_meter_on_the_supply_is_no_such_one():
    assert faults("um25c", {"ssh": {"host": "192.0.2.13", "user": "farm"}}, port="/dev/x") == []
