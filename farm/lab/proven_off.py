"""What proves that a board has no power: watts, and a console that is dead. A switch that says off is not enough.

Relays weld, a hub may have a register and no transistor, and a board is fed through its UART, HDMI or USB as well: that
no meter on its supply sees, but whoever sits at its console does.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from power.errors import PowerError

from ..errors import LabFault
from .alive import sign_of_life
from .inventory import Lab, ProofEntry
from .own_sensors import lives_on_board

if TYPE_CHECKING:
    from devices.console import Console

Watts = Callable[[], float]
"""Reads a meter once; raises PowerError, and NaN is no value."""

_EMPTY_S = 10.0
"""Until a meter must read nothing, assumed: it shows averages of up to a second, and capacitors take as long again."""
_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Off:
    """A board whose switch says off, and nothing says otherwise."""

    proven_by: tuple[str, ...]
    """``um25c-1 reads 0.00 W``, ``its console is silent``; empty: nobody but the switch says so."""
    doubts: tuple[str, ...] = ()
    """What might have proven it, and could not be asked."""

    def __str__(self) -> str:
        """Return it in words, beginning with ``off``."""
        if self.proven_by:
            return f"off: {', '.join(self.proven_by)}"
        return f"off, not proven: {'; '.join(self.doubts)}"


def prove_off(
    lab: Lab,
    board: str,
    watts: Mapping[str, Watts],
    console: "Console | None",
    *,
    doubts: tuple[str, ...] = (),
    within_s: float = _EMPTY_S,
) -> Off:
    """Return what proves that a board is off, whose switch has said so.

    A board that is off costs one reading of each meter, and 0.8 s on its console.

    Args:
        lab: the inventory.
        board: its name.
        watts: its meters. Of sensors on the board itself nothing is asked: their silence proves nothing.
        console: open; None where it has none, or it cannot be opened.
        doubts: why it cannot.
        within_s: by when the meters must read nothing.

    Raises:
        LabFault: a meter reads power, or the console answers: the board is fed all the same.
    """
    proven: list[str] = []
    unproven = list(doubts)
    outside = {meter: read for meter, read in watts.items() if not lives_on_board(lab.meters[meter])}
    for meter, read in outside.items():
        try:
            read_watts = _least(read, _off_below_watts(lab, board, meter), within_s)
        except PowerError as error:
            unproven.append(str(error).partition("\n")[0])
            continue
        if abs(read_watts) >= _off_below_watts(lab, board, meter):
            also = f" Or does {meter} show that for nothing? Then name it under `proof:`, with its `off_below_watts:`."
            raise _fed(lab, board, f"{meter} reads {read_watts:.2f} W", also)
        if math.isnan(read_watts):
            unproven.append(f"{meter}: has no value")
        else:
            proven.append(f"{meter} reads {abs(read_watts):.2f} W")
    sign = None if console is None else sign_of_life(console)
    if sign == "answers":
        raise _fed(lab, board, "its console still answers")
    if sign == "silent":
        proven.append("its console is silent")
    if sign == "gone":
        unproven.append("its console's port is gone, or takes nothing")
    meter = "a meter outside it" if watts else "meter"
    return Off(tuple(proven), tuple(unproven) or (f"it has neither {meter} nor console",) * (not proven))


def _least(read: Watts, off_below_watts: float, within_s: float) -> float:
    """Return the first watts that are as good as none, or the last ones; NaN where the meter had no value."""
    deadline_ns = time.monotonic_ns() + int(within_s * 1e9)
    while abs(watts := read()) >= off_below_watts and time.monotonic_ns() < deadline_ns:
        time.sleep(_AGAIN_S)
    return watts


def _off_below_watts(lab: Lab, board: str, meter: str) -> float:
    switch = lab.boards[board].switch
    proof = None if switch is None else lab.switches[switch].proof
    return (proof if proof is not None and proof.meter == meter else ProofEntry(meter=meter)).off_below_watts


def _fed(lab: Lab, board: str, but: str, also: str = "") -> LabFault:
    switch = lab.boards[board].switch
    hint = (
        f"is it fed through its UART, HDMI or USB port, or is {switch} another board's? "
        f"`farm lab verify-wiring` tells which.{also}"
    )
    return LabFault(board, f"its switch {switch} says off, and {but}", hint=hint)
