"""What the farm tells its caller apart: a wrong input, a fault of the lab, a measurement that decides nothing.

FarmError        exit
 ├─ UsageFault     2   inventory, playbook, policy, artifact or arguments are wrong; nothing was touched
 ├─ LabFault       3   a component of the lab failed
 └─ NoVerdict      3   measured, but the measurement cannot decide

``power.errors.PowerError`` and ``devices.errors.DeviceError`` are lab faults too: everything outside the
farm's own code that fails is the lab's. A regression is a verdict, never an exception of these.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import ClassVar, TypeVar

_Read = TypeVar("_Read")


class Exit(IntEnum):
    """Exit codes of ``farm``, and of a pytest session where 2 is pytest's own 4."""

    PASS = 0
    REGRESSION = 1
    USAGE = 2
    LAB_FAULT = 3
    CRASH = 70
    INTERRUPTED = 130


class FarmError(Exception):
    """Something the farm names instead of crashing."""

    exit: ClassVar[Exit]


class UsageFault(FarmError):
    """The caller's input is wrong. Carries every fault, one line each."""

    exit = Exit.USAGE

    def __init__(self, faults: str | Sequence[str]) -> None:
        """Take one fault, or all of them at once."""
        self.faults = [faults] if isinstance(faults, str) else list(faults)
        super().__init__("\n".join(self.faults))


class Faults:
    """What is wrong with several inputs that are read in turn, to be told all at once."""

    def __init__(self, found: Iterable[str] = ()) -> None:
        """Begin with what was found before."""
        self.found = list(found)

    def tried(self, read: Callable[[], _Read]) -> _Read | None:
        """Return what was read; None where it is wrong, and why is noted."""
        try:
            return read()
        except UsageFault as fault:
            self.found += fault.faults
            return None

    def told(self) -> UsageFault:
        """Return all of it, each once."""
        return UsageFault(list(dict.fromkeys(self.found)))


class LabFault(FarmError):
    """A component of the lab failed: its name, what it last said, what to look at."""

    exit = Exit.LAB_FAULT

    def __init__(self, component: str, detail: str, *, hint: str = "") -> None:
        """Name the component first."""
        self.component, self.hint = component, hint
        super().__init__(f"{component}: {detail}" + f"\n  try: {hint}" * bool(hint))


class NoVerdict(FarmError):
    """The trial ran, but decides nothing: each reason is one line."""

    exit = Exit.LAB_FAULT

    def __init__(self, reasons: str | Sequence[str]) -> None:
        """Take one reason, or all of them."""
        self.reasons = [reasons] if isinstance(reasons, str) else list(reasons)
        super().__init__("no verdict: " + "; ".join(self.reasons))
