"""Calibration in the inventory: checked with file and line, warned of where it counts no more, kept in the record."""

from datetime import date

import pytest

from farm.cli.main import main
from farm.errors import UsageFault
from farm.lab.calibration import facts, warnings
from farm.lab.inventory import load

INVENTORY = """\
lab: shelf
{top}meters:
  um25c-1:
    driver: um25c
    rail: USB 5 V
    options: {{port: /dev/rfcomm0}}
{calibration}boards:
  one: {{model: coral-dev, ssh: {{host: h, user: u}}, meters: [um25c-1]}}
"""
GOOD = """\
    calibration:
      date: 2024-01-10
      valid_days: 365
      certificate: D-K-15070
      volts: {gain: 1.0002, offset: 0.003}
      amps: {gain: 0.9991, u_gain: 0.0004, u_offset: 0.0002}
"""


@pytest.fixture
def lab(tmp_path):
    def write(calibration="", top=""):
        path = tmp_path / "inventory.yaml"
        path.write_text(INVENTORY.format(calibration=calibration, top=top))
        return load(path)

    return write


def test_a_record_holds_what_was_corrected_and_how(lab):
    found = facts(lab(GOOD), "um25c-1", date(2024, 6, 1))
    assert (found.date, found.valid_until, found.certificate) == ("2024-01-10", "2025-01-09", "D-K-15070")
    assert (found.volts.gain, found.volts.offset, found.volts.u_gain) == (1.0002, 0.003, None)
    assert (found.amps.gain, found.amps.u_gain, found.watts, found.warning) == (0.9991, 0.0004, None, None)


def test_one_that_has_expired_is_warned_of_in_the_record_and_by_farm_check(lab, tmp_path, capsys):
    told = "its calibration of 2024-01-10 has expired on 2025-01-09; have it calibrated"
    assert facts(lab(GOOD), "um25c-1").warning == told
    assert main(["check", "--inventory", str(tmp_path / "inventory.yaml")]) == 0
    assert capsys.readouterr().err == f"warning: um25c-1: {told}\n"


def test_none_is_needed_unless_the_lab_demands_one(lab):
    assert facts(lab(), "um25c-1") is None
    assert warnings(lab()) == []
    demanding = lab(top="calibration_required: true\n")
    assert facts(demanding, "um25c-1").warning.startswith("has no calibration, and this lab demands one")
    assert warnings(demanding)[0].startswith("um25c-1: has no calibration")


@pytest.mark.parametrize(
    ("calibration", "told"),
    [
        (GOOD.replace("2024", "2124"), ":8: meters.um25c-1.calibration.date: 2124-01-10 lies in the future; write"),
        (GOOD.replace("2024-01-10", "soon"), ":8: meters.um25c-1.calibration.date: is no date; write it as 2026-01-31"),
        (GOOD.replace("1.0002", "100.02"), ":11: meters.um25c-1.calibration.volts.gain: 100.02 is no gain of a meter"),
        (GOOD.replace("u_gain", "uncertainty"), ":12: meters.um25c-1.calibration.amps.uncertainty: unknown key; "),
        (GOOD.replace("      date: 2024-01-10\n", ""), "meters.um25c-1.calibration.date: missing; add `date:`"),
    ],
)
def test_nonsense_is_told_with_file_and_line(lab, calibration, told):
    with pytest.raises(UsageFault) as fault:
        lab(calibration)
    assert told in str(fault.value)
