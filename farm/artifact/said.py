"""What the maker of a model says of it, where no manifest stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .manifest import Input, Manifest, Output, PerChannel, Runtime, Step


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
