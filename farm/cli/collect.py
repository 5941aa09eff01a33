"""``farm collect``: the images that a model found hard, as a new data set for retraining."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, LabFault, UsageFault
from .bring_up import add_leave_on, brought_up
from .common import add_inventory, add_json, open_lab, open_records
from .output import note, print_json, progress, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..artifact.collect.choose import Told
    from ..artifact.collect.gather import Collected
    from ..artifact.collect.images import Images
    from ..artifact.collect.policy import Acquired, Policy
    from ..store.database import Stored
    from ..store.frame_facts import DatasetFacts

HELP = "take misclassified and uncertain images, or those that a board acquired, as a new data set"


def arguments(parser: ArgumentParser) -> None:
    """Add the records, the policy, and where the data set goes."""
    parser.add_argument("ids", metavar="RUN", nargs="*", help="records or runs that predicted; as for `results show`")
    parser.add_argument("--policy", type=Path, required=True, metavar="FILE", help="which images, and what is hidden")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new data set's folder")
    parser.add_argument("--name", metavar="NAME", help="of the new data set [its folder's]")
    parser.add_argument(
        "--dataset", type=Path, metavar="PATH", help="the data set's folder here [the images come from a board]"
    )
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Choose, bring, hide, write; 0 also where nothing was hard."""
    from ..artifact.collect.gather import require_new
    from ..artifact.collect.policy import load_policy

    policy = load_policy(args.policy)
    require_new(args.out)
    name = _name(args)
    if policy.acquired is None and not args.ids:
        raise UsageFault("which records? `farm results list` lists them; name one, or a run")
    if policy.acquired is not None and (args.ids or args.dataset):
        raise UsageFault(f"{args.policy}: acquired: images of a board belong to no record and no data set; name none")
    if policy.acquired is None:
        collected = _predicted(args, policy, name)
    else:
        collected = _acquired(args, policy, policy.acquired, name)
    _tell(collected, args)
    return Exit.PASS


def _name(args: Namespace) -> str:
    from pydantic import TypeAdapter, ValidationError

    from ..artifact.document import Name

    name = args.name or args.out.resolve().name
    try:
        return TypeAdapter[str](Name).validate_python(name)
    except ValidationError:
        raise UsageFault(f"{name!r} is no name of a data set: letters, digits, '.', '_' and '-'; --name NAME") from None


def _predicted(args: Namespace, policy: "Policy", name: str) -> "Collected | None":
    """Write what was predicted wrongly or with the least margin."""
    from ..artifact.collect.choose import choose
    from ..artifact.collect.gather import gather
    from ..artifact.collect.images import Here
    from ..artifact.dataset import load_dataset
    from ..trial.described import dataset_facts

    told, stored = _told(args)
    of = _one_dataset(stored)
    chosen = choose(told, policy)
    cut = f", {chosen.candidates} without at_most" if chosen.candidates > len(chosen.indices) else ""
    note(f"{len(chosen.indices)} of {of.images} images of {of.name} are chosen{cut}")
    if not chosen.indices:
        return None
    if args.dataset is not None:
        dataset = load_dataset(args.dataset)
        if dataset.id != of.id:
            raise UsageFault(f"{args.dataset}: is {dataset.id[:12]}; the records are of {of.id[:12]} ({of.name})")
        return gather(chosen, Here(dataset), policy, dataset_facts(dataset), told, args.out, name)
    if of.images_sha256 is None:
        raise UsageFault(f"record {stored[0].record.id}: does not say what its images hash to; name them: --dataset")
    boards = list(dict.fromkeys(one.record.board.name for one in stored if one.record.prediction is None))
    if not boards:
        raise UsageFault("these records are predictions, made on no board: name the data set's folder: --dataset")
    return _from_boards(args, boards, lambda images: gather(chosen, images, policy, of, told, args.out, name), of)


def _told(args: Namespace) -> "tuple[list[Told], list[Stored]]":
    """Return what the records say, each once, in the order of the command line."""
    from ..artifact.collect.choose import Told
    from ..report.collect import collect

    with open_records(args) as store:
        subjects = [collect(store, name) for name in args.ids]
        if broken := [one for subject in subjects for one in subject.unreadable]:
            told = [f"record {one.id}: {one.why}; name the others by their own ids" for one in broken]
            raise UsageFault(told)
        found = {one.record.id: one for subject in subjects for one in subject.trials}
        frames = {id_: store.frames(id_) for id_ in found}
    told = [
        Told(id_, one.record.artifact.id, None if (kept := frames[id_]) is None else kept.predictions)
        for id_, one in found.items()
    ]
    if not told:
        raise UsageFault(f"{', '.join(args.ids)}: no trial was kept")
    return told, list(found.values())


def _one_dataset(stored: "Sequence[Stored]") -> "DatasetFacts":
    by_id = {one.record.dataset.id: one.record.dataset for one in stored}
    if len(by_id) > 1:
        names = ", ".join(f"{facts.name} {id_[:12]}" for id_, facts in by_id.items())
        raise UsageFault(f"records of different data sets: {names}; collect from each by itself")
    return next((facts for one in stored if (facts := one.record.dataset).images_sha256), stored[0].record.dataset)


def _from_boards(
    args: Namespace, boards: "Sequence[str]", take: "Callable[[Images], Collected | None]", of: "DatasetFacts"
) -> "Collected | None":
    """Take the images from the first of these boards that is well and still has them."""
    from devices.errors import DeviceError

    from ..artifact.collect.images import NotThere, OnBoard

    lab = open_lab(args)
    known = [board for board in boards if board in lab.boards]
    lab.require(known or boards)
    gone: list[str] = []
    for board in known:
        lent = False
        try:
            with brought_up(lab, board, leave_on=args.leave_on, reason="farm collect") as bench:
                lent = True
                progress("reads the images", of=board)
                return take(OnBoard(bench.shell, bench.workdir, of.id, str(of.images_sha256)))
        except (LabFault, DeviceError) as error:
            if lent and not isinstance(error, NotThere | DeviceError):
                raise  # what it has is damaged
            gone.append(str(error).partition("\n")[0])
            note(gone[-1])
    raise LabFault(of.name, "; ".join(gone), hint="name the data set's folder: --dataset; or look at the boards")


def _acquired(args: Namespace, policy: "Policy", wanted: "Acquired", name: str) -> "Collected | None":
    """Write what a board has acquired."""
    from ..artifact.collect.acquired import acquired
    from ..artifact.collect.gather import gather_acquired

    lab = open_lab(args)
    lab.require([wanted.board])
    with brought_up(lab, wanted.board, leave_on=args.leave_on, reason="farm collect") as bench:
        progress("reads the images", of=wanted.board)
        found = acquired(bench.shell, bench.entry.root.rstrip("/") + wanted.folder, policy.at_most)
    return None if found is None else gather_acquired(found, policy, wanted.board, args.out, name)


def _tell(collected: "Collected | None", args: Namespace) -> None:
    if args.json:
        facts = None if collected is None else {"id": collected.id, "images": collected.images}
        print_json({"dataset": facts, "folder": str(args.out) if collected else None})
    elif collected is None:
        say(f"no image is left to collect; {args.out} was not written")
    else:
        say(f"{args.out}: {collected.images} images, data set {collected.id[:12]}")
        say(collected.source)
