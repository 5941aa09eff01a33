"""What a meter's errors do to a difference, where one unit measured both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

from farm.store.record import PowerFacts, Record
from power.budget import Term, expanded


@dataclass(frozen=True, slots=True)
class SameUnit:
    """An offset is in both sides and cancels; a wrong gain only stretches the difference."""

    own: float
    """Share of a side's uncertainty that is its own: of the window, not of the unit."""
    gain: float
    """Relative limit of the gain's error."""


def same_unit(a: Sequence[Record], b: Sequence[Record]) -> SameUnit | None:
    """Return what does not cancel; None where it is not known that one unit on one rail of one board measured all."""
    records = [*a, *b]
    places = {_place(record) for record in records}
    powers = [record.supply for record in records if record.supply is not None]
    if len(places) != 1 or None in places or not all(power.budget for power in powers):
        return None
    return SameUnit(max(_own(power) for power in powers), max(_gain(power) for power in powers))


def _place(record: Record) -> tuple[str, ...] | None:
    power, board = record.supply, record.board
    if power is None or power.serial_number is None or board.serial_number is None:
        return None
    # an accuracy that is stated otherwise is that of another range
    return board.serial_number, power.driver, power.serial_number, power.rail, power.accuracy_source


def _own(power: PowerFacts) -> float:
    terms = [Term(**part.model_dump()) for part in power.budget if not part.name.endswith((" gain", " range"))]
    return expanded(terms) / power.u_joules if power.u_joules else 0.0


def _gain(power: PowerFacts) -> float:
    return sum(part.joules for part in power.budget if part.name.endswith(" gain")) / abs(power.joules)
