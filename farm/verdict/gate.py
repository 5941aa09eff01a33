"""Records and a policy in, a verdict out: pure, without a lab and without a clock.

An engine asks :func:`.seats.seats` what there is to do, and then for each seat::

    while not (verdict := judge_seat(policy, seat, records, final=False)).decided:
        for role in verdict.next:
            run a trial of that release, keep its record; leave the loop after a void one

``final=True`` asks for what can be said when no more trials will come. :func:`conclude` puts the seats together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..store.record import Record, Role
from ..store.run import EvidenceCheck, GateCriterion, GateFault, GateVerdict
from .absolute import hold
from .against import judge_changes
from .criteria import Limits, kinds, wanted
from .evidence import check_evidence, is_prediction
from .policy import Policy
from .seats import QUAD, Seat, role_of
from .trials import Trials

Outcome = Literal["pass", "regression", "no verdict"]


@dataclass(frozen=True, slots=True)
class SeatVerdict:
    """What can be said of one seat."""

    seat: Seat
    board: str
    """Where its last trial ran; before the first, the preferred one."""
    criteria: list[GateCriterion]
    evidence: list[EvidenceCheck]
    decided: bool
    """More trials would change nothing, or the policy allows no more."""
    voids: list[str]
    """Every void trial's reasons, each with its record."""
    next: tuple[Role, ...] = ()
    """Whose releases to try, in this order, until there may be something new to say; empty when decided."""
    reasons: tuple[str, ...] = ()
    """Why it has no verdict, beyond its criteria and evidence."""

    @property
    def outcome(self) -> Outcome:
        """Regression over no verdict over pass."""
        outcomes = {criterion.outcome for criterion in self.criteria}
        if "regression" in outcomes:
            return "regression"
        if "no verdict" in outcomes or not outcomes or self.reasons or any(not e.held for e in self.evidence):
            return "no verdict"
        return "pass"


def judge_seat(policy: Policy, seat: Seat, records: Sequence[Record], *, final: bool) -> SeatVerdict:
    """Judge one board's trials.

    Args:
        policy: the policy.
        seat: one of :func:`.seats.seats`.
        records: the seat's own in the order in which they ran, void ones too. Only the last board's count.
        final: no more trials will come: time is up, or the lab has failed.
    """
    trials = Trials.of(seat, records)
    evidence = check_evidence(policy, seat, trials)
    reasons = (*_too_many_voids(policy, trials), *trials.mixed)
    unproven = bool(trials.valid) and any(not check.held for check in evidence)
    changes, limits = judge_changes(policy, seat, trials), _absolute(policy, seat, trials)
    ended = final or bool(reasons) or unproven or _all_ran(policy, seat, trials)
    whole = not seat.compares or len(trials.valid) % QUAD == 0
    look = whole and len(trials.candidates) >= _fewest(policy, seat)
    if not (ended or look):
        limits = _awaited(seat, trials)
    everything = (*trials.valid, *trials.void)
    if any(is_prediction(record) for record in everything):
        limits, changes = _undecided(limits, _PREDICTED), _undecided(changes, _PREDICTED)
    elif not policy.accept_twins and any(record.made != "board" for record in everything):
        limits, changes = _undecided(limits, _OF_A_TWIN), _undecided(changes, _OF_A_TWIN)
    regressed = any(criterion.outcome == "regression" for criterion in (*limits, *changes))
    decided = ended or regressed or (look and not _open(policy, seat, limits, changes))
    return SeatVerdict(
        seat,
        trials.board,
        [*limits, *changes],
        evidence,
        decided,
        [f"{record.id[:8]}: {'; '.join(record.voids)}" for record in trials.void],
        next=() if decided else _next(seat, trials),
        reasons=reasons,
    )


def conclude(
    policy: Policy, verdicts: Sequence[SeatVerdict], faults: Sequence[GateFault] = (), reasons: Sequence[str] = ()
) -> GateVerdict:
    """Return the gate's verdict: regression over lab fault and no verdict over pass.

    Args:
        policy: the policy.
        verdicts: of every seat, each once.
        faults: that the lab had. One that a neighbour made up for does not stand in the way of a pass.
        reasons: why there is no verdict, beyond what the seats say: time was up.
    """
    told = [*reasons, *(f"{verdict.board}: {reason}" for verdict in verdicts for reason in verdict.reasons)]
    wanted = sum(entry.count for entry in policy.models.values())
    if (judged := len({verdict.seat.key for verdict in verdicts})) < wanted:
        told.append(f"{judged} of {wanted} boards were judged")
    outcomes = {verdict.outcome for verdict in verdicts}
    outcome: Outcome = "pass"
    if "regression" in outcomes:
        outcome = "regression"
    elif "no verdict" in outcomes or told or not verdicts or any(fault.retried_on is None for fault in faults):
        outcome = "no verdict"
    return GateVerdict(
        outcome=outcome,
        criteria=[criterion for verdict in verdicts for criterion in verdict.criteria],
        evidence=[check for verdict in verdicts for check in verdict.evidence],
        faults=list(faults),
        reasons=told,
    )


