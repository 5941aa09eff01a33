"""A counterpart that is not ours: pyvisa-sim plays the instruments, over links that keep messages apart."""

from pathlib import Path
from typing import Any, cast

import pytest
import pyvisa

from power.port import Port
from power.registry import load_meter
from power.scpi.visa import MessagePort

pytest.importorskip("pyvisa_sim", reason="pyvisa-sim is not installed")
BENCH = Path(__file__).parent / "bench.sim.yaml"


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = pyvisa.ResourceManager(f"{BENCH}@sim")

    def open_link(name: str, resource: str, *, timeout_s: float, baud: int) -> Port:
        return MessagePort(cast("Any", manager.open_resource(resource, open_timeout=round(timeout_s * 1000))))

    monkeypatch.setattr("power.scpi.port.open_link", open_link)
    monkeypatch.setattr("power.scpi.setup._CONFIRM_S", 0.1)


@pytest.mark.parametrize(
    ("driver", "resource", "options", "volts", "amps"),
    [
        ("dp832", "TCPIP0::192.0.2.1::5555::SOCKET", {"channel": 2}, 5.0114, 0.5003),
        ("dp832", "USB0::0x1AB1::0x0E11::DP8A000000001::0::INSTR", {"channel": 2}, 5.0114, 0.5003),
        ("hmp4040", "TCPIP0::192.0.2.2::5025::SOCKET", {"channel": 3}, 5.011, 0.5003),
        ("hmp4040", "ASRL7::INSTR", {"channel": 3}, 5.011, 0.5003),
        ("spd3303x", "TCPIP0::192.0.2.3::5025::SOCKET", {}, 5.011, 0.5),
        ("34465a", "TCPIP0::192.0.2.4::5025::SOCKET", {"amps_range": 3.0, "assume_volts": 5.0}, 5.0, 0.50031287),
        ("34465a", "GPIB0::22::INSTR", {"amps_range": 3.0, "assume_volts": 5.0}, 5.0, 0.50031287),
        ("dmm6500", "TCPIP0::192.0.2.5::5025::SOCKET", {"assume_volts": 5.0}, 5.0, -0.4999995),
    ],
)
def test_a_simulated_instrument_is_read(
    driver: str, resource: str, options: dict[str, Any], volts: float, amps: float
) -> None:
    kind = load_meter(driver)
    with kind.open("m1", kind.Config.model_validate({"resource": resource, **options})) as meter:
        block = meter.read()
    assert (block.volts[0], block.amps[0]) == (pytest.approx(volts), pytest.approx(amps))
