"""Frames as figures: latency, deadlines, frames a second. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..store.frames import FrameTimes
from ..store.record import BoundFacts, DeadlineFacts, LatencyFacts
from . import early_stopping
from .clock import ClockMap
from .remote import Int64, Run
from .scenario import FixedRate, Scenario

Float64 = NDArray[np.float64]

_ENOUGH_FOR_P999 = 1000


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that were worked on; all arrays (n,) int64, ns of the board's clock."""

    arrival_ns: Int64
    """Frames of one query have the same."""
    wake_ns: Int64
    finish_ns: Int64
    unstarved_ns: Int64 | None
    """When each would have finished had none waited for a processor; None where the board cannot tell."""
    deadline_ns: int | None
    """From a frame's arrival; None: nothing can be late."""
    stages_ns: dict[str, Int64]
    image: Int64
    """Index in the data set; no time."""
    prediction: Int64
    closed: bool = False
    """Whether a query comes because the one before it is done."""
    period_ns: int = 0
    """Of regular arrivals: the last frame's own time lasts as long. 0 of others."""
    dropped_ns: Int64 | None = None
    """When those were due that were dropped, shape (dropped,); None: none was."""

    @classmethod
    def of(cls, run: Run, scenario: Scenario) -> Self:
        """Read what the runner said."""
        arrival_ns, wake_ns = run.column("arrival_ns"), run.column("wake_ns")
        ends = [wake_ns, *(run.column(f"{stage}_ns") for stage in run.stages)]
        finish_ns = ends[-1]
        waited_ns = run.waited_ns()
        return cls(
            arrival_ns,
            wake_ns,
            finish_ns,
            None if waited_ns is None else without_waiting(arrival_ns, finish_ns, waited_ns),
            scenario.deadline_ns,
            {stage: ends[i + 1] - ends[i] for i, stage in enumerate(run.stages)},
            run.column("image"),
            run.column("prediction"),
            scenario.closed,
            scenario.period_ns if isinstance(scenario, FixedRate) else 0,
            _dropped_ns(run, scenario) if isinstance(scenario, FixedRate) and run.dropped else None,
        )

    @property
    def busy_s(self) -> float:
        """How long the board works on a frame, the median."""
        return float(np.median(self.finish_ns - self.wake_ns)) / 1e9

    def on_controller(self, times: ClockMap) -> FrameTimes:
        """Return the frames on the clock of the power traces."""
        # one offset a frame keeps the distances within it exact; over a long trial clocks drift by milliseconds
        offset_ns = times.offsets_ns(self.arrival_ns)
        arrival_ns, finish_ns = self.arrival_ns + offset_ns, self.finish_ns + offset_ns
        return FrameTimes(arrival_ns, finish_ns, dict(self.stages_ns), self.image, self.prediction)

    @property
    def start_ns(self) -> int:
        """When the first frame was due."""
        return int(self.arrival_ns[0])

    @property
    def end_ns(self) -> int:
        """End of the last frame's period, one that was dropped included; later when frames were still queued."""
        return self._end_ns(self.finish_ns)

    @property
    def seconds(self) -> float:
        """From start to end on the board's own clock, on which the rate is kept."""
        return (self.end_ns - self.start_ns) / 1e9

    @property
    def queries(self) -> int:
        """How many were begun."""
        return len(np.unique(self.arrival_ns))

    def latency(self, percent: float | None = None, offered: int | None = None) -> LatencyFacts:
        """Return the latency of queries from the scheduled arrival.

        Args:
            percent: of which a bound is wanted.
            offered: frames that were to come; those that nobody worked on count as over a deadline. None: no more.
        """
        ordered_ms = np.sort(self._query_ms(self.finish_ns))
        unstarved_ms = None if self.unstarved_ns is None else self._query_ms(self.unstarved_ns)
        return LatencyFacts(
            p50_ms=nearest_rank(ordered_ms, 50),
            p90_ms=nearest_rank(ordered_ms, 90),
            p95_ms=nearest_rank(ordered_ms, 95),
            p97_ms=nearest_rank(ordered_ms, 97),
            p99_ms=nearest_rank(ordered_ms, 99),
            p999_ms=nearest_rank(ordered_ms, 99.9) if len(ordered_ms) >= _ENOUGH_FOR_P999 else None,
            max_ms=float(ordered_ms[-1]),
            mean_ms=float(ordered_ms.mean()),
            p99_unstarved_ms=None if unstarved_ms is None else nearest_rank(unstarved_ms, 99),
            stages_mean_ms={stage: float(spent.mean()) / 1e6 for stage, spent in self.stages_ns.items()},
            bound=None if percent is None else self._bound(ordered_ms, percent, self._unbegun(offered)),
        )

    def _unbegun(self, offered: int | None) -> int:
        """Return how many frames nobody worked on: dropped, or never begun."""
        return 0 if offered is None else offered - len(self.arrival_ns)

    def _bound(self, ordered_ms: Float64, percent: float, unbegun: int) -> BoundFacts:
        """Return what the queries show of a percentile: that it keeps the deadline, or what it is not above."""
        queries = len(ordered_ms)
        if self.deadline_ns is not None:
            queries, over = queries + unbegun, int((ordered_ms > self.deadline_ns / 1e6).sum()) + unbegun
            least = early_stopping.least(over, percent)
            missing = max(0, least - queries)
            return BoundFacts(percent=percent, queries=queries, least_queries=least, over=over, missing=missing)
        least, discarded = early_stopping.least(1, percent), early_stopping.discarded(queries, percent)
        return BoundFacts(
            percent=percent,
            queries=queries,
            least_queries=least,
            at_most_ms=None if discarded is None else float(ordered_ms[queries - 1 - discarded]),
            missing=max(0, least - queries),
        )

    def _query_ms(self, finish_ns: Int64) -> Float64:
        """Return how long each query took from its arrival, shape (queries,): it ends with the last of its frames."""
        first = np.flatnonzero(np.diff(self.arrival_ns, prepend=self.arrival_ns[0] - 1))
        return (np.maximum.reduceat(finish_ns, first) - self.arrival_ns[first]) / 1e6

    def deadlines(self, offered: int) -> DeadlineFacts:
        """Return misses and throughput; ``offered`` frames were to come, those never begun are missed too."""
        dropped = 0 if self.dropped_ns is None else len(self.dropped_ns)
        unfinished = offered - len(self.arrival_ns) - dropped
        missed = missed_unstarved = fps_unstarved = None
        if self.deadline_ns is not None:
            missed = int((self.finish_ns > self.arrival_ns + self.deadline_ns).sum()) + unfinished + dropped
        if self.unstarved_ns is not None:
            fps_unstarved = self._fps(self.unstarved_ns)
            if self.deadline_ns is not None:
                late = self.unstarved_ns > self.arrival_ns + self.deadline_ns
                # never begun: missed in any case where even without waiting the queue stood to the end
                missed_unstarved = int(late.sum()) + (unfinished if late[-1] else 0) + self._busy_without(dropped)
        return DeadlineFacts(
            deadline_ms=None if self.deadline_ns is None else self.deadline_ns / 1e6,
            missed=missed,
            missed_unstarved=missed_unstarved,
            unfinished=unfinished,
            dropped=dropped,
            fps=self._fps(self.finish_ns),
            fps_unstarved=fps_unstarved,
            wake_lateness_max_ms=None if self.closed else self._lateness_max_ms(),
        )

    def _lateness_max_ms(self) -> float:
        idle = self.arrival_ns >= np.concatenate([self.arrival_ns[:1], self.finish_ns[:-1]])
        lateness = (self.wake_ns - self.arrival_ns)[idle]
        return float(lateness.max()) / 1e6 if len(lateness) else 0.0

    def _busy_without(self, dropped: int) -> int:
        """Return how many of the dropped frames would have found the board at work although none had waited."""
        if not dropped or self.dropped_ns is None or self.unstarved_ns is None:
            return 0
        before = np.searchsorted(self.arrival_ns, self.dropped_ns) - 1
        return int((self.unstarved_ns[before] > self.dropped_ns).sum())

    def _end_ns(self, finish_ns: Int64) -> int:
        due_ns = self.arrival_ns if self.dropped_ns is None else np.append(self.arrival_ns, self.dropped_ns)
        return max(int(due_ns.max()) + self.period_ns, int(finish_ns.max()))

    def _fps(self, finish_ns: Int64) -> float:
        """Return frames a second, had they finished so. In a closed loop what one gains, all later ones gain."""
        gained_ns = 0
        if self.closed:
            last = np.flatnonzero(np.diff(self.arrival_ns, append=self.arrival_ns[-1] + 1))[:-1]
            gained_ns = int((self.finish_ns - finish_ns)[last].sum())
        return len(finish_ns) * 1e9 / (self._end_ns(finish_ns) - self.start_ns - gained_ns)


