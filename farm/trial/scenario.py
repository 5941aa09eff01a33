"""How frames are offered."""

from dataclasses import dataclass

from ..errors import UsageFault


@dataclass(frozen=True, slots=True)
class FixedRate:
    """Frames at the product's rate against absolute deadlines; a late one queues, none is dropped.

    "Real time" on a target means that it meets the product's rate, not that it is as fast as it can be.
    """

    rate_hz: float
    duration_s: float
    """How long frames are offered; a board that is behind is given longer, up to :attr:`limit_s`."""
    warmup_frames: int = 5
    """Inferences before the first frame."""
    idle_s: float = 2.0
    """How long idle watts are measured, before and after."""
    score_s: float = 20.0
    """How long, when all watts are measured, images that no frame has shown may take: accuracy is over all of them."""
    bursts: bool = True
    """Frames without a pause before and after, for a moment: every meter must show them where the clocks say. Without
    them only the clocks tell that watts and frames belong together, and nothing tells that the meter is the board's."""

    name = "fixed rate"

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for field in ("rate_hz", "duration_s"):
            if not 0 < getattr(self, field) < float("inf"):
                raise UsageFault(f"{field}: {getattr(self, field)} is not a positive number")
        for field in ("warmup_frames", "idle_s", "score_s"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise UsageFault(f"{field}: {getattr(self, field)} is below 0")

    @property
    def limit_s(self) -> float:
        """No frame begins later than this after the first one was due (assumed: further behind proves nothing more)."""
        return 3 * self.duration_s + 10

    @property
    def period_ns(self) -> int:
        """From one arrival to the next: a frame's deadline."""
        return round(1e9 / self.rate_hz)
