"""``farm artifact pack``: one file of a model and what is known of it."""

import re
from argparse import ArgumentParser, Namespace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageFault
from .output import print_json, progress, say

if TYPE_CHECKING:
    from ..artifact.manifest import Input, Manifest, Output, PerChannel, Step
    from ..artifact.said import Said

HELP = "make one file of a model, or of a folder that holds one and its manifest.json"

_RUNTIMES = ("onnx", "tflite", "edgetpu", "tensorrt", "openvino", "aiy", "numpy", "command")
"""As in ``farm.artifact.manifest``. A copy, held equal by a test: the help must not load what checks manifests."""


def arguments(parser: ArgumentParser) -> None:
    """Add the source, and all that a manifest would say."""
    parser.add_argument("source", type=Path, help="a model file, or a folder")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="[NAME.tar.zst beside the source]")
    group = parser.add_argument_group("without a manifest.json", "what the model file tells need not be said")
    for flag, metavar, what in (
        ("--name", "NAME", "of the artifact [the file's]"),
        ("--model", "FAMILY", "the net, e.g. LeNet-5 [the parent's, else the name]"),
        ("--precision", "WORD", "e.g. int8 [what most weights are]"),
        ("--entry", "FILE", "the model among a folder's files"),
        ("--input", "NAME:SHAPE:DTYPE", "the tensor it takes, e.g. image:1x3x224x224:float32; `:NHWC` may follow"),
        ("--output", "NAME:SHAPE:DTYPE", "the tensor it gives, e.g. scores:1x10:float32"),
        ("--upscale", "HxW", "enlarge images to this size first [to the input's]"),
        ("--scale", "FACTOR[,OFFSET]", "then make real values of grey ones, or of each colour's: R/G/B[,R/G/B]"),
        ("--device", "NAME", "run it on this one of its runtime's devices, e.g. MYRIAD of OpenVINO"),
        ("--architecture", "MACHINE", "run only where `uname -m` says this"),
    ):
        group.add_argument(flag, metavar=metavar, help=what)
    group.add_argument(
        "--command",
        dest="program",  # the name is taken: it tells which command of `farm` this is
        metavar="LINE",
        help="the program that runs it; {model} and {images} stand for files on the board",
    )
    group.add_argument(
        "--clock",
        metavar="LINE",
        help="of such a program: what answers lines with its clock, './runner clock' [the board's python3]",
    )
    group.add_argument("--bgr", action="store_const", const=True, help="it takes blue, green, red, as --scale is then")
    group.add_argument("--runtime", choices=_RUNTIMES, help="[by the file]")
    group.add_argument(
        "--bound",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what alone it runs on: gpu, compute_capability, tensorrt, edgetpu_runtime, openvino; repeatable",
    )
    group.add_argument(
        "--step",
        action="append",
        default=[],
        metavar="LINE",
        help="a compression step: 'prune sparsity=0.7'; repeatable",
    )
    group.add_argument("--parent", type=Path, metavar="ARTIFACT", help="the float artifact that it was compressed from")
    group.add_argument(
        "--dataset", type=Path, metavar="PATH", help="what it is scored on [none: no accuracy is stated]"
    )
    group.add_argument("--correct", type=int, metavar="N", help="images it gets right [counted here, with its runtime]")
    group.add_argument("--scored-with", metavar="TEXT", help="runtime and version that counted them")


_SAID = (
    "name model precision entry input output upscale scale bgr device architecture program clock runtime bound step "
    "parent dataset correct scored_with"
)

_FLAGS = {"program": "--command"}


def run(args: Namespace) -> None:
    """Pack, and say what came of it."""
    from ..artifact.document import MANIFEST
    from ..artifact.pack import pack

    source: Path = args.source.resolve()
    if (source / MANIFEST).exists():
        if said := [
            _FLAGS.get(name, f"--{name.replace('_', '-')}")
            for name in _SAID.split()
            if getattr(args, name) not in (None, [])
        ]:
            raise UsageFault(f"{source / MANIFEST}: stands there, so that {', '.join(said)} must not be said besides")
        out = args.out or source.with_name(f"{source.name}.tar.zst")
        _require_elsewhere(out, source)
        identity = pack(source, out)
    else:
        out, identity = _described(args, source)
    size_bytes = out.stat().st_size
    if args.json:
        print_json({"id": identity, "path": str(out), "size_bytes": size_bytes})
    else:
        say(f"{out}: {size_bytes:,} bytes, identity {identity}")


def _described(args: Namespace, source: Path) -> tuple[Path, str]:
    from ..artifact.dataset import load_dataset
    from ..artifact.document import NAME
    from ..artifact.pack_model import Known, pack_model
    from ..artifact.unpack import read_manifest
    from .artifact_facts import facts

    if not source.exists():
        raise UsageFault(f"{source}: no such file; want a model, or a folder with one")
    name: str = args.name or (source.name if source.is_dir() else source.stem)
    if not re.fullmatch(NAME, name):
        raise UsageFault(f"{name!r} is no name of an artifact: letters, digits, '.', '_' and '-'; --name NAME")
    said = _said(args, name)
    out: Path = args.out or source.with_name(f"{name}.tar.zst")
    _require_elsewhere(out, source, args.parent)
    dataset = load_dataset(args.dataset) if args.dataset else None
    known = None if args.correct is None else Known(args.correct, args.scored_with)
    if args.scored_with is not None and known is None:
        raise UsageFault("--scored-with: says who counted --correct, which is not there")
    progress(f"packing {source}")
    identity = pack_model(source, said, out, dataset=dataset, known=known)
    if not args.json:
        for name, value in facts(read_manifest(out)).items():
            say(f"{name.ljust(12)} {value}")
    return out, identity


