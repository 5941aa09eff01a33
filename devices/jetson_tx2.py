"""NVIDIA Jetson TX2 developer kit, L4T 32 (Ubuntu 18.04)."""

from typing import ClassVar

from .jetson import Jetson, jetson_state


class JetsonTX2(Jetson):
    """Two Denver and four A57 cores, and a Pascal GPU."""

    model: ClassVar[str] = "jetson-tx2"
    verified: ClassVar[tuple[str, ...]] = ("qemu twin", "process twin", "published bytes")
    supply_volts: ClassVar[tuple[float, float] | None] = (5.5, 19.6)
    """VDD_IN of the TX2 (not TX2i): maker's OEM product design guide, table 5."""
    state_script: ClassVar[str] = jetson_state("17000000.gp10b")
