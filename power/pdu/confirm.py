"""A switch has switched when it says so itself."""

import time
from collections.abc import Callable

from ..errors import SwitchUnconfirmed

_LOOK_AGAIN_S = 0.05

BLIND_HINT = "name a meter on the board's rail as the switch's `proof:` in the inventory"
"""For a switch that cannot be asked."""


def confirm(name: str, state: Callable[[], bool], wanted: bool, *, within_s: float, hint: str) -> None:
    """Ask until the switch answers with the wanted state.

    Raises:
        SwitchUnconfirmed: it still answers with the other one after ``within_s``.
    """
    deadline_ns = time.monotonic_ns() + round(within_s * 1e9)
    while state() is not wanted:
        if time.monotonic_ns() >= deadline_ns:
            said, asked = ("off", "on") if wanted else ("on", "off")
            raise SwitchUnconfirmed(name, f"says {said} {within_s:g} s after it was told to switch {asked}", hint=hint)
        time.sleep(_LOOK_AGAIN_S)
