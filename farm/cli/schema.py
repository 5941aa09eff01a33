"""``farm schema``: what an inventory, a playbook or a manifest may hold, for editors."""

from argparse import ArgumentParser, Namespace

from ..errors import Exit
from .output import print_json

HELP = "print the JSON schema of inventory.yaml, of playbooks or of a model's manifest, for completion in an editor"


def arguments(parser: ArgumentParser) -> None:
    """Add what it is of."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--playbook", action="store_true", help="of a provisioning playbook")
    what.add_argument("--manifest", action="store_true", help="of a packed model's manifest.json")


def run(args: Namespace) -> int:
    """Print it."""
    if args.playbook:
        from ..playbook.model import schema
    elif args.manifest:
        from ..artifact.manifest import schema
    else:
        from ..lab.schema import schema

    print_json(schema())
    return Exit.PASS
