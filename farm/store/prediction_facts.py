"""What a prediction says of itself: which board it is about, what was held to that board's limits, and how."""

from typing import Literal

from .part import Part

Timing = Literal["computed", "as it ran"]
"""``computed``: each frame's processor time, brought to the board's clock; ``as it ran`` under the quota."""


class HostProcessor(Part):
    """The processor that stood in for the board's."""

    name: str
    cores: int
    """That this process may use."""
    clock_hz: float | None = None
    clock_source: str
    more_than_board: list[str] = []
    """Vector instructions that it has and the board has not: kernels that use them are quicker than the board's."""
    kept_from: dict[str, str] = {}
    """Environment that was to keep libraries from using those."""


class AsItRan(Part):
    """The same frames under the quota alone: right in the mean, coarse in time."""

    p50_ms: float
    p99_ms: float
    fps: float


class PredictionFacts(Part):
    """Limits of the board model, and what kept to them."""

    cores: int
    """That were open to it: the board's, or all of this host's where it has fewer."""
    board_cores: int
    clock_hz: float | None = None
    """The board's; absent where a share was given instead."""
    share: float
    """Of a core's time that each thread had: the board's clock over this host's."""
    threads: int
    """That work at once: the quota is for so many."""
    memory_bytes: int
    sources: dict[str, str]
    """Limit → where it comes from."""
    mechanism: str
    """What enforced each, in words."""
    period_ms: float | None = None
    """In which the quota is given out anew; absent where there was none."""
    tick_ms: float | None = None
    """The quota is looked at so often: a frame shorter than this may escape it."""
    timing: Timing
    as_it_ran: AsItRan | None = None
    """Absent where nothing held the clock back, and times could only be computed."""
    memory_peak_bytes: int | None = None
    """Largest resident size of the runner."""
    host: HostProcessor
