"""What may stand at the end of a command line: read off the parsers, so that no list of it is kept anywhere."""

from argparse import Action
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .parser import Parser

Values = Callable[[Sequence[str]], list[str]]
"""Takes the words so far, and returns what may come next."""


class Candidates(NamedTuple):
    """What a shell is to offer."""

    words: dict[str, str]
    """Each with what it is, or an empty text."""
    files: bool = False
    """Files as well."""


def candidates(parser: Parser, words: Sequence[str], known: dict[str, Values]) -> Candidates:
    """Return what may stand where the last of ``words`` is being typed.

    Args:
        parser: of the whole command line.
        words: after the program's name; the last one is incomplete, perhaps empty.
        known: values of arguments that have no list of choices, by metavar or name.
    """
    *done, typed = words
    at = _Place(parser)
    for word in done:
        at = at.after(word)
    flag, equals, value = typed.partition("=")
    if not at.owes(typed) and typed.startswith("-") and not at.only_values:
        option = _options(at.parser).get(flag)
        if not equals:
            return Candidates(_starting(typed, _offered(at.parser, done)))
        found = _values(at.parser, option, words, known) if option is not None else Candidates({})
        return Candidates({f"{flag}={word}": what for word, what in _starting(value, found.words).items()}, found.files)
    action = at.owed or next(at.positionals, None)
    found = _values(at.parser, action, words, known) if action else Candidates(_offered(at.parser, done))
    return Candidates(_starting(typed, found.words), found.files)


class _Place:
    """Where in the grammar a command line has come to."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self.positionals: Iterator[Action] = _positionals(parser)
        self.owed: Action | None = None
        """The option whose value comes next."""
        self.only_values = False
        """After ``--``."""

    def owes(self, word: str) -> bool:
        """Tell whether this word is the value of the option before it: another option is none where it may lack one."""
        may_lack = self.owed is not None and self.owed.nargs in ("?", "+", "*")
        return self.owed is not None and not (may_lack and word.startswith("-"))

    def after(self, word: str) -> "_Place":
        """Return the place after one more word."""
        owes, owed = self.owes(word), self.owed
        self.owed = None
        if owes:
            self.owed = owed if owed is not None and owed.nargs in ("+", "*") else None
        elif word == "--" and not self.only_values:
            self.only_values = True
        elif word.startswith("-") and not self.only_values:
            option = _options(self.parser).get(word)
            self.owed = option if option is not None and option.nargs != 0 else None
        elif next(self.positionals, None) and word in self.parser.subcommands:
            return _Place(self.parser.subcommands[word])
        return self


def _options(parser: Parser) -> dict[str, Action]:
    return {flag: action for action in parser.takes for flag in action.option_strings}


def _positionals(parser: Parser) -> Iterator[Action]:
    """Yield the arguments in turn; the last of those that take several never ends."""
    for action in parser.takes:
        if not action.option_strings:
            yield action
            while action.nargs in ("+", "*"):
                yield action


def _offered(parser: Parser, done: Sequence[str]) -> dict[str, str]:
    """Return the long options that are not there already, or may be there again."""
    return {
        action.option_strings[-1]: action.help or ""
        for action in parser.takes
        if action.option_strings
        and (not set(action.option_strings) & set(done) or type(action).__name__ == "_AppendAction")
    }


def _values(parser: Parser, action: Action, words: Sequence[str], known: dict[str, Values]) -> Candidates:
    if action.choices is not None:
        return Candidates({str(one): parser.about(str(one)) for one in action.choices})
    for name in (action.metavar, action.dest):
        if isinstance(name, str) and name in known:
            return Candidates(dict.fromkeys(known[name](words), ""))
    return Candidates({}, files=action.type is Path)


def _starting(typed: str, words: dict[str, str]) -> dict[str, str]:
    return {word: what for word, what in words.items() if word.startswith(typed)}
