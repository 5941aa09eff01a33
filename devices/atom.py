"""Boards with an Intel Atom of the Apollo Lake family."""

from typing import ClassVar

from .x86 import X86


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
