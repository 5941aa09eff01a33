"""What flashers that go through U-Boot are told of it, and how they get to its prompt."""

from typing import Literal

from pydantic import Field

from ..uboot import Autoboot, UBoot
from .flasher import Options, Seat


class UBootOptions(Options):
    """A board's U-Boot."""

    stop_key: str = Field(default=" ", min_length=1)
    """What stops its countdown: any key, or the whole of its stop string."""
    stop_at: Literal["countdown", "banner"] = "countdown"
    """``banner`` for one that does not count down."""
    prompt: str = ""
    """Its prompt, where it is none of the usual ones."""
    timeout_s: float = Field(default=60.0, gt=0, strict=False)
    """From power on to its prompt, at worst (assumed)."""
    before: list[str] = Field(default=[])
    """Commands to run first; each must succeed."""


def catch(seat: Seat, options: UBootOptions) -> UBoot:
    """Switch the board off and on, stop it in U-Boot, and run the commands that come first.

    Raises:
        UBootFault: its prompt is not reached, or a command fails.
        DeviceError, and what the seat's switch raises.
    """
    how = Autoboot(options.stop_key.encode(), options.stop_at, options.prompt)
    uboot = UBoot.caught(seat.console, since=seat.restart(), timeout_s=options.timeout_s, how=how)
    for command in options.before:
        uboot.run(command)
    return uboot
