"""How frames are offered: by the product's rate, or by one of the field's definitions; see docs/scenarios.md."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Literal

from ..errors import UsageFault
from ..store.frame_facts import EACH_ONCE
from .around import MOST_FRAMES, MOST_S, Common

_BEHIND_S = 5.0
"""No frame begins later than this after twice the time for all (assumed: further behind proves nothing more)."""
_CLOSED_TIMES, _CLOSED_S = 10.0, 60.0
"""A closed loop that has not done its least count after so many times its least duration, and so long more, is ended
(assumed: a board that is ten times slower than was thought is better asked for less)."""
_COMPARISON_AT_MOST_S = 600.0
"""Of the 250 images, assumed: 2.4 s each, slower than any net of that comparison on any of its boards."""
_COMPARISON_HZ = 10.0
"""To tell about how long it takes, where nothing is known (assumed)."""
_LONGEST_PAUSE = 30.0
"""Of random arrivals, in mean pauses: one in 10^13 is longer."""

Late = Literal["queue", "drop"]


@dataclass(frozen=True, slots=True)
class FixedRate(Common):
    """Frames at the product's rate against absolute deadlines: each is late when the next one is due.

    "Real time" on a target means that it meets the product's rate, not that it is as fast as it can be.
    """

    rate_hz: float
    duration_s: float
    """How long frames are offered; a board that is behind is given longer, up to :attr:`limit_s`."""
    _: KW_ONLY
    min_frames: int = 1
    """Offered at least, however long that takes."""
    late: Late = "queue"
    """What becomes of a frame that is due while another is worked on: it waits, or it is dropped, which is a miss."""

    name: ClassVar[str] = "fixed rate"
    closed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse what cannot be run, or kept."""
        Common.__post_init__(self)
        _require_kept(self.rate_hz, self.span_s)

    @property
    def span_s(self) -> float:
        """How long frames are offered."""
        return max(self.duration_s, self.min_frames / self.rate_hz)

    @property
    def limit_s(self) -> float:
        """No frame begins later than this after the first one was due."""
        return 2 * self.span_s + _BEHIND_S

    @property
    def silent_s(self) -> float:
        """From one frame to the next, and on: the last one is told when its own time is over."""
        return 2 / self.rate_hz

    @property
    def period_ns(self) -> int:
        """From one arrival to the next."""
        return round(1e9 / self.rate_hz)

    @property
    def deadline_ns(self) -> int | None:
        """A frame is late when the next one is due."""
        return self.period_ns

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it."""
        return {"rate_hz": self.rate_hz, "duration_s": self.span_s, "late": self.late}


@dataclass(frozen=True, slots=True)
class Closed(Common):
    """A query begins when the one before is done, for so long at least; a scenario adds how many at least."""

    duration_s: float = 10.0
    """At least."""

    @property
    def span_s(self) -> float:
        """About how long it takes, if the board is not slow."""
        return self.duration_s

    @property
    def limit_s(self) -> float:
        """No query begins later than this after the first."""
        return _CLOSED_TIMES * self.duration_s + _CLOSED_S


@dataclass(frozen=True, slots=True)
class SingleStream(Closed):
    """One frame after another, each as soon as the one before is done: how quick is an answer?"""

    _: KW_ONLY
    min_queries: int = 64
    """Beside the duration. With fewer there is no early-stopping bound of p90."""

    name: ClassVar[str] = "single stream"
    percent: ClassVar[float | None] = 90.0

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it."""
        return {"samples_per_query": 1, "duration_s": self.duration_s, "min_count": self.min_queries}


