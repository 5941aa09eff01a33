"""Frames as figures: latency, deadlines, accuracy. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np

from ..artifact.deploy import Deployment
from ..store.frames import FrameTimes
from ..store.record import AccuracyFacts, DeadlineFacts, LatencyFacts
from .clock import ClockMap
from .remote import Int64, Run
from .scenario import FixedRate


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that were worked on; all arrays (n,) int64, ns of the board's clock."""

    arrival_ns: Int64
    wake_ns: Int64
    finish_ns: Int64
    unstarved_ns: Int64 | None
    """When each would have finished had none waited for a processor; None where the board cannot tell."""
    period_ns: int
    stages_ns: dict[str, Int64]
    image: Int64
    """Index in the data set; no time."""
    prediction: Int64

    @classmethod
    def of(cls, run: Run, scenario: FixedRate) -> Self:
        """Read what the runner said."""
        arrival_ns, wake_ns, finish_ns = (run.column(name) for name in ("arrival_ns", "wake_ns", "decode_ns"))
        ends = [wake_ns, *(run.column(f"{stage}_ns") for stage in _STAGES)]
        waited_ns = run.waited_ns()
        return cls(
            arrival_ns,
            wake_ns,
            finish_ns,
            None if waited_ns is None else without_waiting(arrival_ns, finish_ns, waited_ns),
            scenario.period_ns,
            {stage: ends[i + 1] - ends[i] for i, stage in enumerate(_STAGES)},
            run.column("image"),
            run.column("prediction"),
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
        """End of the last frame's period; later when frames were still queued."""
        return self._end_ns(self.finish_ns)

    @property
    def seconds(self) -> float:
        """From start to end on the board's own clock, on which the rate is kept."""
        return (self.end_ns - self.start_ns) / 1e9

    def latency(self) -> LatencyFacts:
        """Return latency from the scheduled arrival."""
        latency_ms = (self.finish_ns - self.arrival_ns) / 1e6
        unstarved_ms = None if self.unstarved_ns is None else (self.unstarved_ns - self.arrival_ns) / 1e6
        return LatencyFacts(
            p50_ms=nearest_rank(latency_ms, 50),
            p90_ms=nearest_rank(latency_ms, 90),
            p99_ms=nearest_rank(latency_ms, 99),
            max_ms=float(latency_ms.max()),
            mean_ms=float(latency_ms.mean()),
            p99_unstarved_ms=None if unstarved_ms is None else nearest_rank(unstarved_ms, 99),
            stages_mean_ms={stage: float(spent.mean()) / 1e6 for stage, spent in self.stages_ns.items()},
        )

    def deadlines(self, offered: int) -> DeadlineFacts:
        """Return misses and throughput; ``offered`` frames were to come, those never begun are missed too."""
        unfinished = offered - len(self.arrival_ns)
        late = self._late(self.finish_ns)
        idle = self.arrival_ns >= np.concatenate([self.arrival_ns[:1], self.finish_ns[:-1]])
        lateness = (self.wake_ns - self.arrival_ns)[idle]
        missed_unstarved = fps_unstarved = None
        if self.unstarved_ns is not None:
            late_unstarved = self._late(self.unstarved_ns)
            # never begun: missed in any case where even without waiting the queue stood to the end
            missed_unstarved = int(late_unstarved.sum()) + (unfinished if late_unstarved[-1] else 0)
            fps_unstarved = self._fps(self.unstarved_ns)
        return DeadlineFacts(
            deadline_ms=self.period_ns / 1e6,
            missed=int(late.sum()) + unfinished,
            missed_unstarved=missed_unstarved,
            unfinished=unfinished,
            fps=self._fps(self.finish_ns),
            fps_unstarved=fps_unstarved,
            wake_lateness_max_ms=float(lateness.max()) / 1e6 if len(lateness) else 0.0,
        )

    def _late(self, finish_ns: Int64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return finish_ns > self.arrival_ns + self.period_ns

    def _end_ns(self, finish_ns: Int64) -> int:
        return max(int(self.arrival_ns[-1]) + self.period_ns, int(finish_ns[-1]))

    def _fps(self, finish_ns: Int64) -> float:
        return len(finish_ns) * 1e9 / (self._end_ns(finish_ns) - self.start_ns)


_STAGES = ("acquire", "convert", "infer", "decode")


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


def nearest_rank(values: np.ndarray[tuple[int], np.dtype[np.float64]], percent: int) -> float:
    """Return the smallest value that at least ``percent`` of all values do not exceed."""
    ordered = np.sort(values)
    return float(ordered[ceil(percent * len(ordered) / 100) - 1])


def accuracy(run: Run, deployment: Deployment) -> AccuracyFacts | None:
    """Count correct predictions, each image once; loss only over the whole data set, as the baseline was counted.

    None for an artifact that names no data set: it can be right about nothing.
    """
    stated = deployment.artifact.manifest.baseline
    if stated is None:
        return None
    shown = zip(run.column("image").tolist(), run.column("prediction").tolist(), strict=True)
    predicted: dict[int, int] = {}
    for image, prediction in [*shown, *run.scored]:
        predicted.setdefault(image, prediction)
    labels = deployment.dataset.labels
    correct = sum(int(labels[image]) == prediction for image, prediction in predicted.items())
    fraction = correct / len(predicted)
    whole = len(predicted) == len(labels)
    baseline = stated.fraction if whole else None
    return AccuracyFacts(
        correct=correct,
        total=len(predicted),
        fraction=fraction,
        baseline_fraction=baseline,
        loss=None if baseline is None else baseline - fraction,
    )
