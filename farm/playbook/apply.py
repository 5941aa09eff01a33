"""Makes a board what its playbook says."""

from collections.abc import Callable
from dataclasses import dataclass

from devices.board import Board
from devices.shell import Shell

from ..errors import LabFault, UsageFault
from .model import Playbook
from .step import Step, Target


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step."""

    name: str
    changed: bool
    """In check mode: whether it would be."""
    detail: str = ""
    """What differed before."""


def apply(
    playbook: Playbook,
    board: Board,
    shell: Shell,
    *,
    workdir: str,
    check: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[StepResult]:
    """Take the steps in order, changing only what differs: a second time, nothing does.

    Args:
        playbook: for this model of board.
        board: booted and reachable.
        shell: on that board.
        workdir: the farm's folder on it, built from its root.
        check: only say what would change.
        progress: told each step's title before it is taken.

    Raises:
        UsageFault: the playbook is for another model.
        LabFault: the board is not as expected, or took a change and did not keep it.
        devices.errors.DeviceError: it refused a change, or the link broke.
    """
    if playbook.model != board.model:
        raise UsageFault(f"{playbook.path}: is for {playbook.model}, but {board.name} is a {board.model}")
    target = Target(board, shell, workdir)
    results: list[StepResult] = []
    for entry in playbook.steps:
        if progress is not None:
            progress(entry.step.title)
        results.append(_take(entry.step, target, check=check))
    return results


def _take(step: Step, target: Target, *, check: bool) -> StepResult:
    differs = step.differs(target)
    if not differs or check:
        return StepResult(step.title, changed=bool(differs), detail=differs)
    step.change(target)
    if still := step.differs(target):
        hint = "look whether something on the board sets it back, or whether the image knows no such thing"
        raise LabFault(target.board.name, f"{step.title}: changed, and still {still}", hint=hint)
    return StepResult(step.title, changed=True, detail=differs)
