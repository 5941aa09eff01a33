"""Raspberry Pi 3 B and 3 B+."""

from typing import ClassVar

from .raspberry_pi import RaspberryPi


class RaspberryPi3(RaspberryPi):
    """Four A53 cores, no accelerator of its own; hosts one on USB 2."""

    model: ClassVar[str] = "raspberry-pi3"
    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
    supply_volts: ClassVar[tuple[float, float] | None] = (4.75, 5.25)
    """5 V over USB, with USB 2.0's tolerance at the socket."""
    usb: ClassVar[int] = 2
