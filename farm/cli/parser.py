"""The argument parser of all commands: the same manners everywhere, and faults that name the remedy."""

import sys
from argparse import SUPPRESS, Action, ArgumentError, ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from . import output


class Parser(ArgumentParser):
    """Takes ``-q``, ``-v`` and ``--debug`` before and after every subcommand, and guesses what was meant."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- argparse's own signature
        """Add what every command takes; a command's own option of that name goes first."""
        super().__init__(*args, **kwargs, allow_abbrev=False, conflict_handler="resolve")
        self._given: list[str] = []
        self.subcommands: dict[str, Parser] = {}
        """By name; empty where it has none."""
        everywhere = self.add_argument_group("everywhere")
        for flags, value, what in (
            (("-q", "--quiet"), output.Loudness.QUIET, "print the result and faults only"),
            (("-v", "--verbose"), output.Loudness.VERBOSE, "print each step with its time, on standard error"),
        ):
            everywhere.add_argument(
                *flags, dest="loudness", action="store_const", const=value, default=SUPPRESS, help=what
            )
        everywhere.add_argument(
            "--debug", action="store_true", default=SUPPRESS, help="show the traceback of whatever ends the command"
        )
        self.set_defaults(parser=self)

    def add_subparsers(self, **kwargs: Any) -> Any:  # noqa: ANN401 -- argparse's own class is private
        """Add subcommands, and remember which there are."""
        made: Any = super().add_subparsers(**kwargs)
        add = made.add_parser

        def remembered(name: str, **options: Any) -> Parser:  # noqa: ANN401 -- argparse's own signature
            options.setdefault("description", options.get("help"))
            self.subcommands[name] = add(name, **options)
            return self.subcommands[name]

        made.add_parser = remembered
        return made

    def about(self, name: str) -> str:
        """Return what the help says of a subcommand; nothing for any other word."""
        return (self.subcommands[name].description or "") if name in self.subcommands else ""

    @property
    def takes(self) -> Sequence[Action]:
        """What it takes: options and positionals, in the order of the help."""
        return self._actions

    def read(self, words: Sequence[str]) -> Namespace:
        """Return the arguments; a word that nobody takes is told with what was likely meant."""
        args, strange = self.parse_known_args(words)
        if strange:
            args.parser._refuse(strange)  # noqa: SLF001 -- it is one of us
        return args

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401  # pyright: ignore
        """Parse, and remember what was given: a mistyped option is told before the one that is missing for it."""
        self._given = list(args or ())
        return super().parse_known_args(args, namespace)

    def _refuse(self, strange: Sequence[str]) -> NoReturn:
        known = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
        self.error("; ".join(_strange(word, known) for word in strange))

    def _check_value(self, action: Action, value: Any) -> None:  # noqa: ANN401 -- argparse's own signature
        if action.choices is not None and value not in action.choices:
            raise ArgumentError(action, f"no {str(value)!r}; {meant(str(value), map(str, action.choices))}")

    def error(self, message: str) -> NoReturn:
        """Print one line and the remedy, and stop with 2."""
        text = message.removeprefix("argument ")
        if text.startswith("the following arguments are required"):
            known = [flag for action in self._actions for flag in action.option_strings]
            strange = [word for word in self._given if word.startswith("--") and word.partition("=")[0] not in known]
            self._given = []
            if strange:
                self._refuse(strange)
            text += f"; there are {', '.join(self.subcommands)}" if self.subcommands else ""
        output.warn(f"{self.prog}: {text}\n  try: {self.prog} --help")
        sys.exit(2)

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401 -- argparse's own signature
        if message:
            (output.warn if file is sys.stderr else output.say)(message.rstrip("\n"))


def _strange(word: str, known: Iterable[str]) -> str:
    if not word.startswith("-"):
        return f"no word {word!r} is taken here"
    name = word.partition("=")[0]
    return f"no option {name}; {meant(name, known)}"


def meant(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is not among the known ones."""
    from ..lab.words import unknown

    return unknown(word, known)
