"""``farm provision``: make boards what their playbooks say."""

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from . import output
from .bring_up import add_leave_on, brought_up
from .common import add_inventory, add_json, open_lab

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..playbook import Playbook, StepResult

HELP = "make boards what their playbooks say; what is so already stays untouched"


def arguments(parser: ArgumentParser) -> None:
    """Add the boards and how to treat them."""
    parser.add_argument("boards", nargs="+", metavar="BOARD", help="a board of the inventory")
    parser.add_argument("--check", action="store_true", help="only say what would change")
    parser.add_argument(
        "--playbook", type=Path, metavar="FILE", help="instead of playbooks/MODEL.yaml beside the inventory"
    )
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Return 0 when every board is as wanted, 3 when one is not: the others are provisioned all the same."""
    from devices.errors import DeviceError
    from power.errors import PowerError

    from ..errors import LabFault

    lab = open_lab(args)
    lab.require(args.boards)
    playbooks = _playbooks(lab, args.boards, args.playbook)

    status = Exit.PASS
    results: dict[str, list[StepResult]] = {}
    labels: dict[str, str] = {}
    for name in args.boards:
        try:
            labels[name], results[name] = _provision(lab, name, playbooks[name], args)
        except (LabFault, DeviceError, PowerError) as fault:
            output.warn(str(fault))
            status = Exit.LAB_FAULT
    _show(results, labels, check=args.check, as_json=args.json)
    return status


def _playbooks(lab: "Lab", boards: list[str], named: Path | None) -> dict[str, "Playbook"]:
    """Read all playbooks before any board is touched; every fault of every file at once."""
    from ..errors import UsageFault
    from ..playbook import load

    source = Path(lab.resolved.source) if lab.resolved else lab.path
    files = {name: named or source.parent / "playbooks" / f"{lab.boards[name].model}.yaml" for name in boards}
    loaded: dict[Path, Playbook] = {}
    faults: list[str] = []
    for path in dict.fromkeys(files.values()):
        try:
            loaded[path] = load(path)
        except UsageFault as fault:
            faults += fault.faults
    faults += [
        f"{path}: is for {loaded[path].model}, but {name} is a {lab.boards[name].model}"
        for name, path in files.items()
        if path in loaded and loaded[path].model != lab.boards[name].model
    ]
    if faults:
        raise UsageFault(faults)
    return {name: loaded[path] for name, path in files.items()}


def _provision(lab: "Lab", name: str, playbook: "Playbook", args: Namespace) -> tuple[str, list["StepResult"]]:
    """Return how the board is called in print, and what was done."""
    from ..playbook import apply

    with brought_up(lab, name, leave_on=args.leave_on, reason="farm provision", even_quarantined=True) as bench:
        return bench.label, apply(
            playbook,
            bench.board,
            bench.shell,
            workdir=bench.workdir,
            check=args.check,
            progress=partial(output.progress, of=name),
        )


def _show(results: dict[str, list["StepResult"]], labels: dict[str, str], *, check: bool, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        output.print_json({name: [asdict(step) for step in steps] for name, steps in results.items()})
        return
    done = "would change" if check else "changed"
    rows = [
        (labels[name], step.name, done if step.changed else "as wanted", step.detail or None)
        for name, steps in results.items()
        for step in steps
    ]
    if rows:
        output.table(("board", "step", "state", "before"), rows)
