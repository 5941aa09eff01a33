"""What every power meter offers, whatever its bytes look like."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel

from .block import Block
from .kind import Kind


@dataclass(frozen=True, slots=True)
class Identity:
    """What a unit says it is. Empty where it does not say."""

    maker: str
    model: str
    serial_number: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Limit of error of one quantity: ``of_reading * |value| + offset``."""

    of_reading: float
    """Fraction of the reading, e.g. 0.0005 for 0.05 %."""
    offset: float
    """Volts or amps: the share of the range in use, and digits."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Limits of error of a meter on the range in use, and where they are written."""

    volts: Tolerance | None
    amps: Tolerance | None
    """None for a meter that tells watts only."""
    source: str
    watts: Tolerance | None = None
    """Of a meter whose readings are watts that it measured as such; else they are off by what volts and amps are."""
    assumed: bool = False
    """Whether any of these figures is nobody's word for this instrument; ``source`` says which, and after what."""
    apart_s: float = 0.0
    """Volts and amps of a reading may be so far apart: what both do meanwhile, their product does not tell."""

    def __post_init__(self) -> None:
        """Refuse limits that say nothing of the watts."""
        if self.watts is None and (self.volts is None or self.amps is None):
            raise ValueError("limits of error are wanted of watts, or of both volts and amps")


class Meter(Protocol):
    """Measures one supply rail. Sits on an open port; leaving its ``with`` block closes it."""

    Config: ClassVar[type[BaseModel]]
    """The driver's own options in the inventory."""
    verified: ClassVar[tuple[str, ...]]
    """What it was tried on, best first: ``instrument``, ``recorded bytes``, ``twin``, ``board twin`` whose sensors it
    reads, ``published bytes``, and ``published layout`` for what was only written after a description."""

    kinds: ClassVar[tuple[Kind, ...]]
    """What it can measure at all, the usual first."""

    name: str
    rate_hz: float
    """Readings per second that :meth:`stream` delivers when nothing is wrong."""
    aperture_s: float
    """Each reading is the average over this long, centred on its ``t_ns``; 0 for a point sample."""
    accuracy: Accuracy
    bandwidth_hz: float | None
    """3 dB bandwidth of what is sampled; None where the maker does not state it. Faster activity is not seen."""
    stamp_bound_s: float
    """``t_ns`` may be off by so much either way, beyond what aperture and rate explain: of values of unknown age."""

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port, identify and prepare the instrument.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
        """
        ...

    @classmethod
    def estimated_why(cls, options: Mapping[str, Any]) -> str | None:
        """Return what of its watts is not measured with these options of the inventory; None: all is."""
        ...

    def identity(self) -> Identity:
        """Return what the unit said of itself when it was opened."""
        ...

    def read(self) -> Block:
        """Return one fresh reading, shape (1,).

        Raises:
            MeterOffline: no answer within the meter's own timeout.
            FrameError: an answer of the wrong length or checksum.
        """
        ...

    def stream(self) -> Iterator[Block]:
        """Yield blocks in time order until the caller stops.

        A lost reading is a flag and a jump in ``t_ns``; it is never made up.
        """
        ...

    def close(self) -> None:
        """Close the port. May be called twice."""
        ...

    def __enter__(self) -> Self:
        """Return the meter itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        ...
