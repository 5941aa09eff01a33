"""``farm schema``: what an inventory or a playbook may hold, for editors."""

from argparse import ArgumentParser, Namespace

from ..errors import Exit
from .output import print_json

HELP = "print the JSON schema of inventory.yaml or of playbooks, for completion in an editor"


def arguments(parser: ArgumentParser) -> None:
    """Add what it is of."""
    parser.add_argument("--playbook", action="store_true", help="of a provisioning playbook")


def run(args: Namespace) -> int:
    """Print it."""
    if args.playbook:
        from ..playbook.model import schema
    else:
        from ..lab.schema import schema

    print_json(schema())
    return Exit.PASS
