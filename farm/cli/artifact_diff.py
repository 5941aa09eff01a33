"""``farm artifact diff``: in what two packed models differ."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .output import ABSENT, print_json, say, table, warn

if TYPE_CHECKING:
    from ..artifact.diff import Change, Difference, TensorChange

HELP = "show in what two packed models differ: manifests, files, operators, tensors, accuracy"


def arguments(parser: ArgumentParser) -> None:
    """Add both."""
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)


def run(args: Namespace) -> None:
    """Show it."""
    from ..artifact.diff import diff

    found = diff(args.a, args.b)
    if args.json:
        print_json(_json(found))
        return
    if found.same:
        say(f"the same artifact: {found.a.id}")
        return
    _sides(found)
    for title, changes in (("manifest", found.fields), ("file, bytes", found.files), ("operator", found.operators)):
        if changes:
            say("")
            table((title, "a", "b"), [(one.name, _text(one.a), _text(one.b)) for one in changes])
    if found.tensors:
        say("")
        table(("tensor", "a", "b", "changed", "largest change"), [_tensor(one) for one in found.tensors])
    if not found.unread:
        say(f"tensors of the same name that are the same: {found.same_tensors}")
    for why in found.unread:
        warn(f"not looked into: {why}")


def _sides(found: "Difference") -> None:
    from .artifact_facts import accuracy

    def row(name: str, of: list[str]) -> tuple[str, str, str]:
        return name, of[0], of[1]

    both = (found.a, found.b)
    rows = [
        row("identity", [side.id[:12] for side in both]),
        row("packed bytes", [f"{side.packed_bytes:,}" for side in both]),
        row("parameters", [_count(side.net.parameters if side.net else None) for side in both]),
        row("MACs", [_count(side.net.macs if side.net else None) for side in both]),
        row("accuracy", [accuracy(side.manifest) for side in both]),
    ]
    table(("", f"a: {found.a.manifest.name}", f"b: {found.b.manifest.name}"), rows)


def _count(value: int | None) -> str:
    return ABSENT if value is None else f"{value:,}"


def _text(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    if value is None or value == []:
        return ABSENT
    if isinstance(value, list):
        return ", ".join(_step(one) for one in cast("list[Any]", value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and " " not in text else text  # a hash


def _step(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    """Return a step of preprocessing or of compression as one reads it; other things as they are."""
    if not isinstance(value, dict):
        return str(value)
    named = dict(cast("dict[str, Any]", value))
    name, inner = named.pop("name", ""), named.pop("parameters", {})
    told = ", ".join(f"{key} {one}" for key, one in (named | inner).items())
    return f"{name} ({told})" if told else str(name)


def _tensor(one: "TensorChange") -> tuple[str, str, str, str, str]:
    changed = one.what if one.changed is None else f"{one.changed:,} of {one.total:,}"
    largest = ABSENT if one.largest is None else f"{one.largest:.3g}"
    return one.name, one.a or ABSENT, one.b or ABSENT, changed, largest


def _json(found: "Difference") -> dict[str, Any]:
    def changes(of: "tuple[Change, ...]") -> list[dict[str, Any]]:
        return [asdict(one) for one in of]

    def side(name: str) -> dict[str, Any]:
        one = getattr(found, name)
        expected = one.manifest.expected
        return {
            "id": one.id,
            "path": str(one.path),
            "name": one.manifest.name,
            "size_bytes": one.packed_bytes,
            "accuracy": None if expected is None else expected.fraction,
            "parameters": one.net and one.net.parameters,
            "macs": one.net and one.net.macs,
        }

    return {
        "same": found.same,
        "a": side("a"),
        "b": side("b"),
        "manifest": changes(found.fields),
        "files": changes(found.files),
        "operators": changes(found.operators),
        "tensors": [asdict(one) for one in found.tensors],
        "same_tensors": found.same_tensors,
        "not_looked_into": list(found.unread),
    }
