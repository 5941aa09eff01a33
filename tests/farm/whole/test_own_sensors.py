"""A Jetson measured by its own sensors, over SSH: what the farm says of it, and what really flowed."""

from copy import deepcopy

import pytest

from farm.lab.twins import truth

from .conftest import lab_of, lent

OWN = {
    "board-input": {"driver": "ina3221", "rail": "19 V input", "options": {"rail": "VDD_IN+VDD_MUX", "rate_hz": 18.0}},
    "module": {"driver": "ina3221", "rail": "19 V of the module", "options": {"rail": "VDD_IN"}},
}


def a_tx2():
    """Return a lab of a TX2 without any instrument: a switch, and the sensors that it has anyway."""
    lab = lab_of("tx2-01")
    lab["meters"] = deepcopy(OWN)
    lab["boards"]["tx2-01"]["meters"] = list(OWN)
    lab["boards"]["tx2-01"]["switch"] = "relay"
    lab["switches"] = {"relay": {"driver": "shelly", "twin": "process", "options": {"url": "twin", "min_off_s": 0.1}}}
    return lab


def test_a_trial_is_measured_by_the_boards_own_sensors_and_tells_what_really_flowed(tmp_path):
    with lent(tmp_path, "tx2-01", a_tx2()) as lab:
        session = lab.decided(lab.trial(check="max_mean_watts=14"))
        assert session.exit == 0, session.output
        (record,) = [one["record"] for one in lab.records()[:1]]
        (frames,) = [event for event in record["events"] if event["kind"] == "frames"]
        joules = truth(lab.folder / ".farm", "tx2-01", frames["t_ns"], frames["until_ns"])
        health = lab.farm("health")
    inlet, module = record["power"]
    assert [one["made"] for one in (inlet, module)] == ["process twin"] * 2
    assert [one["instrument"] for one in (inlet, module)] == ["INA3221 VDD_IN+VDD_MUX", "INA3221 VDD_IN"]
    for one in (inlet, module):
        assert one["lost"] == 0
        assert [burst["where"] for burst in one["bursts"]] == ["before", "after"]
    assert inlet["joules"] == pytest.approx(joules, abs=inlet["u_joules"])
    assert module["mean"]["watts"] < inlet["mean"]["watts"]
    assert (health.returncode, " off " in health.stdout) == (0, True), health.stdout + health.stderr
