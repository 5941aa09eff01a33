"""From an image to a model's input, as its maker says it, or as its parent takes it."""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault
from .document import check
from .manifest import ChannelOrder, Input, Manifest, PerChannel, PreprocessStep, Scale, UpscaleNearest
from .said import Said


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
