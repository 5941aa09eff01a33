"""Gates on made-up records. The noise is simulated; what judges is the code that ``farm gate`` runs."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from farm.lab.inventory import load
from farm.verdict.criteria import Limits
from farm.verdict.gate import SeatVerdict, conclude, judge_seat
from farm.verdict.policy import Policy
from farm.verdict.policy_file import load_policy
from farm.verdict.seats import Seat, seats

from .board import Board
from .noise import Noise

_ROOT = Path(__file__).parent.parent.parent
FIGURE = "joules_per_inference"
LIMIT = 0.015
"""The shipped policy's, asserted."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is true of every gate of a kind."""

    change: float
    """That the candidate truly makes to J/inference, 0.03 is +3 %."""
    noise: Noise
    boards: int = 1
    worse: int | None = None
    """On so many boards alone the change is there, on the others there is none; None: on all."""
    void: float = 0.0
    """How likely a trial is void and run again."""
    lasting: float = 0.0
    """What the change is off by in a whole quad, and anew in the next, one standard deviation."""

    def __str__(self) -> str:
        """Return it in a few words."""
        where = "" if self.boards == 1 else f", {self.boards} boards"
        where += "" if self.worse is None else f", {self.worse} of them worse"
        where += f", the same within a quad {100 * self.lasting:g} %" if self.lasting else ""
        return f"{self.noise}{where}" + (f", {100 * self.void:g} % void" if self.void else "")


@dataclass(slots=True)
class Gates:
    """What came of many gates."""

    outcomes: dict[str, int] = field(default_factory=lambda: {"pass": 0, "regression": 0, "no verdict": 0})
    pairs: list[int] = field(default_factory=list[int])
    """When a board was decided, over all boards of all gates."""

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())


def shipped(boards: int) -> tuple[Policy, list[Seat]]:
    """Return the shipped policy with one limit alone, J/inference against the baseline, on so many boards."""
    policy = load_policy(_ROOT / "playbooks" / "release.yaml")
    assert policy.against_baseline[FIGURE] == LIMIT
    models = {
        name: entry.model_copy(update={"limits": Limits(), "against_baseline": {}})
        for name, entry in list(policy.models.items())[:boards]
    }
    alone = {"models": models, "limits": Limits(), "against_baseline": {FIGURE: LIMIT}, "evidence": []}
    policy = policy.model_copy(update=alone)
    return policy, seats(policy, load(_ROOT / "inventory.yaml"), baseline=True)


def simulate(condition: Condition, number: int, seed: int) -> Gates:
    """Run so many gates."""
    policy, places = shipped(condition.boards)
    rng = np.random.default_rng(seed)
    gates = Gates()
    for _ in range(number):
        verdicts = [_run_seat(policy, seat, nth, condition, rng) for nth, seat in enumerate(places)]
        gates.outcomes[conclude(policy, verdicts).outcome] += 1
        gates.pairs += [verdict.criteria[0].trials for verdict in verdicts]
    return gates


def _run_seat(policy: Policy, seat: Seat, nth: int, condition: Condition, rng: np.random.Generator) -> SeatVerdict:
    change = condition.change if condition.worse is None or nth < condition.worse else 0.0
    board = Board(seat, change, condition.noise, rng, void=condition.void, lasting=condition.lasting)
    while not (verdict := judge_seat(policy, seat, board.records, final=False)).decided:
        for role in verdict.next:
            if board.run(role).voids:
                break
    return verdict
