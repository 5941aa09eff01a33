"""Writes the manifest of a model that has none: what its file tells, and what its maker says besides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import PurePosixPath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault
from .bound import binds_engine
from .document import Part, check, identity
from .kind import kind_of
from .manifest import (
    ChannelOrder,
    Input,
    Manifest,
    Output,
    PerChannel,
    PreprocessStep,
    Runtime,
    Scale,
    Step,
    UpscaleNearest,
)
from .model.compiled import NCSDK, told
from .model.layers import layers
from .model.malformed import Malformed
from .model.net import Net, Port
from .model.read import Beside, read_net
from .pack import Content

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


@dataclass(frozen=True, slots=True)
class Said:
    """What a maker says of a model; whatever is None or empty is found out, or left out."""

    name: str | None = None
    model: str | None = None
    runtime: Runtime | None = None
    precision: str | None = None
    entry: str | None = None
    input: Input | None = None
    output: Output | None = None
    upscale: tuple[int, int] | None = None
    """Height and width."""
    scale: tuple[float | PerChannel, float | PerChannel] | None = None
    """Factor and offset that make the model's real input of a grey value, or of those of a colour."""
    bgr: bool = False
    """Whether it takes blue, green, red; factors are in that order then."""
    device: str | None = None
    command: list[str] | None = None
    clock: list[str] | None = None
    architecture: str | None = None
    bound_to: Mapping[str, str] = field(default_factory=dict[str, str])
    compression: tuple[Step, ...] = ()
    parent: Manifest | None = None


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
    missing = [f"{where}: {fault}" for fault in _missing(entry, runtime, said, given, wanted, precision)]
    missing += [f"{where}: {fault}" for fault in _otherwise(net, said)]
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
    entry: str, runtime: Runtime, said: Said, given: Input | None, wanted: Output | None, precision: str | None
) -> Iterator[str]:
    for what, option, value in (
        ("its one input", "--input NAME:1x1x32x32:float32", given),
        ("its one output", "--output NAME:1x10:float32", wanted),
        ("its precision", "--precision, e.g. int8", precision),
    ):
        if value is None:
            yield f"{entry} does not tell {what}; say {option}"
    if runtime == "tensorrt" and not binds_engine(said.bound_to):
        yield "a TensorRT engine runs on one kind of GPU and one version; say --bound gpu=… --bound tensorrt=…"
    if PurePosixPath(entry).suffix == ".onnx" and (made := _MADE_OF_ONNX.get(runtime)):
        yield f"{entry} is ONNX, and {runtime} wants {made}"


def _otherwise(net: Net | None, said: Said) -> Iterator[str]:
    """Say where the file tells something else than its maker; what it leaves open, and the layout, are the maker's."""
    if net is None:
        return
    for option, tensor, ports in (("--input", said.input, net.inputs), ("--output", said.output, net.outputs)):
        if tensor is None or not ports:
            continue
        port = next((port for port in ports if port.name == tensor.name), None)
        if port is None:
            yield f"{option} {tensor.name}: the file has {', '.join(port.name for port in ports)}"
        elif port.dtype != tensor.dtype or not _fits(tensor.shape, port.shape):
            shape = "x".join("?" if side is None else str(side) for side in port.shape)
            yield f"{option} {tensor.name}: is {shape} {port.dtype} in the file"


def _fits(said: tuple[int, ...], told: tuple[int | None, ...]) -> bool:
    return len(said) == len(told) and all(side in (None, mine) for mine, side in zip(said, told, strict=True))


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


def steps(said: Said, given: Input, shown: tuple[int, ...] | None, where: str) -> list[PreprocessStep]:
    """Return how the images become the model's input: as said, else as the parent's do, else by their size alone."""
    if said.upscale is None and said.scale is None and not said.bgr and said.parent is not None:
        made = _parents(said.parent, where)
    else:
        made = _Made(
            check(UpscaleNearest, dict(zip(("height", "width"), said.upscale, strict=True)), f"{where}: --upscale")
            if said.upscale
            else None,
            ChannelOrder(order="bgr") if said.bgr else None,
            *(np.array(numbers, np.float64) for numbers in said.scale or (1.0, 0.0)),
            scaled=said.scale is not None,
        )
    factor, offset = made.factor, made.offset
    if given.scale is not None and (made.scaled or said.parent is not None):
        factor, offset = factor / given.scale, offset / given.scale + (given.zero_point or 0)
    as_it_is = bool((factor == 1).all() and (offset == 0).all())
    scale = None if as_it_is else check(Scale, {"factor": _numbers(factor), "offset": _numbers(offset)}, where)
    found = (made.upscale or _to_size(given, shown, where), made.order, scale)
    return [step for step in found if step is not None]


@dataclass(frozen=True, slots=True)
class _Made:
    """What is done to an image, in this order."""

    upscale: UpscaleNearest | None
    order: ChannelOrder | None
    factor: NDArray[np.float64]
    """One number, or three; of the offset likewise."""
    offset: NDArray[np.float64]
    scaled: bool
    """Whether anybody said so."""


def _numbers(values: NDArray[np.float64]) -> float | PerChannel:
    if values.ndim == 0:
        return float(values)
    first, second, third = map(float, values)
    return first, second, third


def _to_size(given: Input, shown: tuple[int, ...] | None, where: str) -> UpscaleNearest | None:
    """Return the step that brings any image to a net's size; None where it has that size, or the net takes none."""
    if len(given.shape) != 4:
        return None
    rows, columns = given.shape[2:] if given.layout == "NCHW" else given.shape[1:3]
    colours = 1 if shown is None or len(shown) == 2 else shown[2]
    takes_it = prod(given.shape) == rows * columns * colours
    if not takes_it or (shown or ())[:2] == (rows, columns):
        return None
    return check(UpscaleNearest, {"height": rows, "width": columns}, f"{where}: input.shape")


def _parents(parent: Manifest, where: str) -> _Made:
    """Return a float parent's steps, which make real values of grey ones or colours."""
    if parent.input.scale is not None or not parent.input.dtype.startswith("float"):
        raise UsageFault(
            f"{where}: --parent {parent.name} takes {parent.input.dtype}, not floats; say --upscale, --scale"
        )
    made = _Made(None, None, np.array(1.0), np.array(0.0), scaled=False)
    for step in parent.preprocess.steps:
        if isinstance(step, UpscaleNearest):
            made = replace(made, upscale=step)
        elif isinstance(step, ChannelOrder):  # what was scaled before it is scaled after it here
            made = replace(made, order=step, factor=made.factor[..., ::-1], offset=made.offset[..., ::-1])
        else:
            factor, offset = np.array(step.factor), np.array(step.offset)
            made = replace(made, factor=made.factor * factor, offset=made.offset * factor + offset, scaled=True)
    return made
