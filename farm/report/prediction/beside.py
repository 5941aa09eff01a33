"""Predictions beside measurements as texts: for the terminal, Markdown and the page alike."""

from dataclasses import dataclass

from farm.store.database import Store
from farm.store.pairable import measured, predictions
from farm.store.record import Made, Record

from .pairs import ABSENT, FIGURES, Beside, Off, Pair, beside, value

COLUMNS = ("figure", "predicted", "measured", "measured / predicted")
TITLES = {"p50_ms": "p50, ms", "p99_ms": "p99, ms", "fps": "fps", "missed": "missed"}


@dataclass(frozen=True, slots=True)
class PredictedText:
    """What stands beside a record."""

    title: str
    rows: list[tuple[str, str, str, str]]
    """By :data:`COLUMNS`; empty without a pair."""
    notes: list[str]


class Lookup:
    """Looks up what belongs beside records; each board model's once, however many records are asked for."""

    def __init__(self, store: Store) -> None:
        """Take the records' store, which must stay open."""
        self._store = store
        self._known: dict[str, tuple[list[Record], list[Record]]] = {}

    def text(self, record: Record) -> PredictedText | None:
        """Return what to print beside a record; None where nothing was ever predicted of its board model."""
        model = record.board.model
        if model not in self._known:
            said = predictions(self._store, model)
            was = measured(self._store, model, {one.artifact.id for one in said}) if said else []
            self._known[model] = said, was
        said, was = self._known[model]
        return text_of(record, beside(record, said, was)) if said else None


def text_of(record: Record, found: Beside) -> PredictedText | None:
    """Return the texts; None where there is nothing to say."""
    if found.pair is None:
        if record.prediction is None:
            return None
        notes = ["not measured yet: no trial of this artifact, with frames offered so, on a board of this model"]
        return PredictedText("Prediction beside measurement", [], [*notes, *_past(record, found)])
    pair = found.pair
    notes = [_whose(pair), *([pair.differs] if pair.differs else []), *_past(pair.predicted, found)]
    return PredictedText("Prediction beside measurement", [_row(pair, figure) for figure in FIGURES], notes)


def _row(pair: Pair, figure: str) -> tuple[str, str, str, str]:
    texts = [_figure(figure, value(one, figure)) for one in (pair.predicted, pair.measured)]
    ratio = pair.ratio(figure)
    return TITLES[figure], texts[0], texts[1], ABSENT if ratio is None else f"{ratio:.2f}"


def _figure(figure: str, number: float | None) -> str:
    if number is None:
        return ABSENT
    return f"{number:.2%}" if figure == "missed" else f"{number:.4g}"


_SPEED: dict[Made, str] = {
    "process twin": "a process twin: at the speed of its host, not of a board",
    "qemu twin": "a QEMU twin: emulated, at the speed of no board",
}


def _whose(pair: Pair) -> str:
    was, said = pair.measured, pair.predicted
    told = "" if was.made == "board" else f", {_SPEED.get(was.made, f'a {was.made}')}"
    return f"predicted: record {said.id[:8]}, {_limits(said)}; measured: record {was.id[:8]} on {was.board.name}{told}"


def _limits(record: Record) -> str:
    facts = record.prediction
    if facts is None:
        return "no limits"
    return f"{facts.share:.1%} of a core's time" if facts.clock_hz is None else f"{facts.clock_hz / 1e9:.2f} GHz"


def _past(prediction: Record, found: Beside) -> list[str]:
    about = f"predictions for {prediction.board.model} at {_limits(prediction)} so far"
    if not found.past:
        return [f"{about}: never held against a measurement"]
    return [f"{about}, against {_of(off)}: {_ratios(off)}" for off in found.past]


def _of(off: Off) -> str:
    kind = f"{off.made}s" if off.pairs != 1 else f"a {off.made}"
    pairs = "1 pair" if off.pairs == 1 else f"{off.pairs} pairs"
    artifacts = "1 artifact" if off.artifacts == 1 else f"{off.artifacts} artifacts"
    return f"{kind} ({pairs} of {artifacts})"


def _ratios(off: Off) -> str:
    told = [
        f"{TITLES[figure].partition(',')[0]} {middle:.2f} ({low:.2f} … {high:.2f})"
        for figure, (middle, low, high) in off.ratios.items()
    ]
    return "measured / predicted, median and range: " + "; ".join(told)
