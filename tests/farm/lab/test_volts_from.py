"""Two meters of the inventory that make watts together: what may be wired so, and what is refused."""

from pathlib import Path

import pytest

from farm.errors import UsageFault
from farm.lab import calibration
from farm.lab.inventory import Lab, load
from farm.lab.paired import open_wired, with_volts
from power.block import Block
from power.meter import Accuracy, Identity, Tolerance

AMPS = {"measures": "amps", "amps_range": "3"}
VOLTS = {"measures": "volts", "volts_range": "10"}


def lab(
    folder: Path, *, amps=AMPS, volts=VOLTS, volts_from="dmm-volts", meters="[dmm-amps]", more="", of_volts=""
) -> Lab:
    """Return the lab of a board whose rail is measured by two multimeters."""
    told = [", ".join(f"{key}: {value}" for key, value in options.items()) for options in (amps, volts)]
    (folder / "inventory.yaml").write_text(f"""\
lab: desk
meters:
  dmm-amps:
    driver: 34465a
    rail: 5 V input
    volts_from: {volts_from}
    options: {{resource: 192.0.2.1:5025, {told[0]}}}
  dmm-volts:
    driver: dmm6500
    rail: 5 V input
    options: {{resource: 192.0.2.2:5025, {told[1]}}}
    {of_volts}
{more}
boards:
  here:
    model: raspberry-pi3
    ssh: {{host: 192.0.2.9, user: me}}
    meters: {meters}
""")
    return load(folder / "inventory.yaml")


def test_one_line_wires_the_instrument_that_tells_the_volts(tmp_path):
    assert with_volts(lab(tmp_path), ["dmm-amps"]) == ["dmm-amps", "dmm-volts"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"volts_from": "dmm-volt"}, "meters.dmm-amps.volts_from: no meter 'dmm-volt'; did you mean"),
        ({"volts_from": "dmm-amps"}, "meters.dmm-amps.volts_from: names itself"),
        ({"meters": "[dmm-amps, dmm-volts]"}, "'dmm-volts' already measures 'here'; one meter serves one board, once"),
        ({"amps": {**AMPS, "assume_volts": "5"}}, "meters.dmm-amps.options.assume_volts: is assumed, and"),
        ({"amps": {"aperture_s": "0.02"}}, "so this one is to tell amps; write `measures: amps`"),
        ({"volts": AMPS}, "meters.dmm-volts.options.measures: 'dmm-amps' has `volts_from: dmm-volts`, so this one is"),
        (
            {"of_volts": "calibration: {date: 2026-01-10, watts: {gain: 1.02}}"},
            "meters.dmm-volts.calibration.watts: corrects watts, and 'dmm-amps' has `volts_from: dmm-volts`",
        ),
        ({"of_volts": "volts_from: dmm-amps"}, "'dmm-volts' has its volts from elsewhere itself"),
    ],
)  # fmt: skip
def test_what_makes_no_watts_is_refused_with_its_line(tmp_path, changed, said):
    with pytest.raises(UsageFault) as seen:
        lab(tmp_path, **changed)
    assert said in str(seen.value)


CALIBRATED = "calibration: {date: 2026-01-10, valid_days: 30, certificate: C-7, volts: {gain: 1.02}}"


class Shows:
    """A multimeter that shows one reading."""

    rate_hz, aperture_s, bandwidth_hz, stamp_bound_s = 10.0, 0.02, None, 0.0
    accuracy = Accuracy(Tolerance(1e-3, 0), Tolerance(1e-3, 0), "made up")

    def __init__(self, name, volts, amps):
        self.name, self._block, self.is_open = name, Block.one(1, volts, amps), True

    def identity(self):
        return Identity("ACME", "DMM", self.name)

    def read(self):
        return self._block

    def close(self):
        self.is_open = False


def test_each_is_corrected_by_its_own_certificate_and_the_one_that_ends_is_named(tmp_path):
    here, opened = lab(tmp_path, of_volts=CALIBRATED), dict[str, Shows]()

    def open_one(name, entry):
        opened[name] = Shows(name, *((5.1, float("nan")) if entry.driver == "dmm6500" else (float("nan"), 2.0)))
        return opened[name]

    meter = open_wired(here, "dmm-amps", open_one)
    assert meter.read().watts == pytest.approx([10.0])
    meter.close()
    assert not any(one.is_open for one in opened.values())
    facts = calibration.facts(here, "dmm-amps")
    assert facts is not None
    assert (facts.certificate, facts.amps) == ("C-7", None)
    assert facts.volts is not None
    assert "dmm-volts, which tells its volts: its calibration of 2026-01-10 has expired" in str(facts.warning)


def test_an_instrument_for_volts_that_is_not_there_leaves_nothing_open(tmp_path):
    opened = list[Shows]()

    def open_one(name, entry):
        if entry.driver == "dmm6500":
            raise ConnectionError(name)
        opened.append(Shows(name, float("nan"), 2.0))
        return opened[0]

    with pytest.raises(ConnectionError):
        open_wired(lab(tmp_path), "dmm-amps", open_one)
    assert not opened[0].is_open
