"""What a packed model says of itself, and the identity that follows from it.

The preprocessing is spelt out so that any runner can repeat it with a few lines of numpy. The tensor of one
grey image of shape ``(h, w)``, uint8, is made by the steps in their order, then::

    values = np.rint(values)          # only where input.dtype is an integer
    tensor = values.astype(input.dtype).reshape(input.shape)

One channel: NCHW and NHWC hold the same bytes. ``preprocess.sha256`` is over the tensors of all images of the
data set, in its order, as C-contiguous little-endian bytes: a runner that hashes to it feeds the right numbers.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import UsageFault

MANIFEST = "manifest.json"
"""Name of the manifest inside a packed artifact: the archive's first member."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=1, le=8192)]
"""Pixels, assumed: a camera's; the tensor of the largest has 0.3 GB, and none may take this machine's memory."""
Checked = TypeVar("Checked", bound=BaseModel)


def _plain(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path != "/".join(parts) or path.startswith("/") or ".." in parts:
        raise ValueError("not a plain relative path")
    if any(ord(letter) < 0x20 or letter in "\\\x7f" for letter in path):
        raise ValueError("holds a control character or a backslash")
    if parts[0] == MANIFEST:
        raise ValueError("the manifest does not list itself")
    return path


PlainPath = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
"""A relative POSIX path that stays where it is unpacked."""


class Part(BaseModel):
    """Frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileFacts(Part):
    """One file of an artifact or a data set."""

    sha256: Sha256
    size: Count
    """Bytes."""


class Input(Part):
    """The tensor that the model takes, one frame a call."""

    name: str
    shape: tuple[Size, ...]
    dtype: Literal["float32", "uint8", "int8"]
    layout: Literal["NCHW", "NHWC"]
    scale: float | None = None
    """Of a quantised input: real value = ``scale * (q - zero_point)``. The steps have applied it already."""
    zero_point: int | None = None


class Output(Part):
    """The tensor that the model gives: one row of class scores."""

    name: str
    shape: tuple[Size, ...]
    dtype: Literal["float32", "uint8", "int8"]


class UpscaleNearest(Part):
    """``image[(arange(height) * h) // height][:, (arange(width) * w) // width]``."""

    name: Literal["upscale-nearest"] = "upscale-nearest"
    height: Side
    width: Side


class Scale(Part):
    """``float32(values) * float32(factor) + float32(offset)``."""

    name: Literal["scale"] = "scale"
    factor: float
    offset: float = 0.0


class Preprocess(Part):
    """From the data set's images to the model's input; how, see the head of this module."""

    steps: list[Annotated[UpscaleNearest | Scale, Field(discriminator="name")]]
    sha256: Sha256


class DatasetName(Part):
    """The one data set that the figures below belong to."""

    id: Sha256
    name: Name


class Score(Part):
    """What the training script counted on the data set, one image a call, with the runtime named above."""

    correct: Count
    total: Size

    @property
    def fraction(self) -> float:
        """Accuracy, 0 to 1."""
        return self.correct / self.total

    @model_validator(mode="after")
    def _at_most_all(self) -> "Score":
        if self.correct > self.total:
            raise ValueError(f"{self.correct} correct of {self.total}")
        return self


class Baseline(Score):
    """The uncompressed float model's score, same runtime, same data set."""

    artifact: Name


class Step(Part):
    """One compression step, e.g. ``prune`` with its parameters."""

    name: Name
    parameters: dict[str, int | float | str] = {}


class Manifest(Part):
    """A packed model: what it is, how it is fed, how well it does."""

    format: Literal[1] = 1
    name: Name
    model: str
    runtime: Literal["onnx", "tflite"]
    precision: str
    entry: PlainPath
    """The model file."""
    input: Input
    output: Output
    preprocess: Preprocess
    decode: Literal["argmax"]
    """How class scores become the predicted class; the lowest index wins a tie."""
    dataset: DatasetName
    baseline: Baseline
    expected: Score
    """Of this very file."""
    scored_with: str | None = None
    """Runtime and version that counted, e.g. ``onnxruntime 1.20.1``."""
    compression: list[Step] = []
    """In the order they were applied; empty for a baseline."""
    files: dict[PlainPath, FileFacts]

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if self.entry not in self.files:
            raise ValueError(f"entry {self.entry} is not among the files")
        if self.baseline.total != self.expected.total:
            raise ValueError("baseline and expected count different totals")
        return self


def parse(data: bytes, where: str) -> Manifest:
    """Check a manifest's JSON.

    Raises:
        UsageFault: one line a fault, each beginning with ``where``.
    """
    return check(Manifest, decode(data, where), where)


def decode(data: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object; UsageFault when it is none, or names a key twice."""
    try:
        value = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UsageFault(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageFault(f"{where}: want a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType] -- JSON keys are strings


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def check(kind: type[Checked], value: Mapping[str, Any], where: str) -> Checked:
    """Validate; UsageFault with every fault at once."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise UsageFault([f"{where}: {_fault(f)}" for f in error.errors(include_url=False)]) from error


def _fault(fault: Mapping[str, Any]) -> str:
    field = ".".join(str(part) for part in fault["loc"])
    return f"{field}: {fault['msg']}" if field else str(fault["msg"])


def canonical(model: BaseModel) -> bytes:
    """Return the one spelling that is hashed: JSON, keys sorted, no blanks, ASCII, absent fields left out."""
    value = model.model_dump(mode="json", exclude_none=True)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def identity(model: BaseModel) -> str:
    """Return the SHA-256 of the canonical form, hex. It is what ``sha256sum manifest.json`` says of a packed one."""
    return hashlib.sha256(canonical(model)).hexdigest()
