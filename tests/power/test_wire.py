"""Answers kept as bytes in ``tests/wire/power``: what a driver once understood, it goes on understanding."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from power.meter import Meter
from power.registry import load_meter
from power.scpi.korad import KA3005P
from power.scpi.n6705c import N6705C
from power.scpi.port import ScpiPort
from power.scpi.wt310e import WT310E
from power.testing import Replay
from power.usb.fnirsi import FNB58
from power.usb.km003c import KM003C
from power.usb.ppk2 import PPK2
from power.usb.tc66c import TC66C, decrypt, parse
from power.usb.um import UM24C, UM25C, UM34C

WIRE = Path(__file__).parents[1] / "wire" / "power"
WT310E_OPTIONS = WT310E.Config(resource="x", volts_range=15, amps_range=2)


def on_scpi(driver: str, port: Replay) -> Meter:
    kind: Any = load_meter(driver)
    return kind("m1", ScpiPort("m1", port), kind.Config.model_validate({"resource": "x", **SCPI[driver]}))


SCPI: dict[str, dict[str, Any]] = {
    "2281s": {},
    "34465a": {"measures": "volts", "assume_amps": 0.5},
    "dmm6500": {"assume_volts": 5.0},
    "dp832": {},
}
ON_PORT: dict[str, Callable[[Replay], Meter]] = {
    **{driver: partial(on_scpi, driver) for driver in SCPI},
    "ka3005p": lambda port: KA3005P("m1", port),
    "fnb58": lambda port: FNB58("m1", port),
    "km003c": lambda port: KM003C("m1", port),
    "ppk2": lambda port: PPK2("m1", port, PPK2.Config(port="x", mode="ampere", volts=5.0)),
    "n6705c": lambda port: N6705C("m1", ScpiPort("m1", port), 1),
    "tc66c": lambda port: TC66C("m1", port),
    "um24c": lambda port: UM24C("m1", port),
    "um34c": lambda port: UM34C("m1", port),
    "um25c": lambda port: UM25C("m1", port),
    "wt310e": lambda port: WT310E("m1", ScpiPort("m1", port), WT310E_OPTIONS),
}


def wire(driver: str) -> dict[str, Any]:
    return json.loads((WIRE / f"{driver}.json").read_text())


@pytest.mark.parametrize("driver", sorted(ON_PORT))
def test_kept_answers_still_read_as_they_did(driver: str) -> None:
    kept = wire(driver)
    assert kept["origin"]
    with ON_PORT[driver](Replay(bytes.fromhex(answer) for answer in kept["answers"])) as meter:
        block = meter.read()
    assert block.volts == pytest.approx([kept["volts"]])
    assert block.amps == pytest.approx([kept["amps"]])


def test_a_kept_frame_still_names_its_unit() -> None:
    kept = wire("tc66c")
    frame = parse(decrypt(bytes.fromhex(kept["answers"][0])))
    assert [frame.model, frame.firmware, frame.serial_number] == kept["identity"]