def _dropped_ns(run: Run, scenario: FixedRate) -> Int64:
    """Return when the frames were due that are missing among those before the last one that was begun."""
    frame, arrival_ns = run.column("frame"), run.column("arrival_ns")
    missing = np.setdiff1d(np.arange(run.offered), frame)[: run.dropped]
    return arrival_ns[0] + np.round(missing * 1e9 / scenario.rate_hz).astype(np.int64)


def without_waiting(arrival_ns: Int64, finish_ns: Int64, waited_ns: Int64) -> Int64:
    """Return when each frame would have finished had none waited for a processor, shape (n,).

    A frame's service begins when it is due or when the one before it is done, whichever is later. Taking the wait
    out of each service and queueing anew also takes out what earlier waits did to later frames::

        finish'[i] = max(arrival[i], finish'[i-1]) + service[i] - waited[i]
    """
    before_ns = np.concatenate([arrival_ns[:1], finish_ns[:-1]])
    service_ns = np.maximum(0, finish_ns - np.maximum(arrival_ns, before_ns) - waited_ns)
    done_ns = int(arrival_ns[0])
    finish: list[int] = []
    for arrival, service in zip(arrival_ns.tolist(), service_ns.tolist(), strict=True):
        done_ns = max(arrival, done_ns) + service
        finish.append(done_ns)
    return np.array(finish, np.int64)


def nearest_rank(values: Float64, percent: float) -> float:
    """Return the smallest value that at least ``percent`` of all values do not exceed; percent in tenths."""
    ordered = np.sort(values)
    return float(ordered[ceil(round(10 * percent) * len(ordered) / 1000) - 1])
