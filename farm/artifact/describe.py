"""Writes the manifest of a model that has none: what its file tells, and what its maker says besides."""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import PurePosixPath
from typing import Any, TypeVar, get_args

from ..errors import UsageFault
from .bound import binds_engine
from .document import Part, identity
from .kind import kind_of
from .manifest import Dtype, Input, Output, Runtime
from .model.compiled import NCSDK, told
from .model.layers import layers
from .model.malformed import Malformed
from .model.net import Net, Port
from .model.read import Beside, read_net
from .pack import Content
from .ports import in_words, otherwise
from .said import Said
from .said_steps import steps

SUFFIXES: Mapping[str, Runtime] = {
    ".onnx": "onnx",
    ".xml": "openvino",
    ".blob": "openvino",  # compiled for a Myriad: a Neural Compute Stick
    ".plan": "tensorrt",
    ".engine": "tensorrt",
    ".trt": "tensorrt",
    ".binaryproto": "aiy",
    ".npz": "numpy",
}
"""Of files whose bytes do not tell; TFLite's do."""

_MADE_OF_ONNX: Mapping[Runtime, str] = {
    "openvino": "a graph, of integers as QDQ alone: `openvino.save_model(openvino.Core().read_model(ONNX), XML)`",
    "tensorrt": "an engine: NVIDIA's trtexec makes it on the board",
}
"""What must be made of an ONNX model first: these runtimes are given no other."""

P = TypeVar("P", bound=Part)

_COLOURS = (1, 3, 4)
_IMAGES = 4
"""Dimensions of a batch of them."""
_DTYPES: tuple[str, ...] = get_args(Dtype)


def describe(
    contents: Mapping[str, Content], said: Said, where: str, *, shown: tuple[int, ...] | None
) -> dict[str, Any]:
    """Return the manifest, without accuracy and files.

    Args:
        contents: What will be packed.
        said: By its maker.
        where: What faults begin with.
        shown: Shape of an image that it will be fed with, where that is known.

    Raises:
        UsageFault: something is told by neither; a line for each.
    """
    entry = said.entry or _entry(contents, said, where)
    if entry not in contents:
        raise UsageFault(f"{where}: no file {entry} in it; there are {', '.join(sorted(contents))}")
    try:
        runtime = said.runtime or _runtime(entry, contents[entry].data, said)
        net = read_net(entry, contents[entry].data, _beside(contents), runtime=runtime)
    except Malformed as error:
        raise UsageFault(f"{where}: {entry}: {error}") from error
    if runtime is None and (compiled := told(entry, contents[entry].data)):
        raise UsageFault(
            f"{where}: {entry} is {compiled}; no runtime here loads it: bring a program, and say --command"
        )
    if runtime is None:
        raise UsageFault(f"{where}: {entry} is no model of a kind known by its bytes or its name; say --runtime")
    given, wanted = said.input or _input(net), said.output or _output(net)
    precision = said.precision or ("int8" if runtime == "edgetpu" else _precision(net))  # its compiler takes no other
    missing = [f"{where}: {fault}" for fault in _missing(entry, net, runtime, said, given, wanted, precision)]
    if runtime != "command":  # a program makes of its model what it likes
        tensors = [("--input", said.input), ("--output", said.output)]
        missing += [f"{where}: {fault}" for fault in otherwise(net, tensors)]
    if given is None or wanted is None or precision is None or missing:
        raise UsageFault(missing)
    name = said.name or PurePosixPath(entry).stem
    return {
        "name": name,
        "model": said.model or (said.parent.model if said.parent else name),
        "runtime": runtime,
        "precision": precision,
        "entry": entry,
        "input": given.model_dump(exclude_none=True),
        "output": wanted.model_dump(exclude_none=True),
        "preprocess": {"steps": [step.model_dump() for step in steps(said, given, shown, where)]},
        "decode": "argmax",
        "compression": [step.model_dump() for step in said.compression],
        **({"command": said.command} if said.command else {}),
        **({"clock": said.clock} if said.clock else {}),
        **({"architecture": said.architecture} if said.architecture else {}),
        **({"device": said.device} if said.device else {}),
        **({"bound_to": dict(said.bound_to)} if said.bound_to else {}),
        **({"parent": identity(said.parent)} if said.parent else {}),
    }


