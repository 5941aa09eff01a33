"""Since when a switch is off, in a file of the lab's: the next process that switches it on waits for the rest."""

import json
import os
import time
from pathlib import Path
from typing import Any

from ..errors import LabFault
from .lease_holder import kernel

_FOLDER = "off"
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Of one boot of a machine, the same for all of its processes; no step of the wall clock moves it, and it goes on while
the machine sleeps. Where there is none (not Linux), the monotonic clock, which may stand still meanwhile."""


class OffNote:
    """A :class:`power.rested.OffSince` that all processes of a machine share, and that outlives them."""

    def __init__(self, home: Path, switch: str) -> None:
        """Take the lab's folder, and the switch's name."""
        self._switch, self._path = switch, home / _FOLDER / switch

    def note(self) -> None:
        """Note that it goes off now.

        Raises:
            LabFault: the file cannot be written.
        """
        text = json.dumps({"kernel": kernel(), "boottime_ns": time.clock_gettime_ns(_CLOCK)})
        beside = self._path.with_name(f".{self._switch}.{os.getpid()}")  # no switch is called so
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="ascii")
            beside.replace(self._path)
        except OSError as error:
            raise self._fault(error) from error

    def forget(self) -> None:
        """Note that it is on; raises as :meth:`note`."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._fault(error) from error

    def seconds(self) -> float | None:
        """Return how long it has been off at least: 0 where the note is of another boot, or cannot be read."""
        try:
            noted: dict[str, Any] = json.loads(self._path.read_text(encoding="ascii"))
            if noted["kernel"] != kernel():
                return 0.0
            return max(0.0, (time.clock_gettime_ns(_CLOCK) - noted["boottime_ns"]) / 1e9)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0

    def _fault(self, error: OSError) -> LabFault:
        hint = "is the disk full, is the folder another user's?"
        return LabFault(self._switch, f"its off cannot be noted: {self._path}: {error.strerror}", hint=hint)
