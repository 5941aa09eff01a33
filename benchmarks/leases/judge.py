"""What must hold of a contention: one holder at a time, nobody starved, nothing left behind."""

import sqlite3
import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median

from .contend import Outcome, Plan, Turn

FREED_S = 2.0
"""A killed holder's board is another's within this, where somebody waits."""
UNFAIR = 1.1
"""Turns that each other one had while one waited: one in a fair line, and what begins while one is about to join."""


@dataclass(frozen=True)
class Judgement:
    """Figures, and what is wrong."""

    processes: int
    boards: int
    turns: int
    killed: int
    fenced: int
    """Holders that gave up because they could not renew: a host under load, and no fault of the leases."""
    two_holders: int
    overlaps: int
    longest_wait_s: float
    mean_wait_s: float
    share: float
    """The most turns that others had while one waited, as a multiple of the number of others: 1 is fair."""
    slowest_freed_s: float
    """From the death of a killed holder to the next one on its board."""
    handover_ms: float
    """Median, from one holder to the next on the same board."""
    left: dict[str, int]
    faults: list[str]


def judge(outcome: Outcome, folder: Path) -> Judgement:
    """Hold an outcome against what must be."""
    by_board: dict[str, list[Turn]] = {}
    for turn in sorted(outcome.turns, key=lambda turn: turn.got_ns):
        by_board.setdefault(turn.board, []).append(turn)
    pairs = [pair for turns in by_board.values() for pair in pairwise(turns)]
    waits = [turn.waited_s for turn in outcome.turns]
    freed = [(after.got_ns - before.left_ns) / 1e9 for before, after in pairs if before.killed]
    gaps_ms = [(after.got_ns - before.left_ns) / 1e6 for before, after in pairs if not before.killed]
    found = Judgement(
        outcome.plan.processes,
        outcome.plan.boards,
        len(outcome.turns),
        sum(turn.killed for turn in outcome.turns),
        sum(turn.fenced for turn in outcome.turns),
        outcome.two_holders,
        sum(after.got_ns < before.left_ns for before, after in pairs if not before.fenced),
        max(waits, default=0.0),
        mean(waits) if waits else 0.0,
        _share(outcome.turns) / (outcome.plan.processes - 1),
        max(freed, default=0.0),
        median(gaps_ms) if gaps_ms else 0.0,
        left_behind(folder),
        [],
    )
    found.faults.extend(_faults(found, outcome))
    return found


def allowed_share(plan: Plan) -> float:
    """Return the largest share that is fair; few processes join a line that moves by all boards at a time."""
    return UNFAIR + plan.boards / (plan.processes - 1)


def left_behind(folder: Path) -> dict[str, int]:
    """Count rows, files and threads that should be gone."""
    with sqlite3.connect(folder / ".farm" / "results.sqlite") as database:
        held = database.execute("SELECT count(*) FROM leases WHERE ended_ms IS NULL").fetchone()[0]
        waiting = database.execute("SELECT count(*) FROM waiters").fetchone()[0]
    database.close()
    locks = len(list((folder / ".farm" / "locks").iterdir()))
    return {"leases": held, "waiters": waiting, "lock files": locks, "threads": threading.active_count() - 1}


def _share(turns: list[Turn]) -> int:
    """Return the most turns that began while one waited."""
    begun = sorted(turn.got_ns for turn in turns)
    return max(bisect_left(begun, turn.got_ns) - bisect_right(begun, turn.asked_ns) for turn in turns)


def _faults(found: Judgement, outcome: Outcome) -> list[str]:
    faults = list(outcome.failed)
    wanted = outcome.plan.processes * outcome.plan.rounds
    if found.turns != wanted:
        faults.append(f"{found.turns} turns of {wanted}")
    if found.two_holders or found.overlaps:
        faults.append(f"two holders of one board: {found.two_holders} met, {found.overlaps} overlaps")
    if found.share > allowed_share(outcome.plan):
        faults.append(f"unfair: others had {found.share:.2f} turns each while one waited")
    if found.slowest_freed_s > FREED_S:
        faults.append(f"a killed holder's board was free only after {found.slowest_freed_s:.2f} s")
    return faults + [f"left behind: {count} {what}" for what, count in found.left.items() if count]
