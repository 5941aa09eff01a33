"""``farm health --check`` and ``--due``: the longer check, several boards at once."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from threading import Event

from ..errors import Exit, LabFault
from ..health.check import CheckResult, check_board
from ..health.check_plan import planned
from ..health.due import due
from ..health.notify import Notifier
from ..health.policy import HealthPolicy, load_policy, policy_path
from ..health.watch import keep_checks
from ..lab.inventory import Lab
from ..store.database import Store
from .common import STATE, open_lab
from .output import ABSENT, note, print_json, progress, say, table, warn

AT_ONCE = 8
"""Assumed: so many boards that boot and run a trial do not disturb each other's timing on one controller."""


def check(args: Namespace) -> int:
    """Check the named boards, or those that are due; 3 when one failed, could not be decided or is in use."""
    lab = open_lab(args)
    lab.require(args.boards)
    policy = policy_of(args, lab)
    boards = due_boards(lab, policy, args.boards or list(lab.boards)) if args.due else dict.fromkeys(args.boards, "")
    if not boards:
        print_json([]) if args.json else say("no board is due for a check")
        return Exit.PASS
    for board, why in boards.items():
        if why:
            note(f"{board}: {why}")
    found = list(check_each(lab, policy, list(boards), wait_s=args.wait, tell=progress))
    done = [one for one in found if isinstance(one, CheckResult)]
    if args.notify:
        with Notifier(args.notify, warn) as notifier:
            notifier.tell(keep_checks(lab, done, STATE))
    if args.json:
        print_json([asdict(one) | {"outcome": one.outcome, "fault": one.fault} for one in done])
    else:
        _show(sorted(done, key=lambda one: list(boards).index(one.board)))
    for fault in (one for one in found if isinstance(one, LabFault)):
        warn(str(fault))
    return Exit.PASS if all(one.outcome == "passed" for one in done) and len(done) == len(found) else Exit.LAB_FAULT


def policy_of(args: Namespace, lab: Lab) -> HealthPolicy:
    """Return the policy that the command line names, else the lab's."""
    return load_policy(args.policy or policy_path(lab))


def due_boards(lab: Lab, policy: HealthPolicy, boards: Sequence[str]) -> dict[str, str]:
    """Return the boards that are due, each with the reason; models that the policy leaves out never are."""
    known = [board for board in boards if lab.boards[board].model in policy.models]
    with Store.open(lab.database(STATE)) as store:
        return due(policy, store, known)


def check_each(
    lab: Lab,
    policy: HealthPolicy,
    boards: Sequence[str],
    *,
    wait_s: float = 0.0,
    tell: Callable[[str, str], None] = lambda _text, _board: None,
    stop: Event | None = None,
) -> Iterator[CheckResult | LabFault]:
    """Yield what came of each board as it ends; a fault where it could not be checked: in use, taken away.

    Whoever stops asking, or sets ``stop``, ends them after the step that they are at, and after what they restore.

    Raises:
        UsageFault: the policy, a playbook or an artifact is wrong.
    """
    stop = stop or Event()
    with planned(policy, lab, boards) as plans, ThreadPoolExecutor(AT_ONCE, "health check") as pool:

        def one(board: str) -> CheckResult | LabFault:
            plan = plans[lab.boards[board].model]

            def told(step: str) -> None:
                tell(step, board)

            try:
                return check_board(lab, board, plan, state=STATE, wait_s=wait_s, progress=told, stop=stop)
            except LabFault as fault:
                return fault
            finally:
                tell("", board)

        try:
            for done in as_completed([pool.submit(one, board) for board in boards]):
                yield done.result()
        except BaseException:
            stop.set()
            raise


def _show(done: Sequence[CheckResult]) -> None:
    rows = [
        (one.board, one.made, step.name, step.outcome, f"{step.seconds:.1f}", _first_line(step.detail) or ABSENT)
        for one in done
        for step in one.steps
    ]
    if rows:
        table(("board", "made", "step", "outcome", "s", "seen"), rows)
    for one in done:
        for fault in dict.fromkeys(step.detail for step in one.steps if step.outcome == "failed"):
            warn(fault)
        if one.quarantine is not None:
            warn(f"{one.board}: in quarantine: {one.quarantine}")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
