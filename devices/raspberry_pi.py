"""What Raspberry Pis share: the firmware's word on supply and throttling."""

from dataclasses import replace
from typing import ClassVar

from .board import Board, BoardState

# Raspberry Pi documentation, vcgencmd
_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
"""Bits 0 to 3 of ``vcgencmd get_throttled``: now. Bits 16 to 19, same order: since boot."""


def read_throttled(answer: str) -> tuple[bool, str | None] | None:
    """Decode ``throttled=0x50005`` or the kernel's bare hexadecimal; None when it is neither.

    The bits since boot stay until a reboot: compare them before and after a run.
    """
    try:
        bits = int(answer.strip().rpartition("=")[2], 16)
    except ValueError:
        return None
    now = [name for n, name in enumerate(_BITS) if bits >> n & 1]
    since = [name for n, name in enumerate(_BITS) if bits >> (n + 16) & 1]
    told = [f"now {', '.join(now)}"] * bool(now) + [f"since boot {', '.join(since)}"] * bool(since)
    return bool(now), "; ".join(told) or None


class RaspberryPi(Board):
    """A board whose firmware, and not Linux, holds the processor back."""

    state_script: ClassVar[str] = r"""
fact throttled "$(vcgencmd get_throttled 2>/dev/null)"
file throttled "$R/sys/devices/platform/soc/soc:firmware/get_throttled"
"""

    watch_script: ClassVar[str] = r"""
[ -r "$R/sys/devices/platform/soc/soc:firmware/get_throttled" ] ||
  fact throttled "$(vcgencmd get_throttled 2>/dev/null)"
"""
    remembers_throttling: ClassVar[bool] = True

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Add what the firmware says of supply and throttling, now and since boot."""
        state = super().read_state(facts)
        read = read_throttled(facts.get("throttled", ""))
        return state if read is None else replace(state, throttled=read[0], throttle_detail=read[1])
