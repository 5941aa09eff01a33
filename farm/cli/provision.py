"""``farm provision``: make boards what their playbooks say."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Exit
from . import output
from .bring_up import add_leave_on
from .common import add_inventory, add_json, open_lab

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..playbook import Playbook
    from .provision_each import Provisioned

HELP = "make boards what their playbooks say; what is so already stays untouched"


def arguments(parser: ArgumentParser) -> None:
    """Add the boards and how to treat them."""
    parser.add_argument("boards", nargs="*", metavar="BOARD", help="a board of the inventory")
    parser.add_argument("--check", action="store_true", help="only say what would change")
    parser.add_argument(
        "--playbook", type=Path, metavar="FILE", help="instead of playbooks/MODEL.yaml beside the inventory"
    )
    parser.add_argument("--at-once", type=int, default=8, metavar="N", help="so many boards at the same time [8]")
    parser.add_argument(
        "--over", choices=("ssh", "console"), help="the way onto the boards [SSH; the console while one has no network]"
    )
    parser.add_argument("--steps", action="store_true", help="print what may stand in a playbook, and touch nothing")
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Return 0 when every board is as wanted, 3 when one is not: the others are provisioned all the same."""
    if args.steps:
        from ..playbook.reference import reference

        output.say(reference())
        return Exit.PASS
    _refuse_what_does_not_fit(args)
    from .provision_each import provision_each

    lab = open_lab(args)
    lab.require(args.boards)
    boards = list(dict.fromkeys(args.boards))
    done = provision_each(lab, _playbooks(lab, boards, args.playbook), args)
    if args.json:
        output.print_json({one.board: _as_json(one, check=args.check) for one in done})
    else:
        _show(done, check=args.check)
    for one in done:
        if one.told:
            output.warn(one.told)
    return max((one.exit for one in done), default=Exit.PASS)


def _refuse_what_does_not_fit(args: Namespace) -> None:
    from ..errors import UsageFault

    faults: list[str] = []
    if not args.boards:
        faults.append("farm provision: name the boards; `farm provision --steps` prints what a playbook may hold")
    if args.at_once < 1:
        faults.append(f"--at-once {args.at_once}: at least 1")
    if faults:
        raise UsageFault(faults)


def _playbooks(lab: "Lab", boards: list[str], named: Path | None) -> dict[str, "Playbook"]:
    """Read all playbooks and their secrets before any board is touched; every fault of every file at once."""
    from ..errors import UsageFault
    from ..playbook import load

    source = Path(lab.resolved.source) if lab.resolved else lab.path
    files = {name: named or source.parent / "playbooks" / f"{lab.boards[name].model}.yaml" for name in boards}
    loaded: dict[Path, Playbook] = {}
    faults: list[str] = []
    for path in dict.fromkeys(files.values()):
        if named is None and not path.exists():
            faults.append(f"{path}: is not there; write a playbook for the model, or name one: --playbook FILE")
            continue
        try:
            loaded[path] = load(path)
            loaded[path].revealed()
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


def _as_json(one: "Provisioned", *, check: bool) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "made": one.made,
        "over": one.over,
        "check": check,
        "changed": sum(step.changed for step in one.steps),
        "steps": [asdict(step) for step in one.steps],
        "fault": {"step": one.at, "text": one.fault} if one.fault else None,
    }


def _show(done: list["Provisioned"], *, check: bool) -> None:
    changed = "would change" if check else "changed"
    rows: list[tuple[str, str, str, str | None]] = []
    for one in done:
        rows += [
            (one.label, step.name, changed if step.changed else "as wanted", "; ".join(said) or None)
            for step in one.steps
            for said in [[text for text in (step.detail, step.remark) if text]]
        ]
        rows += [(one.label, one.at, "failed", None)] * bool(one.at)
    if rows:
        output.table(("board", "step", "state", "before"), rows)
