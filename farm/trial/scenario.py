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
    short_term_s: float = 1.0
    """How long a mean the highest short-term watts are of: as long as the supply or battery bears more than it may."""
    start_celsius: tuple[float, float] | None = None
    """Within these a trial begins; None: at whatever the board has. Leakage, and so watts, grow with temperature."""
    start_zone: str | None = None
    """The sensor that counts; None: the hottest that the board tells of."""
    start_timeout_s: float = 600.0
    """How long to wait for that."""
    soak_s: float = 0.0
    """How long the model runs at the product's rate beforehand, so that the board is as warm as in use."""

    name = "fixed rate"

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for field in ("rate_hz", "duration_s", "short_term_s"):
            if not 0 < getattr(self, field) < float("inf"):
                raise UsageFault(f"{field}: {getattr(self, field)} is not a positive number")
        for field in ("warmup_frames", "idle_s", "score_s", "soak_s", "start_timeout_s"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise UsageFault(f"{field}: {getattr(self, field)} is below 0")
        if self.start_celsius is not None and not self.start_celsius[0] < self.start_celsius[1]:
            raise UsageFault(f"start_celsius: {self.start_celsius[0]:g} is not below {self.start_celsius[1]:g}")
        if self.start_zone is not None and self.start_celsius is None:
            raise UsageFault(f"start_zone: {self.start_zone!r} has no start_celsius to be held to")

    @property
    def limit_s(self) -> float:
        """No frame begins later than this after the first one was due (assumed: further behind proves nothing more)."""
        return 2 * self.duration_s + 5

    @property
    def period_ns(self) -> int:
        """From one arrival to the next: a frame's deadline."""
        return round(1e9 / self.rate_hz)
