"""YAML that remembers on which line each value stands, and names everything that is wrong with it.

Scalars follow the YAML 1.2 core schema: ``on``, ``no``, ``12:30`` and ``0421`` are text, as everyone
but a YAML 1.1 parser would read them.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Where = tuple[str | int, ...]
"""A place in the document: keys and indices from the top."""

_CORE = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", "-+.0123456789"),
}
_TAG = "tag:yaml.org,2002:"
_DEEPEST = 20
"""Nesting beyond this is no inventory (ours has 4 levels), and deep enough would exhaust the stack."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong, and where."""

    where: Where
    text: str
    line: int | None = None
    """Where no value stands: a syntax error. Otherwise the document knows it."""


@dataclass(slots=True)
class Document:
    """A YAML file as plain values, with the line of each."""

    path: Path
    value: Any = None
    lines: dict[Where, int] = field(default_factory=dict[Where, int])
    faults: list[Fault] = field(default_factory=list[Fault])
    data: bytes = b""
    """The file as it was read."""
    what: str = "inventory"
    """What the file is, in a word: the place of a fault that concerns all of it."""

    @property
    def unreadable(self) -> bool:
        """Whether nothing could be read, so that more checks would only find more of the same."""
        return self.value is None and bool(self.faults)

    @property
    def sha256(self) -> str:
        """Of the file's bytes, hex."""
        return hashlib.sha256(self.data).hexdigest()

    def line(self, where: Where) -> int:
        """Return the line of a place, or of the nearest thing around it that is there."""
        return next((self.lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in self.lines), 1)

    def report(self, faults: list[Fault]) -> list[str]:
        """Return ``FILE:LINE: field: what`` for each fault, in the order of the file, each on one line."""
        placed = sorted({(f.line or self.line(f.where), _dotted(f.where) or self.what, f.text) for f in faults})
        return [_one_line(f"{self.path}:{line}: {where}: {text}") for line, where, text in placed]


def read(path: Path, what: str = "inventory") -> Document:
    """Read a file; whatever is wrong with it as YAML stands in ``faults``."""
    document = Document(path, what=what)
    try:
        document.data = path.read_bytes()
        text = document.data.decode("utf-8-sig")
        _Reader(document).read(text)
    except OSError as error:
        named = "name another with --inventory FILE" if what == "inventory" else "look for a typing error in its name"
        remedy = named if isinstance(error, FileNotFoundError) else "look at its rights"
        document.faults.append(Fault((), f"cannot be read: {error.strerror or error}; {remedy}"))
    except UnicodeDecodeError as error:
        line = document.data[: error.start].count(b"\n") + 1
        document.faults.append(
            Fault((), f"byte 0x{document.data[error.start]:02x} is not UTF-8; save it as UTF-8", line)
        )
    return document


class _Loader(yaml.SafeLoader):
    """Knows the core schema's scalars only."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 -- PyYAML's own attribute


for _name, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType] -- PyYAML's stubs leave it open
        _TAG + _name, re.compile(rf"^(?:{_pattern})$"), ["" if letter == "\0" else letter for letter in _first]
    )


class _Dumper(yaml.SafeDumper):
    """Quotes what the loader above would not read back as text."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def dump(value: Any) -> str:  # noqa: ANN401 -- any YAML value
    """Return plain values as YAML that :func:`read` reads back unchanged."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Reader:
    """Turns nodes into values, noting lines and faults in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def read(self, text: str) -> None:
        try:
            if self._refused(text):
                return
            loader = _Loader(text)
            try:
                node = loader.get_single_node()
                if node is not None:
                    self._document.value = self._value(loader, node, ())
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = " ".join(filter(None, (error.context, error.problem)))
            self._fault((), f"not YAML: {what}; look at indentation, colons and quotes", mark.line + 1 if mark else 1)
        except yaml.reader.ReaderError as error:
            line = text[: error.position].count("\n") + 1
            self._fault((), f"not YAML: character U+{ord(text[error.position]):04X} is not allowed; remove it", line)

    def _refused(self, text: str) -> bool:
        """Refuse, before anything is built, what could make a small file endless."""
        depth = 0
        for event in yaml.parse(text, _Loader):  # pyright: ignore[reportUnknownMemberType] -- PyYAML's stubs leave it open
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                self._fault((), "anchors and aliases are not read here; write the value out", line)
            elif depth > _DEEPEST:
                self._fault((), "nested too deeply; look at the indentation and the brackets", line)
            else:
                continue
            return True
        return False

    def _value(self, loader: _Loader, node: yaml.Node, where: Where) -> Any:  # noqa: ANN401 -- any YAML value
        line = node.start_mark.line + 1
        self._document.lines.setdefault(where, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, item, (*where, n)) for n, item in enumerate(node.value)]
        return self._scalar(loader, node, where)

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(where, "a key must be a plain word; look at the braces and dashes", line)
                continue
            key = str(key_node.value)
            here = (*where, key)
            if key in values:
                first = self._document.lines[here]
                self._fault(here, f"stands twice, first on line {first}; remove one", line)
                continue
            self._document.lines[here] = line
            values[key] = self._value(loader, value_node, here)
        return values

    def _scalar(self, loader: _Loader, node: yaml.Node, where: Where) -> Any:  # noqa: ANN401 -- any YAML scalar
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return str(node.value)
        try:
            if kind in _CORE:
                return loader.construct_object(node)  # pyright: ignore[reportUnknownMemberType] -- PyYAML's stubs leave it open
        except ValueError:
            self._fault(where, f"not a {kind}; write it in quotes if it is text", node.start_mark.line + 1)
            return None
        self._fault(where, f"tag {node.tag} is not allowed; remove it", node.start_mark.line + 1)
        return None

    def _fault(self, where: Where, text: str, line: int) -> None:
        self._document.faults.append(Fault(where, text, line))


def _dotted(where: Where) -> str:
    return ".".join(str(step) for step in where)


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