@dataclass(frozen=True, slots=True)
class MultiStream(Closed):
    """Some images at once, as of several cameras, again and again: a query's latency ends with its last image."""

    _: KW_ONLY
    samples_per_query: int = 8
    """Of MLPerf's rules."""
    min_queries: int = 662
    """Beside the duration. With fewer there is no early-stopping bound of p99."""

    name: ClassVar[str] = "multi stream"

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it."""
        return {
            "samples_per_query": self.samples_per_query,
            "duration_s": self.duration_s,
            "min_count": self.min_queries,
        }


@dataclass(frozen=True, slots=True)
class Offline(Closed):
    """All images at once, in one query: how many a second, as fast as possible?"""

    _: KW_ONLY
    min_samples: int = 1024
    """Beside the duration. MLPerf's rules ask for 24,576, and for 600 s."""

    name: ClassVar[str] = "offline"
    percent: ClassVar[float | None] = None

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it; one query without an end of its own."""
        return {"samples_per_query": None, "duration_s": self.duration_s, "min_count": self.min_samples}


@dataclass(frozen=True, slots=True)
class Server(Common):
    """Frames that come when they please, at a rate in the mean (a Poisson process): latency from when each came."""

    rate_hz: float
    """Mean of the arrivals."""
    duration_s: float = 10.0
    """At least, from the first arrival to the last."""
    _: KW_ONLY
    min_queries: int = 459
    """Beside the duration. With fewer, even without one too late, early stopping cannot tell of p99."""
    deadline_ms: float | None = None
    """What the latency percentile is held to, as MLPerf's rules do; None: nothing is late."""
    seed: int = 0
    """Of the arrivals: the same ones each time."""

    name: ClassVar[str] = "server"
    closed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse what cannot be run, or kept."""
        Common.__post_init__(self)
        _require_kept(self.rate_hz, self.span_s)

    @property
    def span_s(self) -> float:
        """About how long frames are offered."""
        return max(self.duration_s, self.min_queries / self.rate_hz)

    @property
    def limit_s(self) -> float:
        """No frame begins later than this after the first one was due."""
        return 2 * self.span_s + _BEHIND_S

    @property
    def deadline_ns(self) -> int | None:
        """From a frame's scheduled arrival."""
        return None if self.deadline_ms is None else round(self.deadline_ms * 1e6)

    @property
    def silent_s(self) -> float:
        """From one frame to the next, as long as chance makes it."""
        return _LONGEST_PAUSE / self.rate_hz

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it."""
        return {
            "rate_hz": self.rate_hz,
            "duration_s": self.duration_s,
            "min_count": self.min_queries,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Comparison250(Common):
    """The protocol of the Edge TPU and Jetson Nano comparison: 1 warm-up, 1 s of rest, 250 times the same image."""

    _: KW_ONLY
    warmup_frames: int = 1
    bursts: bool = False
    """The protocol knows of none."""

    name: ClassVar[str] = "comparison 250"
    percent: ClassVar[float | None] = None

    @property
    def span_s(self) -> float:
        """About how long it takes."""
        return 250 / _COMPARISON_HZ

    @property
    def limit_s(self) -> float:
        """No image is begun later than this after the first."""
        return _COMPARISON_AT_MOST_S

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it."""
        image = 0 if self.part is None else self.part[0]
        return {"samples_per_query": 1, "duration_s": 0.0, "min_count": 250, "image": image, "rest_s": 1.0}


@dataclass(frozen=True, slots=True)
class EachOnce(Common):
    """Every image of a part of the data set once, one after another: what is right? Nothing is said of watts."""

    _: KW_ONLY
    part: tuple[int, int] = (0, 0)
    """Must be given: the whole of a data set is a part, too."""
    at_most_s: float = 3600.0
    """No image is begun later than this after the first (assumed: whoever divides a data set does so into minutes)."""
    idle_s: float = 0.0
    score_s: float = 0.0
    bursts: bool = False

    name: ClassVar[str] = EACH_ONCE
    percent: ClassVar[float | None] = None
    metered: ClassVar[bool] = False

    @property
    def images(self) -> int:
        """How many."""
        return self.part[1] - self.part[0]

    @property
    def span_s(self) -> float:
        """About how long it takes."""
        return self.images / _COMPARISON_HZ

    @property
    def limit_s(self) -> float:
        """No image is begun later than this after the first."""
        return self.at_most_s

    def plan(self) -> dict[str, Any]:
        """Return what the runner is told of it."""
        return {"samples_per_query": 1, "duration_s": 0.0, "min_count": self.images}


Scenario = FixedRate | SingleStream | MultiStream | Offline | Server | Comparison250 | EachOnce
"""Any of them."""

SCENARIOS: dict[str, type[Scenario]] = {
    "fixed-rate": FixedRate,
    "single-stream": SingleStream,
    "multi-stream": MultiStream,
    "offline": Offline,
    "server": Server,
    "comparison250": Comparison250,
}
"""By the names that commands and policies use: what is measured. Nobody asks for :class:`EachOnce` by its name."""


def _require_kept(rate_hz: float, span_s: float) -> None:
    if (frames := rate_hz * span_s) > MOST_FRAMES or span_s > MOST_S:
        what = f"{frames:.3g} frames in {span_s:g} s; a trial has {MOST_FRAMES:,} at most, in {MOST_S:,.0f} s"
        raise UsageFault(f"rate_hz: {rate_hz:g} makes {what}")


def soaking(scenario: Scenario) -> Scenario:
    """Return how the model runs beforehand to warm the board: at the scenario's rate, or without a pause."""
    if isinstance(scenario, FixedRate | Server):
        soak = FixedRate(scenario.rate_hz, scenario.soak_s, warmup_frames=scenario.warmup_frames, score_s=0.0)
    else:
        soak = SingleStream(scenario.soak_s, min_queries=1, warmup_frames=scenario.warmup_frames, score_s=0.0)
    return replace(soak, part=scenario.part, draw=scenario.draw, device=scenario.device)
