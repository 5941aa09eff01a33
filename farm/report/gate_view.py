"""A gate's verdict as texts that the terminal, Markdown, JUnit and annotations share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from farm.errors import UsageFault
from farm.lab.inventory import Lab
from farm.lab.made import made
from farm.store.database import Store, Stored
from farm.store.decided import decided
from farm.store.record import Made, Record
from farm.store.run import EvidenceCheck, GateCriterion, GateFault, GateVerdict, Run
from farm.verdict.explain import digits

from .table import PREDICTION

ABSENT = "-"
_MOST_RECORDS = 1_000_000
"""More than any gate runs trials."""
Outcome = Literal["pass", "regression", "no verdict"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate that has ended."""

    run: Run
    verdict: GateVerdict
    records: Sequence[Record] = ()
    """All of the run's, in any order."""
    twins: Mapping[str, Made] = field(default_factory=dict[str, Made])
    """Boards that the inventory calls twins; records add what they say of boards and meters."""

    @classmethod
    def load(cls, store: Store, run_id: str, lab: Lab) -> Self:
        """Return a gate that the store knows; UsageFault where that run has no verdict."""
        stored = store.run(run_id)
        if stored.verdict is None:
            raise UsageFault(f"run {stored.run.id}: has no gate's verdict")
        kept = store.records(run_id=stored.run.id, limit=_MOST_RECORDS)
        records = [each.record for each in kept if isinstance(each, Stored)]
        return cls(stored.run, stored.verdict, records, {name: made(lab.boards[name].twin) for name in lab.twins})

    def made(self, board: str) -> Made:
        """Return what a board was made of, or its meters."""
        for record in self.records:
            if record.board.name == board and record.made != "board":
                return record.made
        return self.twins.get(board, "board")

    def label(self, board: str) -> str:
        """Return the board's name, and what it is made of unless it is a real board."""
        made = self.made(board)
        return board if made == "board" else f"{board} ({made})"

    @property
    def policy(self) -> str:
        """The policy's path as it was given."""
        return self.run.policy_path or "policy"

    @property
    def boards(self) -> list[str]:
        """All boards that anything is said of, in the order of the verdict."""
        verdict = self.verdict
        names = [part.board for part in (*verdict.criteria, *verdict.evidence, *verdict.faults)]
        return list(dict.fromkeys(names))

    def on(self, board: str) -> "OnBoard":
        """Return what the verdict says of one board."""
        return OnBoard(
            board,
            [c for c in self.verdict.criteria if c.board == board],
            [e for e in self.verdict.evidence if e.board == board and not e.held],
            [f for f in self.verdict.faults if f.board == board],
            [r for r in self.records if r.board.name == board],
        )

    @property
    def overridden(self) -> str:
        """What the command line had otherwise than the policy, ``-s duration_s=2``; empty where nothing."""
        return " ".join(f"-s {key}={value}" for key, value in self.run.overridden.items())

    def headline(self) -> str:
        """Return the verdict and what it rests on, in one line: ``regression: 2 of 24 criteria missed``."""
        under = f", under {self.overridden}: not as the policy has it" * bool(self.overridden)
        return self._decided() + under

    def _decided(self) -> str:
        criteria = self.verdict.criteria
        missed = sum(c.outcome == "regression" for c in criteria)
        if self.verdict.outcome == "regression":
            return f"regression: {missed} of {counted(len(criteria), 'criterion', 'criteria')} missed"
        if self.verdict.outcome == "pass":
            boards = counted(len({c.board for c in criteria}), "board")
            return f"pass: {counted(len(criteria), 'criterion held', 'criteria held')} on {boards}"
        undecided = sum(c.outcome == "no verdict" for c in criteria)
        absent = sum(not e.held for e in self.verdict.evidence)
        found = [
            f"{undecided} of {counted(len(criteria), 'criterion', 'criteria')} undecided" * bool(undecided),
            f"evidence missing {counted(absent, 'time')}" * bool(absent),
            counted(len(last := unresolved(self.verdict)), "lab fault") * bool(last),
        ]
        said = ", ".join(filter(None, found)) or next(iter(self.verdict.reasons), "nothing was measured")
        return f"no verdict: {said}"


