"""What a compiled model needs of its board, compared with what the board says of itself."""

import re
from collections.abc import Container, Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from .document import Part

_WANTED = re.compile(r"(?:≥|>=)\s*(.+)")


def _is_version(text: str) -> str:
    match = _WANTED.fullmatch(text)
    if not re.fullmatch(r"\d+(\.\d+)*", match[1] if match else text):
        raise ValueError("not a version such as '8.2.1', nor a least one such as '>= 13'")
    return text


Version = Annotated[str, AfterValidator(_is_version)]
"""That very version, ``8.2`` standing for all of 8.2, or at least one: ``≥ 13``."""


class BoundTo(Part):
    """What a model only runs on. Compared before anything is sent."""

    gpu: Annotated[str, Field(min_length=1)] | None = None
    """Of a TensorRT engine: the GPU's name, as the board says it."""
    compute_capability: Version | None = None
    tensorrt: Version | None = None
    edgetpu_runtime: Version | None = None
    """Of an Edge TPU model: the runtime version that its compiler names."""
    openvino: Version | None = None


def binds_engine(named: Container[str]) -> bool:
    """Tell whether fields say what a TensorRT engine runs on: a GPU, by name or capability, and version."""
    return "tensorrt" in named and ("gpu" in named or "compute_capability" in named)


def mismatches(bound: BoundTo, board: Mapping[str, str | None]) -> Iterator[str]:
    """Say in what a board differs, each with both sides.

    Args:
        bound: What the manifest wants.
        board: What the board says, by the field's name; absent or None: it does not say, which is a mismatch too.
    """
    wanted: dict[str, str] = bound.model_dump(exclude_none=True)
    for name, value in wanted.items():
        found = board.get(name)
        if found is None:
            yield f"{name}: wants {value}, the board does not say"
        elif not (_equal_names(value, found) if name == "gpu" else _fits(value, found)):
            yield f"{name}: wants {value}, the board has {found}"


def _equal_names(wanted: str, found: str) -> bool:
    return wanted.casefold().split() == found.casefold().split()


def _fits(wanted: str, found: str) -> bool:
    least = _WANTED.fullmatch(wanted)
    want, have = _numbers(least[1] if least else wanted), _numbers(found)
    if least:
        return have + (0,) * (len(want) - len(have)) >= want  # 13 is 13.0
    return have[: len(want)] == want


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))
