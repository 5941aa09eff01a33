"""Entry point of the ``farm`` command: picks the subcommand's module and maps errors to exit codes.

Nothing heavy is imported here or at the top of a command's module: ``farm --help`` must not wait for
libraries that only a running command needs.
"""

import signal
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn, Protocol, cast

from devices.errors import DeviceError
from power.errors import PowerError

from ..errors import Exit, FarmError, UsageFault
from . import output
from .parser import Parser, meant

COMMANDS: dict[str, str] = {
    "check": "farm.cli.check",
    "doctor": "farm.cli.doctor",
    "devices": "farm.cli.devices",
    "schema": "farm.cli.schema",
    "inventory": "farm.cli.inventory",
    "lab": "farm.cli.lab",
    "trust": "farm.cli.trust",
    "health": "farm.cli.health",
    "lease": "farm.cli.lease",
    "power": "farm.cli.power",
    "console": "farm.cli.console",
    "bootlog": "farm.cli.bootlog",
    "meter": "farm.cli.meter",
    "trace": "farm.cli.trace",
    "flash": "farm.cli.flash",
    "provision": "farm.cli.provision",
    "artifact": "farm.cli.artifact",
    "deploy": "farm.cli.deploy",
    "run": "farm.cli.run",
    "predict": "farm.cli.predict",
    "gate": "farm.cli.gate",
    "compare": "farm.cli.compare",
    "accuracy": "farm.cli.accuracy",
    "collect": "farm.cli.collect",
    "results": "farm.cli.results",
    "tui": "farm.cli.tui",
    "report": "farm.cli.report",
    "completion": "farm.cli.completion",
}
"""Subcommands and where they live, in the order of the help."""

COMPLETE = "__complete"
"""What the completion scripts call: no command for people, and in no help."""

_EPILOG = "exit codes: 0 pass, 1 regression, 2 wrong input, 3 lab fault or no verdict, 70 crash, 130 interrupted"
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


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
        SystemExit: for ``--help`` and ``--version`` (0), and for wrong arguments (2).
    """
    words = sys.argv[1:] if argv is None else list(argv)
    output.prepare()
    output.set_loudness(output.Loudness.NORMAL)
    try:
        return _guarded(words)
    except output.ReaderGone:  # while the fault itself was told
        return Exit.INTERRUPTED
    finally:
        output.end_progress()


def _run(words: Sequence[str]) -> int:
    if words[:1] == [COMPLETE]:
        from .completion import complete

        return complete(words[1:])
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    # the options before the command take no values: the first other word is its name
    named = next((word for word in words if not word.startswith("-")), None)
    if named is not None and named not in COMMANDS:
        parser([]).error(f"no command {named!r}; {meant(named, COMMANDS)}")
    # only the module that is asked for; all of them for the help, which needs their one-liners
    whole = parser([named]) if named else parser(COMMANDS, names_only=True)
    if not words:
        output.warn(whole.format_help().rstrip())
        return Exit.USAGE
    args = whole.read(words)
    output.set_loudness(getattr(args, "loudness", output.Loudness.NORMAL))
    return args.command.run(args)


def parser(names: Iterable[str], *, names_only: bool = False) -> Parser:
    """Return the parser of these commands, with their arguments unless only their names matter."""
    whole = Parser("farm", description="Drives boards, measures them, says whether a release may go out.")
    whole.epilog = _EPILOG
    whole.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        command = cast("Command", import_module(COMMANDS[name]))
        own = commands.add_parser(name, help=command.HELP)
        own.set_defaults(command=command)
        if not names_only:
            command.arguments(own)
    return whole


class _Version(Action):
    """Asks the installed distribution only when the version is wanted: the lookup costs milliseconds."""

    def __call__(self, parser: ArgumentParser, *_: Any) -> NoReturn:  # noqa: ANN401 -- argparse's own signature
        from importlib.metadata import version

        output.say(f"edge-test-farm {version('edge-test-farm')}")
        parser.exit()


def _guarded(words: Sequence[str]) -> int:
    """Load and run the command; whatever it raises becomes one message and an exit code."""
    try:
        with _told_to_end():
            status = _run(words)
            output.flush()
    except output.ReaderGone:
        return Exit.INTERRUPTED
    except KeyboardInterrupt as interruption:
        told = "; what it started and set on boards is undone" * (not getattr(interruption, "__notes__", ()))
        output.warn(f"farm: interrupted{told}")
        _tell_notes(interruption)
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the last door: a crash is told from every other outcome
        debug = "--debug" in words
        if debug:
            import traceback

            output.warn("".join(traceback.format_exception(error)).rstrip())
        return _told(error, debug=debug)
    return status


def _told(error: Exception, *, debug: bool) -> int:
    """Print what went wrong and return the exit code that says so."""
    if isinstance(error, UsageFault):
        for line in error.faults:
            output.warn(line)
    elif isinstance(error, FarmError | DeviceError | PowerError):
        output.warn(str(error))
    else:
        output.warn(f"farm: crash: {type(error).__name__}: {error}" + " (--debug shows where)" * (not debug))
    _tell_notes(error)
    if isinstance(error, FarmError):
        return error.exit
    return Exit.LAB_FAULT if isinstance(error, DeviceError | PowerError) else Exit.CRASH


def _tell_notes(error: BaseException) -> None:
    """Print what else went wrong on the way out: that a board could not be put back as it was, for one."""
    for note in getattr(error, "__notes__", ()):
        output.warn(str(note))


@contextmanager
def _told_to_end() -> Generator[None]:
    """Make being told to end, or losing the terminal, an interruption like Ctrl-C; ``nohup`` stays what it is."""
    before = {ending: signal.getsignal(ending) for ending in _ENDINGS}
    heeded = [ending for ending in _ENDINGS if before[ending] != signal.SIG_IGN]
    for ending in heeded:
        signal.signal(ending, _interrupt)
    try:
        yield
    finally:
        for ending in heeded:
            signal.signal(ending, before[ending])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """What was set on a board is restored on the way out, and being told twice must not cut that short."""
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt
