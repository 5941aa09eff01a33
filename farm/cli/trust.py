"""``farm trust``: note a board's host key after a person has compared it."""

import sys
from argparse import ArgumentParser, Namespace

from ..errors import Exit, LabFault, UsageFault
from .common import STATE, add_inventory, open_lab
from .output import ask, say, warn

HELP = "note the host key of a board, after comparing its fingerprint"


def arguments(parser: ArgumentParser) -> None:
    """Add the board, and how it is confirmed."""
    parser.add_argument("board")
    parser.add_argument("--fingerprint", metavar="SHA256:…", help="trust it only if this is its key's fingerprint")
    parser.add_argument("--yes", action="store_true", help="trust it without being asked: only on a wire you can see")
    parser.add_argument("--replace", action="store_true", help="the board has a new key: forget the one noted before")
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Fetch the key, show its fingerprint, and note it once confirmed.

    Raises:
        UsageFault: nobody confirmed it, or the inventory names a key or a gateway.
        LabFault: another key is noted, or the fingerprint is another.
    """
    from devices.errors import Unreachable
    from devices.ssh_keys import fetch_host_key

    from ..lab.known_hosts import KnownHosts, fingerprint
    from ..lab.reach import KNOWN_HOSTS

    lab = open_lab(args)
    lab.require([args.board])
    entry = lab.boards[args.board].ssh
    if entry is None:
        raise UsageFault(f"{args.board}: is not reached over SSH, so there is no host key to trust")
    if entry.gateway is not None:
        hint = f"write what `ssh-keyscan` shows there into boards.{args.board}.ssh.host_key"
        raise UsageFault(f"{args.board}: is behind {entry.gateway}; {hint}")
    try:
        shown = fetch_host_key(entry.host, entry.port)
    except Unreachable as silent:
        detail = str(silent).partition("\n")[0]
        raise LabFault(args.board, detail, hint=f"is it on? `farm power on {args.board}`") from silent
    known = KnownHosts(STATE / KNOWN_HOSTS)
    noted = entry.host_key or known.key(entry.host, entry.port)
    if noted is not None and noted.split()[:2] == shown.split()[:2]:
        say(f"{args.board}: {fingerprint(shown)} is trusted already")
        return Exit.PASS
    if noted is not None and (entry.host_key is not None or not args.replace):
        remedy = "correct ssh.host_key in the inventory" if entry.host_key else f"`farm trust --replace {args.board}`"
        what = f"shows {fingerprint(shown)}, and {fingerprint(noted)} is trusted"
        raise LabFault(args.board, what, hint=f"find out why; if the board was set up anew, {remedy}")
    _confirm(args, fingerprint(shown))
    known.note(entry.host, entry.port, shown)
    say(f"{args.board}: {fingerprint(shown)} is trusted now; noted in {known.path}")
    return Exit.PASS


def _confirm(args: Namespace, shown: str) -> None:
    if args.fingerprint is not None:
        if args.fingerprint != shown.rpartition(" ")[2]:
            hint = "is this the board's address, and nobody between?"
            raise LabFault(args.board, f"shows {shown}, not {args.fingerprint}", hint=hint)
        return
    if args.yes:
        return
    warn(f"{args.board}: shows {shown}")
    if not sys.stdin.isatty():
        raise UsageFault(f"{args.board}: not trusted: nobody to ask; compare it, then pass --fingerprint")
    if ask("Is this what the board says of itself on its console? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageFault(f"{args.board}: not trusted")
