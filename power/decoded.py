"""What a meter said in captured bytes, without the meter."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from .block import Flag

_NOTHING = Flag(0)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One reading out of captured frames."""

    t_ns: int | None
    """The unit's own time since its first reading in the capture; None where its frames carry none."""
    volts: float
    amps: float
    """Positive the way the unit counts positive. NaN where the unit had no value: never 0."""
    watts: float
    """The unit's own where it tells watts, else volts times amps."""
    flags: Flag = _NOTHING
    """LOST_BEFORE where the unit's counter says that readings are missing."""


class Decode(Protocol):
    """A driver's ``decode``: what :data:`power.registry.DECODERS` names."""

    def __call__(self, data: bytes, **options: str) -> Iterator[Decoded]:
        """Yield the readings in ``data``: frames as the unit sent them, one after the other.

        Args:
            data: all the bytes of a capture; encrypted where the unit encrypts.
            options: the driver's own, as in its ``Config``, where they change how bytes are read.

        Raises:
            ValueError: bytes that are no frame, with their offset in ``data``.
        """
        ...
