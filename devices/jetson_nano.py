"""NVIDIA Jetson Nano developer kit, L4T 32 (Ubuntu 18.04)."""

from typing import ClassVar

from .jetson import Jetson, jetson_state


class JetsonNano(Jetson):
    """Four A57 cores and a Maxwell GPU; power modes MAXN (10 W) and 5W."""

    model: ClassVar[str] = "jetson-nano"
    verified: ClassVar[tuple[str, ...]] = ("qemu twin", "published bytes")
    supply_volts: ClassVar[tuple[float, float] | None] = (4.75, 5.25)
    """5 V at barrel jack or USB; the tolerance is USB's (assumed for the jack)."""
    state_script: ClassVar[str] = jetson_state("57000000.gpu")