def _fewest(policy: Policy, seat: Seat) -> int:
    """Return after how many trials absolute limits may be decided: in a comparison a quad's at the least."""
    return max(policy.statistics.trials, QUAD // 2) if seat.compares else policy.statistics.trials


def _open(
    policy: Policy, seat: Seat, limits: Sequence[GateCriterion], changes: Sequence[GateCriterion]
) -> list[GateCriterion]:
    """Return what more trials may decide: comparisons, and limits that too few trials could tell of."""
    short = [limit for limit in limits if limit.outcome == "no verdict" and limit.trials < _fewest(policy, seat)]
    return [*short, *(change for change in changes if change.outcome == "no verdict")]


def _all_ran(policy: Policy, seat: Seat, trials: Trials) -> bool:
    statistics = policy.statistics
    if seat.compares:
        return len(trials.pairs) >= statistics.looks[-1]
    return len(trials.candidates) + len(trials.void) >= statistics.trials + statistics.max_voids


def _too_many_voids(policy: Policy, trials: Trials) -> tuple[str, ...]:
    most = policy.statistics.max_voids
    if len(trials.void) <= most:
        return ()
    return (f"{len(trials.void)} trials were void, more than the policy's {most}: {'; '.join(trials.void[-1].voids)}",)


def _absolute(policy: Policy, seat: Seat, trials: Trials) -> list[GateCriterion]:
    if seat.limits == Limits() or not (trials.candidates or trials.void_candidates):
        return _awaited(seat, trials)
    held = hold(seat.limits, trials.candidates, void=trials.void_candidates, keep=policy.statistics.keep)
    fewest, ids = _fewest(policy, seat), [record.id for record in trials.candidates]
    criteria: list[GateCriterion] = []
    for one in held:
        said, told = one.criterion, {"pass": one.valid, "regression": one.seen, "no verdict": fewest}
        if told[said.outcome] < fewest:
            why = f"{told[said.outcome]} of {fewest} trials could tell so far"
            said = said.model_copy(update={"outcome": "no verdict", "why": why})
        criteria.append(
            GateCriterion(
                **said.model_dump(),
                board=trials.board,
                model=seat.model,
                artifact=trials.artifact,
                low=one.low,
                high=one.high,
                trials=one.valid,
                records=ids,
            )
        )
    return criteria


_OF_A_TWIN = "a twin's record refuses no release without `accept_twins: true`"
_PREDICTED = "a prediction refuses no release, whatever the policy says"


def _undecided(criteria: Sequence[GateCriterion], why: str) -> list[GateCriterion]:
    """Take back what was held against a release: what refuses none; evidence lets none pass."""
    no_verdict = {"outcome": "no verdict", "why": why}
    return [one.model_copy(update=no_verdict) if one.outcome == "regression" else one for one in criteria]


def _awaited(seat: Seat, trials: Trials) -> list[GateCriterion]:
    """Return every absolute limit as undecided: there are too few trials yet, or none at all."""
    why = f"{len(trials.candidates)} valid trials so far"
    return [
        GateCriterion(
            name=kind.name,
            unit=kind.unit,
            wanted=wanted(kind, limit),
            limit=limit,
            outcome="no verdict",
            why=why,
            board=trials.board,
            model=seat.model,
            artifact=trials.artifact,
            trials=len(trials.candidates),
        )
        for kind, limit in kinds(seat.limits)
    ]


def _next(seat: Seat, trials: Trials) -> tuple[Role, ...]:
    """Return what is left of the current quad; without a comparison what the policy wants, then one at a time."""
    if seat.compares:
        done = len(trials.valid)
        return tuple(role_of(nth) for nth in range(done, done - done % QUAD + QUAD))
    return seat.least[len(trials.candidates) :] or seat.least[:1]
