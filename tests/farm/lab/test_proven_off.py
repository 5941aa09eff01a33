"""What is taken for a proof that a board has no power, and what is not."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from devices.errors import ConsoleFault
from farm.errors import LabFault
from farm.lab.inventory import Lab
from farm.lab.proven_off import Off, Watts, prove_off
from power.errors import MeterOffline

LAB = Lab.model_validate(
    {
        "lab": "shelf",
        "meters": {"m1": {"driver": "um25c", "rail": "USB 5 V"}, "m2": {"driver": "um25c", "rail": "USB 5 V"}},
        "switches": {"s1": {"driver": "serial-relay", "proof": {"meter": "m1", "off_below_watts": 0.5}}},
        "boards": {"a": {"model": "pi-zero-aiy", "switch": "s1", "meters": ["m1", "m2"]}},
    }
)


class Console:
    """Answers a newline with what it is given, or is gone."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer

    def write(self, data: bytes) -> None:
        if self.answer is None:
            raise ConsoleFault("a", "the port is gone")

    def follow(self, *, since: int, idle_s: float) -> Iterator[bytes]:
        while True:
            yield self.answer or b""


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ANSWERS_S", "_LIVES_ON_S", "_AGAIN_S"):
        monkeypatch.setattr(f"farm.lab.alive.{name}", 0.01)
    monkeypatch.setattr("farm.lab.proven_off._AGAIN_S", 0.0)


def off(console: Console | None = None, within_s: float = 0.05, **watts: Watts) -> Off:
    other: Any = console
    return prove_off(LAB, "a", watts, other, within_s=within_s)


def silent() -> float:
    raise MeterOffline("m1", "no answer")


def test_a_meter_that_reads_nothing_and_a_dead_console_prove_it() -> None:
    assert str(off(Console(b""), m1=lambda: 0.01)) == "off: m1 reads 0.01 W, its console is silent"


def test_a_proofs_own_limit_holds_for_its_meter_and_none_for_another() -> None:
    assert off(m1=lambda: 0.4).proven_by == ("m1 reads 0.40 W",)
    with pytest.raises(LabFault, match=r"^a: its switch s1 says off, and m2 reads 0\.40 W\n  try: "):
        off(m2=lambda: 0.4)


def test_capacitors_may_run_empty_first() -> None:
    readings = iter([3.0, 1.0, 0.1])
    assert off(within_s=60.0, m1=lambda: next(readings)).proven_by == ("m1 reads 0.10 W",)


def test_a_meter_that_is_wired_backwards_reads_power_too() -> None:
    with pytest.raises(LabFault, match=r"m1 reads -3\.00 W"):
        off(m1=lambda: -3.0)


def test_a_console_that_answers_gives_the_lie_to_every_meter() -> None:
    with pytest.raises(LabFault, match="its console still answers"):
        off(Console(b"\r\npi-zero login: "), m1=lambda: 0.0)


def test_what_cannot_be_asked_proves_nothing_and_is_named() -> None:
    found = off(Console(None), m1=silent, m2=lambda: math.nan)
    assert found.proven_by == ()
    said = "off, not proven: m1: no answer; m2: has no value; its console's port is gone, or takes nothing"
    assert str(found) == said
    assert str(off()) == "off, not proven: it has neither meter nor console"


def test_a_sensor_of_the_board_itself_is_not_asked_and_proves_nothing() -> None:
    own = LAB.meters["m2"].model_copy(update={"driver": "ina3221", "options": {"rail": "VDD_IN"}})
    lab = LAB.model_copy(update={"meters": LAB.meters | {"m2": own}})

    def never() -> float:
        raise AssertionError("it is asked for nothing")

    other: Any = Console(b"")
    assert prove_off(lab, "a", {"m1": lambda: 0.0, "m2": never}, other).proven_by == (
        "m1 reads 0.00 W",
        "its console is silent",
    )
    assert str(prove_off(lab, "a", {"m2": never}, None)) == (
        "off, not proven: it has neither a meter outside it nor console"
    )
