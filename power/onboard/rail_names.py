"""Rails of a board by their names: one, or several whose watts are added, none of them twice."""

from collections.abc import Sequence

from ..errors import UnknownChoice

_INPUTS = ("VDD_IN", "POM_5V_IN", "VIN")
"""What feeds a Jetson's module, or the whole board: the other rails hang behind it and are in it."""
_BESIDE = ("VDD_MUX",)
"""Feeds the TX2's carrier beside the module's VDD_IN: their sum is the board's input, says energymon."""


def chosen(meter: str, wanted: str, there: Sequence[str]) -> list[str]:
    """Return the rails that an option names: ``VDD_IN``, or ``VDD_IN+VDD_MUX``.

    Raises:
        UnknownChoice: one is not there, or there twice; or a sum would count watts twice.
    """
    names = [name.strip() for name in wanted.split("+")]
    for name in names:
        if (count := list(there).count(name)) != 1:
            what = "several rails are" if count else "no rail is"
            raise UnknownChoice(meter, f"{what} called {name!r}; there are {', '.join(sorted(set(there))) or 'none'}")
    for feed in (name for name in names if name in _INPUTS):
        if held := [name for name in names if name != feed and name not in _BESIDE]:
            raise UnknownChoice(meter, f"{feed} holds {', '.join(held)}: a sum would count those watts twice")
    if len(set(names)) < len(names):
        raise UnknownChoice(meter, f"{wanted!r} names a rail twice")
    return names
