"""What a runner says, event by event: checked as it comes, for it may be anybody's program. Pure.

Keys that stand in none of these are a newer runner's, and left alone.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

STAGES = ("acquire", "convert", "marshal", "infer", "decode", "draw")
"""That a runner may tell, in the pipeline's order."""
NEEDED = ("image", "arrival_ns", "wake_ns", "prediction")
"""Columns without which there is nothing to tell."""
_ACCOUNTED = ("cpu_ns", "waited_ns")
"""Columns of whole numbers that a board may not be able to tell."""

Whole = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
"""A JSON number without a point, of the size that arrays hold."""
Row = list[Whole | float | None]


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Overhead(_Event):
    """What the runner takes of a frame itself, medians."""

    frame_ns: float
    latency_ns: float


class Hello(_Event):
    """Who speaks, and what a row of its frames holds."""

    runtime: str
    columns: list[str]
    device: str | None = None
    python: str | None = None
    overhead: Overhead | None = None


class BurstSaid(_Event):
    """Frames without a pause, ns of the board's clock."""

    start_ns: Whole
    end_ns: Whole
    waited_ns: Whole | None

    @model_validator(mode="after")
    def _took_time(self) -> Self:
        if self.end_ns <= self.start_ns:
            raise ValueError("it ends before it has begun")
        return self


class Start(_Event):
    """The first frame comes."""

    frames: Whole = Field(ge=0)


class Rows(_Event):
    """Frames, or images that were predicted after them."""

    rows: list[Row]


class End(_Event):
    """All has been told; what is left out is as planned."""

    frames: Whole | None = None
    """Worked on."""
    scored: Whole | None = None
    """Images predicted after them."""
    offered: Whole | None = Field(None, ge=0)
    dropped: Whole = Field(0, ge=0)
    complete: bool = True
    writing_ns: Whole | None = None


class Error(_Event):
    """It cannot go on."""

    kind: str
    detail: str


def stages_of(columns: Sequence[str]) -> list[str]:
    """Return the pipeline's stages that are timed, in their order; the last of them ends a frame."""
    return [stage for stage in STAGES if f"{stage}_ns" in columns]


def require_frames(columns: Sequence[str], rows: Sequence[Row], before: Row | None) -> None:
    """Raise ValueError, with what is wrong, unless rows are as ``columns`` say, and their times run forward.

    ``before``: the row before them; None where they are the first.
    """
    at = {name: columns.index(name) for name in columns}
    times = [at[name] for name in ("arrival_ns", "wake_ns", *(f"{stage}_ns" for stage in stages_of(columns)))]
    whole = [*times, *(at[name] for name in ("image", "prediction", "frame") if name in at)]
    accounted = [at[name] for name in _ACCOUNTED if name in at]
    arrived_ns = None if before is None else cast("int", before[times[0]])
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row has {len(row)} values for {len(columns)} columns")
        for place in (*whole, *accounted):
            if not isinstance(row[place], int) and (row[place] is not None or place in whole):
                raise ValueError(f"{columns[place]} is {row[place]}, which is no whole number")
        stamps = cast("list[int]", [row[place] for place in times])
        if any(
            later < earlier for earlier, later in pairwise([stamps[0] if arrived_ns is None else arrived_ns, *stamps])
        ):
            raise ValueError(f"its times do not run forward: {stamps}, and the frame before came at {arrived_ns}")
        arrived_ns = stamps[0]


def scored(rows: Sequence[Row]) -> tuple[list[tuple[int, int]], list[float | None]]:
    """Return (image, prediction) of each row of ``scored``, and its margin; ValueError where one is no such row."""
    found: list[tuple[int, int]] = []
    for row in rows:
        match row:
            case [int(image), int(prediction)] | [int(image), int(prediction), _]:
                found.append((image, prediction))
            case _:
                raise ValueError(f"{row} is not image and prediction, nor these and a margin")
    return found, [row[2] if len(row) > 2 else None for row in rows]


def why(error: Exception) -> str:
    """Return what is wrong with an event, and where in it."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][:3]))  # behind that stands which of several types was tried
    return f"{where}: {first['msg']}".lstrip(": ")
