"""Boards with an Intel Atom of the Apollo Lake family, and what their processors are by their maker's data."""

from dataclasses import dataclass
from typing import ClassVar

from .x86 import X86


@dataclass(frozen=True, slots=True)
class Processor:
    """What a processor and its board offer a model."""

    name: str
    cores: int
    clock_hz: int
    """That all cores keep for ever, within the watts that it is rated for."""
    burst_hz: int
    """That it reaches while it is cool and not all of it is busy."""
    memory_bytes: int
    """Of the board, all of it."""
    flags: frozenset[str]
    """Of the vector instructions that a model's kernels may use, as Linux names them."""
    source: str


_GOLDMONT = frozenset({"sse", "sse2", "ssse3", "sse4_1", "sse4_2"})
"""Goldmont cores know no AVX (Intel, Architecture Instruction Set Extensions; GCC's -march=goldmont lists the same)."""
_E3930 = Processor(
    "Intel Atom x5-E3930",
    cores=2,
    clock_hz=1_300_000_000,
    burst_hz=1_800_000_000,
    memory_bytes=8 << 30,
    flags=_GOLDMONT,
    source="Intel's product specifications, x5-E3930 (2M cache, up to 1.80 GHz); 8 GB fitted",
)
_E3940 = Processor(
    "Intel Atom x5-E3940",
    cores=4,
    clock_hz=1_600_000_000,
    burst_hz=1_800_000_000,
    memory_bytes=8 << 30,
    flags=_GOLDMONT,
    source="Intel's product specifications, x5-E3940 (2M cache, up to 1.80 GHz); 8 GB fitted",
)
PROCESSORS = {"atom-e3930": _E3930, "atom-e3940": _E3940, "deeplens": _E3930}
"""By board model: those that another x86-64 computer can stand in for."""


class AtomE3930(X86):
    """pico-ITX board with an x5-E3930: two cores at 1.3 GHz, 6.5 W."""

    model: ClassVar[str] = "atom-e3930"
    verified: ClassVar[tuple[str, ...]] = ("qemu twin", "process twin", "published bytes")
    supply_volts: ClassVar[tuple[float, float] | None] = (11.4, 12.6)
    """12 V (board makers' data); 5 % is ATX's tolerance, assumed."""


class AtomE3940(X86):
    """mini-ITX board with an x5-E3940: four cores at 1.6 GHz, 9.5 W."""

    model: ClassVar[str] = "atom-e3940"
    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
    supply_volts: ClassVar[tuple[float, float] | None] = (11.4, 12.6)
    """As the E3930's (assumed)."""


class DeepLens(X86):
    """AWS DeepLens: an x5-E3930 with a camera inside, on a USB port; SSH and no console outside its case."""

    model: ClassVar[str] = "deeplens"
    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
