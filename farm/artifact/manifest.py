"""What a packed model says of itself, and the identity that follows from it.

The preprocessing is spelt out so that any runner can repeat it with a few lines of numpy. The tensor of one image,
uint8, grey of shape ``(h, w)`` or red, green and blue of shape ``(h, w, 3)``, is made by the steps in their order,
then::

    values = np.rint(values)             # only where input.dtype is an integer
    values = values.transpose(2, 0, 1)   # only of colours, where input.layout is NCHW
    tensor = values.astype(input.dtype).reshape(input.shape)

Of grey images NCHW and NHWC hold the same bytes. ``preprocess.sha256`` is over the tensors of all images of the
data set, in its order, as C-contiguous little-endian bytes: a runner that hashes to it feeds the right numbers.

Format 1 grows by optional fields alone. An absent one is left out of the canonical form, so that what was packed
before a field existed keeps its identity.
"""

from math import prod
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from ..errors import UsageFault
from .bound import BoundTo, binds_engine
from .document import Count, FileFacts, Name, Part, PlainPath, Sha256, Size, check, decode, require_told_apart, shown

Side = Annotated[int, Field(ge=1, le=8192)]
"""Pixels, assumed: a camera's; the tensor of the largest has 0.3 GB, and none may take this machine's memory."""

_MOST_STEPS = 8
"""Assumed: one each, and factors before and after."""

_MOST_VALUES = 3 * 8192 * 8192
"""Of one frame: red, green and blue of as many pixels."""

Runtime = Literal["onnx", "tflite", "edgetpu", "tensorrt", "openvino", "aiy", "numpy", "command"]
"""What loads the model on the board. ``edgetpu`` is TFLite that the Edge TPU's compiler has been over; ``aiy`` a graph
for the Vision Bonnet; ``command`` any program that prints the runner's event lines."""
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

Dtype = Literal["float32", "float16", "uint8", "int8"]

_FORMAT = 1


