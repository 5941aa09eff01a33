"""What is told of a comparison of variants, as texts that terminal, Markdown and plot share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Self

from farm.errors import UsageFault
from farm.store.comparison_facts import ComparisonFacts
from farm.store.database import Store, Stored
from farm.store.record import Made, Record
from farm.store.run import Run
from farm.verdict.figures import Kind
from farm.verdict.variants.compared import Compared, Value, compared
from farm.verdict.variants.contrast import Contrast

from ..gate_view import counted
from ..html.words import ABSENT, figure, size, with_bounds

_MOST_RECORDS = 1_000_000
_FAR = 4.0
"""Beyond such a ratio per cent are hard to read."""
_AFFORDABLE = 20
"""So many times what ran nobody runs (assumed)."""
TITLES = {
    "size_bytes": "size",
    "accuracy": "accuracy",
    "accuracy_loss": "loss",
    "fps": "fps",
    "p99_ms": "p99 ms",
    "joules_per_inference": "J/inference",
    "mean_watts": "mean W",
    "peak_watts": "peak W",
    "p99_watts": "p99 W",
    "short_term_watts": "short-term W",
    "idle_watts": "idle W",
}
"""What stands above a figure."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison, as far as it has come."""

    run: Run
    facts: ComparisonFacts
    records: Sequence[Record]
    result: Compared
    unreadable: Sequence[str] = ()
    """Why records of the run are left out."""

    @classmethod
    def load(cls, store: Store, run_id: str) -> Self:
        """Return a comparison that the store knows; UsageFault where that run is none."""
        run = store.run(run_id).run
        kept = store.records(run_id=run.id, limit=_MOST_RECORDS)[::-1]
        found = cls.of(run, [each.record for each in kept if isinstance(each, Stored)])
        unreadable = [f"record {each.id}: {each.why}" for each in kept if not isinstance(each, Stored)]
        return replace(found, unreadable=unreadable)

    @classmethod
    def of(cls, run: Run, records: Sequence[Record]) -> Self:
        """Return what a run's records say; UsageFault where it compares no variants."""
        if run.comparison is None:
            raise UsageFault(f"run {run.id}: compares no variants, it is of kind {run.kind}; see `farm results list`")
        return cls(run, run.comparison, records, compared(run.comparison, records))

    def headline(self) -> str:
        """Return how many variants are on the front, in one line."""
        verdicts = [place.verdict for place in self.result.places]
        front, maybe = verdicts.count("front"), verdicts.count("maybe")
        undecided = f", {maybe} undecided" * bool(maybe)
        return f"{front} of {counted(len(verdicts), 'variant')} on the Pareto front{undecided}"

    @property
    def names(self) -> list[str]:
        """The variants', in the order in which they were given."""
        return [variant.name for variant in self.facts.variants]

    @property
    def made(self) -> Made:
        """``board`` only where boards and meters all were real."""
        every: list[Made] = [*(record.made for record in self.records), *self.facts.boards.values()]
        twins: list[Made] = [made for made in every if made != "board"]
        return twins[0] if twins else "board"

    @property
    def inexact(self) -> list[Kind]:
        """Figures that scatter, of those that are compared."""
        return [kind for kind in self.result.kinds if not kind.exact]

    def columns(self) -> list[str]:
        """Return the figures that any variant has, in the order in which they are told."""
        values = self.result.values
        return [name for name in TITLES if any(name in by and by[name].got is not None for by in values)]

    def place(self, variant: int) -> str:
        """Return a variant's place in words."""
        place = self.result.places[variant]
        others = listed([self.names[by] for by in place.by])
        if place.verdict == "dominated":
            return f"dominated by {others}"
        return f"maybe: {others} may dominate it" if place.verdict == "maybe" else "front"

    def head(self) -> list[str]:
        """Return what was compared where, how long, and what is not."""
        facts, result = self.facts, self.result
        boards = [
            f"{name}{'' if made == 'board' else f' ({made})'}, {2 * result.pairs.get(name, 0)} rounds"
            for name, made in facts.boards.items()
        ]
        settings = {key: facts.scenario.get(key) for key in ("rate_hz", "duration_s")}
        scenario = ", ".join(
            [str(facts.scenario["name"]), *(f"{key} {value:g}" for key, value in settings.items() if value is not None)]
        )
        lines = [
            f"{len(self.names)} variants on {'; '.join(boards) or f'no {facts.model}'}",
            f"scenario {scenario}; compared by {', '.join(TITLES[name] for name in facts.figures)}",
        ]
        return [*lines, *(f"not by {TITLES[name]}: {why}" for name, why in facts.left_out.items())]

    def remarks(self) -> list[str]:
        """Return what is still open, and what went wrong."""
        facts, result = self.facts, self.result
        lines = self._open()
        if facts.ended:
            lines.append(f"ended: {facts.ended}")
        elif self.run.ended_utc is None:
            lines.append("not ended: it is still running, or was killed")
        for fault in facts.faults:
            went_on = "its rounds were begun anew" if fault.again else "it was left out"
            what = fault.what.removeprefix(f"{fault.board}: ")
            lines.append(f"{fault.board}: {what}{f' (try: {fault.hint})' * bool(fault.hint)}; {went_on}")
        if result.voids:
            lines.append(f"{counted(len(result.voids), 'void trial')}; the last: {result.voids[-1]}")
        of = {one for by in result.values for kind in result.kinds for one in by[kind.name].of}
        lines += [f"watts of {one}" for one in sorted(of)]
        # on one line each: what a board says must not begin a line
        return [" ".join(line.split()) for line in [*lines, *result.notes, *self.unreadable]]

    def _open(self) -> list[str]:
        """Return what is not separated, figure by figure, and how much more would do."""
        if not self.result.trials:
            return ["nothing was measured"]
        lines: list[str] = []
        rounds = max((2 * pairs for pairs in self.result.pairs.values()), default=0)
        for kind in self.result.kinds:
            pairs = [(a, b) for a, b, name in self.result.open if name == kind.name]
            if not pairs:
                continue
            told = listed([f"{self.names[a]} and {self.names[b]}" for a, b in pairs], "; ", most=6)
            why = next((by[kind.name].why for by in self.result.values if by[kind.name].why), "")
            lines.append(f"not separated after {rounds} rounds in {TITLES[kind.name]}: {told}{f' ({why})' * bool(why)}")
        if lines and (more := self.result.more_rounds) is not None:
            affordable = more <= _AFFORDABLE * rounds
            lines.append(
                f"about {more} more rounds on each of these boards would do"
                if affordable
                else "no affordable number of rounds would tell: measure longer in each trial, or leave that figure out"
            )
        return lines


