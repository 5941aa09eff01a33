"""``farm artifact inspect``: what a packed model is, and what compression did to it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageFault
from .output import ABSENT, note, pass_on, print_json, say, table, warn

if TYPE_CHECKING:
    from ..artifact.inspect import Inspected, NetFacts, WeightFacts

HELP = "show what a packed model is, its layers and weights, and what compression did against its float parent"


def arguments(parser: ArgumentParser) -> None:
    """Add the artifact and its parent."""
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--parent", type=Path, metavar="FILE", help="the float artifact [the one it names, beside it]")
    parser.add_argument(
        "--manifest", action="store_true", help="print the canonical manifest alone, byte by byte: what is signed"
    )


def run(args: Namespace) -> None:
    """Show it."""
    from ..artifact.document import canonical
    from ..artifact.inspect import find_parent, inspect, not_comparable
    from ..artifact.unpack import read_manifest

    if args.manifest:
        pass_on(canonical(read_manifest(args.artifact)))
        return
    ours = inspect(args.artifact)
    beside = args.parent or find_parent(args.artifact, ours.manifest)
    parent = None if beside is None else inspect(beside)
    if parent is not None and (why := not_comparable(ours, parent)):
        raise UsageFault(why)
    if args.json:
        print_json(_json(ours, parent))
        return
    _tell(ours)
    if ours.net is None:
        warn(f"not looked into: {ours.why_no_net}")
        return
    _layers(ours.net)
    if parent is None:
        named = ours.manifest.baseline is not None and ours.manifest.baseline.artifact != ours.manifest.name
        if ours.manifest.parent is not None or named:
            note("its float parent does not lie beside it; name it with --parent")
    else:
        _compared(ours, parent)


def _tell(ours: "Inspected") -> None:
    from ..artifact.signed import signature_path
    from .artifact_facts import facts

    lines = {"identity": ours.id, **facts(ours.manifest)}
    if (signature := signature_path(ours.path)).exists():
        lines["signature"] = f"{signature.name}; `farm artifact verify --signers FILE` says by whom"
    width = max(map(len, lines))
    for name, value in lines.items():
        say(f"{name.ljust(width)}  {value}")


def _layers(net: "NetFacts") -> None:
    say("")
    columns = ("layer", "operator", "weights", "kept as", "zero", "distinct", "stored", "entropy", "Huffman", "MACs")
    rows = [
        (
            one.name,
            one.operator.removeprefix("com.microsoft."),
            "x".join(map(str, one.shape)) or ABSENT,
            one.dtype or ABSENT,
            *_figures(one.weights),
            _whole(one.macs),
        )
        for one in net.layers
    ]
    if rows and not net.compiled:
        total = ABSENT if net.weights is None else f"{net.weights.weights:,}"
        rows.append(("all", "", total, "", *_figures(net.weights), _whole(net.macs)))
    if rows:
        table(columns, rows)
        say("bits a weight: stored in the model file; Shannon's bound; a Huffman code's, its table not counted")
    if net.compiled:
        say("the Edge TPU's compiler has put layers into edgetpu-custom-op: what is in there cannot be told")
    say(f"constants besides weights and biases: {net.other_bytes:,} bytes")
    if net.macs_not_zero is not None and net.macs_not_zero != net.macs:
        say(f"{net.macs_not_zero:,} of {net.macs:,} MACs are by a weight that is not 0")
    say(f"operators: {', '.join(f'{name} {count}' for name, count in net.operators.items())}")


def _figures(weights: "WeightFacts | None") -> tuple[str, ...]:
    if weights is None:
        return (ABSENT,) * 5
    return (
        ABSENT if weights.sparsity is None else f"{weights.sparsity:.1%}",
        _whole(weights.distinct),
        *(
            ABSENT if b is None else f"{b:.2f}"
            for b in (weights.stored_bits, weights.entropy_bits, weights.huffman_bits)
        ),
    )


def _whole(count: int | None) -> str:
    return ABSENT if count is None else f"{count:,}"


def _compared(ours: "Inspected", parent: "Inspected") -> None:
    say("")
    rows = list(_rows(ours, parent))
    table(("", "this one", f"parent {parent.manifest.name}", "parent / this"), rows)


def _rows(ours: "Inspected", parent: "Inspected") -> Iterator[tuple[str, str, str, str]]:
    from .artifact_facts import accuracy

    def both(name: str, of: "Callable[[Inspected], float | None]", form: str) -> tuple[str, str, str, str]:
        mine, theirs = of(ours), of(parent)
        ratio = ABSENT if not mine or theirs is None else f"{theirs / mine:.2f}"
        return name, _form(mine, form), _form(theirs, form), ratio

    yield both("packed bytes", lambda i: i.packed_bytes, ",")
    yield both("model bytes", lambda i: i.model_bytes, ",")

    def weights(one: "Inspected") -> "WeightFacts | None":
        return None if one.net is None else one.net.weights

    yield both("bytes of weights", lambda i: (w := weights(i)) and w.stored_bytes, ",")
    yield both("  as Huffman code", _huffman_bytes, ",")
    yield both("parameters", lambda i: i.net and i.net.parameters, ",")
    yield both("bits a weight", lambda i: (w := weights(i)) and w.stored_bits, ".2f")
    yield both("entropy, bits", lambda i: (w := weights(i)) and w.entropy_bits, ".2f")
    yield *both("weights that are 0", lambda i: (w := weights(i)) and w.sparsity, ".1%")[:3], ABSENT
    yield both("MACs", lambda i: i.net and i.net.macs, ",")
    yield both("  not by 0", lambda i: i.net and i.net.macs_not_zero, ",")
    yield "accuracy", accuracy(ours.manifest), accuracy(parent.manifest), ABSENT


def _form(value: float | None, form: str) -> str:
    return ABSENT if value is None else format(value, form)


def _huffman_bytes(one: "Inspected") -> int | None:
    if one.net is None or one.net.weights is None or one.net.weights.huffman_bits is None:
        return None
    return round(one.net.weights.huffman_bits * one.net.weights.weights / 8)


def _json(ours: "Inspected", parent: "Inspected | None") -> dict[str, Any]:
    head = {"id": ours.id, "size_bytes": ours.packed_bytes, "model_bytes": ours.model_bytes}
    value = head | ours.manifest.model_dump(mode="json", exclude_none=True)
    value |= {"net": _net(ours)} if ours.net is not None else {"no_net": ours.why_no_net}
    if parent is not None:
        value["against"] = {
            "id": parent.id,
            "name": parent.manifest.name,
            "size_bytes": parent.packed_bytes,
            "model_bytes": parent.model_bytes,
            "net": _net(parent),
        }
    return value


def _net(one: "Inspected") -> dict[str, Any] | None:
    if one.net is None:
        return None
    value = asdict(one.net)
    for told, facts in ((value, one.net), *zip(value["layers"], one.net.layers, strict=True)):
        if facts.weights is not None:
            told["weights"] |= {"sparsity": facts.weights.sparsity, "stored_bits": facts.weights.stored_bits}
    return value