@dataclass(frozen=True, slots=True)
class OnBoard:
    """What a gate says of one board."""

    board: str
    criteria: Sequence[GateCriterion]
    missing: Sequence[EvidenceCheck]
    """Evidence that the policy wants and that was not there."""
    faults: Sequence[GateFault]
    records: Sequence[Record]

    @property
    def outcome(self) -> Outcome | None:
        """Regression over no verdict over pass; None: it only lent its place to a neighbour."""
        outcomes = {c.outcome for c in self.criteria}
        if "regression" in outcomes:
            return "regression"
        if "no verdict" in outcomes or self.missing or any(f.retried_on is None for f in self.faults):
            return "no verdict"
        return "pass" if outcomes else None

    @property
    def seconds(self) -> float:
        """How long frames were offered on it, over all kept trials."""
        return sum(record.scenario.duration_s for record in self.records)


def outcome_of(stored: Stored, gate: GateVerdict | None = None) -> str:
    """Return what was decided on a trial: by itself, or by a gate from all of the board's.

    ``prediction``, ``void``, ``baseline`` or ``not judged`` where nothing was.
    """
    record = stored.record
    if record.prediction is not None and not record.voids:
        return "prediction"
    found = decided(stored, gate)
    if found is not None:
        return found
    return "void" if record.voids else "baseline" if record.role == "baseline" else "not judged"


def judged(stored: Stored, gate: GateVerdict | None) -> str:
    """Return a trial's own verdict as tables have it; without one, what a gate decided from all of the board's."""
    outcome = outcome_of(stored, gate)
    if outcome == "prediction":
        return PREDICTION
    if outcome not in ("pass", "regression", "no verdict"):
        return outcome
    by = "gate" if stored.record.scenario.timed else "accuracy"
    return outcome.upper() if stored.verdict else f"{by}: {outcome.upper()}"


def worst(outcomes: Sequence[str]) -> str:
    """Return regression over no verdict over pass; trials that nobody judged, and predictions, do not count."""
    for outcome, found in (("regression", ("regression",)), ("no verdict", ("no verdict", "void"))):
        if any(one in found for one in outcomes):
            return outcome
    if outcomes and all(one == "prediction" for one in outcomes):
        return "prediction"
    return "pass" if "pass" in outcomes else "not judged"


def unresolved(verdict: GateVerdict) -> list[GateFault]:
    """Return the faults that no neighbour made up for."""
    return [fault for fault in verdict.faults if fault.retried_on is None]


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 board``, ``2 boards``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def title(criterion: GateCriterion) -> str:
    """Return what was compared with what."""
    return f"{criterion.name} against baseline" if criterion.against == "baseline" else criterion.name


def got(criterion: GateCriterion) -> str:
    """Return the candidate's figure with its unit, and how it differs from the baseline's."""
    if criterion.got is None:
        return ABSENT
    change = f" ({criterion.got / criterion.baseline - 1:+.2%})" if criterion.baseline else ""
    return _with_unit(criterion.got, criterion.unit) + change.replace("%", " %")


def baseline(criterion: GateCriterion) -> str:
    """Return the baseline's figure with its unit."""
    return ABSENT if criterion.baseline is None else _with_unit(criterion.baseline, criterion.unit)


def wanted(criterion: GateCriterion) -> str:
    """Return the limit as the policy has it."""
    return criterion.wanted if _names_unit(criterion) else f"{criterion.wanted} {criterion.unit}".rstrip()


def interval(criterion: GateCriterion) -> str:
    """Return the confidence interval that was held against the limit; a comparison's in percent of the baseline."""
    bounds = (criterion.low, criterion.high)
    if bounds == (None, None):
        return ABSENT
    low, high = (_bound(bound, criterion) for bound in bounds)
    unit = " %" if criterion.against == "baseline" else f" {criterion.unit}".rstrip()
    return f"{low} … {high}{unit}"


def _bound(value: float | None, criterion: GateCriterion) -> str:
    if value is None:
        return "∞" if criterion.against == "baseline" else ""
    return f"{100 * value:+.2f}" if criterion.against == "baseline" else digits(value)


def _names_unit(criterion: GateCriterion) -> bool:
    return "%" in criterion.wanted or not criterion.unit or criterion.wanted.endswith(f" {criterion.unit}")


def _with_unit(value: float, unit: str) -> str:
    return f"{digits(value)} {unit}".rstrip()
