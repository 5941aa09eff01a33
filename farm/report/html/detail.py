"""How much of a trial a page shows: all of it in a small run, and by a named rule less in a large one."""

from dataclasses import dataclass

MOST_BYTES = 8_000_000
"""A page's size: what mail servers and CI artifact viewers still take without asking."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What is drawn and kept of one trial."""

    name: str
    bins: int
    """Of each power trace; 0: no plots."""
    frames: int
    """Drawn at most; their figures always count all."""
    console_bytes: int
    """Kept of the console log: a quarter from its beginning, the rest from its end."""

    def least_bytes(self, readings: int, frames: int) -> int:
        """Return what the plots of so many readings and frames take at least, by the shortest numbers there are."""
        return _BIN_BYTES * min(readings, self.bins) + _FRAME_BYTES * min(frames, self.frames)


_BIN_BYTES = 12
"""Four numbers and a name, a letter each, and what is between them."""
_FRAME_BYTES = 40
"""Twice in the data: as a bar with its two names, and as a point."""

LEVELS = (
    Detail("full", bins=2000, frames=1500, console_bytes=256_000),
    Detail("medium", bins=600, frames=400, console_bytes=32_000),
    Detail("small", bins=200, frames=120, console_bytes=4_000),
    Detail("figures only", bins=0, frames=0, console_bytes=0),
)
"""From all to least. What does not even fit as figures stands in the table alone."""

RULE = (
    "Every trial gets an equal share of the page's 8 MB, one that did not pass three times that of one that passed; "
    "it is shown in the highest level of detail that fits: full, medium, small (fewer points drawn, a shorter console "
    "log), figures only (no plots), or its line in the table alone. Figures are always computed from everything that "
    "was measured, and the highest and lowest readings are drawn at every level."
)


def budgets(passed: list[bool], room_bytes: int) -> list[int]:
    """Return each trial's share of the room: one that did not pass gets three times that of one that passed."""
    weights = [1 if good else 3 for good in passed]
    total = sum(weights)
    return [room_bytes * weight // total for weight in weights]
