"""Makes a board what its playbook says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devices.board import Board
from devices.errors import DeviceError
from devices.shell import Shell

from ..errors import FarmError, UsageFault
from ..lab.way import Over
from .model import Playbook
from .reboot import Reboot
from .step import NotSo, Step, Target
from .values import Values, inventory_values

if TYPE_CHECKING:
    from ..lab.bench import Bench

Restart = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step."""

    name: str
    changed: bool
    """In check mode: whether it would be."""
    detail: str = ""
    """What differed before."""
    remark: str = ""
    """What else must be known of it: that not all of it could be checked."""


def apply(
    playbook: Playbook,
    board: Board,
    shell: Shell,
    *,
    workdir: str,
    bench: "Bench | None" = None,
    check: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[StepResult]:
    """Take the steps in order, changing only what differs: a second time, nothing does.

    Args:
        playbook: for this model of board.
        board: booted and reachable.
        shell: on that board.
        workdir: the farm's folder on it, built from its root.
        bench: what is wired to it; without one, steps that need it are refused.
        check: only say what would change.
        progress: told each step's title before it is taken.

    Raises:
        UsageFault: the playbook is for another model, or a secret of it cannot be read.
        LabFault: the board is not as expected, or took a change and did not keep it.
        devices.errors.DeviceError: it refused a change, or the link broke.
    """
    target = target_of(playbook, board, shell, workdir=workdir, bench=bench, tell=progress or (lambda _text: None))
    return list(each_step(playbook, target, check=check))


def target_of(
    playbook: Playbook,
    board: Board,
    shell: Shell,
    *,
    workdir: str,
    bench: "Bench | None" = None,
    over: Over = "ssh",
    tell: Callable[[str], None],
    heed: Callable[[], object] = lambda: None,
    restart: Restart | None = None,
) -> Target:
    """Return what the playbook's steps act on; its secrets are read here, before anything is touched.

    Raises:
        UsageFault: the playbook is for another model, or a secret of it cannot be read.
    """
    if playbook.model != board.model:
        raise UsageFault(f"{playbook.path}: is for {playbook.model}, but {board.name} is a {board.model}")
    own = {"board": board.name, "model": board.model, "root": board.root.rstrip("/"), "workdir": workdir}
    known = own | (inventory_values(bench) if bench is not None else {}) | playbook.texts
    values = Values(known, playbook.revealed())
    folder = playbook.path.parent
    return Target(board, shell, workdir, bench, folder, values, over=over, tell=tell, heed=heed, restart=restart)


def each_step(playbook: Playbook, target: Target, *, check: bool = False) -> Iterator[StepResult]:
    """Take the steps one by one and yield what became of each; raises as :func:`apply`.

    Secrets are taken out of whatever is told, also of what is raised.
    """
    steps = [entry.step for entry in playbook.steps]
    for n, step in enumerate(steps):
        target.tell(step.title)
        target.history.reboot_follows = any(isinstance(later, Reboot) and later.when for later in steps[n + 1 :])
        yield _taken(step, target, check=check)


def _taken(step: Step, target: Target, *, check: bool) -> StepResult:
    target.history.remarks.clear()
    try:
        differed = step.take(target, check=check)
    except NotSo as fault:
        target.values.mask(fault)
        if not check or not target.history.changed:
            raise
        # what would be changed before it may make it so: whether it does, only a run can tell
        differed = f"not so yet: {str(fault).partition(chr(10))[0].removeprefix(f'{target.board.name}: ')}"
    except (FarmError, DeviceError) as error:
        target.values.mask(error)
        raise
    if differed and step.boots and not check:
        target.history.changed.clear()
    elif differed and not isinstance(step, Reboot):
        target.history.changed.append(step.title)
    detail, remark = target.values.masked(differed), target.values.masked("; ".join(target.history.remarks))
    return StepResult(step.title, changed=bool(differed), detail=detail, remark=remark)
