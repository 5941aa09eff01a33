"""What can be made to go wrong with a board twin."""

import time
from typing import Literal, get_args

Fault = Literal[
    "hang-at-boot",
    "kernel-panic",
    "reset",
    "drop-ssh",
    "stalled-ssh",
    "silent-ssh",
    "new-host-key",
    "slow-disk",
    "full-disk",
    "garbage-console",
    "back-powered",
    "throttled",
    "other-governor",
    "other-load",
    "low-memory",
    "slow-usb",
    "no-python",
]
FAULTS: tuple[str, ...] = get_args(Fault)

_SLOW_BYTES_PER_S = 200_000  # assumed: a worn SD card
_SLOW_SEEK_S = 0.05  # assumed
_PAGE_BYTES = 4096
"""Less stays in the page cache, or is no file at all: a word to a helper on the board never touches the disk."""


class Faults:
    """Which faults are on. Asked by whatever can show them."""

    def __init__(self) -> None:
        self._on: set[str] = set()

    def set(self, fault: str, on: bool) -> None:
        """Switch one fault.

        Raises:
            ValueError: there is no such fault.
        """
        if fault not in FAULTS:
            raise ValueError(f"no fault {fault!r}; there are: {', '.join(FAULTS)}")
        (self._on.add if on else self._on.discard)(fault)

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._on

    def take(self, fault: Fault) -> bool:
        """Return whether a fault is on, and switch it off: it happens once."""
        was_on = fault in self._on
        self._on.discard(fault)
        return was_on

    def disk(self, size: int) -> None:
        """Take as long as this many bytes take on the board's disk."""
        if "slow-disk" in self._on and size >= _PAGE_BYTES:
            time.sleep(_SLOW_SEEK_S + size / _SLOW_BYTES_PER_S)
