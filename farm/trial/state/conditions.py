"""What a plan wants of a board beyond the model: demands of its state, and settings made for the trial."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from devices.registry import known_boards, load_board

from ...errors import UsageFault
from ...lab.words import contradictions, unknown
from .demands import Demands, pair, parse_demands

_ORDER = ("power_mode", "governor", "max_clocks", "fan")
"""A power mode moves the others."""
_DEMANDED = frozenset({"governor", "power_mode"})
"""Settings that a board's state tells: who sets one demands it."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Demands, and what is set beforehand and put back afterwards."""

    demands: Demands = field(default_factory=Demands)
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of the board model's, in the order in which they are set."""

    @classmethod
    def of(cls, demands: Demands, settings: Mapping[str, str]) -> "Conditions":
        """Put both together: what is set is demanded too, unless something else is."""
        known = [name for name in _ORDER if name in settings]
        ordered = {name: settings[name] for name in [*known, *(name for name in settings if name not in known)]}
        told = {name: value for name, value in ordered.items() if name in _DEMANDED}
        return cls(demands.over(Demands.model_validate(told)), ordered)


NOTHING = Conditions()
"""Nothing is wanted, and nothing is set."""


def parse_conditions(demands: Iterable[str], settings: Iterable[str], model: str) -> Conditions:
    """Read ``NAME=VALUE`` of a command line for a board model.

    Raises:
        UsageFault: one line for each that is wrong; nothing was touched.
    """
    faults: list[str] = []
    asked = Demands()
    try:
        asked = parse_demands(demands)
    except UsageFault as fault:
        faults += fault.faults
    words = list(settings)
    faults += [f"--set {what}" for what in contradictions(words)]
    given = dict(map(pair, words))
    faults += [f"--set {name}={given[name]}: {why}" for name, why in refused_settings(model, given)]
    if faults:
        raise UsageFault(faults)
    return Conditions.of(asked, given)


def refused_settings(model: str, settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (setting, what is wrong with it) of what a board model does not have, or not so."""
    if model not in known_boards():
        return  # told elsewhere
    known = load_board(model).settings
    for name, value in settings.items():
        if name not in known:
            yield name, f"a {model} has no such setting; {unknown(name, known)}"
        elif not re.fullmatch(known[name].values, value):
            yield name, f"{value!r} is none of its values, which match {known[name].values}"