class Input(Part):
    """The tensor that the model takes, one frame a call."""

    name: str
    shape: tuple[Size, ...]
    dtype: Dtype
    layout: Literal["NCHW", "NHWC"]
    scale: float | None = None
    """Of a quantised input: real value = ``scale * (q - zero_point)``. The steps have applied it already."""
    zero_point: int | None = None

    @field_validator("shape")
    @classmethod
    def _a_frame(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if (values := prod(shape)) > _MOST_VALUES:
            raise ValueError(f"{values:,} values; a frame has {_MOST_VALUES:,} at most")
        return shape


class Output(Part):
    """The tensor that the model gives: one row of class scores."""

    name: str
    shape: tuple[Size, ...]
    dtype: Dtype


class UpscaleNearest(Part):
    """``image[(arange(height) * h) // height][:, (arange(width) * w) // width]``."""

    name: Literal["upscale-nearest"] = "upscale-nearest"
    height: Side
    width: Side


PerChannel = tuple[float, float, float]
"""Of colours: one for each channel, in the order that the steps before have left them in."""


class Scale(Part):
    """``float32(values) * float32(factor) + float32(offset)``."""

    name: Literal["scale"] = "scale"
    factor: float | PerChannel
    offset: float | PerChannel = 0.0

    @property
    def per_channel(self) -> bool:
        """Whether it is only for colours."""
        return isinstance(self.factor, tuple) or isinstance(self.offset, tuple)


class ChannelOrder(Part):
    """``values[..., ::-1]``: from red, green, blue to what a net takes that was trained on OpenCV's images."""

    name: Literal["channel-order"] = "channel-order"
    order: Literal["bgr"]


PreprocessStep = UpscaleNearest | Scale | ChannelOrder


class Preprocess(Part):
    """From the data set's images to the model's input; how, see the head of this module."""

    steps: list[Annotated[PreprocessStep, Field(discriminator="name")]] = Field(max_length=_MOST_STEPS)
    """Upscaled, and put into another channel order, once at most: a stranger's steps are done image by image."""
    sha256: Sha256 | None = None
    """Absent where no data set is named."""


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
    """The uncompressed float model's score on the same data set; in the same runtime, where that runs floats."""

    artifact: Name


class Step(Part):
    """One compression step, e.g. ``prune`` with its parameters."""

    name: Name
    parameters: dict[str, int | float | str] = Field(default_factory=dict[str, int | float | str])


class Manifest(Part):
    """A packed model: what it is, how it is fed, how well it does."""

    format: Literal[1] = 1
    name: Name
    model: str
    runtime: Runtime
    precision: str
    entry: PlainPath
    """The model file."""
    command: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    """Of runtime ``command``, and of no other: the program and its arguments. ``{model}`` and ``{images}`` stand for
    the files on the board. A program with a ``/`` in its name is one of the artifact's own, else the board has it."""
    clock: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    """Of runtime ``command``, and of no other: a program, named as ``command`` names one, that answers each line of its
    input at once with that line, a blank and CLOCK_MONOTONIC in ns: the clock of its frames. Absent: the board's
    ``python3`` tells the time."""
    architecture: Literal["armv6l", "armv7l", "aarch64", "x86_64"] | None = None
    """What ``uname -m`` must say; absent: the model runs on any processor."""
    device: Annotated[str, Field(pattern=r"^[A-Za-z0-9:._,/-]{1,60}$")] | None = None
    """Which of a runtime's devices runs it, as that runtime names it: ``MYRIAD`` or ``GPU`` of OpenVINO, ``usb:1`` of
    several Edge TPUs; absent: the runtime's own choice, which of OpenVINO is ``CPU``."""
    bound_to: BoundTo | None = None
    """All that a compiled model needs of its board; absent: it runs wherever its runtime does."""
    input: Input
    output: Output
    preprocess: Preprocess
    decode: Literal["argmax"]
    """How class scores become the predicted class; the lowest index wins a tie."""
    dataset: DatasetName | None = None
    """Absent, with ``baseline``, ``expected`` and ``preprocess.sha256``: random weights, for speed and watts alone.
    Nothing states an accuracy of such a model."""
    baseline: Baseline | None = None
    expected: Score | None = None
    """Of this very file."""
    scored_with: str | None = None
    """Runtime and version that counted, e.g. ``onnxruntime 1.20.1``."""
    parent: Sha256 | None = None
    """Identity of the float artifact that this one was compressed from."""
    compression: list[Step] = Field(default_factory=list[Step])
    """In the order they were applied; empty for a baseline."""
    files: dict[PlainPath, FileFacts]

    @property
    def states_accuracy(self) -> bool:
        """Whether it names a data set, and what the model scores on it."""
        return self.expected is not None

    @model_validator(mode="after")
    def _once(self) -> "Manifest":
        names = [step.name for step in self.preprocess.steps]
        for name in ("upscale-nearest", "channel-order"):
            if names.count(name) > 1:
                raise ValueError(f"preprocess.steps: {name} stands there twice")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if self.entry not in self.files:
            raise ValueError(f"entry {self.entry} is not among the files")
        require_told_apart(self.files)
        self._one_data_set()
        if self.runtime == "tensorrt" and not (
            self.bound_to and binds_engine(self.bound_to.model_dump(exclude_none=True))
        ):
            raise ValueError(
                "bound_to: a TensorRT engine runs on one kind of GPU and one version; want gpu and tensorrt"
            )
        if (self.command is None) == (self.runtime == "command"):
            want = "is needed by" if self.command is None else "is of"
            raise ValueError(f"command {want} runtime 'command' alone")
        if self.clock is not None and self.command is None:
            raise ValueError("clock is of runtime 'command' alone; the runner's own clock is known")
        for field, words in (("command", self.command), ("clock", self.clock)):
            if words is not None:
                self._runnable(field, words[0])
        return self

    def _one_data_set(self) -> None:
        stated = {
            "dataset": self.dataset,
            "preprocess.sha256": self.preprocess.sha256,
            "baseline": self.baseline,
            "expected": self.expected,
        }
        absent = [name for name, value in stated.items() if value is None]
        if absent and len(absent) < len(stated):
            there = ", ".join(name for name in stated if name not in absent)
            raise ValueError(f"{there} without {', '.join(absent)}; all of them belong to one data set")
        if self.baseline and self.expected and self.baseline.total != self.expected.total:
            raise ValueError("baseline and expected count different totals")

    def _runnable(self, field: str, program: str) -> None:
        name = program.removeprefix("./")
        if "/" not in program or program.startswith("/"):
            return  # the board's
        facts = self.files.get(name)
        if facts is None:
            raise ValueError(f"{field} {program} is not among the files")
        if not facts.executable:
            raise ValueError(f"{field} {program} is not executable; `chmod +x` it and pack again")


def parse(data: bytes, where: str) -> Manifest:
    """Check a manifest's JSON.

    Raises:
        UsageFault: one line a fault, each beginning with ``where``.
    """
    value = decode(data, where)
    found = value.get("format", _FORMAT)
    if type(found) is not int or found != _FORMAT:  # True is 1 too
        raise UsageFault(
            f"{where}: format {shown(str(found))[:80]}: this farm reads {_FORMAT}; a later one may read it"
        )
    return check(Manifest, value, where)


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a manifest as a person writes it: ``files`` may be left out."""
    whole = Manifest.model_json_schema()
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "manifest.json of a model for edge-test-farm"
    whole["required"].remove("files")
    return whole
