"""``farm check``: is the inventory right, and is the installation whole?"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

from ..errors import Exit
from .common import add_inventory
from .output import say, warn

HELP = "check an inventory without touching any hardware"

DISTRIBUTION = "edge-test-farm"
_OURS = ("farm", "devices", "power")


def arguments(parser: ArgumentParser) -> None:
    """Add the inventory."""
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Print every fault, one a line; return 0 when there is none, 2 otherwise.

    Raises:
        farm.errors.UsageFault: the inventory's faults.
    """
    from importlib.metadata import packages_distributions

    from ..artifact.signed import acceptance
    from ..lab.calibration import warnings
    from ..lab.inventory import SOURCE, load

    taken = names_taken(packages_distributions())
    for line in taken:
        warn(line)
    path = args.inventory or SOURCE
    lab = load(path)
    acceptance(lab)  # reads the file of signers, where one is named
    parts = [_count(lab.boards, "board"), _count(lab.meters, "meter"), _count(lab.switches, "switch", "switches")]
    twins = f" ({_count(lab.twins, 'twin board')})" if lab.twins else ""
    say(f"{path}: {', '.join(parts)}{twins}: no fault found")
    for line in warnings(lab):
        warn(f"warning: {line}")
    return Exit.USAGE if taken else Exit.PASS


def names_taken(owners: Mapping[str, Sequence[str]]) -> list[str]:
    """Tell which of our import names another distribution writes into: pip lets it, without a word.

    Args:
        owners: import name → distributions; an editable install of ours is in none of them.
    """
    strangers = {name: sorted(set(owners.get(name, ())) - {DISTRIBUTION}) for name in _OURS}
    return [
        f"{DISTRIBUTION}: the import name '{name}' is taken by {', '.join(others)} too; "
        f"uninstall it, or install {DISTRIBUTION} into an environment of its own"
        for name, others in strangers.items()
        if others
    ]


def _count(things: Sequence[str] | Mapping[str, object], one: str, many: str = "") -> str:
    return f"{len(things)} {one if len(things) == 1 else many or one + 's'}"