def listed(names: Sequence[str], between: str = ", ", *, most: int = 3) -> str:
    """Return so many names, and how many more there are."""
    more = len(names) - most
    return between.join([*names[:most], *([f"{more} more"] if more > 0 else [])])


def cell(name: str, value: Value | None) -> str:
    """Return one variant's figure as it is printed, with its uncertainty where it has one."""
    if value is None or value.got is None:
        return ABSENT
    if name == "size_bytes":
        return size(int(value.got))
    if name == "accuracy":
        return f"{value.got:.2%}"
    if name == "accuracy_loss":
        return f"{value.got + 0.0:+.2%}"
    return with_bounds(value.got, value.u)


def change(one: Contrast) -> str:
    """Return how far b lies from a, with its interval: ``-12.3 % (-13.0 … -11.6)``; what is far off as a factor."""
    if one.change is None:
        return ABSENT
    if not 1 / _FAR < 1 + one.change < _FAR:
        return f"{figure(1 + one.change, 3)} times" + _interval(one, lambda bound: figure(1 + bound, 3))
    places = 1 if one.high is not None and one.low is not None and one.high - one.low > 0.02 else 2
    return f"{100 * one.change:+.{places}f} %" + _interval(one, lambda bound: f"{100 * bound:+.{places}f}")


def _interval(one: Contrast, printed: Callable[[float], str]) -> str:
    if one.low is None or one.high is None or one.low == one.high:
        return ""
    return f" ({printed(one.low)} … {printed(one.high) if isfinite(one.high) else '∞'})"


def relation(one: Contrast, a: str, b: str) -> str:
    """Return what is certain of two variants in words."""
    if one.state == "equal":
        return "equal"
    if one.state == "open":
        return "open"
    return f"{b if one.state == 'better' else a} better"
