"""Raspberry Pi Zero W with the AIY Vision Bonnet."""

from typing import ClassVar

from .raspberry_pi import RaspberryPi


class PiZeroAIY(RaspberryPi):
    """One ARM11 core; the vision processor sits on the bonnet."""

    model: ClassVar[str] = "pi-zero-aiy"
    verified: ClassVar[tuple[str, ...]] = ("qemu twin", "process twin", "published bytes")
    supply_volts: ClassVar[tuple[float, float] | None] = (4.75, 5.25)
    """5 V over USB, with USB 2.0's tolerance at the socket."""
    usb: ClassVar[int] = 2
    boot_timeout_s: ClassVar[float] = 180.0
    """Assumed: Raspbian from a slow card on one 1 GHz core."""
