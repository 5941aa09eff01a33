"""A comparison, run: every free board of the model in a thread of its own, until there is enough or time is up."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...errors import UsageFault
from ...lab.crew import work
from ...lab.lending import Lending
from ...store.comparison_facts import ComparisonFacts
from ...store.database import Store
from ..budget import Budget
from .ledger import Ledger
from .plan import Plan
from .stay import Job, run_board

Progress = Callable[[str, str], None]


def run_comparison(plan: Plan, store: Store, run_id: str, progress: Progress, *, state: Path) -> ComparisonFacts:
    """Run it, and note its end in the store on every path; what one board meets keeps no other from its end.

    Args:
        plan: what to do.
        store: where records go; the run has begun there.
        run_id: the run.
        progress: told what is done, and on which board.
        state: the farm's folder.

    Raises:
        UsageFault: a variant cannot run on these boards.
        KeyboardInterrupt: whoever waited was interrupted; by then every board is returned, and what ran is kept.
    """
    lending = Lending(plan.lab, state, f"compare {run_id[:8]}", lambda: (), ("is not to be had", ""))
    ledger = Ledger(plan.facts)
    job = Job(plan, store, run_id, lending, Budget(plan.facts.time_budget_s), ledger, progress)
    try:
        work(lending, {board: partial(run_board, job, board) for board in plan.facts.boards}, partial(progress, ""))
        ledger.spent(_why_ended(ledger.facts))
    except KeyboardInterrupt:
        ledger.end("interrupted")
        raise
    finally:
        store.end(run_id, comparison=ledger.facts)
    if ledger.refused:
        raise UsageFault(list(ledger.refused))
    return ledger.facts


def _why_ended(facts: ComparisonFacts) -> str:
    if not facts.boards:
        return "no board was free"
    if {fault.board for fault in facts.faults if not fault.again} >= facts.boards.keys():
        return "no board is left"
    return f"{facts.most_rounds} rounds were run, and time or --max-rounds were given for no more"
