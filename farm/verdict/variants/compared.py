"""All variants by all figures: what each one's is, how far any two differ, and whose place on the front is certain.

Pure: from a comparison's facts and the records at hand. What is printed while it runs, at its end and a year later is
the same function of the same records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import hypot, log
from statistics import fmean

from ...store.comparison_facts import ComparisonFacts
from ...store.record import Record
from ..figures import KINDS, Figure, Kind
from ..scatter import u_of_mean
from .blocks import PairOfRounds, counting, pairs_of_rounds
from .contrast import OPPOSITE, Contrast, State, Sure, contrast
from .front import Place, places

COMPARABLE: dict[str, Kind] = {kind.name: kind for kind in KINDS if kind.compares}
"""Figures that variants can be compared by."""
SHOWN = ("size_bytes", "accuracy", "accuracy_loss", "fps", "p99_ms", "joules_per_inference", "mean_watts")
"""Figures that are told of each variant, whether or not they are compared."""


@dataclass(frozen=True, slots=True)
class Value:
    """One variant's figure by itself."""

    got: float | None = None
    """Mean of the boards' means; absent where no trial tells."""
    u: float | None = None
    """95 %: the meter's, which more trials do not shrink, and the scatter of trials and boards. Absent of a count."""
    u_meter: float | None = None
    """The meter's share."""
    of: tuple[str, ...] = ()
    """Whose it is: the meters, their rails and kinds."""
    why: str = ""
    """Why it is absent."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What is known of a comparison."""

    facts: ComparisonFacts
    kinds: tuple[Kind, ...]
    values: tuple[dict[str, Value], ...]
    """By variant, then by figure."""
    contrasts: dict[tuple[int, int], dict[str, Contrast]]
    """By variants (a, b), a before b, then by figure."""
    places: tuple[Place, ...]
    pairs: dict[str, int]
    """Board → its whole pairs of rounds."""
    trials: int
    """That count, in whole rounds or not."""
    voids: tuple[str, ...]
    """Every void trial's reasons, each with its record."""
    notes: tuple[str, ...]

    def beside(self, b: int, a: int) -> list[State]:
        """Return what is certain of b beside a, in each figure."""
        return _beside(self.contrasts, b, a)

    @property
    def open(self) -> list[tuple[int, int, str]]:
        """Variants a and b, and the figure in which nothing is certain of them."""
        return [
            (a, b, name) for (a, b), by in self.contrasts.items() for name, one in by.items() if one.state == "open"
        ]

    @property
    def decided(self) -> bool:
        """Whether more trials would change nothing that was asked for."""
        if self.facts.until == "front":
            return all(place.verdict != "maybe" for place in self.places)
        return not self.open

    @property
    def told(self) -> bool:
        """Whether anything is certain: a place, or two variants in a figure that scatters."""
        inexact = [kind.name for kind in self.kinds if not kind.exact]
        certain = [by[name].state for by in self.contrasts.values() for name in inexact]
        placed = self.trials > 0 and any(place.verdict != "maybe" for place in self.places)
        return placed or any(state != "open" for state in certain)

    @property
    def more_rounds(self) -> int | None:
        """About so many more rounds of each board would decide all that is open; None where nobody can tell."""
        needed = [self.contrasts[a, b][name].more for a, b, name in self.open]
        if not needed or None in needed:
            return None
        most = max(more for more in needed if more is not None)
        return 2 * -(-most // max(1, len(self.pairs)))


def compared(facts: ComparisonFacts, records: Sequence[Record]) -> Compared:
    """Return what the records of a comparison say; in any order, void ones too."""
    ids = [variant.id for variant in facts.variants]
    kinds = tuple(COMPARABLE[name] for name in facts.figures)
    whole, notes = pairs_of_rounds(records, ids)
    counts = counting(records)
    by_variant = [[record for record in counts if record.artifact.id == id_] for id_ in ids]
    one_set = len({variant.dataset for variant in facts.variants if variant.dataset}) <= 1
    shown = [
        kind
        for kind in KINDS
        if kind.name in facts.figures or (kind.name in SHOWN and (one_set or kind.family != "accuracy"))
    ]
    if not one_set:
        notes.append("accuracies are left out of the table: these variants' are of different data sets")
    values = tuple(
        {kind.name: _value(kind, trials) for kind in shown} | {"size_bytes": Value(variant.size_bytes)}
        for variant, trials in zip(facts.variants, by_variant, strict=True)
    )
    numbers = list(combinations(range(len(ids)), 2))
    sure = sure_of(facts)
    found = {
        (a, b): {
            kind.name: _exact(kind, values[a][kind.name], values[b][kind.name])
            if kind.exact
            else contrast(_ratios(kind, whole, a, b), sure, at_most=kind.at_most)
            for kind in kinds
        }
        for a, b in numbers
    }
    boards = {name: sum(pair.board == name for pair in whole) for name in facts.boards}
    voids = tuple(f"{r.board.name} {r.id[:8]}: {'; '.join(r.voids)}" for r in records if r.voids)
    placed = tuple(places(len(ids), lambda b, a: _beside(found, b, a)))
    return Compared(facts, kinds, values, found, placed, boards, len(counts), voids, tuple(notes))


def sure_of(facts: ComparisonFacts) -> Sure:
    """Return each interval's share of the risk, and of how many pairs of rounds it may come to be."""
    number = len(facts.variants)
    intervals = number * (number - 1) // 2 * sum(not COMPARABLE[name].exact for name in facts.figures)
    return Sure(facts.alpha / max(1, intervals), facts.most_rounds // 2 * len(facts.boards), facts.resolution)


def _beside(contrasts: Mapping[tuple[int, int], dict[str, Contrast]], b: int, a: int) -> list[State]:
    if a < b:
        return [one.state for one in contrasts[a, b].values()]
    return [OPPOSITE[one.state] for one in contrasts[b, a].values()]


def _ratios(kind: Kind, whole: Sequence[PairOfRounds], a: int, b: int) -> list[float]:
    """Return the log ratio of b to a in each pair of rounds of which all four trials tell the figure."""
    found: list[float] = []
    for pair in whole:
        got = [_usable(kind.figure(trials[n])) for trials in (pair.there, pair.back) for n in (a, b)]
        if None not in got:
            a_there, b_there, a_back, b_back = (value or 0.0 for value in got)
            found.append((log(b_there / a_there) + log(b_back / a_back)) / 2)
    return found


def _usable(figure: Figure) -> float | None:
    """Return a figure that can be held against another; of one that is not above 0 there is no ratio."""
    return None if figure.why or figure.at_least or figure.got is None or figure.got <= 0 else figure.got


def _value(kind: Kind, trials: Sequence[Record]) -> Value:
    figures = [(record.board.name, kind.figure(record)) for record in trials]
    told = [(board, figure, figure.got) for board, figure in figures if figure.got is not None and not figure.why]
    if not told:
        whys = [figure.why for _, figure in figures if figure.why]
        return Value(why=whys[0] if whys else "no trial that counts tells it" if trials else "no trial counts yet")
    of = tuple(dict.fromkeys(figure.of for _, figure, _ in told if figure.of))
    got = [value for _, _, value in told]
    if kind.exact:
        if len(set(got)) > 1:
            return Value(of=of, why="trials disagree, and a count must repeat itself")
        return Value(got[0], of=of)
    means = [fmean(value for on, _, value in told if on == board) for board in dict.fromkeys(on for on, _, _ in told)]
    of_meter = [figure.u for _, figure, _ in told if figure.u is not None]
    u_meter = fmean(of_meter) if of_meter else None  # of the mean no more than that, were all off in the same way
    return Value(fmean(means), hypot(u_meter or 0.0, u_of_mean(got) or 0.0) or None, u_meter, of)


def _exact(kind: Kind, a: Value, b: Value) -> Contrast:
    """Compare two counts: there is no interval."""
    if a.got is None or b.got is None:
        return Contrast(0)
    change = b.got / a.got - 1 if a.got else None
    state: State = "equal" if a.got == b.got else "better" if (b.got < a.got) == kind.at_most else "worse"
    return Contrast(0, change, change, change, state)