def _require_elsewhere(out: Path, source: Path, parent: Path | None = None) -> None:
    where = out.resolve()
    if source in where.parents or (parent is not None and where == parent.resolve()):
        what = "lies in what is packed" if source in where.parents else "is the parent, and would be replaced"
        raise UsageFault(f"{out}: {what}; name another with --out")


def _said(args: Namespace, name: str) -> "Said":
    from ..artifact.said import Said
    from ..artifact.unpack import read_manifest

    parent: Manifest | None = read_manifest(args.parent) if args.parent else None
    upscale = _numbers(args.upscale, "x", "--upscale")
    if upscale is not None and (len(upscale) != 2 or not all(side.is_integer() for side in upscale)):
        raise UsageFault(f"--upscale {args.upscale}: want height and width: 32x32")
    return Said(
        name=name,
        model=args.model,
        runtime=args.runtime,
        precision=args.precision,
        entry=args.entry,
        input=_input(args.input) if args.input else None,
        output=_output(args.output) if args.output else None,
        upscale=None if upscale is None else (int(upscale[0]), int(upscale[1])),
        scale=None if args.scale is None else _scale(args.scale),
        bgr=bool(args.bgr),
        device=args.device,
        command=_words(args.program, "--command") if args.program else None,
        clock=_words(args.clock, "--clock") if args.clock else None,
        architecture=args.architecture,
        bound_to=dict(_pairs(args.bound, "--bound")),
        compression=tuple(_step(line) for line in args.step),
        parent=parent,
    )


def _words(line: str, flag: str) -> list[str]:
    from shlex import split

    try:
        words = split(line)
    except ValueError as error:
        raise UsageFault(f"{flag} {line}: {error}") from None
    _require_placeholders(words, flag)
    return words


def _require_placeholders(words: list[str], flag: str) -> None:
    """Refuse what is all but a placeholder; other braces are the program's own."""
    from difflib import get_close_matches

    known = ["{model}", "{images}"]
    places = (found.group() for found in re.finditer(r"\{\w+\}", " ".join(words)))
    for place in places:
        if place not in known and (meant := get_close_matches(place.lower(), known, 1, 0.8)):
            raise UsageFault(f"{flag}: nothing stands for {place} on a board; did you mean {meant[0]}?")


def _scale(text: str) -> "tuple[float | PerChannel, float | PerChannel]":
    parts: list[float | PerChannel] = []
    for part in text.split(","):
        match _numbers(part, "/", f"--scale {text}:"):
            case [one]:
                parts.append(one)
            case [red, green, blue]:
                parts.append((red, green, blue))
            case _:
                raise UsageFault(f"--scale {text}: want one number, or three with / between them, in each place")
    if len(parts) > 2:
        raise UsageFault(f"--scale {text}: want a factor, or factor and offset: 0.0625 or 0.0078125,-1")
    return parts[0], parts[1] if len(parts) > 1 else 0.0


def _numbers(text: str | None, by: str, flag: str) -> list[float] | None:
    if text is None:
        return None
    try:
        numbers = [float(word) for word in text.split(by)]
    except ValueError:
        numbers = []
    if not numbers or not all(map(isfinite, numbers)):
        raise UsageFault(f"{flag} {text}: no numbers with {by!r} between them")
    return numbers


def _tensor(text: str, flag: str) -> tuple[dict[str, Any], str]:
    words = text.split(":")
    sides = words[1].split("x") if len(words) > 2 else []
    if len(words) not in (3, 4) or not all(side.isdecimal() for side in sides):
        raise UsageFault(f"{flag} {text}: want NAME:SHAPE:DTYPE, e.g. image:1x1x32x32:float32")
    return {"name": words[0], "shape": tuple(map(int, sides)), "dtype": words[2]}, words[3] if len(words) == 4 else ""


def _input(text: str) -> "Input":
    from ..artifact.document import check
    from ..artifact.manifest import Input

    value, layout = _tensor(text, "--input")
    return check(Input, {**value, "layout": layout or "NCHW"}, f"--input {text}")


def _output(text: str) -> "Output":
    from ..artifact.document import check
    from ..artifact.manifest import Output

    value, more = _tensor(text, "--output")
    if more:
        raise UsageFault(f"--output {text}: want NAME:SHAPE:DTYPE and no more")
    return check(Output, value, f"--output {text}")


def _pairs(words: list[str], flag: str) -> list[tuple[str, str]]:
    pairs = [word.partition("=") for word in words]
    if wrong := [word for word, (name, _, value) in zip(words, pairs, strict=True) if not name or not value]:
        raise UsageFault([f"{flag} {word}: want KEY=VALUE" for word in wrong])
    return [(name, value) for name, _, value in pairs]


def _step(line: str) -> "Step":
    from ..artifact.document import check
    from ..artifact.manifest import Step

    name, *words = _words(line, "--step") or [""]
    parameters = {key: _value(value) for key, value in _pairs(words, f"--step {name}")}
    return check(Step, {"name": name, "parameters": parameters}, f"--step {line!r}")


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
