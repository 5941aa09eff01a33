"""Raspberry Pi 3 B and 3 B+."""

from typing import ClassVar

from .raspberry_pi import RaspberryPi


class RaspberryPi3(RaspberryPi):
    """Four A53 cores, no accelerator of its own; hosts one on USB 2."""

    model: ClassVar[str] = "raspberry-pi3"
    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
    usb: ClassVar[int] = 2
