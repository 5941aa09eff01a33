"""Predictions beside measurements, and how far off they have been. Pure.

A prediction and a measurement are a pair when both are of one artifact, for one board model and device, with frames
offered alike: the same scenario, rate, lateness policy, seed, samples of a query, part of the data set, deadline, and
the class drawn or not. How long is no part of it. The runtime may be another version; it is said. Void records are no
part of any pair. Of several predictions the newest counts; of the past, those by the same limits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import get_args

from farm.store.record import Made, Record

FIGURES = ("p50_ms", "p99_ms", "fps", "missed")
ABSENT = "-"
_MADE: tuple[Made, ...] = get_args(Made)


@dataclass(frozen=True, slots=True)
class Pair:
    """One trial as it was predicted, and as it was measured."""

    predicted: Record
    measured: Record

    def ratio(self, figure: str) -> float | None:
        """Return measured over predicted; None where either is unknown or 0."""
        was, said = value(self.measured, figure), value(self.predicted, figure)
        return None if was is None or not said else was / said

    @property
    def differs(self) -> str:
        """What is not the same of the two, in words; empty where the runtime is."""
        was, said = self.measured.board.runtime, self.predicted.board.runtime
        return "" if was == said else f"runtime: {said or 'unknown'} predicted, {was or 'unknown'} measured"


@dataclass(frozen=True, slots=True)
class Off:
    """How far off the predictions for a board model have been, by what the measurements were made on."""

    made: Made
    pairs: int
    artifacts: int
    ratios: dict[str, tuple[float, float, float]]
    """Figure → median, lowest and highest of measured over predicted."""


@dataclass(frozen=True, slots=True)
class Beside:
    """All there is to say of a record."""

    pair: Pair | None
    """Absent: nothing was measured of what this record predicts, or predicted of what it measured."""
    past: tuple[Off, ...]
    """On boards first; empty where there are no pairs yet."""


def value(record: Record, figure: str) -> float | None:
    """Return a figure; ``missed`` as the part of all frames."""
    if figure == "fps":
        return record.deadlines.fps
    if figure == "missed":
        missed = record.deadlines.missed
        return None if missed is None else missed / record.scenario.frames
    return float(getattr(record.latency, figure))


def offered(record: Record) -> tuple[object, ...]:
    """Return what two records of a pair have in common."""
    scenario = record.scenario
    late = scenario.late or (None if scenario.rate_hz is None else "queue")
    return (
        record.artifact.id,
        record.board.model,
        (record.board.device or "cpu").partition(" (")[0].casefold(),  # OpenVINO adds the processor's name
        scenario.name,
        scenario.rate_hz,
        late,
        scenario.seed,
        scenario.samples_per_query,
        scenario.part,
        record.deadlines.deadline_ms,
        "draw" in record.latency.stages_mean_ms,
    )


def held(record: Record) -> tuple[object, ...]:
    """Return by which limits a prediction was made: what another one's error may be compared with."""
    facts = record.prediction
    if facts is None:
        return ()
    share = facts.share if facts.clock_hz is None else None
    return facts.clock_hz, share, facts.cores, facts.threads, facts.memory_bytes, facts.timing


def beside(record: Record, predictions: Sequence[Record], measured: Sequence[Record]) -> Beside:
    """Return what belongs beside a record.

    Args:
        record: a prediction, or a measurement.
        predictions: for its board model, the newest first.
        measured: on boards of that model and their twins, of those predictions' artifacts, the newest first.
    """
    if record.prediction is None:
        said = _newest(record, predictions)
        if said is None or record.voids:
            return Beside(None, ())
        return Beside(Pair(said, record), past(said, predictions, measured))
    was = _newest(record, [*(one for one in measured if one.made == "board"), *measured])
    return Beside(None if was is None or record.voids else Pair(record, was), past(record, predictions, measured))


def past(prediction: Record, predictions: Sequence[Record], measured: Sequence[Record]) -> tuple[Off, ...]:
    """Return how far off all predictions by the same limits have been, boards first."""
    alike = [one for one in predictions if held(one) == held(prediction)]
    pairs = [Pair(said, was) for was in measured if not was.voids and (said := _newest(was, alike)) is not None]
    by_made: dict[Made, list[Pair]] = {made: [pair for pair in pairs if pair.measured.made == made] for made in _MADE}
    return tuple(_off(made, some) for made, some in by_made.items() if some)


def _newest(record: Record, others: Iterable[Record]) -> Record | None:
    wanted = offered(record)
    return next((one for one in others if not one.voids and offered(one) == wanted), None)


def _off(made: Made, pairs: Sequence[Pair]) -> Off:
    ratios: dict[str, tuple[float, float, float]] = {}
    for figure in FIGURES:
        found = [ratio for pair in pairs if (ratio := pair.ratio(figure)) is not None]
        if found:
            ratios[figure] = median(found), min(found), max(found)
    return Off(made, len(pairs), len({pair.measured.artifact.id for pair in pairs}), ratios)
