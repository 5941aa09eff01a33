"""Edge server with an Intel host and TI C66x processors on PCIe cards."""

from typing import ClassVar

from .x86 import X86


class TiC66xServer(X86):
    """The host of 32 to 64 C66x cores; the cards are its accelerators, of the kind ``ti-c66x``."""

    model: ClassVar[str] = "ti-c66x"
    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
    boot_timeout_s: ClassVar[float] = 300.0
    """Assumed: server firmware tests its memory and initialises every card before it boots."""
