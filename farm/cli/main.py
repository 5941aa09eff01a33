"""Entry point of the ``farm`` command: picks the subcommand's module and maps errors to exit codes.

Nothing heavy is imported here or at the top of a command's module: ``farm --help`` must not wait for
libraries that only a running command needs.
"""

import signal
import sys
import traceback
from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn, Protocol, cast

from devices.errors import DeviceError
from power.errors import PowerError

from ..errors import Exit, FarmError, UsageFault
from . import output

COMMANDS: dict[str, str] = {
    "check": "farm.cli.check",
    "schema": "farm.cli.schema",
    "lab": "farm.cli.lab",
    "trust": "farm.cli.trust",
    "health": "farm.cli.health",
    "power": "farm.cli.power",
    "console": "farm.cli.console",
    "provision": "farm.cli.provision",
    "artifact": "farm.cli.artifact",
    "deploy": "farm.cli.deploy",
    "run": "farm.cli.run",
    "results": "farm.cli.results",
}
"""Subcommands and where they live, in the order of the help."""

_EPILOG = "exit codes: 0 pass, 1 regression, 2 wrong input, 3 lab fault or no verdict, 70 crash, 130 interrupted"


class Command(Protocol):
    """What a subcommand's module holds."""

    HELP: str
    """One line."""

    def arguments(self, parser: ArgumentParser) -> None:
        """Add the subcommand's own arguments."""
        ...

    def run(self, args: Namespace) -> int:
        """Do it and return the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code.

    Raises:
        SystemExit: from argparse, for ``--help`` and for wrong arguments (2).
    """
    words = sys.argv[1:] if argv is None else list(argv)
    output.never_fail_on_a_character()
    try:
        return _guarded(words)
    except output.ReaderGone:  # while the fault itself was told
        return Exit.INTERRUPTED


def _run(words: Sequence[str]) -> int:
    # only the module that is asked for; all of them for the help, which needs their one-liners
    named = next((word for word in words if word in COMMANDS), None)
    args = _parser([named] if named else COMMANDS).parse_args(words)
    return args.command.run(args)


def _parser(names: Iterable[str]) -> ArgumentParser:
    parser = ArgumentParser("farm", description="Drives boards, measures them, says whether a release may go out.")
    parser.epilog = _EPILOG
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    _add_debug(parser)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        command = cast("Command", import_module(COMMANDS[name]))
        own = commands.add_parser(name, help=command.HELP, description=command.HELP)
        own.set_defaults(command=command)
        _add_debug(own)
        command.arguments(own)
    return parser


def _add_debug(parser: ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", default=SUPPRESS, help="show the traceback of a crash")


class _Version(Action):
    """Asks the installed distribution only when the version is wanted: the lookup costs milliseconds."""

    def __call__(self, parser: ArgumentParser, *_: Any) -> NoReturn:  # noqa: ANN401 -- argparse's own signature
        from importlib.metadata import version

        output.say(f"edge-test-farm {version('edge-test-farm')}")
        parser.exit()


def _guarded(words: Sequence[str]) -> int:
    """Load and run the command; whatever it raises becomes one message and an exit code."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _run(words)
        output.flush()
    except UsageFault as fault:
        for line in fault.faults:
            output.warn(line)
        return Exit.USAGE
    except FarmError as fault:
        output.warn(str(fault))
        return fault.exit
    except (DeviceError, PowerError) as fault:
        output.warn(str(fault))
        return Exit.LAB_FAULT
    except KeyboardInterrupt:
        output.warn("farm: interrupted; what it started on boards is ended, their power is as it was")
        return Exit.INTERRUPTED
    except output.ReaderGone:
        return Exit.INTERRUPTED
    except Exception as bug:  # noqa: BLE001 -- the last door: a crash is told from every other outcome
        debug = "--debug" in words
        if debug:
            traceback.print_exc()
        output.warn(f"farm: crash: {type(bug).__name__}: {bug}" + " (--debug shows where)" * (not debug))
        return Exit.CRASH
    finally:
        signal.signal(signal.SIGTERM, before)
    return status


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Being told to end is an interruption like Ctrl-C: what was set on a board is restored on the way out."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # being told twice must not cut the way out short
    raise KeyboardInterrupt
