"""What meters measure: kinds of watts, which hold which, and wiring that contradicts itself."""

from pathlib import Path
from textwrap import dedent

import pytest

from farm.errors import UsageFault
from farm.lab.inventory import load
from farm.lab.rails import rails

METER = {
    "wall": "{driver: wt310e, rail: 230 V, kind: wall, options: {resource: 'TCPIP::192.0.2.1::INSTR'}}",
    "jack": "{driver: dp832, rail: 19 V jack, volts: 19, options: {resource: 'TCPIP::192.0.2.2::INSTR'}}",
    "vdd-in": "{driver: tegrastats, rail: module, options: {rail: VDD_IN}}",
    "cpu": "{driver: tegrastats, rail: processors, options: {rail: VDD_SYS_CPU}}",
    "io": "{driver: tegrastats, rail: carrier, options: {rail: VDD_5V0_IO_SYS}}",
    "rapl": "{driver: rapl, rail: package}",
    "jack-2": "{driver: dp832, rail: 19 V jack, options: {resource: 'TCPIP::192.0.2.3::INSTR'}}",
    "through": "{driver: ppk2, rail: 3.3 V, options: {port: /dev/ttyACM0, mode: ampere, volts: 3.3}}",
    "source": "{driver: ppk2, rail: 3.3 V, options: {port: /dev/ttyACM1, mode: source, volts: 3.3}}",
    "assumed": "{driver: 34465a, rail: 5 V, options: {resource: 'TCPIP::192.0.2.4::INSTR', assume_volts: 5}}",
}


def lab(folder: Path, *names: str, **changed: str):
    """Return the lab of one board on this machine with these meters, the first first."""
    meters = "\n".join(f"  {name}: {changed.get(name, METER[name])}" for name in names)
    text = f"lab: desk\nmeters:\n{meters}\n" + dedent(f"""\
        boards:
          here:
            model: jetson-tx2
            ssh: {{host: localhost, user: me}}
            meters: [{", ".join(names)}]
        """)
    (folder / "inventory.yaml").write_text(text)
    return load(folder / "inventory.yaml")


def refused(folder: Path, *names: str, **changed: str) -> str:
    with pytest.raises(UsageFault) as seen:
        lab(folder, *names, **changed)
    return str(seen.value)


def test_each_rail_lies_within_the_nearest_that_must_hold_it(tmp_path):
    found = rails(lab(tmp_path, "wall", "jack", "vdd-in", "cpu", "io", "rapl"), "here")
    assert {name: (rail.kind, rail.within) for name, rail in found.items()} == {
        "wall": ("wall", None),
        "jack": ("inlet", "wall"),
        "vdd-in": ("rail", "jack"),
        "cpu": ("rail", "vdd-in"),
        "io": ("rail", "jack"),  # of the carrier, beside the module
        "rapl": ("chip", "jack"),
    }


def test_two_meters_on_one_rail_measure_the_same(tmp_path):
    found = rails(lab(tmp_path, "jack", "jack-2", "cpu"), "here")
    assert [rail.same_as for rail in found.values()] == [None, "jack", None]


def test_volts_that_are_said_have_a_tolerance(tmp_path):
    found = rails(lab(tmp_path, "jack", "jack-2"), "here")
    assert found["jack"].volts == pytest.approx((18.05, 19.95))
    assert found["jack-2"].volts is None


@pytest.mark.parametrize(
    ("meter", "why"),
    [
        ("rapl", "RAPL is the processor's own account"),
        ("assumed", "5 volts were assumed, not measured"),
        ("through", "3.3 volts were assumed, not measured"),
        ("source", None),  # what it delivers it has set itself
        ("jack", None),
    ],
)
def test_what_is_not_measured_is_an_estimate(tmp_path, meter, why):
    found = rails(lab(tmp_path, meter), "here")[meter].estimated_why
    assert found is None if why is None else found is not None and found.startswith(why)


def test_a_rail_does_not_stand_for_the_board_where_its_input_is_measured(tmp_path):
    said = refused(tmp_path, "cpu", "jack")
    assert (
        "boards.here.meters.0: 'cpu' measures one rail inside, and the first one's watts stand for the board; " in said
    )
    assert said.endswith("put 'jack' first")


def test_rails_alone_may_stand_for_themselves(tmp_path):
    assert list(rails(lab(tmp_path, "vdd-in", "cpu"), "here")) == ["vdd-in", "cpu"]


@pytest.mark.parametrize(
    ("names", "changed", "said"),
    [
        (
            ("vdd-in", "cpu"),
            {"vdd-in": METER["vdd-in"].replace("rail: module", "rail: module, within: cpu")},
            "vdd-in is within cpu is within vdd-in: no watts hold themselves",
        ),
        (("rapl",), {"rapl": "{driver: rapl, rail: x, kind: wall}"}, "'rapl' measures one chip only, not at the wall"),
        (
            ("jack", "cpu"),
            {"jack": METER["jack"].replace("volts: 19", "within: cpu")},
            "'cpu' measures one rail inside, which cannot hold watts at the board's input",
        ),
        (("jack",), {"jack": METER["jack"].replace("volts: 19", "within: jack")}, "no watts hold themselves"),
        (
            ("jack",),
            {"jack": METER["jack"].replace("volts: 19", "within: plug")},
            "'plug' is no meter of the same board",
        ),
        (
            ("jack",),
            {"jack": METER["jack"].replace("volts: 19", "volts: 24")},
            "here, a jetson-tx2, takes 5.5 to 19.6 V",
        ),
    ],
)
def test_wiring_that_contradicts_itself_is_refused_by_line(tmp_path, names, changed, said):
    found = refused(tmp_path, *names, **changed)
    assert said in found
    assert "inventory.yaml:3: meters." in found