def _missing(
    entry: str,
    net: Net | None,
    runtime: Runtime,
    said: Said,
    given: Input | None,
    wanted: Output | None,
    precision: str | None,
) -> Iterator[str]:
    inputs, outputs = (net.inputs, net.outputs) if net and runtime != "command" else ((), ())
    if given is None:
        yield _untold(entry, "input", inputs, "--input NAME:1x1x32x32:float32")
    elif runtime != "command" and len(given.shape) == _IMAGES and given.shape[0] > 1:
        yield f"{entry} takes {given.shape[0]} images at once, and is fed one; want a batch of 1, or an open one"
    if wanted is None:
        yield _untold(entry, "output", outputs, "--output NAME:1x10:float32")
    if precision is None:
        yield f"{entry} does not tell its precision; say --precision, e.g. int8"
    if runtime == "tensorrt" and not binds_engine(said.bound_to):
        yield "a TensorRT engine runs on one kind of GPU and one version; say --bound gpu=… --bound tensorrt=…"
    if PurePosixPath(entry).suffix == ".onnx" and (made := _MADE_OF_ONNX.get(runtime)):
        yield f"{entry} is ONNX, and {runtime} wants {made}"


def _untold(entry: str, side: str, ports: tuple[Port, ...], option: str) -> str:
    there = in_words(ports)
    if side == "input" and len(ports) > 1:
        return f"{entry} has {len(ports)} inputs, and is fed one: {there}"
    if len(ports) == 1 and ports[0].dtype not in _DTYPES:
        return f"{entry}: its {side} is {there}; want one of {', '.join(_DTYPES)}"
    return f"{entry} does not tell its one {side}; say {option}" + (f"; it has {there}" if there else "")


def _beside(contents: Mapping[str, Content]) -> Beside:
    return lambda name: contents[name].data if name in contents else None


def _entry(contents: Mapping[str, Content], said: Said, where: str) -> str:
    """Return the one model among some files."""
    if len(contents) == 1:
        return next(iter(contents))
    named = (*SUFFIXES, NCSDK)
    models = [n for n, c in contents.items() if PurePosixPath(n).suffix in named or c.data[4:8] == b"TFL3"]
    if not models and said.command:
        program = said.command[0].removeprefix("./")
        models = [program] if program in contents else []
    if len(models) != 1:
        found = f"{len(models)} models in it: {', '.join(models)}" if models else "no model in it"
        raise UsageFault(f"{where}: {found}; say which file with --entry")
    return models[0]


def _runtime(entry: str, data: bytes, said: Said) -> Runtime | None:
    if said.command:
        return "command"
    return kind_of(data) or SUFFIXES.get(PurePosixPath(entry).suffix)


def _input(net: Net | None) -> Input | None:
    if net is None or len(net.inputs) != 1:
        return None
    port = net.inputs[0]
    shape = _sides(port)
    layout = "NHWC" if net.format == "TFLite" or not _channels_first(shape) else "NCHW"
    facts = {"scale": port.scale, "zero_point": port.zero_point if port.scale is not None else None}
    return _port(Input, {"name": port.name, "shape": shape, "dtype": port.dtype, "layout": layout, **facts})


def _output(net: Net | None) -> Output | None:
    if net is None or len(net.outputs) != 1:
        return None
    port = net.outputs[0]
    return _port(Output, {"name": port.name, "shape": _sides(port), "dtype": port.dtype})


def _port(kind: type[P], facts: dict[str, Any]) -> P | None:
    try:
        return kind.model_validate(facts)
    except ValueError:
        return None  # a type that no runner feeds


def _sides(port: Port) -> tuple[int, ...]:
    """Return a tensor's sides: the first, where it is left open, is the batch; any other is 0, which no tensor has."""
    return tuple(1 if side is None and at == 0 else side or 0 for at, side in enumerate(port.shape))


def _channels_first(shape: tuple[int, ...]) -> bool:
    return len(shape) != 4 or shape[1] in _COLOURS or shape[3] not in _COLOURS


def _precision(net: Net | None) -> str | None:
    """Return what most of the weights are stored as; a table of shared ones counts as what it holds."""
    if net is None:
        return None
    stored: dict[str, int] = {}
    for layer in layers(net):
        if layer.weights is not None:
            values = layer.weights.values
            dtype = str(values.dtype.newbyteorder("=")) if values is not None else layer.weights.dtype
            stored[dtype] = stored.get(dtype, 0) + prod(layer.weights.shape)
    return max(stored, key=lambda dtype: stored[dtype]) if stored else None
