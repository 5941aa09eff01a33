"""What every scenario has around its frames: rest, warmth, images, and what is measured beside them."""

from dataclasses import dataclass, fields
from typing import ClassVar

from ..errors import UsageFault

_POSITIVE = frozenset({"rate_hz", "duration_s", "short_term_s", "at_most_s", "deadline_ms"})
_NOT_NEGATIVE = frozenset({"warmup_frames", "idle_s", "score_s", "soak_s", "start_timeout_s", "seed"})
_AT_LEAST_ONE = frozenset({"min_frames", "min_queries", "min_samples", "samples_per_query"})
MOST_S = 7 * 86_400.0
"""Of anything that takes time, assumed: a soak test takes days; more is a slip, and overflows clocks."""
MOST_FRAMES = 5_000_000
"""The board keeps when each was due, and what came of it. Three days at 20 a second (assumed: more is a slip, and takes
a small board's memory)."""
_MOST = {
    "rate_hz": 1e9,
    "deadline_ms": 1e3 * MOST_S,
    "seed": 2**63 - 1,
    **dict.fromkeys((*_AT_LEAST_ONE, "warmup_frames"), MOST_FRAMES),
}
"""Of what is not in seconds."""
_NUMBERS = _POSITIVE | _NOT_NEGATIVE | _AT_LEAST_ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every scenario has around its frames."""

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
    """How long the model runs beforehand, so that the board is as warm as in use."""
    part: tuple[int, int] | None = None
    """First image of the data set that is shown and scored, and the one after the last; None: all of them."""
    draw: bool = False
    """Whether the predicted class is drawn into the frame: one stage more."""
    device: str | None = None
    """Which of the runtime's devices runs the net; None: the artifact's, or the runtime's own choice."""

    name: ClassVar[str]
    percent: ClassVar[float | None] = 99.0
    """The latency percentile that the scenario is about; None: about none."""
    closed: ClassVar[bool] = True
    """Whether a frame waits for the one before it, and for nothing else: then there is no rate, and nothing is late."""
    metered: ClassVar[bool] = True
    """Whether the bench's meters are read."""

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for field in fields(self):
            if (value := getattr(self, field.name)) is None:
                continue
            if field.name in _POSITIVE and not value > 0:
                raise UsageFault(f"{field.name}: {value} is not a positive number")
            if field.name in _NOT_NEGATIVE and not value >= 0:
                raise UsageFault(f"{field.name}: {value} is not 0 or more")
            if field.name in _AT_LEAST_ONE and value < 1:
                raise UsageFault(f"{field.name}: {value} is below 1")
            if field.name in _NUMBERS and value > (most := _MOST.get(field.name, MOST_S)):
                raise UsageFault(f"{field.name}: {value:g} is beyond what a trial takes: {most:,.0f}")
            if value == "":
                raise UsageFault(f"{field.name}: is empty; leave it out, or say which")
        if self.start_celsius is not None and not self.start_celsius[0] < self.start_celsius[1]:
            raise UsageFault(f"start_celsius: {self.start_celsius[0]:g} is not below {self.start_celsius[1]:g}")
        if self.part is not None and not 0 <= self.part[0] < self.part[1]:
            raise UsageFault(f"part: {self.part[0]}, {self.part[1]} is no range of images; want its begin, and its end")
        if self.start_zone is not None and self.start_celsius is None:
            raise UsageFault(f"start_zone: {self.start_zone!r} has no start_celsius to be held to")

    @property
    def silent_s(self) -> float:
        """How long a run may tell nothing because nothing is due."""
        return 0.0

    @property
    def deadline_ns(self) -> int | None:
        """From a frame's arrival; None: nothing can be late."""
        return None
