"""A board's own clock: another zero, another wall time, a crystal that is a little off."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

_S = 1_000_000_000
_LEAST_OFFSET_S = 10
_MOST_OFFSET_S = 600  # assumed: far enough from every other board's
_MOST_DRIFT_PPB = 50_000  # ± 50 ppm: usual tolerance of an uncompensated crystal


@dataclass(frozen=True, slots=True)
class BoardClock:
    """From one boot to the next; what ``board_clock.py`` computes inside the board's Python."""

    boot_ns: int
    """The host's CLOCK_MONOTONIC at the boot."""
    offset_ns: int
    """What the board's CLOCK_MONOTONIC showed then."""
    drift_ppb: int
    wall_ns: int
    """What the board's CLOCK_REALTIME showed then."""
    host_wall_ns: int
    """The host's CLOCK_REALTIME then; only the ``date`` stand-in needs it."""

    def monotonic_ns(self) -> int:
        """Return the board's CLOCK_MONOTONIC now."""
        elapsed_ns = time.monotonic_ns() - self.boot_ns
        return self.offset_ns + elapsed_ns + elapsed_ns * self.drift_ppb // _S

    def write(self, path: Path) -> None:
        """Write the figures where the board's programs look for them."""
        figures = (self.boot_ns, self.offset_ns, self.drift_ppb, self.wall_ns, self.host_wall_ns)
        beside = path.with_suffix(".new")
        beside.write_text(" ".join(map(str, figures)) + "\n")
        beside.replace(path)


def boot_clock(chance: random.Random, drift_ppb: int) -> BoardClock:
    """Start a board's clock: at least 10 s away from the host's, monotonic and wall time both."""
    boot_ns, host_wall_ns = time.monotonic_ns(), time.time_ns()
    offset_ns = _offset_ns(chance)
    while abs(offset_ns - boot_ns) < _LEAST_OFFSET_S * _S:
        offset_ns = _offset_ns(chance)
    wall_ns = host_wall_ns + chance.choice((-1, 1)) * _offset_ns(chance)
    return BoardClock(boot_ns, offset_ns, drift_ppb, wall_ns, host_wall_ns)


def crystal(chance: random.Random) -> int:
    """Draw a board's drift, in parts per billion."""
    return chance.randint(-_MOST_DRIFT_PPB, _MOST_DRIFT_PPB)


def _offset_ns(chance: random.Random) -> int:
    return chance.randint(_LEAST_OFFSET_S * _S, _MOST_OFFSET_S * _S)
