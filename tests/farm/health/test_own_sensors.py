"""A meter that is a part of its board: read while that is up, dead and no fault while it is not."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.cli.health_table import row
from farm.health import look
from farm.lab.bench import borrow
from farm.lab.inventory import Lab, MeterEntry

CHIP = "sys/class/hwmon/hwmon3"
TEXTS = {"name": "ina3221", "in1_label": "VDD_IN", "in1_input": 12_000, "curr1_input": 700}


@pytest.fixture
def lab(twins) -> Iterator[Lab]:
    """The twins' lab, with a sensor on the Atom: files as a kernel would show them there."""
    atom = twins.lab.boards["atom-01"]
    chip = Path(atom.root) / CHIP
    chip.mkdir(parents=True)
    for name, text in TEXTS.items():
        (chip / name).write_text(f"{text}\n")
    own = MeterEntry(driver="ina3221", rail="12 V of the module", options={"rail": "VDD_IN"})
    yield twins.lab.model_copy(
        update={
            "meters": twins.lab.meters | {"module": own},
            "boards": twins.lab.boards | {"atom-01": atom.model_copy(update={"meters": [*atom.meters, "module"]})},
        }
    )
    shutil.rmtree(chip)


@pytest.fixture
def atom_is_up(twins, lab) -> None:
    with borrow(lab, "atom-01", state=twins.state) as bench:
        bench.settings.leave_on()
        bench.ensure_up()


def test_its_watts_stand_beside_those_of_the_meter_outside(twins, lab, atom_is_up):
    health = look(lab, "atom-01", twins.state)
    assert (health.state, health.faults) == ("ok", [])
    assert list(health.watts) == [*twins.lab.boards["atom-01"].meters, "module"]
    assert health.watts["module"] == pytest.approx(8.4)


def test_a_sensor_that_a_board_which_is_up_does_not_show_is_faulty(twins, lab, atom_is_up):
    (Path(lab.boards["atom-01"].root) / CHIP / "name").write_text("tmp451\n")
    health = look(lab, "atom-01", twins.state)
    assert (health.state, health.up, health.watts["module"]) == ("faulty", True, None)
    assert [fault.partition("\n")[0] for fault in health.faults] == ["module: no INA3221 under /sys"]


def test_a_board_that_is_off_has_no_faulty_sensor_and_is_not_proven_off_by_it(twins, lab):
    with borrow(lab, "atom-01", state=twins.state) as bench:
        assert "module" not in str(bench.power_off())
    health = look(lab, "atom-01", twins.state)
    assert (health.state, health.bad, health.watts["module"]) == ("off", False, None)
    assert health.off_proven_by == ["wall-1 reads 0.00 W", "its console is silent"]
    assert row(health)[4] == "off"


def test_a_board_whose_switch_is_not_known_and_that_does_not_answer_is_told_once(twins, lab):
    with borrow(lab, "atom-01", state=twins.state) as bench:
        bench.power_off()
    atom = lab.boards["atom-01"].model_copy(update={"switch": None, "meters": ["module"]})
    health = look(lab.model_copy(update={"boards": lab.boards | {"atom-01": atom}}), "atom-01", twins.state)
    assert not any(fault.startswith("module") for fault in health.faults), "the board's fault, not its sensor's"
    assert health.watts == {"module": None}


def test_on_a_bench_it_is_made_of_what_its_board_is(twins, lab, atom_is_up):
    with borrow(lab, "atom-01", state=twins.state) as bench:
        on = bench.meter("module")
        assert on.made == "process twin"
        assert float(on.meter.read().watts[0]) == pytest.approx(8.4)
