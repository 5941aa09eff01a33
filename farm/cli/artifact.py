"""``farm artifact``: pack a model, look into a packed one, compare two, sign, check."""

from argparse import ArgumentParser, Namespace

from ..errors import Exit
from . import artifact_diff, artifact_inspect, artifact_pack, artifact_sign, artifact_verify
from .common import add_json

HELP = "pack a model with its manifest, look into packed ones, sign and check them"

_ACTIONS = {
    "pack": artifact_pack,
    "inspect": artifact_inspect,
    "diff": artifact_diff,
    "sign": artifact_sign,
    "verify": artifact_verify,
}


def arguments(parser: ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, action in _ACTIONS.items():
        one = actions.add_parser(name, help=action.HELP)
        action.arguments(one)
        one.set_defaults(action=action.run)
        add_json(one)


def run(args: Namespace) -> int:
    """Do the action; wrong input is told with every fault at once."""
    args.action(args)
    return Exit.PASS
