"""Absolute limits held against several trials of one release on one board.

Each trial is judged by itself, its meter's uncertainty included, just as ``farm run --limit`` does; then they are
counted. A limit passes when ``statistics.keep`` of the trials keep it, and is a regression when more than half miss
it; between the two there is no verdict. A count that every trial must repeat (accuracy on one data set, the size of
a file) has no share: trials that disagree decide nothing. A trial that cannot tell for reasons of the lab, starved of
its processor by others or short of images, is not counted for that limit; one whose interval holds the limit is.

No mean is formed: most of the uncertainty is the meter's and does not shrink with the number of trials, the rest is
correlated from trial to trial, and a product's limit is a promise about every run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..store.record import Criterion, Record
from .criteria import Limits, judge, kinds
from .explain import digits
from .figures import Kind


@dataclass(frozen=True, slots=True)
class Held:
    """One absolute limit over all trials."""

    criterion: Criterion
    """``got`` is the worst trial's where it passes, else the middle one's."""
    low: float | None
    high: float | None
    """From the lowest trial less its uncertainty to the highest and its; absent where that is a single value."""
    valid: int
    """Trials that could tell, none of them void."""
    seen: int
    """The same with those that are void for a reason that does not touch this limit."""


def hold(limits: Limits, trials: Sequence[Record], *, void: Sequence[Record] = (), keep: float) -> list[Held]:
    """Hold limits against trials, in the order in which limits are printed.

    Args:
        limits: what is wanted.
        trials: valid ones.
        void: others. They never count for a pass; what a void does not touch still counts as missed.
        keep: share of trials that must keep a limit.
    """
    columns = zip(*(judge(record, limits).criteria for record in (*trials, *void)), strict=True)
    return [_over(kind, column, len(trials), keep) for (kind, _), column in zip(kinds(limits), columns, strict=True)]


def _over(kind: Kind, column: Sequence[Criterion], trials: int, keep: float) -> Held:
    valid = [criterion for criterion in column[:trials] if criterion.outcome != "no verdict" or _inside(criterion)]
    void = [criterion for criterion in column[trials:] if criterion.outcome != "no verdict"]
    seen = [*valid, *void]
    kept = sum(criterion.outcome == "pass" for criterion in valid)
    missed = sum(criterion.outcome == "regression" for criterion in seen)
    void_misses = sum(criterion.outcome == "regression" for criterion in void)
    if missed and missed > (len(seen) - 1 if kind.exact else len(seen) / 2):
        outcome = "regression"
    elif kept and kept >= (1.0 if kind.exact else keep) * (len(valid) + void_misses):
        outcome = "pass"
    else:
        outcome = "no verdict"
    told = [(criterion.got, criterion.u or 0.0) for criterion in seen or column if criterion.got is not None]
    got = [value for value, _ in told]
    spans = len(set(got)) > 1 or any(u for _, u in told)
    worst = max if kind.at_most else min
    why = "" if outcome != "no verdict" else _why(seen or column, kept, missed)
    summary = {
        "got": None if not got else worst(got) if outcome == "pass" else median(got),
        "u": max((criterion.u for criterion in seen or column if criterion.u is not None), default=None),
        "outcome": outcome,
        "why": why,
    }
    return Held(
        column[0].model_copy(update=summary),
        low=min(value - u for value, u in told) if spans else None,
        high=max(value + u for value, u in told) if spans else None,
        valid=len(valid),
        seen=len(seen),
    )


def _inside(criterion: Criterion) -> bool:
    """Return whether the limit lies inside a trial's interval: that trial has told all it can."""
    return criterion.u is not None and criterion.got is not None and abs(criterion.got - criterion.limit) <= criterion.u


def _why(column: Sequence[Criterion], kept: int, missed: int) -> str:
    first = next((criterion.why for criterion in column if criterion.why), "")
    if len(column) == 1:
        return first or "the trial was void"
    got = [criterion.got for criterion in column if criterion.got is not None]
    between = f", from {digits(min(got))} to {digits(max(got))}" if got else ""
    return f"of {len(column)} trials {kept} keep it and {missed} miss it{between}" + f"; {first}" * bool(first)
