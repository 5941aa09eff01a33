"""Limits against the baseline, over the pairs of one seat."""

from collections.abc import Sequence
from statistics import fmean

from ..lab.percent import percent
from ..store.run import GateCriterion
from .compare import Answer, Question, answer
from .figures import Kind
from .policy import COMPARABLE, Policy
from .seats import Seat
from .trials import Trials


def judge_changes(policy: Policy, seat: Seat, trials: Trials) -> list[GateCriterion]:
    """Return a criterion for every limit against the baseline, in the order in which figures are printed."""
    return [_change(policy, seat, trials, COMPARABLE[name], limit) for name, limit in seat.changes.items()]


def question(policy: Policy, seat: Seat, name: str) -> Question:
    """Return what is asked of the pairs.

    A false regression anywhere refuses the release, so all intervals of the gate share that risk (Bonferroni). A
    false pass needs every criterion to pass, the one at its limit too: the risk of each is the risk of the gate, and
    nothing is shared (an intersection-union test).
    """
    kind, statistics = COMPARABLE[name], policy.statistics
    return Question(
        limit=seat.changes[name],
        at_most=kind.at_most,
        looks=statistics.looks,
        false_regression=statistics.alpha.false_regression / seat.comparisons,
        false_pass=statistics.alpha.false_pass,
        floor=statistics.noise_floor[name].change,
    )


def _change(policy: Policy, seat: Seat, trials: Trials, kind: Kind, limit: float) -> GateCriterion:
    if trials.mixed:
        return _undecided(seat, trials, kind, limit, "; ".join(trials.mixed))
    if len(trials.pairs) < (1 if kind.exact else policy.statistics.min_pairs):
        return _undecided(seat, trials, kind, limit, f"{len(trials.pairs)} pairs of trials so far")
    figures = [(kind.figure(candidate), kind.figure(baseline)) for candidate, baseline in trials.pairs]
    if why := next((why for pair in figures for figure in pair if (why := figure.why or figure.at_least)), ""):
        return _undecided(seat, trials, kind, limit, why)
    got = [(candidate.got or 0.0, baseline.got or 0.0) for candidate, baseline in figures]
    if any(value <= 0 for pair in got for value in pair):
        return _undecided(seat, trials, kind, limit, "a trial's figure is not above 0: there is no ratio")
    if kind.exact:
        said = _counts(got, kind, limit)
    else:
        said = answer(question(policy, seat, kind.name), [candidate / baseline for candidate, baseline in got])
    used = got[: said.pairs]
    return _criterion(seat, trials, kind, limit).model_copy(
        update={
            "got": fmean(candidate for candidate, _ in used),
            "baseline": fmean(baseline for _, baseline in used),
            "u": max((candidate.u for candidate, _ in figures[: said.pairs] if candidate.u is not None), default=None),
            "low": said.low,
            "high": said.high,
            "of": figures[0][0].of,
            "outcome": said.outcome,
            "why": _why(said, policy),
            "trials": said.pairs,
            "records": [record.id for pair in trials.pairs[: said.pairs] for record in pair],
        }
    )


def _counts(got: Sequence[tuple[float, float]], kind: Kind, limit: float) -> Answer:
    """Compare what every trial must repeat: there is no interval, and trials that disagree decide nothing."""
    if len(set(got)) > 1:
        return Answer("no verdict", len(got))
    change = got[0][0] / got[0][1] - 1
    slack = kind.slack if kind.at_most else -kind.slack
    kept = change <= limit + slack if kind.at_most else change >= limit + slack
    return Answer("pass" if kept else "regression", len(got), change, change, change)


def _why(said: Answer, policy: Policy) -> str:
    if said.outcome != "no verdict":
        return ""
    if said.low is None:
        return "trials of one release disagree, and a count must repeat itself"
    high = "any change" if said.high is None else f"{100 * said.high:+.2f} %"
    between = f"the limit lies between {100 * said.low:+.2f} % and {high}"
    most = policy.statistics.max_pairs
    if said.more is None or said.more > 10 * most:
        return f"{between}: the change is at the limit, no affordable number of pairs would tell"
    return f"{between}: needs about {said.more} more pairs than the {said.pairs} that ran"


def _undecided(seat: Seat, trials: Trials, kind: Kind, limit: float, why: str) -> GateCriterion:
    return _criterion(seat, trials, kind, limit).model_copy(update={"why": why})


def _criterion(seat: Seat, trials: Trials, kind: Kind, limit: float) -> GateCriterion:
    return GateCriterion(
        name=kind.name,
        unit=kind.unit,
        wanted=f"{'<=' if kind.at_most else '>='} {percent(limit)}",
        limit=limit,
        outcome="no verdict",
        board=trials.board,
        model=seat.model,
        artifact=trials.artifact,
        against="baseline",
    )
